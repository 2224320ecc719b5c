// Signs a release's manifest (Ed25519, detached). Knows nothing of what a manifest says.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { cacheFolder } from './inputs.ts';

export interface SigningKey {
  readonly privateKeyPem: string;
  /** SHA-256 of the public key's SPKI DER, hex. */
  readonly keyId: string;
  /** SPKI DER in base64. */
  readonly publicKey: string;
  /** Made by this machine for itself: good for trying out, never for a customer's card. */
  readonly development: boolean;
}

/** Where this machine keeps the key it made for itself. */
export function developmentKeyFile(): string {
  return join(cacheFolder(), 'development-signing-key.pem');
}

/**
 * The key from `named` or `CLOCK_SIGNING_KEY` (PEM files), else the development key, made on first use.
 * Throws OperatorError `signing-key`.
 */
export async function signingKey(developmentFile: string, named?: string): Promise<SigningKey> {
  const given = named ?? process.env['CLOCK_SIGNING_KEY'];
  const file = given ?? developmentFile;
  const privateKeyPem = await readFile(file, 'utf8').catch(async (cause: unknown) => {
    if (given !== undefined) throw unusable(given, cause);
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, pem, { mode: 0o600, flag: 'wx' });
    return pem.toString();
  });
  const publicDer = publicHalf(privateKeyPem, file).export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha256').update(publicDer).digest('hex');
  const publicKey = publicDer.toString('base64');
  return { privateKeyPem, keyId, publicKey, development: given === undefined };
}

function publicHalf(privateKeyPem: string, file: string): KeyObject {
  try {
    const key = createPrivateKey(privateKeyPem);
    if (key.asymmetricKeyType !== 'ed25519') throw new Error('it is no Ed25519 key');
    return createPublicKey(key);
  } catch (cause) {
    throw unusable(file, cause);
  }
}

function unusable(file: string, cause: unknown): OperatorError {
  const message = `${file} cannot sign a release: ${(cause as Error).message}`;
  const hint = 'Let CLOCK_SIGNING_KEY name a private key: "openssl genpkey -algorithm ed25519"';
  return new OperatorError('signing-key', message, { hint, cause });
}

/** For the unit, which verifies with it what replaces its agent. SPKI, PEM. */
export const publicKeyPem = ({ privateKeyPem }: SigningKey): string =>
  createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();

/** Base64 text of the signature over exactly these bytes, with a newline. */
export function signDetached(bytes: Uint8Array, key: SigningKey): string {
  return `${sign(null, bytes, key.privateKeyPem).toString('base64')}\n`;
}
