// Which blocks of an ext4 file system are in use, by its own bitmaps: a card of 32 GB holds some tens of
// megabytes. Judges nothing: e2fsck does, on the copy. Source: kernel.org, "ext4 Data Structures and Algorithms".
import type { Extent } from './forgiving.ts';
import { Damaged } from '../read/source.ts';
import type { Source } from '../read/source.ts';

const MAGIC = 0xef_53;
const BLOCK_BYTES = 4096; // stage-clock/04-boot: mke2fs -b 4096
/** Where copies of the superblock lie (sparse_super): groups 1 and powers of 3, 5, 7; these exist on any card. */
const COPIES = [0, 1, 3, 5];
/** 8 TiB of 128 MiB groups: no card is larger. */
const GROUPS_MAX = 65_536;
const UNUSED = { inodes: 0x1, blocks: 0x2 } as const;

interface Super {
  readonly blocks: number;
  readonly perGroup: number;
  readonly inodeTableBlocks: number;
  readonly descriptorBytes: number;
  readonly groups: number;
}

/** A set of blocks. */
export class Blocks {
  readonly #bits: Uint8Array;
  readonly count: number;

  constructor(count: number) {
    this.count = count;
    this.#bits = new Uint8Array(Math.ceil(count / 8));
  }

  has(block: number): boolean {
    return (this.#bits[block >> 3]! & (1 << (block & 7))) !== 0;
  }

  set(first: number, count: number, isIn = true): void {
    const end = Math.min(this.count, first + count);
    for (let block = Math.max(0, first); block < end; block += 1) {
      if (isIn) this.#bits[block >> 3]! |= 1 << (block & 7);
      else this.#bits[block >> 3]! &= ~(1 << (block & 7));
    }
  }

  /** Runs of neighbours, each at most `runMax` blocks long, in bytes. */
  *runs(runMax: number): Generator<Extent> {
    let first = 0;
    while (first < this.count) {
      if (!this.has(first)) {
        // A byte of zeros: eight blocks that are not in use.
        first += first % 8 === 0 && this.#bits[first >> 3] === 0 ? 8 : 1;
        continue;
      }
      let end = first + 1;
      while (end < this.count && end - first < runMax && this.has(end)) end += 1;
      yield { at: first * BLOCK_BYTES, bytes: (end - first) * BLOCK_BYTES };
      first = end;
    }
  }
}

/**
 * The blocks in use. Tables that were never used are left out: they are as long as everything else together.
 * `source` gives zeros for what cannot be read. Throws Damaged when no copy of the superblock makes sense.
 */
export async function usedBlocks(source: Source): Promise<Blocks> {
  const { of, at } = await readSuper(source);
  const table = await source.read(
    at + BLOCK_BYTES,
    Math.ceil((of.groups * of.descriptorBytes) / BLOCK_BYTES) * BLOCK_BYTES,
  );
  const used = new Blocks(of.blocks);
  const unusedTables: number[] = [];
  // Superblock and descriptors, and room that was kept for their growth.
  used.set(0, 1 + table.length / BLOCK_BYTES);
  for (let group = 0; group < of.groups; group += 1) {
    const entry = table.subarray(group * of.descriptorBytes, (group + 1) * of.descriptorBytes);
    const number = (low: number, high: number): number =>
      entry.readUInt32LE(low) +
      (of.descriptorBytes === 64 ? entry.readUInt32LE(high) * 2 ** 32 : 0);
    const [bitmap, inodeBitmap, inodes] = [number(0, 32), number(4, 36), number(8, 40)];
    const flags = entry.readUInt16LE(18);
    used.set(bitmap, 1);
    used.set(inodeBitmap, 1);
    if ((flags & UNUSED.inodes) === 0) used.set(inodes, of.inodeTableBlocks);
    else unusedTables.push(inodes);
    if ((flags & UNUSED.blocks) !== 0) continue;
    await addBitmap(source, { used, bitmap, first: group * of.perGroup, count: of.perGroup });
  }
  for (const first of unusedTables) used.set(first, of.inodeTableBlocks, false);
  return used;
}

async function addBitmap(
  source: Source,
  of: {
    readonly used: Blocks;
    readonly bitmap: number;
    readonly first: number;
    readonly count: number;
  },
): Promise<void> {
  const { used, bitmap, first, count } = of;
  if ((bitmap + 1) * BLOCK_BYTES > source.bytes) return;
  const bits = await source.read(bitmap * BLOCK_BYTES, BLOCK_BYTES);
  for (let index = 0; index < count; index += 1) {
    if ((bits[index >> 3]! & (1 << (index & 7))) !== 0) used.set(first + index, 1);
  }
}

async function readSuper(source: Source): Promise<{ readonly of: Super; readonly at: number }> {
  for (const group of COPIES) {
    // Groups of 4 KiB blocks have as many blocks as a block has bits.
    const at = group * 8 * BLOCK_BYTES * BLOCK_BYTES;
    if (at + 2 * BLOCK_BYTES > source.bytes) break;
    const block = await source.read(at, BLOCK_BYTES);
    const raw = group === 0 ? block.subarray(1024) : block;
    const of = parseSuper(raw, source.bytes);
    if (of !== undefined) return { of, at };
  }
  throw new Damaged('no copy of its superblock can be read');
}

function parseSuper(raw: Buffer, bytes: number): Super | undefined {
  if (raw.readUInt16LE(56) !== MAGIC || raw.readUInt32LE(24) !== 2) return undefined;
  const isWide = (raw.readUInt32LE(96) & 0x80) !== 0;
  const blocks = raw.readUInt32LE(4) + (isWide ? raw.readUInt32LE(0x1_50) * 2 ** 32 : 0);
  const perGroup = raw.readUInt32LE(32);
  const inodeTableBlocks = Math.ceil((raw.readUInt32LE(40) * raw.readUInt16LE(88)) / BLOCK_BYTES);
  const descriptorBytes = isWide ? raw.readUInt16LE(254) : 32;
  const groups = Math.ceil(blocks / (perGroup || 1));
  const isSound =
    blocks * BLOCK_BYTES <= bytes &&
    perGroup === 8 * BLOCK_BYTES &&
    // A table as long as its group, or longer, is made up: each of them would be walked through.
    inodeTableBlocks < perGroup &&
    [32, 64].includes(descriptorBytes) &&
    groups >= 1 &&
    groups <= GROUPS_MAX;
  return isSound ? { blocks, perGroup, inodeTableBlocks, descriptorBytes, groups } : undefined;
}
