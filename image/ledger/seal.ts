// How secrets are kept. What support alone may read (recovery keys, the record of a finished card) is encrypted with
// age to support's public key. What the next card needs lies in a box under the station's key, a file beside the
// ledger: the ledger's own file, its copies and backups hold no secret in clear.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Decrypter, Encrypter, armor, identityToRecipient } from 'age-encryption';
import { OperatorError } from '../core/errors.ts';
import { saying } from '../core/files.ts';
import { masked } from '../core/secret.ts';
import { placeSecret } from './place.ts';

const KEY_BYTES = 32;
const [NONCE_BYTES, TAG_BYTES] = [12, 16]; // AES-GCM, NIST SP 800-38D.

/** Encrypts to support's public key (age1…); armoured text. Throws OperatorError when that is no such key. */
export async function seal(text: string, recipient: string): Promise<string> {
  const encrypter = new Encrypter();
  try {
    encrypter.addRecipient(recipient);
  } catch (cause) {
    throw new OperatorError('not-a-recipient', `"${masked(recipient)}" is no public key of age`, {
      hint: 'Support makes one with "age-keygen"; its public key begins with age1',
      cause,
    });
  }
  return armor.encode(await encrypter.encrypt(text));
}

export function isRecipient(text: string): boolean {
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

/** Opens what `seal` made with the lines of support's identity file. Throws OperatorError. */
export async function unseal(sealed: string, identities: readonly string[]): Promise<string> {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(armor.decode(sealed), 'text');
  } catch (cause) {
    throw new OperatorError('wrong-identity', 'This identity does not open what was sealed', {
      hint: 'Give the identity file of the support key that the ledger had then: ./build.sh unit history',
      cause,
    });
  }
}

/** The secret keys in an identity file as age-keygen writes it. Throws OperatorError. */
export async function readIdentities(file: string): Promise<readonly string[]> {
  const lines = saying(file, () => readFileSync(file, 'utf8'))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  try {
    if (lines.length === 0) throw new Error('no key in it');
    for (const line of lines) await identityToRecipient(line);
    return lines;
  } catch {
    // Without its cause: that may quote the key.
    throw new OperatorError('not-an-identity', `${file} is no identity file of age`, {
      hint: 'It is what age-keygen wrote: a line that begins with AGE-SECRET-KEY-',
    });
  }
}

/** The station's key, made on first use: 32 bytes, for this user alone. */
export function stationKey(ledger: string): Buffer {
  const file = keyFileOf(ledger);
  const key = placeSecret(file, () => randomBytes(KEY_BYTES));
  if (key.length === KEY_BYTES) return key;
  throw new OperatorError('key-damaged', `${file} is not the key that was made for this ledger`, {
    hint: 'Put the right one back; or move it away and run ./build.sh unit unseal --identity FILE',
  });
}

const keyFileOf = (ledger: string): string => `${ledger}.key`;

/** `what` is bound to it: a box that was moved to another record does not open. */
export function box(text: string, key: Uint8Array, what: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(what));
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** undefined: another key, or damaged. */
export function unbox(bytes: Uint8Array, key: Uint8Array, what: string): string | undefined {
  try {
    const end = bytes.length - TAG_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.from(what))
      .setAuthTag(bytes.subarray(end));
    const text = decipher.update(bytes.subarray(NONCE_BYTES, end));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
