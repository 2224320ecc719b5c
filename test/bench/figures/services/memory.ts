// What processes keep in memory (proc_pid_smaps(5)), and what a bare Node with the same flags does.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Memory {
  readonly residentBytes: number;
  /** What is shared with other processes counts in proportion: sums are true. */
  readonly proportionalBytes: number;
}

const BARE = "require('node:net').createServer().listen(0, '127.0.0.1', () => console.log('up'))";
const SETTLE_MS = 2_000;

export async function memoryOf(pid: number): Promise<Memory> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1_024;
  return { residentBytes: bytes('Rss'), proportionalBytes: bytes('Pss') };
}

/** Beside the unit's processes, so that as much is shared. */
export async function memoryOfBareNode(
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Memory> {
  const child = spawn(process.execPath, [...flags, '--eval', BARE], {
    ...{ stdio: ['ignore', 'pipe', 'ignore'] as const, env },
  });
  try {
    await once(child.stdout, 'data');
    await sleep(SETTLE_MS);
    return await memoryOf(child.pid!);
  } finally {
    child.kill('SIGKILL');
  }
}
