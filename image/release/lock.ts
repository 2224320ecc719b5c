// One build at a time in an output folder: two would delete each other's work folder.
// A lock is a file that names its owner; one whose owner has gone is taken over.
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
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
    // Twice: its owner may give it back meanwhile. link() is atomic, content and all.
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
      if (await takeOver(file, mine, found)) return () => release(file, text);
    }
    throw running(folder, await readFile(file, 'utf8').catch(() => ''));
  } finally {
    await rm(mine, { force: true });
  }
}

/** Taking a lock over takes microseconds. */
const BREAK_MS_MAX = 60_000;
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

/**
 * Puts `mine` in the place of a lock whose owner has gone. Many may try at once: the file that says who does it is there
 * once for each stale lock, which nobody else touches; who comes later finds another lock than the one it read.
 */
async function takeOver(file: string, mine: string, stale: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return false;
  const breaker = `${file}.${found.ino}-${Math.round(found.mtimeMs)}`;
  const isFirst = await link(mine, breaker).then(
    () => true,
    () => false,
  );
  if (!isFirst) {
    // Left by one that lost power in between: the next attempt may.
    const left = await stat(breaker).catch(() => undefined);
    if (left !== undefined && Date.now() - left.mtimeMs > BREAK_MS_MAX)
      await rm(breaker, { force: true });
    return false;
  }
  try {
    const again = await stat(file).catch(() => undefined);
    const isSame = again?.ino === found.ino && (await readFile(file, 'utf8')) === stale;
    // Not rename(mine, …): between two names of one file that does nothing.
    if (isSame) await rename(breaker, file);
    return isSame;
  } finally {
    await rm(breaker, { force: true });
  }
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
