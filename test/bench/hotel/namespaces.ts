// Network namespaces of one owner (this process): made, found again when their owner was killed,
// removed with whatever still runs inside. Touches no namespace that it did not name itself.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../../image/core/run.ts';

const PREFIX = 'clock-hotel';
/** clock-hotel-PID-START-N-ROLE; a process id alone may have been given to another since. */
const NAME = new RegExp(`^(${PREFIX}-(\\d+)-(\\d+)-\\d+)(-[a-z0-9]+)?$`);
const NETNS_FOLDER = '/run/netns';
/** A process that got SIGKILL is gone within milliseconds. */
const KILL_WAIT_MS = 2_000;

let count = 0;

/** A name that says whose it is; namespaces and the folder of one hotel begin with it. */
export function nextId(): string {
  count += 1;
  return `${PREFIX}-${process.pid}-${startTicks(process.pid)}-${count}`;
}

/** Where a hotel keeps its files. */
export function folderOf(id: string): string {
  return join(tmpdir(), id);
}

/** The command line before a program that shall run inside. */
export function inside(namespace: string, argv: readonly string[]): string[] {
  return ['ip', 'netns', 'exec', namespace, ...argv];
}

/** Makes a namespace with loopback up and nothing else. */
export async function addNamespace(namespace: string): Promise<void> {
  await run(['ip', 'netns', 'add', namespace]);
  await run(['ip', '-n', namespace, 'link', 'set', 'lo', 'up']);
}

/** Ends what runs inside and removes it. To have none of that name is no error. */
export async function removeNamespace(namespace: string): Promise<void> {
  const until = performance.now() + KILL_WAIT_MS;
  for (;;) {
    const found = await run(['ip', 'netns', 'pids', namespace], { accept: [0, 1, 255] });
    const pids = found.stdout.split('\n').filter(Boolean).map(Number);
    for (const pid of pids) kill(pid);
    if (pids.length === 0 || performance.now() > until) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await run(['ip', 'netns', 'delete', namespace], { accept: [0, 1] });
}

/** For the last moment of a process, where nothing can be awaited. */
export function removeNamespaceNow(namespace: string): void {
  const found = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8', timeout: 2_000 });
  for (const pid of (found.stdout ?? '').split('\n').filter(Boolean)) kill(Number(pid));
  spawnSync('ip', ['netns', 'delete', namespace], { timeout: 2_000 });
}

/** The namespaces whose names begin with `prefix`. */
export async function namespacesOf(prefix: string): Promise<string[]> {
  const names = await readdir(NETNS_FOLDER).catch(() => []);
  return names.filter((name) => name.startsWith(prefix)).sort();
}

/** Removes what killed owners left: namespaces, programs inside them, folders. */
export async function removeLeftovers(): Promise<void> {
  for (const namespace of await namespacesOf(`${PREFIX}-`)) {
    if (isLeftover(namespace)) await removeNamespace(namespace);
  }
  for (const name of await readdir(tmpdir())) {
    if (isLeftover(name)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isLeftover(name: string): boolean {
  const [, , pid, start] = NAME.exec(name) ?? [];
  return pid !== undefined && startTicks(Number(pid)) !== start;
}

/** When the process started, in clock ticks since boot (proc(5), field 22); undefined: it is gone. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
