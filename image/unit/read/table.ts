// Reads an MBR partition table. Pure. What should stand in it is judged in ../inspect/table.ts.

const ENTRIES_AT = 446;
const ENTRY_BYTES = 16;
const SECTOR_BYTES = 512;

export interface Partition {
  /** 1…4, as in mmcblk0p1. */
  readonly number: number;
  readonly type: number;
  readonly bootable: boolean;
  readonly start: number;
  readonly bytes: number;
}

export interface Table {
  /** 0x55 0xAA at the end of the sector. */
  readonly signed: boolean;
  /** Entries that are not empty; starts and lengths in bytes. */
  readonly partitions: readonly Partition[];
}

/** Reads the first sector of a card. */
export function readTable(sector: Buffer): Table {
  const partitions: Partition[] = [];
  for (let number = 1; number <= 4; number += 1) {
    const entry = sector.subarray(ENTRIES_AT + (number - 1) * ENTRY_BYTES).subarray(0, ENTRY_BYTES);
    if (entry.every((byte) => byte === 0)) continue;
    partitions.push({
      number,
      type: entry.readUInt8(4),
      bootable: entry.readUInt8(0) === 0x80,
      start: entry.readUInt32LE(8) * SECTOR_BYTES,
      bytes: entry.readUInt32LE(12) * SECTOR_BYTES,
    });
  }
  return { signed: sector.readUInt16LE(510) === 0xaa_55, partitions };
}
