// From a key to decrypted bytes, without device-mapper: key slots (LUKS2 specification, "LUKS2
// Keyslots Area", and the LUKS1 anti-forensic splitter) and AES-XTS over 512…4096-byte sectors.
import { argon2, createDecipheriv, createHash, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Damaged, checkRange } from './source.ts';
import type { Source } from './source.ts';
import type { KeySlot, LuksHeader, Segment } from './luks.ts';

const CIPHER = 'aes-xts-plain64';
/** AES-256 in XTS mode has two keys of 32 bytes. */
const KEY_BYTES = 64;
const STRIPES = 4000;
const HASHES = ['sha256', 'sha512'];
/** The initial vector counts 512-byte units, also with larger sectors (dm-crypt, plain64). */
const IV_UNIT_BYTES = 512;
/**
 * A hostile header must not stop this machine: seconds per key slot. Ours ask for 1,000 iterations, or
 * for 64 MiB filled four times; cryptsetup's own default is 1 GiB four times.
 */
const LIMITS = {
  iterations: 4_000_000,
  memoryKib: 1024 * 1024,
  filledKib: 4 * 1024 * 1024,
  lanes: 16,
};

const deriveSlow = promisify(pbkdf2);
const deriveLarge = promisify(argon2);

/**
 * The volume key when `key` opens one of the key slots, and that slot's name.
 * Throws Damaged when no key slot is of a kind that ours is.
 */
export async function unlock(
  source: Source,
  header: LuksHeader,
  key: Buffer,
): Promise<{ readonly slot: string; readonly volumeKey: Buffer } | undefined> {
  let refused: Damaged | undefined;
  let tried = 0;
  for (const [name, slot] of Object.entries(header.metadata.keyslots)) {
    try {
      const volumeKey = await slotKey(source, slot, key);
      if (await isVolumeKey(header, name, volumeKey)) return { slot: name, volumeKey };
      tried += 1;
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      refused = error;
    }
  }
  if (refused !== undefined && tried === 0) throw refused;
  return undefined;
}

async function slotKey(source: Source, slot: KeySlot, key: Buffer): Promise<Buffer> {
  const { area, af } = slot;
  const known =
    area.encryption === CIPHER &&
    area.key_size === KEY_BYTES &&
    slot.key_size === KEY_BYTES &&
    af.stripes === STRIPES &&
    HASHES.includes(af.hash);
  if (!known) throw new Damaged('a key slot is of a kind that ours never is');
  const areaKey = await derive(slot.kdf, key);
  const sealed = await source.read(area.offset, KEY_BYTES * STRIPES);
  decryptSectors(sealed, { key: areaKey, sectorBytes: IV_UNIT_BYTES, firstUnit: 0 });
  return merge(sealed, af.hash);
}

async function derive(kdf: KeySlot['kdf'], key: Buffer): Promise<Buffer> {
  if (kdf.type === 'pbkdf2') {
    if (kdf.iterations < 1 || kdf.iterations > LIMITS.iterations || !HASHES.includes(kdf.hash)) {
      throw new Damaged(`a key slot asks for ${kdf.iterations} iterations of ${kdf.hash}`);
    }
    return deriveSlow(key, kdf.salt, kdf.iterations, KEY_BYTES, kdf.hash);
  }
  const { memory, time, cpus } = kdf;
  const low = memory < 8 * cpus || time < 1 || cpus < 1 || kdf.salt.length < 8;
  const filled = memory * time;
  if (low || memory > LIMITS.memoryKib || filled > LIMITS.filledKib || cpus > LIMITS.lanes) {
    throw new Damaged(
      `a key slot asks for Argon2 with ${memory} KiB, ${time} passes, ${cpus} lanes`,
    );
  }
  return deriveLarge(kdf.type, {
    message: key,
    nonce: kdf.salt,
    parallelism: cpus,
    tagLength: KEY_BYTES,
    memory,
    passes: time,
  });
}

/** The anti-forensic splitter undone: all stripes are needed to get the key. */
function merge(stripes: Buffer, hash: string): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  for (let stripe = 0; stripe < STRIPES; stripe += 1) {
    const part = stripes.subarray(stripe * KEY_BYTES, (stripe + 1) * KEY_BYTES);
    for (let i = 0; i < KEY_BYTES; i += 1) key[i]! ^= part[i]!;
    if (stripe < STRIPES - 1) diffuse(key, hash);
  }
  return key;
}

function diffuse(key: Buffer, hash: string): void {
  const step = hash === 'sha512' ? 64 : 32;
  for (let at = 0, block = 0; at < KEY_BYTES; at += step, block += 1) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(block);
    const part = key.subarray(at, at + step);
    createHash(hash).update(number).update(part).digest().copy(key, at, 0, part.length);
  }
}

async function isVolumeKey(header: LuksHeader, slot: string, key: Buffer): Promise<boolean> {
  const digest = Object.values(header.metadata.digests).find((of) => of.keyslots.includes(slot));
  if (digest === undefined) throw new Damaged('no digest says whether a key slot is right');
  const { hash, iterations, salt } = digest;
  if (!HASHES.includes(hash) || iterations < 1 || iterations > LIMITS.iterations) {
    throw new Damaged('a digest is of a kind that ours never is');
  }
  const made = await deriveSlow(key, salt, iterations, digest.digest.length || 1, hash);
  return made.length === digest.digest.length && timingSafeEqual(made, digest.digest);
}

/** The data of the header's first segment, decrypted as it is read. Throws Damaged. */
export function decrypted(source: Source, header: LuksHeader, volumeKey: Buffer): Source {
  const [segment, ...others] = Object.values(header.metadata.segments);
  if (segment === undefined || others.length > 0 || segment.encryption !== CIPHER) {
    throw new Damaged('its data is not laid out as ours is');
  }
  const bytes = segmentBytes(source, segment);
  const { sector_size: sectorBytes, offset, iv_tweak: tweak } = segment;
  return {
    bytes,
    async read(at, length) {
      checkRange(bytes, at, length);
      const from = at - (at % sectorBytes);
      const to = Math.ceil((at + length) / sectorBytes) * sectorBytes;
      const sealed = await source.read(offset + from, to - from);
      const firstUnit = tweak + from / IV_UNIT_BYTES;
      decryptSectors(sealed, { key: volumeKey, sectorBytes, firstUnit });
      return sealed.subarray(at - from, at - from + length);
    },
  };
}

function segmentBytes(source: Source, { offset, size, sector_size: sector }: Segment): number {
  const room = source.bytes - offset;
  if (room < 0) throw new Damaged('its data lies beyond the end');
  const bytes = size === 'dynamic' ? room : size;
  if (bytes > room) throw new Damaged('its data reaches beyond the end');
  return bytes - (bytes % sector);
}

/** In place. Every sector is one XTS unit, so a wrong bit spoils 16 bytes and not its neighbours. */
function decryptSectors(
  bytes: Buffer,
  of: { readonly key: Buffer; readonly sectorBytes: number; readonly firstUnit: number },
): void {
  const iv = Buffer.alloc(16);
  for (let at = 0; at < bytes.length; at += of.sectorBytes) {
    iv.writeBigUInt64LE(BigInt(of.firstUnit + at / IV_UNIT_BYTES));
    const decipher = createDecipheriv('aes-256-xts', of.key, iv);
    decipher.update(bytes.subarray(at, at + of.sectorBytes)).copy(bytes, at);
  }
}
