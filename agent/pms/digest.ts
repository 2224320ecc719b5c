// HTTP Digest (RFC 7616) as Clock asks for it: MD5, qop=auth, a nonce that serves for minutes. Pure.
import { createHash } from 'node:crypto';

export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: 'MD5' | 'SHA-256';
}

/** Far more than any server says. */
const HEADER_CHARS_MAX = 4_096;
const PAIR = /([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/giy;

/** The first challenge of a `WWW-Authenticate` that we can answer. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined || header.length > HEADER_CHARS_MAX) return undefined;
  const parts = header.split(/(?:^|,)\s*Digest\s+/i).slice(1);
  return parts.map(oneChallenge).find((one) => one !== undefined);
}

function oneChallenge(text: string): Challenge | undefined {
  const given = new Map<string, string>();
  PAIR.lastIndex = 0;
  for (let at = 0; at < text.length; at = PAIR.lastIndex) {
    const found = PAIR.exec(text);
    if (found === null) break;
    given.set(found[1]!.toLowerCase(), found[2]?.replaceAll(/\\(.)/g, '$1') ?? found[3]!);
    const gap = /[\s,]*/y;
    gap.lastIndex = PAIR.lastIndex;
    gap.exec(text);
    PAIR.lastIndex = gap.lastIndex;
  }
  const { realm, nonce, opaque } = Object.fromEntries(given) as Record<string, string | undefined>;
  const algorithm = (given.get('algorithm') ?? 'MD5').toUpperCase();
  const offersAuth = (given.get('qop') ?? '').split(/[\s,]+/).includes('auth');
  if (realm === undefined || nonce === undefined || !offersAuth) return undefined;
  if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return undefined;
  return { realm, nonce, opaque, algorithm };
}

export interface Signing {
  readonly user: string;
  readonly key: string;
  readonly method: string;
  /** Exactly as it goes over the wire, query included. */
  readonly target: string;
  /** How often this nonce has been used, this time included. */
  readonly count: number;
  /** No comma and no quote: Rails splits the header at commas, inside quotes too. */
  readonly cnonce: string;
}

/** The value of `Authorization`. */
export function authorization(challenge: Challenge, signing: Signing): string {
  const { realm, nonce, opaque, algorithm } = challenge;
  const { user, key, method, target, count, cnonce } = signing;
  const hash = (text: string): string =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const nc = count.toString(16).padStart(8, '0');
  const ha1 = hash(`${user}:${realm}:${key}`);
  const ha2 = hash(`${method}:${target}`);
  const response = hash(`${ha1}:${nonce}:${nc}:${cnonce}:auth:${ha2}`);
  const fields = [
    `username=${quote(user)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(target)}`,
    `algorithm=${algorithm}`,
    'qop=auth',
    `nc=${nc}`,
    `cnonce=${quote(cnonce)}`,
    `response="${response}"`,
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
  ];
  return `Digest ${fields.join(', ')}`;
}

const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
