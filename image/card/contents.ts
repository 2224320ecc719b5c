// What lies on a card before it is written: what nobody would miss, or something that somebody may still want.
import { setTimeout as sleep } from 'node:timers/promises';
import { MIB, NOT_FINISHED, SYSTEM_AT } from '../unit/layout.ts';
import { readLuks } from '../unit/read/luks.ts';
import { openSource, section } from '../unit/read/source.ts';
import type { Source } from '../unit/read/source.ts';
import { readTable } from '../unit/read/table.ts';
import { CONTENT_MS_MAX } from './limits.ts';

/**
 * `new`: as it was bought, erased, or left unfinished by a flasher. `ours`: a finished unit. `files`: something else
 * lies on it. `unreadable`: nobody can tell.
 */
export type Content = 'new' | 'ours' | 'files' | 'unreadable';

/** Nothing of ours: it is no unit's card. */
export const isNoUnit = (holds: Content | 'looking'): boolean =>
  holds === 'new' || holds === 'files';

/** File systems begin within this; what does not is taken for something as well. */
const HEAD_BYTES = 64 * 1024;
/** The first piece of a root folder; one that has no end in it has files. */
const FOLDER_BYTES_MAX = 64 * 1024;
const ENTRY_BYTES = 32;
/** Of a GPT: such a card was set up by somebody. */
const PROTECTIVE = 0xee;
/** Windows makes this folder wherever it looks; FAT has its short name. */
const BY_WINDOWS = { fat: 'SYSTEM~1', exfat: 'System Volume Information' } as const;

/** What lies on a card; one that does not answer in time is unreadable. Never rejects. */
export async function contentWithin(
  device: string,
  { msMax = CONTENT_MS_MAX, open = openSource } = {},
): Promise<Content> {
  const over = new AbortController();
  const late = sleep(msMax, 'unreadable' as const, { signal: over.signal, ref: false });
  const read = contentOf(device, open).catch(() => 'unreadable' as const);
  try {
    return await Promise.race([read, late]);
  } finally {
    over.abort();
    late.catch(() => {});
  }
}

async function contentOf(path: string, open: typeof openSource): Promise<Content> {
  const source = await open(path);
  let isUnreadable = false;
  const read = async (at: number, length: number): Promise<Buffer> =>
    source.read(at, length).catch((error: unknown) => {
      isUnreadable = true;
      throw error;
    });
  try {
    const content = await judge({ bytes: source.bytes, read });
    return isUnreadable ? 'unreadable' : content;
  } catch {
    // A file system that leads nowhere is somebody's too.
    return isUnreadable ? 'unreadable' : 'files';
  } finally {
    await source.close();
  }
}

async function judge(card: Source): Promise<Content> {
  if (card.bytes < SYSTEM_AT + MIB) return 'new';
  const head = await card.read(0, HEAD_BYTES);
  const table = readTable(head);
  if (!table.signed) return isBlank(head) || isUnfinished(head) ? 'new' : 'files';
  const { header } = await readLuks(section(card, SYSTEM_AT, 16 * MIB));
  if (header?.label === 'clock-os') return 'ours';
  // A file system may begin where a table would be.
  if (rootOf(head) !== undefined) return (await isEmpty(card)) ? 'new' : 'files';
  for (const { type, start, bytes } of table.partitions) {
    if (type === PROTECTIVE || !(await isEmpty(section(card, start, bytes)))) return 'files';
  }
  return 'new';
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
const isUnfinished = (head: Buffer): boolean => head.toString('utf8').startsWith(NOT_FINISHED);

/** Nothing that anybody would miss lies there: zeros, or a file system without files, as cards are sold. */
async function isEmpty(place: Source): Promise<boolean> {
  const head = await place.read(0, Math.min(HEAD_BYTES, place.bytes));
  const root = rootOf(head);
  if (root === undefined) return isBlank(head);
  const folder = await place.read(root.at, Math.min(root.bytes, FOLDER_BYTES_MAX));
  return root.kind === 'fat' ? isEmptyFat(folder) : isEmptyExfat(folder);
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

/** Entries of a folder up to its end; undefined when it does not end here. */
function entriesOf(folder: Buffer): readonly Buffer[] | undefined {
  const entries: Buffer[] = [];
  for (let at = 0; at + ENTRY_BYTES <= folder.length; at += ENTRY_BYTES) {
    if (folder[at] === 0) return entries;
    entries.push(folder.subarray(at, at + ENTRY_BYTES));
  }
  return undefined;
}

function isEmptyFat(folder: Buffer): boolean {
  const entries = entriesOf(folder);
  if (entries === undefined) return false;
  return entries.every((entry) => {
    const [isDeleted, isLabelOrLongName] = [entry[0] === 0xe5, (entry[11]! & 0x08) !== 0];
    return isDeleted || isLabelOrLongName || entry.toString('latin1', 0, 8) === BY_WINDOWS.fat;
  });
}

function isEmptyExfat(folder: Buffer): boolean {
  const entries = entriesOf(folder);
  if (entries === undefined) return false;
  const [file, namePart] = [0x85, 0xc1];
  const names: string[] = [];
  for (const entry of entries) {
    if (entry[0] === file) names.push('');
    if (entry[0] === namePart) names.push(`${names.pop() ?? ''}${entry.toString('utf16le', 2)}`);
  }
  return names.every((name) => name.replaceAll('\0', '') === BY_WINDOWS.exfat);
}
