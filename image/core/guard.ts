// Knows the process groups that run on this process's behalf, and ends them when it ends without
// cleaning up (kill -9, a crash): a shell outside waits for that. Starts no program for anyone else.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import type { Writable } from 'node:stream';

/** After SIGTERM a program has this long to clean up before SIGKILL: mmdebstrap unmounts in 2 s. */
export const TERM_GRACE_MS = 5_000;
/** SIGKILL takes effect at once; a process that hangs in the kernel (a dying disk) may stay longer. */
const KILL_WAIT_MS = 2_000;

/**
 * Reads "watch GROUP" and "release GROUP"; at the end of input it ends the groups still watched.
 * No "--" before a group: dash takes "kill -TERM -- -5" for a wrong number (0.5.12).
 */
const GUARD = `
groups=
while read -r verb group; do
  case "$verb" in
    watch) groups="$groups $group" ;;
    release)
      rest=
      for known in $groups; do [ "$known" = "$group" ] || rest="$rest $known"; done
      groups=$rest
      ;;
  esac
done
[ -n "$groups" ] || exit 0
for group in $groups; do kill -TERM "-$group" 2>/dev/null; done
sleep ${TERM_GRACE_MS / 1000}
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
`;

const groups = new Set<number>();
let guard: Writable | undefined;

/**
 * Starts a program that leads a process group of its own (`detached`), which from now on ends with this process, whatever
 * ends that. The guard is there first: between a program and its guard a kill -9 would leave the program behind.
 */
export function watched<C extends ChildProcess>(start: () => C): C {
  guard ??= startGuard();
  const child = start();
  if (child.pid !== undefined) {
    groups.add(child.pid);
    guard.write(`watch ${child.pid}\n`);
  }
  return child;
}

/** This group has ended, or is no longer ours to end. */
export function releaseGroup(group: number): void {
  groups.delete(group);
  guard?.write(`release ${group}\n`);
}

/** Ends every watched group at once, without asking: for the second Ctrl-C. */
export function killGroups(): void {
  for (const group of groups) signalGroup(group, 'SIGKILL');
}

/** Sends a signal to all processes of a group; false when the group has gone. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch (error) {
    // EPERM: it is there but runs under another user id (mmdebstrap's user namespace).
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Kills what is left of a group and waits until nothing of it runs; false if something still does. */
export async function endGroup(group: number): Promise<boolean> {
  const until = performance.now() + KILL_WAIT_MS;
  while (signalGroup(group, 'SIGKILL') && (await runs(group))) {
    if (performance.now() > until) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}

/** Whether a process of the group runs: one that has ended but is not yet reaped does not. */
async function runs(group: number): Promise<boolean> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '');
    // proc(5): pid (program) state ppid pgrp …; the program's name may hold anything, also ")".
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (pgrp === String(group) && state !== 'Z' && state !== 'X') return true;
  }
  return false;
}

function startGuard(): Writable {
  // A session of its own: Ctrl-C at the terminal must not reach it.
  const child = spawn('/bin/sh', ['-c', GUARD, 'guard'], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => {}); // No /bin/sh: nothing else will start either, and will say so.
  child.unref();
  const { stdin } = child;
  stdin.on('error', () => {});
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  return stdin;
}
