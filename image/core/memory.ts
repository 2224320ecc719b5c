// Folders for what must not lie on a disk: in memory, for this user alone, gone when they are closed. What a process
// that was killed left there is removed by the next one that makes such a folder.
import { lstat, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system in memory, where there is such a folder. */
export const MEMORY = '/dev/shm';

export interface MemoryFolder extends AsyncDisposable {
  readonly path: string;
  /** Else there was no room in memory, and what lies there is written to a disk. */
  readonly isInMemory: boolean;
}

/**
 * A new folder `<name>-<process id>-…` with room for so many bytes: in memory, or below TMPDIR if it has none.
 * undefined: nowhere. `memory` is for tests.
 */
export async function memoryFolder(
  name: string,
  { bytes = 0, memory = MEMORY }: { readonly bytes?: number; readonly memory?: string } = {},
): Promise<MemoryFolder | undefined> {
  for (const parent of [memory, tmpdir()]) {
    await sweep(parent, name);
    const free = await statfs(parent).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => -1,
    );
    if (free < bytes) continue;
    const path = await mkdtemp(join(parent, `${name}-${process.pid}-`));
    return {
      ...{ path, isInMemory: parent === memory },
      [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
    };
  }
  return undefined;
}

/** Folders of processes that have gone; ours alone, as in another's anything could be put while it is removed. */
async function sweep(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent).catch(() => [])) {
    const pid = entry.startsWith(`${name}-`) ? /^(\d+)-/.exec(entry.slice(name.length + 1)) : null;
    if (pid === null || runs(Number(pid[1]))) continue;
    const found = await lstat(join(parent, entry)).catch(() => undefined);
    if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) continue;
    await rm(join(parent, entry), { recursive: true, force: true });
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
