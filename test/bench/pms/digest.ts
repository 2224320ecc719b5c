// HTTP Digest as Clock asks for it: Rails' ActionController::HttpAuthentication::Digest, byte for byte.
// Pure: secret, time and keys come in. Where Rails is lenient (it believes the header's `uri`), the double
// is not: `uri` must be the request's own target.
import { createHash, timingSafeEqual } from 'node:crypto';

export const REALM = 'API';
export const DENIED = 'HTTP Digest: Access denied.\n';

export interface Authority {
  readonly secret: string;
  readonly nonceSecondsMax: number;
}

export interface Signed {
  readonly method: string;
  /** The request target as it came: path and query, not decoded. */
  readonly target: string;
  readonly authorization: string | undefined;
}

export type Verdict =
  | { readonly ok: true; readonly apiUser: string }
  | { readonly ok: false; readonly apiUser: string | undefined; readonly why: string };

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

export function nonceAt(secret: string, seconds: number): string {
  return Buffer.from(`${seconds}:${md5(`${seconds}:${secret}`)}`).toString('base64');
}

/** The value of WWW-Authenticate. No `stale`: an old nonce looks like a wrong key. */
export function challenge({ secret }: Authority, nowMs: number): string {
  const nonce = nonceAt(secret, Math.floor(nowMs / 1_000));
  return (
    `Digest realm="${REALM}", qop="auth", algorithm=MD5, ` +
    `nonce="${nonce}", opaque="${md5(secret)}"`
  );
}

/** As Rails' decode_credentials: split at every comma, also inside quotes; apostrophes vanish. */
export function decodeCredentials(header: string): ReadonlyMap<string, string> {
  const pairs = header.replace(/^Digest\s+/, '').split(',');
  return new Map(
    pairs.map((pair) => {
      const at = pair.includes('=') ? pair.indexOf('=') : pair.length;
      const value = pair.slice(at + 1).replaceAll(/^"|"$/g, '');
      return [pair.slice(0, at).trim(), value.replaceAll("'", '')];
    }),
  );
}

/** Who signed this request. `keyOf` is asked for the API user's key. */
export function verifySigned(
  signed: Signed,
  authority: Authority,
  {
    nowMs,
    keyOf,
  }: { readonly nowMs: number; readonly keyOf: (user: string) => string | undefined },
): Verdict {
  const { method, target, authorization = '' } = signed;
  if (!/^Digest\s/.test(authorization)) {
    return { ok: false, apiUser: undefined, why: 'not signed' };
  }
  const given = decodeCredentials(authorization);
  const of = (name: string): string => given.get(name) ?? '';
  const apiUser = of('username');
  const no = (why: string): Verdict => ({ ok: false, apiUser, why });
  const seconds = Number.parseInt(Buffer.from(of('nonce'), 'base64').toString('latin1'), 10) || 0;
  if (nonceAt(authority.secret, seconds) !== of('nonce')) return no('foreign nonce');
  if (Math.abs(seconds - Math.floor(nowMs / 1_000)) > authority.nonceSecondsMax) {
    return no('old nonce');
  }
  if (of('realm') !== REALM) return no('wrong realm');
  if (of('opaque') !== md5(authority.secret)) return no('wrong opaque');
  if (of('qop') !== 'auth') return no('wrong qop');
  if (of('nc') === '' || of('cnonce') === '') return no('no nc or cnonce');
  if (of('uri') !== target) return no('signed for another uri');
  const key = keyOf(apiUser);
  if (key === undefined) return no('unknown API user');
  const ha1 = md5(`${apiUser}:${REALM}:${key}`);
  const ha2 = md5(`${method}:${target}`);
  const parts = [ha1, of('nonce'), of('nc'), of('cnonce'), of('qop'), ha2];
  const [expected, response] = [Buffer.from(md5(parts.join(':'))), Buffer.from(of('response'))];
  const isRight = expected.length === response.length && timingSafeEqual(expected, response);
  return isRight ? { ok: true, apiUser } : no('wrong key');
}
