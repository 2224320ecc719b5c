// Services as child processes of the agent, where there is no systemd: the same contract without the sandbox, for
// workstations and tests. They end with the agent; those that an agent left which was killed, when the next one starts.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessStatus, Runner } from '../services/ports.ts';

/** After which a process that was asked to end is ended. */
const STOP_MS_MAX = 5_000;

/** As clock-service@.service has it: a smaller heap than the agent's, and no compiled code of it. */
const ofService = (flag: string): string =>
  flag.replace(/^--max-old-space-size=\d+$/, '--max-old-space-size=48');

export function createChildRunner(options: {
  /** Credentials lie in `<folder>/<id>/`. */
  readonly folder: string;
  /** Of the agent: there lie the keys that packages are verified with. */
  readonly root: string;
  readonly socket: string;
  readonly sink: (line: string) => void;
}): Runner & { close(): void } {
  const { folder, root, socket, sink } = options;
  const children = new Map<string, ChildProcess>();
  const ended = new Map<string, string>();
  /** Between the wish and the process: how the last one ended is not how this one did. */
  const starting = new Set<string>();
  const isRunning = (id: string): boolean => children.has(id);
  /** What ran this agent runs its services: the bundle, or main.ts. */
  const program = process.argv[1]!;

  const pidFile = (id: string): string => join(folder, id, 'pid');
  /** Two of one service would take turns at the agent and at the third party. */
  const endLeft = async (id: string): Promise<void> => {
    const pid = Number(await readFile(pidFile(id), 'utf8').catch(() => ''));
    if (pid === 0 || pid === children.get(id)?.pid) return;
    // By now the number may be another program's.
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!command.includes(`\0service\0${id}\0--socket\0${socket}\0`)) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  };

  const start = async (id: string): Promise<void> => {
    await endLeft(id);
    if (isRunning(id)) return;
    const child = spawn(
      process.execPath,
      [
        ...process.execArgv.map(ofService),
        program,
        'service',
        id,
        '--socket',
        socket,
        '--root',
        root,
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          CREDENTIALS_DIRECTORY: join(folder, id),
          NODE_COMPILE_CACHE: undefined,
          MALLOC_MMAP_THRESHOLD_: '32768',
        },
      },
    );
    children.set(id, child);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) if (line !== '') sink(line.replace('>', `>${id}: `));
    });
    child.once('exit', (code, signal) => {
      if (children.get(id) === child) children.delete(id);
      ended.set(id, code === 0 || code === 75 ? 'ended' : (signal ?? `exit code ${code}`));
    });
    child.once('error', () => children.delete(id));
    await writeFile(pidFile(id), String(child.pid ?? ''));
  };
  return {
    prepare: async (services) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const wanted = new Set(services.map(({ id }) => id));
      for (const old of await readdir(folder)) {
        if (wanted.has(old)) continue;
        await endLeft(old);
        await rm(join(folder, old), { recursive: true });
      }
      for (const { id, token, settings, package: packaged } of services) {
        await mkdir(join(folder, id), { recursive: true, mode: 0o700 });
        await writeFile(join(folder, id, 'token'), token, { mode: 0o600 });
        await writeFile(join(folder, id, 'settings.json'), settings, { mode: 0o600 });
        for (const name of ['package.js', 'package.jws']) {
          await rm(join(folder, id, name), { force: true });
        }
        if (packaged === undefined) continue;
        await copyFile(packaged.file, join(folder, id, 'package.js'));
        await writeFile(join(folder, id, 'package.jws'), packaged.jws, { mode: 0o600 });
      }
      return new Map();
    },
    start: async (id) => {
      starting.add(id);
      try {
        if (!isRunning(id)) await start(id);
      } finally {
        starting.delete(id);
      }
    },
    stop: async (id) => {
      const child = children.get(id);
      if (child === undefined) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      await gone;
      clearTimeout(timer);
    },
    status: async (id): Promise<ProcessStatus> => {
      const pid = children.get(id)?.pid;
      if (isRunning(id)) return { at: 'running', ...(pid && (await memoryOf(pid))) };
      if (starting.has(id)) return { at: 'running' };
      const why = ended.get(id);
      return why === undefined ? { at: 'stopped' } : { at: 'stopped', why };
    },
    close: () => {
      for (const child of children.values()) child.kill('SIGTERM');
    },
  };
}

/** What is in memory of a process, as the kernel counts it; nothing where it has just ended. */
async function memoryOf(pid: number): Promise<{ readonly memoryBytes?: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? {} : { memoryBytes: Number(kib) * 1024 };
}
