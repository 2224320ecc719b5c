// Where build.sh keeps things, and what commands say of files and numbers that they were given.
import { access, constants, mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../../core/errors.ts';
import { refusedByDisk } from '../../core/files.ts';
import { usageError } from '../command.ts';
import type { Option } from '../command.ts';

export const HOME = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
export const BUILD = join(HOME, 'build');
/** Where runs leave their logs. */
export const LOGS = join(BUILD, 'log');

/** The image that was built last. Throws OperatorError when there is none. */
export async function newestImage(): Promise<string> {
  const names = (await readdir(BUILD).catch(() => [])).filter((name) => name.endsWith('.img'));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(BUILD, name))).mtimeMs })),
  );
  const [newest] = dated.sort((a, b) => b.at - a.at);
  if (newest !== undefined) return join(BUILD, newest.name);
  throw new OperatorError('no-image', 'There is no image in build/', {
    hint: 'Build one with ./build.sh, or name one with --image FILE',
  });
}

/** The whole name of a file that is there. Throws OperatorError. */
export async function existing(name: string): Promise<string> {
  const file = resolve(name);
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    // A folder without rights: nobody can say that it is not there.
    if (error.code === 'EACCES') throw refusedByDisk(error, name) ?? error;
    return undefined;
  });
  if (found === undefined) {
    throw new OperatorError('file-missing', `There is no file ${name}`, {
      hint: `Look at the name; it was looked for in ${dirname(file)}`,
    });
  }
  if (!found.isDirectory()) return file;
  throw new OperatorError('file-is-folder', `${name} is a folder, not a file`, {
    hint: 'Name the file in it (of an image, the .img file)',
  });
}

/** Makes the folder if need be; throws when nothing can be written into it. `option` is what names it. */
export async function writable(folder: string, option = '--out DIR'): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new OperatorError('folder-not-writable', `Nothing can be written into ${folder}`, {
      hint: `Choose another ${option === '--out DIR' ? 'folder' : 'place'} with ${option} (${(cause as Error).message})`,
      cause,
    });
  }
}

/** What a command writes, and may replace: its first bytes as Latin-1, and what it is called. */
export interface Kind {
  readonly begins: string;
  readonly is: string;
}

/**
 * Whether a file can be made there, asked before the work that fills it; over another one only if that is of the same
 * kind, and over none with `isNew`. Throws OperatorError.
 */
export async function writableFile(
  name: string,
  { isNew = false, over }: { readonly isNew?: boolean; readonly over?: Kind } = {},
): Promise<void> {
  const folder = dirname(resolve(name));
  await stat(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') return;
    throw new OperatorError('folder-missing', `There is no folder ${folder}`, {
      hint: 'Make it, or choose another place with --out FILE',
      cause,
    });
  });
  await writable(folder, '--out FILE');
  const found = await stat(name).catch(() => undefined);
  if (found === undefined) return;
  if (found.isDirectory()) {
    throw new OperatorError('file-is-folder', `${name} is a folder, not a file`, {
      hint: 'Give the name of a file in it with --out FILE',
    });
  }
  if (isNew) {
    throw new OperatorError('file-there', `${name} is there already (${found.size} bytes)`, {
      hint: 'Give another name with --out FILE',
    });
  }
  // Of a pipe or a device nothing is replaced, and of an empty file nothing is lost.
  if (over === undefined || !found.isFile() || found.size === 0) return;
  if ((await firstBytes(name, over.begins.length)) === over.begins) return;
  throw new OperatorError('file-there', `${name} is there already, and is no ${over.is}`, {
    hint: 'Give another name with --out FILE, or move that one away',
  });
}

async function firstBytes(name: string, count: number): Promise<string> {
  try {
    await using handle = await open(name);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(count), 0, count, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } catch (error) {
    throw refusedByDisk(error, name) ?? error;
  }
}

/**
 * The form of a file: what was asked for, else what its name ends in, else the first. Throws a usage error when the
 * two disagree, and for an ending that is none of them.
 */
export function formatOf<F extends string>(
  formats: readonly [F, ...F[]],
  { format, out = '' }: { readonly format: string | undefined; readonly out: string | undefined },
): F {
  const asked = formats.find((one) => one === format);
  const named = formats.find((one) => out.toLowerCase().endsWith(`.${one}`));
  if (asked === undefined && named === undefined && extname(out) !== '') {
    throw usageError(
      `${out} does not say by its ending what it should be`,
      `Let it end in ${formats.map((one) => `.${one}`).join(', ')}, or say it with --format`,
    );
  }
  if (asked === undefined || named === undefined || asked === named) {
    return asked ?? named ?? formats[0];
  }
  throw usageError(
    `--format ${asked} does not go with the name ${out}`,
    `Leave --format away for ${named.toUpperCase()}, or let the name end in .${asked}`,
  );
}

/** Not mkdir's `recursive`: below /proc it tries for ever (measured, Node 24.21). */
async function makeFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error(`${folder} is a file`);
  await makeFolder(dirname(folder));
  await mkdir(folder);
}

/** What a whole number must be, for an option's `accepts`. */
export function wholeNumber(min: number, max: number): NonNullable<Option['accepts']> {
  return (text) =>
    /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max
      ? undefined
      : `Give a whole number from ${min} to ${max}`;
}
