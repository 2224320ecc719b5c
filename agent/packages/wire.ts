// The forms of signed packages: the manifest (JWS, RFC 7515, EdDSA of RFC 8037), the jobs that install and
// remove one, the record of each name. Pure. The service's process verifies with the same code as the agent.
import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import * as v from 'valibot';
import { PACKAGE_BYTES_MAX, PERMISSIONS } from '../core/packages.ts';
import {
  JWS_CHARS_MAX,
  KINDS_MAX,
  PAST_MAX,
  REFUSED_MAX,
  SERVICES_MAX,
  TITLE_CHARS_MAX,
  URL_CHARS_MAX,
  VERSION_CHARS_MAX,
  WHY_CHARS_MAX,
} from './limits.ts';
import type { EventKind, OrderKind } from '../core/vocabulary.ts';

// What an adapter must know of the forms' sizes.
export { JWS_CHARS_MAX } from './limits.ts';

/** Of a package and of a bundle differ: the signature of one is none for the other. */
const TYPE = 'clock-interface';

const Name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,31}$/));
/** Also a folder's name: nothing that leads out of it. */
const Version = v.pipe(
  v.string(),
  v.maxLength(VERSION_CHARS_MAX),
  v.regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}(-[0-9A-Za-z]+)?$/),
);
const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const Counter = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const Jws = v.pipe(v.string(), v.maxLength(JWS_CHARS_MAX), v.regex(/^[\w-]+\.[\w-]+\.[\w-]+$/));
const Permissions = v.pipe(
  v.array(v.picklist(PERMISSIONS)),
  v.check((all) => new Set(all).size === all.length),
);
const Kind = v.pipe(v.string(), v.regex(/^[a-z][a-z-]*(\.[a-z][a-z-]*)*$/), v.maxLength(40));
const kinds = <K extends string>() =>
  v.pipe(
    v.array(Kind),
    v.maxLength(KINDS_MAX),
    // A later agent may know more: what this one does not know never comes up.
    v.transform((all) => all as readonly string[] as readonly K[]),
  );

const Title = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(TITLE_CHARS_MAX),
  v.regex(/^\P{C}+$/u),
);

const Manifest = v.strictObject({
  v: v.literal(1),
  /** The interface's. */
  name: Name,
  title: Title,
  version: Version,
  /** Larger than that of every package of this name signed before (seconds since 1970 when it was signed). */
  counter: Counter,
  /** Of the JavaScript, hex. */
  sha256: Sha256,
  /** Its bytes. */
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(PACKAGE_BYTES_MAX)),
  /** `x.y.z` of the oldest agent whose vocabulary and lines it uses. */
  minimumAgent: v.pipe(v.string(), v.regex(/^\d{1,5}\.\d{1,5}\.\d{1,5}$/)),
  permissions: Permissions,
  takes: kinds<OrderKind>(),
  emits: kinds<EventKind>(),
});
export type PackageManifest = v.InferOutput<typeof Manifest>;

/** By key id. */
export type PackageKeys = ReadonlyMap<string, KeyObject>;

/** The first half of the SHA-256 of the public key's SPKI DER, hex. */
export const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 32);

/** Of the public keys in a PEM text, one after the other. Throws for what is no Ed25519 key. */
export function packageKeys(pem: string): PackageKeys {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw new Error('there is no public key in it');
  const keys = blocks.map((block) => createPublicKey(block));
  if (keys.some(({ asymmetricKeyType }) => asymmetricKeyType !== 'ed25519')) {
    throw new Error('it is no Ed25519 key');
  }
  return new Map(keys.map((key) => [keyIdOf(key), key]));
}

const headerOf = (kid: string): string => JSON.stringify({ alg: 'EdDSA', typ: TYPE, kid });
const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** Signs a manifest: `header.payload.signature`, each in base64url. Throws for what is none. */
export function signPackage(manifest: PackageManifest, privateKeyPem: string): string {
  const kid = keyIdOf(createPublicKey(privateKeyPem));
  const checked = v.parse(Manifest, manifest);
  const body = `${base64url(headerOf(kid))}.${base64url(JSON.stringify(checked))}`;
  return `${body}.${sign(null, Buffer.from(body), privateKeyPem).toString('base64url')}`;
}

/** The manifest that one of these keys signed; undefined for everything else. */
export function openPackage(jws: unknown, keys: PackageKeys): PackageManifest | undefined {
  if (!v.is(Jws, jws)) return undefined;
  const [header = '', payload = '', signature = ''] = jws.split('.');
  const raw = Buffer.from(signature, 'base64url');
  // Strict: node skips what is not base64, and two texts of one signature are one too many.
  if (raw.toString('base64url') !== signature) return undefined;
  const text = Buffer.from(header, 'base64url').toString();
  // Never the header's own words, but what it must say for a key that we have.
  const key = [...keys].find(([kid]) => text === headerOf(kid))?.[1];
  if (key === undefined || !verify(null, Buffer.from(`${header}.${payload}`), key, raw)) {
    return undefined;
  }
  const parsed = v.safeParse(Manifest, fromJson(Buffer.from(payload, 'base64url').toString()));
  return parsed.success ? parsed.output : undefined;
}

/** Are these the bytes that the manifest names? */
export const isWhole = ({ size, sha256 }: PackageManifest, bytes: Uint8Array): boolean =>
  bytes.length === size && createHash('sha256').update(bytes).digest('hex') === sha256;

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Only https, and no name or password in it. */
const Link = v.pipe(
  v.string(),
  v.maxLength(URL_CHARS_MAX),
  v.check((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password } = new URL(text);
    return protocol === 'https:' && username === '' && password === '';
  }),
);
/** `approve`: what the person saw and said yes to. */
const Offer = v.object({ url: Link, sha256: Sha256, manifest: Jws, approve: Permissions });
export type Offer = v.InferOutput<typeof Offer>;

/** The parameters of a job `install-package`, or which of them is wrong. */
export function parseOffer(
  parameters: unknown,
): { readonly ok: true; readonly offer: Offer } | { readonly ok: false; readonly field: string } {
  const parsed = v.safeParse(Offer, parameters);
  if (parsed.success) return { ok: true, offer: parsed.output };
  return { ok: false, field: v.getDotPath(parsed.issues[0]) ?? 'parameters' };
}

/** The parameters of a job `remove-package`: the interface's name. */
export function parseRemoval(parameters: unknown): string | undefined {
  const parsed = v.safeParse(v.object({ name: Name }), parameters);
  return parsed.success ? parsed.output.name : undefined;
}

const Why = v.pipe(v.string(), v.maxLength(WHY_CHARS_MAX), v.regex(/^\P{Cc}*$/u));
const Before = v.picklist(['down', 'joining', 'up', 'given-up']);
const named = { version: Version, counter: Counter };
const Work = v.variant('at', [
  v.object({ at: v.literal('none') }),
  v.object({ at: v.literal('downloading'), ...named, jws: Jws }),
  v.object({
    at: v.literal('trial'),
    ...named,
    sha256: Sha256,
    /** How the talk of each service stood before; one that had been given up is not judged. */
    before: v.record(Name, Before),
  }),
  v.object({ at: v.literal('confirmed'), ...named }),
  v.object({ at: v.literal('failed'), ...named, why: Why }),
  v.object({ at: v.literal('returned'), ...named, why: Why }),
  v.object({ at: v.literal('removed'), ...named }),
]);
export type Work = v.InferOutput<typeof Work>;

const Saved = v.object({
  v: v.literal(1),
  /** Of the newest package that was ever tried: what is not newer is refused. */
  counter: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** The version that has proved itself; undefined: none, the built-in interface serves. */
  good: v.optional(v.object({ ...named, sha256: Sha256 })),
  /** Packages that ended here, by SHA-256: never tried again. */
  refused: v.pipe(v.array(Sha256), v.maxLength(REFUSED_MAX)),
  work: Work,
});
/** What the card knows of one name. */
export type Saved = Omit<v.InferOutput<typeof Saved>, 'v'>;

export const EMPTY: Saved = { counter: 0, good: undefined, refused: [], work: { at: 'none' } };

const WallMs = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Book = v.object({
  v: v.literal(1),
  /** The newest first, one for each version. */
  past: v.pipe(
    v.array(
      v.object({
        ...named,
        at: v.picklist(['downloading', 'trial', 'confirmed', 'failed', 'returned', 'removed']),
        why: v.optional(Why),
        wallMs: WallMs,
      }),
    ),
    v.maxLength(PAST_MAX),
  ),
  /** What waits for a person's yes. */
  asked: v.optional(v.object({ ...named, title: Title, permissions: Permissions, wallMs: WallMs })),
});
/** What is told people of one name (book.ts); nothing depends on it. */
export type Book = Omit<v.InferOutput<typeof Book>, 'v'>;

export const recordKey = (name: string): string => `packages/${name}`;
export const bookKey = (name: string): string => `packages-book/${name}`;
/** Undefined: no name that a package can have. */
export function nameOf(key: string): string | undefined {
  const [space = '', name] = key.split('/');
  return /^packages(-book)?$/.test(space) && v.is(Name, name) ? name : undefined;
}
export const renderBook = (book: Book): string => JSON.stringify({ v: 1, ...book });
/** Empty for whatever is not a book of ours. */
export function parseBook(text: string | undefined): Book {
  const parsed = v.safeParse(Book, fromJson(text ?? ''));
  if (!parsed.success) return { past: [], asked: undefined };
  const { past, asked } = parsed.output;
  return { past, asked };
}
export const renderSaved = (saved: Saved): string => JSON.stringify({ v: 1, ...saved });
/** EMPTY for whatever is not a record of ours. */
export function parseSaved(text: string | undefined): Saved {
  const parsed = v.safeParse(Saved, fromJson(text ?? ''));
  if (!parsed.success) return EMPTY;
  const { counter, good, refused, work } = parsed.output;
  const isCrowded = work.at === 'trial' && Object.keys(work.before).length > SERVICES_MAX;
  // The version on trial is never the one that has proved itself.
  const isMixed = work.at === 'trial' && work.version === good?.version;
  return isCrowded || isMixed ? EMPTY : { counter, good, refused, work };
}

/** A reason as it may be kept: one line, bounded. */
export const reason = (text: string): string =>
  text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, WHY_CHARS_MAX);

/** Does an agent's version (`x.y.z-…`) come before `x.y.z`? What is no version comes before all. */
export function isAgentBefore(version: string, minimum: string): boolean {
  const numbers = (text: string): readonly number[] =>
    (/^\d+\.\d+\.\d+/.exec(text)?.[0] ?? '-1').split('.').map(Number);
  const [have, want] = [numbers(version), numbers(minimum)];
  for (const [index, number] of want.entries()) {
    const own = have[index] ?? -1;
    if (own !== number) return own < number;
  }
  return false;
}
