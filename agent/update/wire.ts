// The forms of replacing the agent's bundle: the signed manifest (JWS, RFC 7515, EdDSA of RFC 8037),
// the job's document, the state on the card. By hand instead of by schema: launch.ts, which starts
// before everything, reads them too and must stay small. Pure.
import { sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  BUNDLE_BYTES_MAX,
  JWS_CHARS_MAX,
  REFUSED_MAX,
  STATE_BYTES_MAX,
  TRIAL_STARTS_MAX,
  URL_CHARS_MAX,
  VERSION_CHARS_MAX,
  WHY_CHARS_MAX,
} from './limits.ts';

// What an adapter must know of the forms' sizes.
export { BUNDLE_BYTES_MAX, JWS_CHARS_MAX, STATE_BYTES_MAX } from './limits.ts';

export interface BundleManifest {
  readonly v: 1;
  readonly name: 'agent';
  readonly version: string;
  /** Of agent.js, hex. */
  readonly sha256: string;
  /** Bytes of agent.js. */
  readonly size: number;
  /** `x.y.z` of the oldest release whose root it runs in. */
  readonly minimumRelease: string;
  /** The date of its sources, as a release's: an older one than the built-in bundle is not started. */
  readonly builtAt: string;
  /** Larger than that of every bundle signed before (seconds since 1970 when it was signed). */
  readonly sequence: number;
}

export type Copy = 'a' | 'b';

interface Named {
  readonly version: string;
  readonly sequence: number;
}

export type Work =
  | { readonly at: 'none' }
  | (Named & { readonly at: 'downloading'; readonly jws: string })
  | (Named & {
      readonly at: 'trial';
      readonly copy: Copy;
      readonly sha256: string;
      readonly starts: number;
      /** How the last start ended, as far as anybody could write it down. */
      readonly why: string | undefined;
    })
  | (Named & { readonly at: 'confirmed' })
  | (Named & { readonly at: 'failed' | 'returned'; readonly why: string });

/** What the card knows of bundles. */
export interface Saved {
  /** Of the newest bundle that was ever installed: what is not newer is refused. */
  readonly sequence: number;
  /** The copy that has proved itself; undefined: the built-in bundle. */
  readonly good: Copy | undefined;
  /** Bundles that failed here, by SHA-256: never tried again. */
  readonly refused: readonly string[];
  readonly work: Work;
}

const EMPTY: Saved = { sequence: 0, good: undefined, refused: [], work: { at: 'none' } };

const HEADER = JSON.stringify({ alg: 'EdDSA', typ: 'clock-bundle' });
const SHA256 = /^[0-9a-f]{64}$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]*$/;
const RELEASE = /^\d{1,5}\.\d{1,5}\.\d{1,5}$/;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined;
}

function parseJson(text: string): Fields | undefined {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const isText = (value: unknown, form: RegExp, charsMax: number): value is string =>
  typeof value === 'string' && value.length <= charsMax && form.test(value);
const isCount = (value: unknown, max = Number.MAX_SAFE_INTEGER): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
const isCopy = (value: unknown): value is Copy => value === 'a' || value === 'b';
const isVersion = (value: unknown): value is string => isText(value, VERSION, VERSION_CHARS_MAX);
const isJws = (value: unknown): value is string =>
  isText(value, /^[\w-]+\.[\w-]+\.[\w-]+$/, JWS_CHARS_MAX);

/** Signs a manifest: `header.payload.signature`, each in base64url. */
export function signManifest(manifest: BundleManifest, privateKeyPem: string): string {
  const encode = (text: string): string => Buffer.from(text).toString('base64url');
  const body = `${encode(HEADER)}.${encode(JSON.stringify(manifest))}`;
  return `${body}.${sign(null, Buffer.from(body), privateKeyPem).toString('base64url')}`;
}

/** The manifest that this key signed; undefined for everything else. */
export function openManifest(jws: unknown, key: KeyObject): BundleManifest | undefined {
  if (!isJws(jws) || key.asymmetricKeyType !== 'ed25519') return undefined;
  const [header = '', payload = '', signature = ''] = jws.split('.');
  const raw = Buffer.from(signature, 'base64url');
  // Strict: node skips what is not base64, and two texts of one signature are one too many.
  if (raw.toString('base64url') !== signature) return undefined;
  if (Buffer.from(header, 'base64url').toString() !== HEADER) return undefined;
  if (!verify(null, Buffer.from(`${header}.${payload}`), key, raw)) return undefined;
  return parseManifest(Buffer.from(payload, 'base64url').toString());
}

function parseManifest(text: string): BundleManifest | undefined {
  const { v, name, version, sha256, size, minimumRelease, builtAt, sequence } =
    parseJson(text) ?? {};
  if (v !== 1 || name !== 'agent' || !isVersion(version)) return undefined;
  if (!isText(sha256, SHA256, 64) || !isText(minimumRelease, RELEASE, 20)) return undefined;
  if (!isCount(size, BUNDLE_BYTES_MAX) || !isCount(sequence) || size === 0) return undefined;
  if (!isText(builtAt, /^\d{4}-/, 40) || Number.isNaN(Date.parse(builtAt))) return undefined;
  return { v, name, version, sha256, size, minimumRelease, builtAt, sequence };
}

/** The parameters of a job `replace-agent`: the signed manifest and where the bundle lies. */
export function parseOffer(
  parameters: unknown,
): { readonly jws: string; readonly url: string } | undefined {
  const { manifest, url } = fieldsOf(parameters) ?? {};
  if (!isJws(manifest) || !isLink(url)) return undefined;
  return { jws: manifest, url };
}

/** Only https, and no name or password in it. */
function isLink(url: unknown): url is string {
  if (typeof url !== 'string' || url.length > URL_CHARS_MAX || !URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return protocol === 'https:' && username === '' && password === '';
}

export const renderState = (saved: Saved): string => `${JSON.stringify({ v: 1, ...saved })}\n`;

/** EMPTY for whatever is not a state of ours: the built-in bundle needs none. */
export function parseState(text: string | undefined): Saved {
  if (text === undefined || text.length > STATE_BYTES_MAX) return EMPTY;
  const { v, sequence, good, refused, work } = parseJson(text) ?? {};
  if (v !== 1 || !isCount(sequence) || !(good === undefined || isCopy(good))) return EMPTY;
  if (!Array.isArray(refused) || refused.length > REFUSED_MAX) return EMPTY;
  if (!refused.every((one): one is string => isText(one, SHA256, 64))) return EMPTY;
  const parsed = parseWork(fieldsOf(work) ?? {});
  // The copy on trial is never the one that has proved itself.
  if (parsed === undefined || (parsed.at === 'trial' && parsed.copy === good)) return EMPTY;
  return { sequence, good, refused, work: parsed };
}

function parseWork(fields: Fields): Work | undefined {
  const { at, version, sequence, jws, copy, sha256, starts, why } = fields;
  if (at === 'none') return { at };
  if (!isVersion(version) || !isCount(sequence)) return undefined;
  const named = { version, sequence };
  const isWhy = isText(why, /^\P{Cc}*$/u, WHY_CHARS_MAX);
  switch (at) {
    case 'downloading':
      return isJws(jws) ? { at, ...named, jws } : undefined;
    case 'trial':
      if (!isCopy(copy) || !isText(sha256, SHA256, 64)) return undefined;
      if (!isCount(starts, TRIAL_STARTS_MAX) || !(why === undefined || isWhy)) return undefined;
      return { at, ...named, copy, sha256, starts, why };
    case 'confirmed':
      return { at, ...named };
    case 'failed':
    case 'returned':
      return isWhy ? { at, ...named, why } : undefined;
    default:
      return undefined;
  }
}

/** A reason as it may be kept: one line, bounded. */
export const reason = (text: string): string =>
  text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, WHY_CHARS_MAX);

/** Does a release (`x.y.z-…`) come before `x.y.z`? What is no version comes before all. */
export function isReleaseBefore(release: string, minimum: string): boolean {
  const numbers = (text: string): readonly number[] =>
    (/^\d+\.\d+\.\d+/.exec(text)?.[0] ?? '-1').split('.').map(Number);
  const [have, want] = [numbers(release), numbers(minimum)];
  for (const [index, number] of want.entries()) {
    const own = have[index] ?? -1;
    if (own !== number) return own < number;
  }
  return false;
}

/** What launch.ts tells the bundle that it starts, in the environment. */
export interface Launched {
  readonly copy: 'built-in' | Copy;
  readonly trialMs: number;
}

export const renderLaunched = (launched: Launched): string => JSON.stringify(launched);

/** A bundle that was started by hand is the built-in one. */
export function parseLaunched(text: string | undefined, trialMsElse: number): Launched {
  const { copy, trialMs } = parseJson(text ?? '{}') ?? {};
  const isOurs = (copy === 'built-in' || isCopy(copy)) && isCount(trialMs);
  return isOurs ? { copy, trialMs } : { copy: 'built-in', trialMs: trialMsElse };
}
