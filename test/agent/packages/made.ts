// Packages for the tests: signed by a key of their own, of the lamp (lamp/) or of any text.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageKeys, signPackage } from '../../../agent/packages/wire.ts';
import type { PackageKeys, PackageManifest } from '../../../agent/packages/wire.ts';
import { makePackage } from '../../../image/release/package.ts';
import type { SigningKey } from '../../../image/release/sign.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
export const HOME = join(HERE, '../../..');
export const LAMP = join(HERE, 'lamp');

export function makeKey(): {
  readonly privatePem: string;
  readonly publicPem: string;
  readonly keys: PackageKeys;
} {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { privatePem, publicPem, keys: packageKeys(publicPem) };
}
export const KEY = makeKey();
export const signingKeyOf = ({ privatePem }: { readonly privatePem: string }): SigningKey => ({
  privateKeyPem: privatePem,
  ...{ keyId: '', publicKey: '', development: false },
});

export interface Made {
  readonly manifest: PackageManifest;
  readonly jws: string;
  readonly bytes: Buffer;
}

let lamp: Promise<Buffer> | undefined;
/** The lamp's JavaScript, built once a process. */
export async function lampBytes(): Promise<Buffer> {
  lamp ??= (async () => {
    const outDir = await mkdtemp(join(tmpdir(), 'clock-package-'));
    const where = { home: HOME, folder: LAMP, outDir, bucket: 'https://bucket.example' };
    const { bytes } = await makePackage({ ...where, key: signingKeyOf(KEY), counter: 1 });
    await rm(outDir, { recursive: true });
    return bytes;
  })();
  return lamp;
}

/** Of the lamp; `more` changes its manifest, `note` its bytes. */
export async function make(
  version: string,
  {
    note = '',
    key = KEY,
    bytes = undefined as Buffer | undefined,
    ...more
  }: Partial<PackageManifest> & {
    readonly note?: string;
    readonly key?: { readonly privatePem: string };
    readonly bytes?: Buffer | undefined;
  } = {},
): Promise<Made> {
  const text =
    bytes ?? Buffer.concat([await lampBytes(), Buffer.from(`\n// ${version} ${note}\n`)]);
  const manifest: PackageManifest = {
    ...{ v: 1, name: 'lamp', title: 'Lamp of the tests', version },
    counter: Number.parseInt(version, 10),
    sha256: createHash('sha256').update(text).digest('hex'),
    ...{ size: text.length, minimumAgent: '0.1.0', permissions: ['connect'] },
    ...{ takes: ['message.light'], emits: ['bytes.read'] },
    ...more,
  };
  return { manifest, bytes: text, jws: signPackage(manifest, key.privatePem) };
}
