// Where build.sh keeps things, and what commands say of files and numbers that they were given.
import { access, constants, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
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

/** Whether a file can be made there, asked before the work that fills it. Throws OperatorError. */
export async function writableFile(
  name: string,
  { isNew = false }: { readonly isNew?: boolean } = {},
): Promise<void> {
  await writable(dirname(resolve(name)), '--out FILE');
  const found = await stat(name).catch(() => undefined);
  if (found === undefined) return;
  if (found.isDirectory()) {
    throw new OperatorError('file-is-folder', `${name} is a folder, not a file`, {
      hint: 'Give the name of a file in it with --out FILE',
    });
  }
  if (!isNew) return;
  throw new OperatorError('file-there', `${name} is there already (${found.size} bytes)`, {
    hint: 'Give another name with --out FILE',
  });
}

/** The form of a file: what was asked for, else what its name ends in, else the first. Throws when the two disagree. */
export function formatOf<F extends string>(
  formats: readonly [F, ...F[]],
  { format, out = '' }: { readonly format: string | undefined; readonly out: string | undefined },
): F {
  const asked = formats.find((one) => one === format);
  const named = formats.find((one) => out.toLowerCase().endsWith(`.${one}`));
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
