// AES-256-XTS over 4096-byte sectors as dm-crypt lays them out (IEEE 1619; plain64 counts 512-byte units).
// Not node's own "aes-256-xts": it starts anew at each sector, which takes five times as much processor
// (0.2 against 1.1 GB a second, measured), and sixteen cards share it.
import { createCipheriv } from 'node:crypto';
import type { Cipheriv } from 'node:crypto';
import { DATA_SECTOR_BYTES, SECTOR_BYTES } from './layout.ts';

/** Two keys of 32 bytes. */
export const VOLUME_KEY_BYTES = 64;
const UNITS = DATA_SECTOR_BYTES / SECTOR_BYTES;
const BLOCK_BYTES = 16;
const WORDS = DATA_SECTOR_BYTES / 4;
/**
 * 32 KiB at a time stay in the processor's cache and in memory that is used again: with megabytes, each result
 * is mapped anew page by page, which takes six times as long (measured).
 */
const SECTORS_AT_ONCE = 8;

/**
 * Returns what encrypts in place whole sectors; `at` is their byte offset in the encrypted volume. The
 * bytes must begin at a multiple of 4 in their buffer.
 */
export function xtsEncryptor(volumeKey: Buffer): (bytes: Uint8Array, at: number) => void {
  if (volumeKey.length !== VOLUME_KEY_BYTES) throw new Error('a volume key has 64 bytes');
  const [data, tweak] = [ecb(volumeKey.subarray(0, 32)), ecb(volumeKey.subarray(32))];
  const masks = new Int32Array(SECTORS_AT_ONCE * WORDS);
  return (bytes, at) => {
    if (bytes.length % DATA_SECTOR_BYTES !== 0 || at % DATA_SECTOR_BYTES !== 0) {
      throw new Error('only whole sectors are encrypted');
    }
    const most = SECTORS_AT_ONCE * DATA_SECTOR_BYTES;
    for (let done = 0; done < bytes.length; done += most) {
      const part = bytes.subarray(done, done + most);
      const words = wordsOf(part);
      const sectors = words.length / WORDS;
      fillMasks(masks, wordsOf(tweak.update(units(sectors, (at + done) / SECTOR_BYTES))));
      for (let i = 0; i < words.length; i += 1) words[i]! ^= masks[i]!;
      const sealed = wordsOf(data.update(part));
      for (let i = 0; i < words.length; i += 1) words[i] = sealed[i]! ^ masks[i]!;
    }
  };
}

/** Blocks on their own: what `update` is given comes back encrypted as a whole, nothing is kept for later. */
function ecb(key: Buffer): Cipheriv {
  return createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
}

function wordsOf({ buffer, byteOffset, length }: Uint8Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length / 4);
}

/** The number of each sector, as 128 bits, little-endian. */
function units(sectors: number, first: number): Buffer {
  const numbers = Buffer.alloc(sectors * BLOCK_BYTES);
  for (let n = 0; n < sectors; n += 1) {
    numbers.writeBigUInt64LE(BigInt(first + n * UNITS), n * BLOCK_BYTES);
  }
  return numbers;
}

/** What each block is combined with: its sector's, multiplied by x in GF(2^128) from block to block. */
function fillMasks(masks: Int32Array, first: Int32Array): void {
  for (let sector = 0, i = 0; sector < first.length / 4; sector += 1) {
    let a = first[sector * 4]!;
    let b = first[sector * 4 + 1]!;
    let c = first[sector * 4 + 2]!;
    let d = first[sector * 4 + 3]!;
    for (const end = i + WORDS; i < end; i += 4) {
      masks[i] = a;
      masks[i + 1] = b;
      masks[i + 2] = c;
      masks[i + 3] = d;
      const carry = (d >> 31) & 0x87;
      d = (d << 1) | (c >>> 31);
      c = (c << 1) | (b >>> 31);
      b = (b << 1) | (a >>> 31);
      a = (a << 1) ^ carry;
    }
  }
}
