// A real card (or a file in its place): opened for itself alone, past the kernel's cache.
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { access, open, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { CardIdentity } from '../ledger/ports.ts';
import { deviceBytes, sysfsOf } from '../unit/read/source.ts';
import { another } from './faults.ts';
import { CHUNK_BYTES } from './limits.ts';
import type { CardDevice } from './ports.ts';

const { O_RDONLY, O_RDWR, O_EXCL, O_DIRECT } = constants;
/** The memory of WebAssembly comes in pages of this size. */
const WASM_PAGE_BYTES = 65_536;

/**
 * Which device or file that is: its name may be another's a moment later, and its number, once it is free, too;
 * hence when it was made.
 */
export const nodeOf = ({ dev, ino, rdev, birthtimeMs }: Stats): string =>
  [dev, ino, rdev, birthtimeMs].join(':');

/**
 * The same of what lies there now: the kernel counts the media that it saw in a reader (sysfs-block, "diskseq"),
 * so that a card which took another one's place between two looks is not taken for it.
 */
export async function mediumOf(found: Stats): Promise<string> {
  if (!found.isBlockDevice()) return nodeOf(found);
  // Kernels before 5.15 do not count.
  const count = await readFile(`${sysfsOf(found.rdev)}/diskseq`, 'utf8').catch(() => '');
  return `${nodeOf(found)}:${count.trim()}`;
}

/**
 * Opens a card. O_EXCL: the kernel refuses a card that is mounted, part of a volume, or opened so by another.
 * O_DIRECT: what is read back comes from the card. A file system that cannot do that (older tmpfs) is
 * for tests, its files are opened without. Throws the system's error, and OperatorError `card-pulled` when it is
 * not the `node` that was looked at (mediumOf).
 */
export async function openCard(path: string, node?: string): Promise<CardDevice> {
  const handle = await open(path, O_RDWR | O_EXCL | O_DIRECT).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    return openFile(path);
  });
  const found = await handle.stat();
  const isDisk = found.isBlockDevice();
  const isRight = node === undefined || (await mediumOf(found)) === node;
  if (!(isDisk || found.isFile()) || !isRight) {
    await handle.close();
    throw another(path);
  }
  return {
    bytes: await bytesOf(found),
    write: (at, bytes) => whole(bytes, at, (part, from) => writePart(handle, part, from)),
    read: (at, into) => whole(into, at, (part, from) => readPart(handle, part, from)),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

/**
 * Whether a card can be written as it was looked at; changes nothing on it. Throws what openCard() throws. Read-only: a
 * device that was open for writing is looked at by udev when it is closed.
 */
export async function tryCard({ device, node, bytes }: CardIdentity): Promise<void> {
  await access(device, constants.W_OK);
  await using handle = await open(device, O_RDONLY | O_EXCL);
  const found = await handle.stat();
  const isRight = node === undefined || (await mediumOf(found)) === node;
  if (!isRight || (await bytesOf(found)) !== bytes) throw another(device);
}

const bytesOf = (found: Stats): Promise<number> =>
  found.isBlockDevice() ? deviceBytes(found.rdev) : Promise.resolve(found.size);

async function openFile(path: string): Promise<FileHandle> {
  const handle = await open(path, O_RDWR | O_EXCL);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw Object.assign(new Error('no direct I/O'), { code: 'EINVAL' });
}

const writePart = async (handle: FileHandle, part: Uint8Array, at: number): Promise<number> =>
  (await handle.write(part, 0, part.length, at)).bytesWritten;
const readPart = async (handle: FileHandle, part: Uint8Array, at: number): Promise<number> =>
  (await handle.read(part, 0, part.length, at)).bytesRead;

async function whole(
  bytes: Uint8Array,
  at: number,
  step: (part: Uint8Array, at: number) => Promise<number>,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const moved = await step(bytes.subarray(done), at + done);
    // The kernel's word for "the device ends here".
    if (moved === 0) throw Object.assign(new Error('the card ends there'), { code: 'ENOSPC' });
    done += moved;
  }
}

/** Its types come with those of browsers, which are not wanted here. */
const { WebAssembly: wasm } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Memory: new (size: { readonly initial: number; readonly maximum: number }) => {
      readonly buffer: ArrayBuffer;
    };
  };
};

/**
 * Buffers for direct I/O. Node's own begin anywhere (O_DIRECT then answers EINVAL); memory of WebAssembly
 * is mapped, hence begins at a page (test/image/card/device.test.ts).
 */
export function alignedBuffers(count: number): Uint8Array[] {
  const pages = (count * CHUNK_BYTES) / WASM_PAGE_BYTES;
  const { buffer } = new wasm.Memory({ initial: pages, maximum: pages });
  return Array.from(
    { length: count },
    (_, index) => new Uint8Array(buffer, index * CHUNK_BYTES, CHUNK_BYTES),
  );
}
