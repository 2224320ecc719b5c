// What a build is made from: version, time and hashes. Knows nothing of how it is built.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, readlink, lstat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { run } from '../core/run.ts';

/** Suite and architecture of every image: facts of the product, not options. */
export const SUITE = 'trixie';
export const ARCHITECTURE = 'arm64';
export const COMPONENTS = 'main,non-free-firmware';

/** Folders and files whose content ends up in an image. */
export const SOURCES = [
  'agent',
  'stage-clock',
  'image/release',
  'image/stage-debian',
  'image/unit/assemble.ts',
  'image/unit/layout.ts',
  'package.json',
  'package-lock.json',
];

/** Kept between builds and shared by all checkouts of one person. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'clock-iot-unit');
}

/** SHA-256 of a file as hex, streamed. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

export function hashText(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('hex');
}

/** Every file below the folders, by path, mode and content: one hash for all of them. */
export async function hashTree(root: string, folders: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const file of await filesBelow(join(root, folder))) {
      const stat = await lstat(file);
      const content = stat.isSymbolicLink() ? await readlink(file) : await readFile(file);
      const name = relative(root, file);
      hash.update(`${name}\0${(stat.mode & 0o111) === 0 ? '-' : 'x'}\0${content.length}\0`);
      hash.update(content);
    }
  }
  return hash.digest('hex');
}

async function filesBelow(path: string): Promise<string[]> {
  const stat = await lstat(path);
  if (!stat.isDirectory()) return [path];
  const files: string[] = [];
  for (const name of (await readdir(path)).sort())
    files.push(...(await filesBelow(join(path, name))));
  return files;
}

/**
 * The time that stands for "now" in everything a build writes (seconds since 1970), so that the same
 * inputs give the same bytes: SOURCE_DATE_EPOCH if set (reproducible-builds.org), else the last commit.
 */
export async function sourceEpoch(root: string, folders: readonly string[]): Promise<number> {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined && /^\d{1,12}$/.test(given)) return Number(given);
  const log = await run(['git', '-C', root, 'log', '-1', '--format=%ct', '--', ...folders], {
    accept: [128],
  });
  const seconds = Number(log.stdout.trim());
  if (seconds > 0) return seconds;
  const { mtimeMs } = await lstat(join(root, 'package-lock.json'));
  return Math.floor(mtimeMs / 1000);
}
