// Files that people asked for: whole or not there; and what the file system refuses, in words.
// Knows nothing of what is in them.
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { OperatorError } from './errors.ts';

type Words = readonly [code: string, message: (file: string) => string, hint: string];

const FULL: Words = [
  'disk-full',
  (file) => `There is no space left for ${file}`,
  'Free space ("df -h" shows where), or write to another disk',
];
const DENIED: Words = [
  'not-permitted',
  (file) => `This user may not read or change ${file}`,
  'Was it made by root? "sudo chown -R $USER" on its folder, or run as root',
];
const NAME = 'Look at the name, and whether its folder is there';
const WORDS: Readonly<Record<string, Words>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: [
    'read-only',
    (file) => `${file} is on a disk that cannot be written`,
    'Is it write-protected ("findmnt" tells)? Write to another disk, or use a copy of it there',
  ],
  EIO: [
    'disk-failing',
    (file) => `${file} cannot be read or written: its disk fails`,
    'Look at the disk ("dmesg"); is it still plugged in?',
  ],
  EISDIR: ['file-is-folder', (file) => `${file} is a folder, not a file`, 'Name a file in it'],
  ENOENT: ['file-missing', (file) => `There is no ${file}`, NAME],
  ENOTDIR: [
    'file-missing',
    (file) => `${file} cannot be there: what should be its folder is a file`,
    NAME,
  ],
  ELOOP: ['file-missing', (file) => `${file} is a link that leads nowhere`, NAME],
  ENAMETOOLONG: ['file-missing', (file) => `${file} is too long a name`, NAME],
};

/**
 * What the file system refused, for a person; undefined when it is nothing of that kind. `file` is what it is said
 * of, where that is not the file that was refused (a draft of it).
 */
export function refusedByDisk(error: unknown, file?: string): OperatorError | undefined {
  if (!(error instanceof Error) || error instanceof OperatorError) return undefined;
  const { code = '', path = 'a file', message } = error as NodeJS.ErrnoException;
  const words = Object.hasOwn(WORDS, code) ? WORDS[code] : undefined;
  if (words === undefined) return undefined;
  const [kind, said, hint] = words;
  // Without the call and its names: a draft's says nothing to anybody.
  const [why] = message.split(', ');
  return new OperatorError(kind, `${said(file ?? path)} (${why})`, { hint, cause: error });
}

/** Does the work; throws what the file system refuses as an OperatorError of `file`. */
export function saying<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw refusedByDisk(error, file) ?? error;
  }
}

/**
 * Writes files, each whole or not at all, none when one of them finds no room: drafts beside them first, which go when
 * anything fails. What a file replaces leaves it its mode, and under root its owner; a pipe or a device is written to.
 * Nothing stops it half way but the machine, since it does not wait: Ctrl-C is heard behind it. Throws OperatorError.
 */
export function writeWhole(files: readonly (readonly [name: string, content: Uint8Array])[]): void {
  const drafts: { readonly draft: string; readonly file: string }[] = [];
  try {
    for (const [name, content] of files) {
      saying(name, () => {
        const found = fs.statSync(name, { throwIfNoEntry: false });
        if (found !== undefined && !found.isFile()) return fs.writeFileSync(name, content);
        // By a link: what it leads to is replaced.
        const file = found === undefined ? resolve(name) : fs.realpathSync(name);
        const draft = `${file}.${randomUUID()}.part`;
        drafts.push({ draft, file });
        fillNew(draft, { content, like: found });
      });
    }
    for (const { draft, file } of drafts) {
      saying(file, () => {
        fs.renameSync(draft, file);
        syncFolder(dirname(file));
      });
    }
  } finally {
    for (const { draft } of drafts) fs.rmSync(draft, { force: true });
  }
}

function fillNew(
  draft: string,
  { content, like }: { content: Uint8Array; like: fs.Stats | undefined },
): void {
  const handle = fs.openSync(draft, 'wx', like === undefined ? 0o666 : 0o600);
  try {
    fs.writeFileSync(handle, content);
    if (like !== undefined) {
      if (process.getuid?.() === 0) fs.fchownSync(handle, like.uid, like.gid);
      fs.fchmodSync(handle, like.mode & 0o7777);
    }
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

/** Until then a name that was made or changed in it may be lost with the power. */
export function syncFolder(folder: string): void {
  const handle = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
