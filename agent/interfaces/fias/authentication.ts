// FIAS's optional authentication: the vendor proves with a shared key that it read our last LS. Pure.
import { createCipheriv, createDecipheriv } from 'node:crypto';

const KEY_HEAD = 'FidCrypt0S|';
const PROOF_HEAD = 'FidCryptAB;';
const BLOCK_BYTES = 16;
/** base64 of 16 bytes. */
const IV_CHARS = 24;

/** The key as sites get it, "FidCrypt0S|" and base64 of 16 bytes; undefined: it is none. */
export function keyOf(text: string): Buffer | undefined {
  if (!text.startsWith(KEY_HEAD)) return undefined;
  const bytes = Buffer.from(text.slice(KEY_HEAD.length), 'base64');
  return bytes.length === BLOCK_BYTES ? bytes : undefined;
}

/** What the proof says: DA and TI of an LS, twelve digits; undefined: not made with this key. */
export function provenOf(proof: string, key: Buffer): string | undefined {
  if (!proof.startsWith(PROOF_HEAD)) return undefined;
  const text = proof.slice(PROOF_HEAD.length);
  const iv = Buffer.from(text.slice(0, IV_CHARS), 'base64');
  const data = Buffer.from(text.slice(IV_CHARS), 'base64');
  if (iv.length !== BLOCK_BYTES || data.length !== BLOCK_BYTES) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', key, iv);
  try {
    const plain = Buffer.concat([decipher.update(data), decipher.final()]).toString('latin1');
    return /^\d{12}$/.test(plain) ? plain : undefined;
  } catch {
    return undefined;
  }
}

/** The vendor's side of it. `iv`: 16 bytes, fresh each time. */
export function proofOf(digits: string, key: Buffer, iv: Buffer): string {
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  const data = Buffer.concat([cipher.update(digits, 'latin1'), cipher.final()]);
  return `${PROOF_HEAD}${iv.toString('base64')}${data.toString('base64')}`;
}
