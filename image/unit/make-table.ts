// Makes an MBR partition table, as sfdisk would. Pure; read/table.ts reads one.
import { DATA_SECTOR_BYTES, SECTOR_BYTES } from './layout.ts';

const DISK_ID_AT = 440;
const ENTRIES_AT = 446;
const ENTRY_BYTES = 16;
/** Cylinder, head and sector cannot name what lies beyond 8 GB: "use the block numbers". */
const CHS_MAX = [0xfe, 0xff, 0xff] as const;

export interface TableEntry {
  /** Bytes, multiples of 512. */
  readonly start: number;
  readonly bytes: number;
  readonly type: number;
  readonly bootable: boolean;
}

/** The card's first 4 KiB: the table in the first sector, zeros behind it. */
export function makeTable(diskId: number, entries: readonly TableEntry[]): Buffer {
  const block = Buffer.alloc(DATA_SECTOR_BYTES);
  block.writeUInt32LE(diskId, DISK_ID_AT);
  for (const [index, { start, bytes, type, bootable }] of entries.entries()) {
    const entry = block.subarray(ENTRIES_AT + index * ENTRY_BYTES).subarray(0, ENTRY_BYTES);
    entry[0] = bootable ? 0x80 : 0;
    entry.set(CHS_MAX, 1);
    entry[4] = type;
    entry.set(CHS_MAX, 5);
    entry.writeUInt32LE(start / SECTOR_BYTES, 8);
    entry.writeUInt32LE(bytes / SECTOR_BYTES, 12);
  }
  block.writeUInt16LE(0xaa_55, SECTOR_BYTES - 2);
  return block;
}
