// Bytes to look at: an image, a card, a partition in it, a decrypted partition. Reads, never writes.
import { constants } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { OperatorError } from '../../core/errors.ts';

/** Something with a known number of bytes. */
export interface Source {
  readonly bytes: number;
  /** Exactly these bytes; throws Damaged when they do not exist. */
  read(offset: number, length: number): Promise<Buffer>;
}

/** What was read is not what it should be: one sentence without a full stop, for a finding. */
export class Damaged extends Error {}

/** One read: large enough to be quick on a card reader, small enough for any machine. */
export const CHUNK_BYTES = 4 * 1024 * 1024;

export interface OpenedSource extends Source {
  readonly kind: 'file' | 'device';
  close(): Promise<void>;
}

/** Opens an image, a card file or a block device. Throws OperatorError `not-readable`. */
export async function openSource(file: string): Promise<OpenedSource> {
  const found = await stat(file);
  if (!found.isFile() && !found.isBlockDevice()) {
    throw new OperatorError('not-readable', `${file} is neither a file nor a block device`, {
      hint: 'Name an .img file, or a card such as /dev/sdb',
    });
  }
  const refused = (cause: unknown): never => {
    throw new OperatorError('not-readable', `Cannot read ${file}: ${(cause as Error).message}`, {
      hint: 'Is there a card in the reader? A card may need root: sudo ./build.sh inspect …',
      cause,
    });
  };
  const bytes = found.isFile() ? found.size : await deviceBytes(found.rdev).catch(refused);
  const handle = await open(file, constants.O_RDONLY).catch(refused);
  return {
    kind: found.isFile() ? 'file' : 'device',
    bytes,
    async read(offset, length) {
      checkRange(bytes, offset, length);
      const buffer = Buffer.alloc(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle
          .read(buffer, done, length - done, offset + done)
          .catch((cause: unknown) => {
            throw new Damaged(
              `reading at byte ${offset + done} fails: ${(cause as Error).message}`,
            );
          });
        if (bytesRead === 0) throw new Damaged(`it ends at byte ${offset + done}`);
        done += bytesRead;
      }
      return buffer;
    },
    close: () => handle.close(),
  };
}

/** A block device tells its size in sysfs, in units of 512 bytes whatever its sectors are. */
export async function deviceBytes(rdev: number): Promise<number> {
  return Number(await readFile(`${sysfsOf(rdev)}/size`, 'utf8')) * 512;
}

/** Where sysfs tells of a block device. */
export function sysfsOf(rdev: number): string {
  // makedev(3): 12 bits of major from bit 8, 8 + 12 bits of minor.
  const major = (rdev >>> 8) & 0xf_ff;
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xf_ff_00);
  return `/sys/dev/block/${major}:${minor}`;
}

/** A part of a source as a source of its own, cut off where the source ends. */
export function section(source: Source, offset: number, bytes: number): Source {
  const start = Math.min(Math.max(0, offset), source.bytes);
  const length = Math.min(bytes, source.bytes - start);
  return {
    bytes: length,
    async read(at, wanted) {
      checkRange(length, at, wanted);
      return source.read(start + at, wanted);
    },
  };
}

/** Throws Damaged unless these bytes lie inside. */
export function checkRange(bytes: number, offset: number, length: number): void {
  const sound = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (sound && offset >= 0 && length >= 0 && offset + length <= bytes) return;
  throw new Damaged(`something points to byte ${offset + length}, beyond the end (${bytes})`);
}

/** A fixed-length text field: up to the first NUL, without control characters. */
export function textField(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString('utf8');
  return text.replace(/[\p{Cc}\uFFFD]/gu, '?').trim();
}
