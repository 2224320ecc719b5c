// A copy of the state's file system that may be repaired: the blocks in use, decrypted, into a sparse file;
// then e2fsck replays its journal and mends it. The card itself is only read.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatorError } from '../../core/errors.ts';
import { MEMORY, memoryFolder } from '../../core/memory.ts';
import type { MemoryFolder } from '../../core/memory.ts';
import { run } from '../../core/run.ts';
import type { Extent, Forgiving } from './forgiving.ts';
import { Blocks, usedBlocks } from './used.ts';

const BLOCK_BYTES = 4096;
/** 1 MiB a read: quick on a card reader, and a bad block costs no more than its neighbours' second reading. */
const RUN_BLOCKS = 256;
/** What else the folder takes: the queue, twice. */
const SPARE_BYTES = 256 * 1024 * 1024;
/** e2fsck(8): 1 corrected, 2 corrected and restart, 4 not all corrected: what can be read is read. */
const E2FSCK_ACCEPT = [1, 2, 4];

export interface Copy {
  /** For this user alone; gone when closed. */
  readonly folder: string;
  /** Else it lies on a disk until it is closed. */
  readonly isInMemory: boolean;
  readonly file: string;
  /** It had a journal to replay, or was damaged. */
  readonly repaired: boolean;
  /** What could not be mended. */
  readonly isDamaged: boolean;
  close(): Promise<void>;
}

/** `onDone` is told 0…1. Throws OperatorError, or Damaged when there is no file system to be found. */
export async function copyState(
  plain: Forgiving,
  options: { readonly onDone?: (done: number) => void; readonly signal?: AbortSignal | undefined },
): Promise<Copy> {
  const { onDone = (): void => {}, signal } = options;
  const used = await usedBlocks(plain);
  const copied = [...used.runs(RUN_BLOCKS)].reduce((sum, { bytes }) => sum + bytes, 0);
  const place = await privateFolder(copied);
  const { path: folder, isInMemory } = place;
  const close = async (): Promise<void> => place[Symbol.asyncDispose]();
  try {
    const file = join(folder, 'state.ext4');
    const handle = await open(file, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
    try {
      await handle.truncate(plain.bytes);
      await copyRuns(plain, handle, { runs: [...used.runs(RUN_BLOCKS)], onDone, signal });
      const { code } = await e2fsck(file, signal);
      await copyReplayed(plain, handle, { file, used, signal });
      const isDamaged = (code & 4) !== 0;
      return { folder, isInMemory, file, repaired: code !== 0, isDamaged, close };
    } finally {
      await handle.close();
    }
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A folder for this user alone with room for so many bytes and the queue; in memory if that has it, as nothing of it
 * shall be left: a disk remembers.
 */
export async function privateFolder(bytes: number): Promise<MemoryFolder> {
  const wanted = bytes + SPARE_BYTES;
  const place = await memoryFolder('clock-recover', { bytes: wanted });
  if (place !== undefined) return place;
  const mib = Math.ceil(wanted / 1024 / 1024);
  throw new OperatorError(
    'no-room',
    `There is no room for ${mib} MiB in ${MEMORY} or ${tmpdir()}`,
    {
      hint: 'Set TMPDIR to a folder with more room; what lies there is removed afterwards',
    },
  );
}

async function copyRuns(
  plain: Forgiving,
  to: FileHandle,
  of: {
    readonly runs: readonly Extent[];
    readonly onDone: (done: number) => void;
    readonly signal: AbortSignal | undefined;
  },
): Promise<void> {
  const all = of.runs.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const { at, bytes } of of.runs) {
    of.signal?.throwIfAborted();
    await writeSparse(to, at, await plain.read(at, bytes));
    done += bytes;
    of.onDone(done / all);
  }
}

/** Blocks of zeros stay holes. */
async function writeSparse(to: FileHandle, at: number, bytes: Buffer): Promise<void> {
  const isZero = (from: number): boolean => ZEROS.equals(bytes.subarray(from, from + BLOCK_BYTES));
  for (let from = 0; from < bytes.length;) {
    let end = from;
    while (end < bytes.length && !isZero(end)) end += BLOCK_BYTES;
    if (end > from) await to.write(bytes, from, end - from, at + from);
    from = end;
    while (from < bytes.length && isZero(from)) from += BLOCK_BYTES;
  }
}

const ZEROS = Buffer.alloc(BLOCK_BYTES);

const e2fsck = async (file: string, signal: AbortSignal | undefined): Promise<{ code: number }> =>
  run(['e2fsck', '-f', '-y', file], { accept: E2FSCK_ACCEPT, signal });

/**
 * What the journal says is in use, and the card's own bitmaps did not say yet: its content is on the card (it
 * is written before the journal says so), and not in the copy. A block that the journal itself brought is there.
 */
async function copyReplayed(
  plain: Forgiving,
  handle: FileHandle,
  of: {
    readonly file: string;
    readonly used: Blocks;
    readonly signal: AbortSignal | undefined;
  },
): Promise<void> {
  const source = {
    bytes: plain.bytes,
    async read(at: number, length: number): Promise<Buffer> {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, at);
      return buffer.fill(0, bytesRead);
    },
  };
  for (const { at } of (await usedBlocks(source)).runs(1)) {
    if (of.used.has(at / BLOCK_BYTES)) continue;
    of.signal?.throwIfAborted();
    if (!ZEROS.equals(await source.read(at, BLOCK_BYTES))) continue;
    await writeSparse(handle, at, await plain.read(at, BLOCK_BYTES));
  }
}
