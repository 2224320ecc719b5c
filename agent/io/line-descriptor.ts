// A line's connection over an open file that never blocks (a serial port, a USB printer): reads all the time,
// writes when asked, and closes the file only when neither is under way. A number of a closed file soon belongs to
// another one: a read that comes late would take that one's bytes.
import { read, write } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf } from '../core/errors.ts';
import { READ_BYTES } from '../core/line/limits.ts';
import type { Attempt, AttemptHears } from './line-attempts.ts';
import type { Put } from './line-writes.ts';

const readFile = promisify(read);
const writeFile = promisify(write);

/** An open file and how to wait for it. */
export interface Descriptor {
  readonly fd: number;
  /** The kernel takes a write of nothing only when all before it has reached the device. */
  readonly tellsWhenSent: boolean;
  /** Resolves when another try is worth it. Rejects when the device is gone, and once stopped. */
  readable(): Promise<void>;
  writable(): Promise<void>;
  /** A read gave nothing, or failed: is that the device's end (rejects with what is told), or its silence? */
  silent(why: 'empty' | { readonly code: string }): Promise<void>;
  /** Whoever waits is woken. */
  stop(): void;
  /** `isWriting`: a write was cut short; what the kernel still holds of it may be thrown away. */
  close(isWriting: boolean): Promise<void>;
}

export function descriptorAttempt(
  path: string,
  open: (path: string) => Promise<Descriptor>,
  on: AttemptHears,
): Attempt {
  let file: Descriptor | undefined;
  let isStopped = false;
  let writing: Promise<void> | undefined;
  const isGoing = (): boolean => !isStopped;

  const readOn = async (from: Descriptor): Promise<void> => {
    const buffer = Buffer.alloc(READ_BYTES);
    while (isGoing()) {
      const got = await readOnce(from, buffer);
      if (!isGoing()) return;
      if (typeof got === 'number') on.bytes(Buffer.from(buffer.subarray(0, got)));
      else if (got === 'wait') await from.readable();
      else await from.silent(got);
    }
  };
  const writeOut = async (to: Descriptor, bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length && isGoing();) {
      const taken = await writeOnce(to, bytes.subarray(at));
      if (taken === 'wait') await to.writable();
      else at += taken;
    }
    if (to.tellsWhenSent)
      while (isGoing() && (await writeOnce(to, Buffer.alloc(0))) === 'wait') await to.writable();
    if (isStopped) throw new Error('closed');
  };
  const put: Put = async (piece) => {
    if (file === undefined || isStopped) throw new Error('closed');
    writing = writeOut(file, piece);
    try {
      await writing;
      writing = undefined;
    } catch (error) {
      // A device that takes nothing any more is gone, though reading may not have shown it yet.
      if (isGoing()) on.gone(codeOf(error));
      throw error;
    }
  };
  const run = async (): Promise<void> => {
    try {
      file = await open(path);
      if (isStopped) return;
      on.up(path);
      await readOn(file);
    } catch (error) {
      if (isGoing()) on.gone(codeOf(error));
    }
  };
  const reading = run();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    isStopped = true;
    file?.stop();
    await reading;
    const cut = writing;
    await cut?.catch(() => {});
    await file?.close(cut !== undefined).catch(() => {});
  };
  return { put, close: async () => (closing ??= close()) };
}

/** Nothing there now, the kernel says, or a signal came in between. */
const isWait = (code: string): boolean => /^(EAGAIN|EWOULDBLOCK|EINTR)$/.test(code);

async function readOnce(
  { fd }: Descriptor,
  buffer: Buffer,
): Promise<number | 'wait' | 'empty' | { readonly code: string }> {
  try {
    const { bytesRead } = await readFile(fd, buffer, 0, buffer.length, null);
    return bytesRead === 0 ? 'empty' : bytesRead;
  } catch (error) {
    const code = codeOf(error);
    return isWait(code) ? 'wait' : { code };
  }
}

async function writeOnce({ fd }: Descriptor, bytes: Uint8Array): Promise<number | 'wait'> {
  try {
    return (await writeFile(fd, bytes, 0, bytes.length, null)).bytesWritten;
  } catch (error) {
    if (isWait(codeOf(error))) return 'wait';
    throw error;
  }
}
