// CRC-32C (Castagnoli), as ext4 uses it for its metadata: no final inversion, the seed is the caller's.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0x82_f6_3b_78 : 0);
  return value;
});

/** Continues `seed` over these bytes. */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let value = seed;
  for (const byte of bytes) value = (value >>> 8) ^ TABLE[(value ^ byte) & 0xff]!;
  return value >>> 0;
}
