// From a release to an image: one card's content, written into a file.
// Everything in userspace: no mount, no loop device, no device-mapper.
import { open, mkdir, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { openContent } from './content.ts';
import type { OpenedContent } from './content.ts';
import { makeKeys } from './keys.ts';
import { MIB } from './layout.ts';
import { makeTemplate } from './template.ts';

/** One write; what is all zeros in such a piece stays a hole in the file. */
const CHUNK_BYTES = MIB;

export interface AssembleOptions {
  /** A release folder: slot/, firmware/, root.erofs, manifest.json, manifest.sig, version. */
  readonly release: string;
  readonly image: string;
  readonly work: string;
  readonly epochSeconds: number;
  /** Files of one unit's record (name → content), put into the encrypted partition. */
  readonly record?: Readonly<Record<string, string | Buffer>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an image under its final name only when it is whole.
 * Every call makes a new transport key, a new volume key and new UUIDs for the system partition.
 */
export async function assemble(options: AssembleOptions): Promise<void> {
  const { release, work, image, epochSeconds, signal } = options;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const record = Object.fromEntries(
    Object.entries(options.record ?? {}).map(([name, text]) => [name, Buffer.from(text)]),
  );
  const sizes = Object.fromEntries(
    Object.entries(record).map(([name, bytes]) => [name, bytes.length]),
  );
  const folder = join(work, 'template');
  const template = await makeTemplate({ release, folder, epochSeconds, record: sizes, signal });
  const content = await openContent({ template, keys: await makeKeys(signal), record });
  const part = `${image}.part`;
  await rm(part, { force: true });
  try {
    await using file = await open(part, 'wx');
    await file.truncate(content.imageBytes);
    await writeAll(content, file, signal);
    await file.sync();
  } finally {
    await content.close();
  }
  await rename(part, image);
  await rm(work, { recursive: true, force: true });
}

async function writeAll(
  content: OpenedContent,
  file: FileHandle,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = Buffer.alloc(CHUNK_BYTES);
  for (const { at, bytes } of content.extents) {
    for (let done = 0; done < bytes; done += CHUNK_BYTES) {
      signal?.throwIfAborted();
      const piece = buffer.subarray(0, Math.min(CHUNK_BYTES, bytes - done));
      content.fill(at + done, piece);
      if (piece.some((byte) => byte !== 0)) await file.write(piece, 0, piece.length, at + done);
    }
  }
}
