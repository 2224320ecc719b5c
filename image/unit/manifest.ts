// The release manifest as it lies on a card: its form, and whether a signature fits it.
// release/build.ts writes it, inspect/ reads it. Knows nothing of where it lies.
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import * as v from 'valibot';

/** 600 packages and 30 files make 50 KB. */
export const MANIFEST_BYTES_MAX = 4 * 1024 * 1024;
const short = v.pipe(v.string(), v.maxLength(200));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const file = v.object({ bytes: v.pipe(v.number(), v.integer(), v.minValue(0)), sha256 });

const manifest = v.object({
  v: v.literal(1),
  name: v.literal('clock-iot-unit'),
  version: short,
  builtAt: short,
  inputs: v.object({
    hash: sha256,
    suite: short,
    kernel: short,
    /** Debian where it says nothing. */
    base: v.optional(v.picklist(['debian', 'raspios'])),
    /** What ran the stages, with its version; the embedded engine where it says nothing. */
    engine: v.optional(short),
  }),
  signedBy: v.object({
    /** SHA-256 of the public key's SPKI DER. */
    keyId: sha256,
    development: v.boolean(),
    /** SPKI DER in base64: whoever has the manifest can check that nothing in it has changed. */
    publicKey: v.optional(short),
  }),
  /** By path on the boot partition (`a/vmlinuz`), and `root.erofs`. */
  files: v.pipe(v.record(short, file), v.maxEntries(1_000)),
  packages: v.pipe(
    v.array(v.object({ name: short, version: short, architecture: short })),
    v.maxLength(20_000),
  ),
});

export type Manifest = v.InferOutput<typeof manifest>;

/** Undefined when it is no manifest of ours. */
export function parseManifest(bytes: Uint8Array): Manifest | undefined {
  if (bytes.length > MANIFEST_BYTES_MAX) return undefined;
  try {
    const parsed = v.safeParse(manifest, JSON.parse(Buffer.from(bytes).toString('utf8')));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

/** A public key and how we come to know it. */
export interface Signer {
  readonly key: KeyObject;
  readonly keyId: string;
  /** `given` by the caller, `own` of this machine, or `enclosed` in the manifest: no proof of origin. */
  readonly known: 'given' | 'own' | 'enclosed';
}

/** A signer of a PEM or DER key; of a private one its public half. Throws when it is no key. */
export function signer(key: string | KeyObject, known: Signer['known']): Signer {
  const publicKey = typeof key === 'string' ? createPublicKey(key) : key;
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return { key: publicKey, known, keyId: createHash('sha256').update(der).digest('hex') };
}

/** The key a manifest encloses, when it is the one that its key id names. */
export function enclosedSigner({ signedBy }: Manifest): Signer | undefined {
  if (signedBy.publicKey === undefined) return undefined;
  try {
    const der = Buffer.from(signedBy.publicKey, 'base64');
    const found = signer(createPublicKey({ key: der, format: 'der', type: 'spki' }), 'enclosed');
    return found.keyId === signedBy.keyId ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Whether this Ed25519 signature (base64 text) was made by this key over exactly these bytes. */
export function fits(bytes: Uint8Array, signature: Uint8Array, { key }: Signer): boolean {
  const text = Buffer.from(signature).toString('latin1');
  // Strict: node skips what is not base64, and a flipped bit must not be skipped.
  if (!/^[A-Za-z0-9+/]{86}==\n$/.test(text)) return false;
  const raw = Buffer.from(text, 'base64');
  if (key.asymmetricKeyType !== 'ed25519' || `${raw.toString('base64')}\n` !== text) return false;
  return verify(null, bytes, key, raw);
}
