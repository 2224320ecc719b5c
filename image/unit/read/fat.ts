// Reads a FAT32 file system (Microsoft, "FAT32 File System Specification" 1.03) without trusting it.
// Not mtools: it takes a damaged table for granted, and its listing hides what is wrong.
import { CHUNK_BYTES, Damaged, textField } from './source.ts';
import type { Source } from './source.ts';

const SECTOR_BYTES = 512;
/** Our boot partition holds about 30 files in two folders of 3 KB each; hostile ones end here. */
const FILES_MAX = 4_096;
const FOLDERS_MAX = 64;
const DEPTH_MAX = 4;
const FOLDER_BYTES_MAX = 256 * 1024;
const ENTRY_BYTES = 32;
const BACKUP_SECTOR = 6;
/** Byte 0x41: Linux marks a mounted file system here, in the first copy only. */
const DIRTY_AT = 0x41;
/** The highest FAT32 cluster number that is data; above are marks. */
const CLUSTER_MAX = 0x0f_ff_ff_f6;

export interface FatFile {
  /** With folders: `a/vmlinuz`. */
  readonly path: string;
  readonly bytes: number;
  /** The content, piece by piece. Throws Damaged. */
  chunks(): AsyncGenerator<Buffer>;
  /** Where its first byte lies in the file system. Throws Damaged when it has none. */
  firstAt(): number;
}

export interface Fat {
  readonly label: string;
  readonly files: readonly FatFile[];
  /** What is wrong though everything could be read; sentences without a full stop. */
  readonly faults: readonly string[];
}

interface Geometry {
  readonly clusterBytes: number;
  readonly tables: number;
  readonly tableBytes: number;
  readonly tableAt: number;
  readonly dataAt: number;
  readonly clusters: number;
  readonly root: number;
  readonly label: string;
}

/** Reads all names. Throws Damaged when it is no FAT32 or cannot be followed. */
export async function readFat(source: Source): Promise<Fat> {
  const faults: string[] = [];
  const geometry = await readGeometry(source, faults);
  const table = await source.read(geometry.tableAt, geometry.tableBytes);
  for (let copy = 1; copy < geometry.tables; copy += 1) {
    const other = await source.read(
      geometry.tableAt + copy * geometry.tableBytes,
      geometry.tableBytes,
    );
    if (!table.equals(other)) faults.push('the two copies of its file table differ');
  }
  const disk: Disk = { source, geometry, table };
  const files: FatFile[] = [];
  const label = await walk(disk, geometry.root, {
    prefix: '',
    depth: 0,
    files,
    seen: { folders: 0 },
  });
  return { label: label ?? geometry.label, files, faults };
}

async function readGeometry(source: Source, faults: string[]): Promise<Geometry> {
  const first = await source.read(0, SECTOR_BYTES);
  const backup = await source.read(BACKUP_SECTOR * SECTOR_BYTES, SECTOR_BYTES);
  first[DIRTY_AT] = 0;
  backup[DIRTY_AT] = 0;
  if (!first.equals(backup)) faults.push('the two copies of its first sector differ');
  const geometry = parseGeometry(first, source.bytes) ?? parseGeometry(backup, source.bytes);
  if (geometry === undefined) throw new Damaged('it holds no FAT32 file system');
  return geometry;
}

function parseGeometry(sector: Buffer, bytes: number): Geometry | undefined {
  const perCluster = sector.readUInt8(13);
  const reserved = sector.readUInt16LE(14);
  const tables = sector.readUInt8(16);
  const tableSectors = sector.readUInt32LE(36);
  const sectors = sector.readUInt32LE(32);
  const dataSector = reserved + tables * tableSectors;
  const sound =
    sector.readUInt16LE(510) === 0xaa_55 &&
    sector.readUInt16LE(11) === SECTOR_BYTES &&
    [1, 2, 4, 8, 16, 32, 64, 128].includes(perCluster) &&
    reserved > BACKUP_SECTOR &&
    (tables === 1 || tables === 2) &&
    sector.readUInt16LE(22) === 0 &&
    dataSector < sectors &&
    sectors * SECTOR_BYTES <= bytes;
  if (!sound) return undefined;
  const clusters = Math.floor((sectors - dataSector) / perCluster);
  if (clusters > CLUSTER_MAX || tableSectors * SECTOR_BYTES < (clusters + 2) * 4) return undefined;
  return {
    clusterBytes: perCluster * SECTOR_BYTES,
    tables,
    tableBytes: tableSectors * SECTOR_BYTES,
    tableAt: reserved * SECTOR_BYTES,
    dataAt: dataSector * SECTOR_BYTES,
    clusters,
    root: sector.readUInt32LE(44),
    label: textField(sector.subarray(71, 82)),
  };
}

interface Disk {
  readonly source: Source;
  readonly geometry: Geometry;
  readonly table: Buffer;
}

/** Runs of neighbouring clusters from `first` on, as byte ranges. Throws Damaged on a loop. */
function* runs(disk: Disk, first: number): Generator<{ at: number; bytes: number }> {
  const { clusters, clusterBytes, dataAt } = disk.geometry;
  let cluster = first;
  let left = clusters;
  let run: { at: number; bytes: number } | undefined;
  while (cluster <= CLUSTER_MAX) {
    if (cluster < 2 || cluster >= clusters + 2) {
      throw new Damaged(`its file table points to cluster ${cluster}, which does not exist`);
    }
    if ((left -= 1) < 0) throw new Damaged('its file table runs in a circle');
    const at = dataAt + (cluster - 2) * clusterBytes;
    if (run !== undefined && run.at + run.bytes === at) run.bytes += clusterBytes;
    else {
      if (run !== undefined) yield run;
      run = { at, bytes: clusterBytes };
    }
    cluster = disk.table.readUInt32LE(cluster * 4) & 0x0f_ff_ff_ff;
  }
  if (run !== undefined) yield run;
}

interface Walk {
  readonly prefix: string;
  readonly depth: number;
  readonly files: FatFile[];
  readonly seen: { folders: number };
}

/** Collects the files of a folder and those below; returns the volume label if it holds one. */
async function walk(disk: Disk, first: number, walked: Walk): Promise<string | undefined> {
  const { prefix, depth, files, seen } = walked;
  if ((seen.folders += 1) > FOLDERS_MAX)
    throw new Damaged('it holds more folders than ours ever do');
  if (depth > DEPTH_MAX) throw new Damaged('its folders lie deeper than ours ever do');
  let label: string | undefined;
  for (const entry of entriesOf(await folderBytes(disk, first))) {
    if (entry.attributes & 0x08) label = entry.name;
    else if (entry.name === '.' || entry.name === '..') continue;
    else if (entry.attributes & 0x10) {
      const below = { prefix: `${prefix}${entry.name}/`, depth: depth + 1, files, seen };
      await walk(disk, entry.cluster, below);
    } else {
      if (files.length >= FILES_MAX) throw new Damaged('it holds more files than ours ever do');
      const { bytes, cluster } = entry;
      const chunks = (): AsyncGenerator<Buffer> => contentOf(disk, cluster, bytes);
      const firstAt = (): number => placeOf(disk, cluster);
      files.push({ path: `${prefix}${entry.name}`, bytes, chunks, firstAt });
    }
  }
  return label;
}

async function folderBytes(disk: Disk, first: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for (const run of runs(disk, first)) {
    bytes += run.bytes;
    if (bytes > FOLDER_BYTES_MAX) throw new Damaged('a folder is larger than ours ever are');
    parts.push(await disk.source.read(run.at, run.bytes));
  }
  return Buffer.concat(parts);
}

function placeOf(disk: Disk, first: number): number {
  const [run] = runs(disk, first);
  if (run === undefined) throw new Damaged('a file is empty');
  return run.at;
}

async function* contentOf(disk: Disk, first: number, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  if (left === 0) return;
  for (const run of runs(disk, first)) {
    for (let at = 0; at < run.bytes && left > 0; at += CHUNK_BYTES) {
      const chunk = await disk.source.read(
        run.at + at,
        Math.min(CHUNK_BYTES, run.bytes - at, left),
      );
      left -= chunk.length;
      yield chunk;
    }
    if (left === 0) return;
  }
  throw new Damaged('a file is shorter than its folder says');
}

interface Entry {
  readonly name: string;
  readonly attributes: number;
  readonly cluster: number;
  readonly bytes: number;
}

/** The entries of a folder in order, long names put together. */
function* entriesOf(folder: Buffer): Generator<Entry> {
  let long: { readonly check: number; text: string } | undefined;
  for (let at = 0; at + ENTRY_BYTES <= folder.length; at += ENTRY_BYTES) {
    const raw = folder.subarray(at, at + ENTRY_BYTES);
    const attributes = raw.readUInt8(11);
    if (raw[0] === 0) return;
    if (raw[0] === 0xe5) long = undefined;
    else if ((attributes & 0x3f) === 0x0f) {
      const text = longPiece(raw);
      const check = raw.readUInt8(13);
      const goesOn = long !== undefined && long.check === check && (raw[0]! & 0x40) === 0;
      long = { check, text: goesOn ? text + long!.text : text };
    } else {
      const fits = long !== undefined && long.check === shortNameCheck(raw);
      yield {
        name: fits ? long!.text.replace(/\p{Cc}/gu, '?') : shortName(raw, attributes),
        attributes,
        cluster: (raw.readUInt16LE(20) << 16) | raw.readUInt16LE(26),
        bytes: raw.readUInt32LE(28),
      };
      long = undefined;
    }
  }
}

/** 13 characters of a long name, up to its NUL. */
function longPiece(raw: Buffer): string {
  const units = [raw.subarray(1, 11), raw.subarray(14, 26), raw.subarray(28, 32)];
  const text = Buffer.concat(units).toString('utf16le');
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

function shortNameCheck(raw: Buffer): number {
  let sum = 0;
  for (const byte of raw.subarray(0, 11)) sum = ((sum >>> 1) + ((sum & 1) << 7) + byte) & 0xff;
  return sum;
}

/** `VMLINUZ`, or `vmlinuz` when the flags of byte 12 say so; a label keeps its spaces and case. */
function shortName(raw: Buffer, attributes: number): string {
  if (attributes & 0x08) return textField(raw.subarray(0, 11));
  const flags = raw.readUInt8(12);
  const part = (from: number, to: number, lower: number): string => {
    const text = textField(raw.subarray(from, to));
    return (flags & lower) === 0 ? text : text.toLowerCase();
  };
  const ending = part(8, 11, 0x10);
  return part(0, 8, 0x08) + (ending === '' ? '' : `.${ending}`);
}
