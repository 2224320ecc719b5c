// What lies on a card before it is written: what nobody would miss, or something that somebody may still want.
import { setTimeout as sleep } from 'node:timers/promises';
import { log } from '../core/log.ts';
import {
  LUKS_HEADER_MIB,
  MIB,
  NOT_FINISHED,
  STATE_AT,
  SYSTEM_AT,
  SYSTEM_LABEL,
} from '../unit/layout.ts';
import { readLuks } from '../unit/read/luks.ts';
import { openSource, section } from '../unit/read/source.ts';
import type { Source } from '../unit/read/source.ts';
import { readTable } from '../unit/read/table.ts';
import { serialOn } from '../unit/whose.ts';
import { CONTENT_MS_MAX } from './limits.ts';

/**
 * `new`: as it was bought, erased, or left unfinished by a flasher. `ours`: a finished unit. `files`: something else
 * lies on it. `unreadable`: nobody can tell.
 */
export type Content = 'new' | 'ours' | 'files' | 'unreadable';

export interface Contents {
  readonly holds: Content;
  /** The serial of the unit whose card it is, where it tells it. */
  readonly unit?: string | undefined;
}

/** Nothing of ours: it is no unit's card. */
export const isNoUnit = (holds: Content | 'looking'): boolean =>
  holds === 'new' || holds === 'files';

/** File systems say what they are within this: btrfs and others at 64 KiB. */
const HEAD_BYTES = MIB;
/** The first piece of a root folder; one that has no end in it has files. */
const FOLDER_BYTES_MAX = 64 * 1024;
const ENTRY_BYTES = 32;
/** Of a GPT: such a card was set up by somebody. */
const PROTECTIVE = 0xee;
/** Windows makes this folder wherever it looks. */
const BY_WINDOWS = 'System Volume Information';
/** A boot sector's jump: what begins so and is no file system that is known here, is one that is not. */
const JUMPS = [0xeb, 0xe9];

const UNREADABLE: Contents = { holds: 'unreadable' };

/** What lies on a card; one that does not answer in time is unreadable. Never rejects. */
export async function contentWithin(
  device: string,
  { msMax = CONTENT_MS_MAX, open = openSource } = {},
): Promise<Contents> {
  const over = new AbortController();
  const late = sleep(msMax, UNREADABLE, { signal: over.signal, ref: false });
  const read = contentOf(device, open).catch((error: unknown) => {
    log(`# ${device} cannot be looked at: ${String(error)}`);
    return UNREADABLE;
  });
  try {
    return await Promise.race([read, late]);
  } finally {
    over.abort();
    late.catch(() => {});
  }
}

async function contentOf(path: string, open: typeof openSource): Promise<Contents> {
  const source = await open(path);
  let isUnreadable = false;
  const read = async (at: number, length: number): Promise<Buffer> =>
    source.read(at, length).catch((error: unknown) => {
      isUnreadable = true;
      throw error;
    });
  try {
    const card = { bytes: source.bytes, read };
    const holds = await judge(card);
    if (isUnreadable) return UNREADABLE;
    return holds === 'ours' ? { holds, unit: await serialOn(card) } : { holds };
  } catch {
    // A file system that leads nowhere is somebody's too.
    return isUnreadable ? UNREADABLE : { holds: 'files' };
  } finally {
    await source.close();
  }
}

async function judge(card: Source): Promise<Content> {
  if (card.bytes < STATE_AT + MIB) return 'new';
  const head = await card.read(0, HEAD_BYTES);
  // Begun by mistake and stopped at once, a unit's card has lost no more than its first block.
  if (isUnfinished(head)) return (await labelAt(card, STATE_AT)) === undefined ? 'new' : 'ours';
  if ((await labelAt(card, SYSTEM_AT)) === SYSTEM_LABEL) return 'ours';
  const { signed, partitions } = readTable(head);
  if (!signed) return isBlank(head) ? 'new' : 'files';
  // A file system may begin where a table would be.
  if (rootOf(head) !== undefined) return (await isEmpty(card)) ? 'new' : 'files';
  if (JUMPS.includes(head[0]!)) return 'files';
  for (const { type, start, bytes } of partitions) {
    const isThere = bytes > 0 && start + bytes <= card.bytes;
    if (type === PROTECTIVE || !isThere || !(await isEmpty(section(card, start, bytes))))
      return 'files';
  }
  return 'new';
}

const labelAt = async (card: Source, at: number): Promise<string | undefined> =>
  (await readLuks(section(card, at, LUKS_HEADER_MIB * MIB))).header?.label;

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
const isUnfinished = (head: Buffer): boolean => head.toString('utf8').startsWith(NOT_FINISHED);

/** Nothing that anybody would miss lies there: zeros, or a file system without files, as cards are sold. */
async function isEmpty(place: Source): Promise<boolean> {
  const head = await place.read(0, Math.min(HEAD_BYTES, place.bytes));
  const root = rootOf(head);
  if (root === undefined) return isBlank(head);
  const folder = await place.read(root.at, Math.min(root.bytes, FOLDER_BYTES_MAX));
  const entries = entriesOf(folder);
  if (entries === undefined) return false;
  return root.kind === 'fat' ? isEmptyFat(entries) : isEmptyExfat(entries);
}

interface Root {
  readonly kind: 'fat' | 'exfat';
  readonly at: number;
  readonly bytes: number;
}

/** Where a file system's root folder begins (Microsoft, "FAT32 File System Specification" 1.03; "exFAT"). */
function rootOf(head: Buffer): Root | undefined {
  if (head.length < 512 || head.readUInt16LE(510) !== 0xaa_55) return undefined;
  if (head.toString('latin1', 3, 11) === 'EXFAT   ') {
    const sector = 2 ** head.readUInt8(108);
    const bytes = sector * 2 ** head.readUInt8(109);
    const at = head.readUInt32LE(88) * sector + (head.readUInt32LE(96) - 2) * bytes;
    return { kind: 'exfat', at, bytes };
  }
  const sector = head.readUInt16LE(11);
  const tables = head.readUInt8(16);
  const tablesAt = head.readUInt16LE(14) * sector;
  if (head.toString('latin1', 82, 87) === 'FAT32') {
    const bytes = head.readUInt8(13) * sector;
    const dataAt = tablesAt + tables * head.readUInt32LE(36) * sector;
    return { kind: 'fat', at: dataAt + (head.readUInt32LE(44) - 2) * bytes, bytes };
  }
  if (!/^FAT1[26]/.test(head.toString('latin1', 54, 59))) return undefined;
  const at = tablesAt + tables * head.readUInt16LE(22) * sector;
  return { kind: 'fat', at, bytes: head.readUInt16LE(17) * ENTRY_BYTES };
}

/** Entries of a folder up to its end; undefined when it does not end here: it is full of something. */
function entriesOf(folder: Buffer): readonly Buffer[] | undefined {
  const entries: Buffer[] = [];
  for (let at = 0; at + ENTRY_BYTES <= folder.length; at += ENTRY_BYTES) {
    if (folder[at] === 0) return entries;
    entries.push(folder.subarray(at, at + ENTRY_BYTES));
  }
  return undefined;
}

function isEmptyFat(entries: readonly Buffer[]): boolean {
  const [longName, label, isFolder] = [0x0f, 0x08, 0x10];
  let name = '';
  for (const entry of entries) {
    const attributes = entry[11]!;
    if (entry[0] === 0xe5) name = '';
    else if (attributes === longName) {
      // Pieces of a long name stand before their file, the last one first.
      const pieces = [entry.subarray(1, 11), entry.subarray(14, 26), entry.subarray(28, 32)];
      name = Buffer.concat(pieces).toString('utf16le') + name;
    } else if ((attributes & label) === 0) {
      if ((attributes & isFolder) === 0 || untilEnd(name) !== BY_WINDOWS) return false;
      name = '';
    }
  }
  return true;
}

function isEmptyExfat(entries: readonly Buffer[]): boolean {
  const [file, namePart] = [0x85, 0xc1];
  const names: string[] = [];
  for (const entry of entries) {
    if (entry[0] === file) names.push('');
    if (entry[0] === namePart) names.push(`${names.pop() ?? ''}${entry.toString('utf16le', 2)}`);
  }
  return names.every((name) => untilEnd(name) === BY_WINDOWS);
}

const untilEnd = (name: string): string => name.split('\0', 1)[0]!;
