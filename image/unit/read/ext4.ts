// Reads files of an ext4 file system without trusting it: superblock, group descriptors and inodes by
// their checksums, extents, linear folders. Source: kernel.org, "ext4 Data Structures and Algorithms".
// Replays no journal: a card that lost power may show files as they were before its last change.
import { crc32c } from './crc32c.ts';
import { CHUNK_BYTES, Damaged, textField } from './source.ts';
import type { Source } from './source.ts';

const SUPERBLOCK_AT = 1024;
const MAGIC = 0xef_53;
const ROOT_INODE = 2;
const EXTENT_MAGIC = 0xf3_0a;
const EXTENT_DEPTH_MAX = 5; // the format's own limit
/** Our slots hold a dozen files; a hostile folder ends here. */
const FOLDER_BYTES_MAX = 1024 * 1024;
/** incompat: filetype, recover, extents, 64bit, flex_bg, csum_seed. Nothing else is made by ours. */
const INCOMPAT_KNOWN = 0x2 | 0x4 | 0x40 | 0x80 | 0x200 | 0x2000;
const INCOMPAT = { recover: 0x4, wide: 0x80, csumSeed: 0x2000 } as const;
const RO_METADATA_CSUM = 0x400;
const ALL_ONES = 0xff_ff_ff_ff;
/** An initialised extent has at most this many blocks; more marks one that was never written. */
const EXTENT_BLOCKS_MAX = 32_768;

export interface Ext4File {
  readonly kind: 'file' | 'folder' | 'other';
  readonly bytes: number;
  /** The content, piece by piece. Throws Damaged. */
  chunks(): AsyncGenerator<Buffer>;
  /** Where the content lies in the file system, piece by piece. Throws Damaged. */
  places(): AsyncGenerator<Place>;
}

/** A run of neighbouring bytes. */
export interface Place {
  readonly at: number;
  readonly bytes: number;
}

export interface Ext4 {
  readonly label: string;
  readonly bytes: number;
  /** It was not unmounted: its journal holds changes that are not read here. */
  readonly unclean: boolean;
  /** Names in a folder, without "." and "..". Throws Damaged when it cannot be read. */
  list(path: string): Promise<readonly string[]>;
  /** The file or folder of this path, undefined if there is none. Throws Damaged. */
  find(path: string): Promise<Ext4File | undefined>;
}

interface Super {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly inodes: number;
  readonly perGroup: number;
  readonly inodeBytes: number;
  readonly descriptorBytes: number;
  readonly groups: number;
  readonly firstBlock: number;
  readonly label: string;
  readonly unclean: boolean;
  readonly wide: boolean;
  /** Seed of all checksums; undefined when the file system has none. */
  readonly seed: number | undefined;
}

interface Disk {
  readonly source: Source;
  readonly of: Super;
  readonly descriptors: Buffer;
}

/** Opens the file system. Throws Damaged. */
export async function openExt4(source: Source): Promise<Ext4> {
  const of = parseSuper(await source.read(SUPERBLOCK_AT, 1024));
  if (of.blocks * of.blockBytes > source.bytes) {
    throw new Damaged('its file system is larger than what holds it');
  }
  const descriptors = await source.read(
    (of.firstBlock + 1) * of.blockBytes,
    of.groups * of.descriptorBytes,
  );
  const disk: Disk = { source, of, descriptors };
  for (let group = 0; group < of.groups; group += 1) checkDescriptor(disk, group);
  const find = (path: string): Promise<Ext4File | undefined> => findPath(disk, path);
  return {
    label: of.label,
    bytes: of.blocks * of.blockBytes,
    unclean: of.unclean,
    find,
    async list(path) {
      const folder = await find(path);
      if (folder?.kind !== 'folder') throw new Damaged(`it has no folder ${path}`);
      const names = [...(await entries(folder)).keys()];
      return names.filter((name) => name !== '.' && name !== '..');
    },
  };
}

function parseSuper(raw: Buffer): Super {
  if (raw.readUInt16LE(56) !== MAGIC) throw new Damaged('it holds no ext4 file system');
  const checked = (raw.readUInt32LE(100) & RO_METADATA_CSUM) !== 0;
  if (checked && crc32c(ALL_ONES, raw.subarray(0, 1020)) !== raw.readUInt32LE(1020)) {
    throw new Damaged("its file system's first block does not fit its checksum");
  }
  const incompat = raw.readUInt32LE(96);
  if ((incompat & ~INCOMPAT_KNOWN) !== 0) {
    throw new Damaged('its file system has features that ours never has');
  }
  const wide = (incompat & INCOMPAT.wide) !== 0;
  const blockBytes = 1024 * 2 ** Math.min(raw.readUInt32LE(24), 7);
  const blocks = raw.readUInt32LE(4) + (wide ? raw.readUInt32LE(0x150) * 2 ** 32 : 0);
  const blocksPerGroup = raw.readUInt32LE(32);
  const perGroup = raw.readUInt32LE(40);
  const inodeBytes = raw.readUInt16LE(88);
  const descriptorBytes = wide ? raw.readUInt16LE(254) : 32;
  const firstBlock = raw.readUInt32LE(20);
  const groups = Math.ceil((blocks - firstBlock) / blocksPerGroup);
  const sound =
    blockBytes <= 65_536 &&
    perGroup > 0 &&
    [128, 256, 512, 1024].includes(inodeBytes) &&
    [32, 64].includes(descriptorBytes) &&
    groups >= 1 &&
    groups <= 65_536; // 8 TiB of 128 MiB groups: no card is larger
  if (!sound) throw new Damaged("its file system's first block makes no sense");
  const seeded = (incompat & INCOMPAT.csumSeed) !== 0;
  const seed = seeded ? raw.readUInt32LE(0x270) : crc32c(ALL_ONES, raw.subarray(104, 120));
  return {
    ...{ blockBytes, blocks, perGroup, inodeBytes, descriptorBytes, groups, firstBlock, wide },
    inodes: raw.readUInt32LE(0),
    label: textField(raw.subarray(120, 136)),
    unclean: (incompat & INCOMPAT.recover) !== 0,
    seed: checked ? seed : undefined,
  };
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

function descriptor({ descriptors, of }: Disk, group: number): Buffer {
  return descriptors.subarray(group * of.descriptorBytes, (group + 1) * of.descriptorBytes);
}

function checkDescriptor(disk: Disk, group: number): void {
  const { seed } = disk.of;
  if (seed === undefined) return;
  const bytes = Buffer.from(descriptor(disk, group));
  const said = bytes.readUInt16LE(30);
  bytes.writeUInt16LE(0, 30);
  if ((crc32c(crc32c(seed, number32(group)), bytes) & 0xff_ff) !== said) {
    throw new Damaged(`its file system's table of groups is damaged (group ${group})`);
  }
}

async function readInode(disk: Disk, number: number): Promise<Ext4File> {
  const { of, source } = disk;
  if (number < 1 || number > of.inodes) throw new Damaged(`a folder names file number ${number}`);
  const group = Math.floor((number - 1) / of.perGroup);
  if (group >= of.groups) throw new Damaged(`a folder names file number ${number}`);
  const entry = descriptor(disk, group);
  const table =
    entry.readUInt32LE(8) + (of.descriptorBytes === 64 ? entry.readUInt32LE(40) * 2 ** 32 : 0);
  const at = table * of.blockBytes + ((number - 1) % of.perGroup) * of.inodeBytes;
  const raw = await source.read(at, of.inodeBytes);
  checkInode(of, number, raw);
  const mode = raw.readUInt16LE(0) & 0xf0_00;
  const kind = mode === 0x80_00 ? 'file' : mode === 0x40_00 ? 'folder' : 'other';
  const bytes = raw.readUInt32LE(4) + raw.readUInt32LE(108) * 2 ** 32;
  const mapped = (raw.readUInt32LE(32) & 0x8_00_00) !== 0; // the extents flag
  const root = Buffer.from(raw.subarray(40, 100));
  async function* places(): AsyncGenerator<Place> {
    if (!mapped) throw new Damaged('a file has no extents, ours always have');
    yield* placesOf(disk, root, bytes);
  }
  return { kind, bytes, places, chunks: () => content(source, places()) };
}

function checkInode({ seed, inodeBytes }: Super, number: number, raw: Buffer): void {
  if (seed === undefined) return;
  const bytes = Buffer.from(raw);
  const high = inodeBytes > 128 && bytes.readUInt16LE(128) >= 4;
  const said = bytes.readUInt16LE(124) + (high ? bytes.readUInt16LE(130) * 0x1_00_00 : 0);
  bytes.writeUInt16LE(0, 124);
  if (high) bytes.writeUInt16LE(0, 130);
  const start = crc32c(crc32c(seed, number32(number)), raw.subarray(100, 104));
  const real = crc32c(start, bytes);
  if ((high ? real : real & 0xff_ff) !== said) {
    throw new Damaged(`its file system's entry of file number ${number} is damaged`);
  }
}

interface Extent {
  readonly first: number;
  readonly blocks: number;
  /** Undefined: never written, reads as zeros. */
  readonly at: number | undefined;
}

/** Extents in file order. `node` is an extent header with what follows it. */
async function* extents(disk: Disk, node: Buffer, level = 0): AsyncGenerator<Extent> {
  const depth = node.readUInt16LE(6);
  const count = node.readUInt16LE(2);
  const sound = node.readUInt16LE(0) === EXTENT_MAGIC && (count + 1) * 12 <= node.length;
  // An empty branch, like an empty extent below, would let a small map go on for ever.
  const empty = count === 0 && level > 0;
  if (!sound || empty || level + depth > EXTENT_DEPTH_MAX) {
    throw new Damaged("a file's map is damaged");
  }
  for (let index = 1; index <= count; index += 1) {
    const entry = node.subarray(index * 12, (index + 1) * 12);
    if (depth > 0) {
      const block = entry.readUInt32LE(4) + entry.readUInt16LE(8) * 2 ** 32;
      const below = await disk.source.read(block * disk.of.blockBytes, disk.of.blockBytes);
      if (below.readUInt16LE(6) !== depth - 1) throw new Damaged("a file's map is damaged");
      yield* extents(disk, below, level + 1);
      continue;
    }
    const length = entry.readUInt16LE(4);
    if (length === 0) throw new Damaged("a file's map is damaged");
    const written = length <= EXTENT_BLOCKS_MAX;
    yield {
      first: entry.readUInt32LE(0),
      blocks: written ? length : length - EXTENT_BLOCKS_MAX,
      at: written ? entry.readUInt32LE(8) + entry.readUInt16LE(6) * 2 ** 32 : undefined,
    };
  }
}

/** Without gaps, in file order, together as long as the file. */
async function* placesOf(disk: Disk, root: Buffer, bytes: number): AsyncGenerator<Place> {
  const { blockBytes } = disk.of;
  if (bytes > disk.of.blocks * blockBytes) throw new Damaged('a file is larger than its disk');
  let done = 0;
  for await (const { first, blocks, at } of extents(disk, root)) {
    // Holes would read as zeros; ours are written whole, so that a gap is damage.
    if (first * blockBytes !== done || at === undefined) throw new Damaged('a file has a hole');
    const end = Math.min(bytes, (first + blocks) * blockBytes);
    if (end > done) yield { at: at * blockBytes, bytes: end - done };
    done = Math.max(done, end);
  }
  if (done < bytes) throw new Damaged('a file is shorter than it should be');
}

async function* content(source: Source, places: AsyncIterable<Place>): AsyncGenerator<Buffer> {
  for await (const { at, bytes } of places) {
    for (let done = 0; done < bytes; done += CHUNK_BYTES) {
      yield await source.read(at + done, Math.min(CHUNK_BYTES, bytes - done));
    }
  }
}

/** Names and inode numbers of a folder; the hidden index of a large one reads as an unused entry. */
async function entries(folder: Ext4File): Promise<Map<string, number>> {
  if (folder.bytes > FOLDER_BYTES_MAX) throw new Damaged('a folder is larger than ours ever are');
  const found = new Map<string, number>();
  for await (const chunk of folder.chunks()) {
    let at = 0;
    while (at + 8 <= chunk.length) {
      const length = chunk.readUInt16LE(at + 4);
      const name = chunk.readUInt8(at + 6);
      if (length < 8 || length % 4 !== 0 || name + 8 > length || at + length > chunk.length) {
        throw new Damaged('a folder is damaged');
      }
      const inode = chunk.readUInt32LE(at);
      if (inode !== 0) found.set(chunk.toString('utf8', at + 8, at + 8 + name), inode);
      at += length;
    }
  }
  return found;
}

async function findPath(disk: Disk, path: string): Promise<Ext4File | undefined> {
  let file = await readInode(disk, ROOT_INODE);
  for (const name of path.split('/').filter((part) => part !== '')) {
    if (file.kind !== 'folder') return undefined;
    const inode = (await entries(file)).get(name);
    if (inode === undefined) return undefined;
    file = await readInode(disk, inode);
  }
  return file;
}
