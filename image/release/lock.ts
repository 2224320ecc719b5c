// One build at a time in an output folder: two would delete each other's work folder.
// A lock is a file that names its owner; one whose owner has gone is taken over.
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';

const NAME = 'build.lock';

/** Whose build it is. The start time tells a process id that was given to another process since. */
interface Owner {
  readonly pid: number;
  readonly startTicks: string;
}

/**
 * Takes the folder's lock; the result gives it back. Throws OperatorError `build-running`, which
 * names the process that has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, NAME);
  const mine = `${file}.${randomUUID()}`;
  const text = `${JSON.stringify({ pid: process.pid, startTicks: await startOf(process.pid) })}\n`;
  await writeFile(mine, text);
  try {
    // Twice: once more after a stale lock has been put aside. link() is atomic, content and all.
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const taken = await link(mine, file).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (taken) return () => release(file, text);
      const found = await readFile(file, 'utf8').catch(() => '');
      if (await isAlive(found)) throw running(folder, found);
      await putAside(file, found);
    }
    throw running(folder, await readFile(file, 'utf8').catch(() => ''));
  } finally {
    await rm(mine, { force: true });
  }
}

/** How often a lock is looked at again: builds hold the cache for seconds, or for minutes. */
const LOOK_AGAIN_MS = 500;

/** Does `work` while it has the folder's lock; waits for it as long as it takes. */
export async function whenFree<T>(
  folder: string,
  work: () => Promise<T>,
  { signal, onWait }: { readonly signal?: AbortSignal | undefined; readonly onWait: () => void },
): Promise<T> {
  let unlock: (() => Promise<void>) | undefined;
  for (let tries = 0; unlock === undefined; tries += 1) {
    signal?.throwIfAborted();
    if (tries === 1) onWait();
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    unlock = await lockFolder(folder).catch((error: unknown) => {
      if (error instanceof OperatorError && error.code === 'build-running') return undefined;
      throw error;
    });
  }
  try {
    return await work();
  } finally {
    await unlock();
  }
}

async function release(file: string, text: string): Promise<void> {
  const found = await readFile(file, 'utf8').catch(() => '');
  if (found === text) await rm(file, { force: true });
}

/** Another one may take a stale lock over at the same moment: what it put there is put back. */
async function putAside(file: string, stale: string): Promise<void> {
  const aside = `${file}.stale.${randomUUID()}`;
  await rename(file, aside).catch(() => {});
  const moved = await readFile(aside, 'utf8').catch(() => stale);
  if (moved !== stale) await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
}

function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, startTicks } = JSON.parse(text) as Partial<Owner>;
    if (!Number.isInteger(pid) || typeof startTicks !== 'string') return undefined;
    return { pid: pid!, startTicks };
  } catch {
    return undefined;
  }
}

async function isAlive(text: string): Promise<boolean> {
  const owner = parseOwner(text);
  if (owner === undefined) return false;
  return owner.startTicks !== '' && (await startOf(owner.pid)) === owner.startTicks;
}

/** When a process began, in clock ticks since this machine did (proc(5)); '' when there is none. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // The program's name may hold anything, also ")"; field 22 is the 20th behind it.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function running(folder: string, text: string): OperatorError {
  const pid = parseOwner(text)?.pid;
  const who = pid === undefined ? 'another build' : `another build (process ${pid})`;
  return new OperatorError('build-running', `In ${folder} ${who} is at work`, {
    hint: 'Wait until it has ended, or build into another folder with --out DIR',
  });
}
