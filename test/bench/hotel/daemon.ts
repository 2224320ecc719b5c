// Long-running programs: started, waited for until they serve, ended as a process group. The
// counterpart of image/core/run.ts, which waits for an end.
import { spawn } from 'node:child_process';
import { OperatorError } from '../../../image/core/errors.ts';
import {
  TERM_GRACE_MS,
  endGroup,
  releaseGroup,
  signalGroup,
  watched,
} from '../../../image/core/guard.ts';
import { log } from '../../../image/core/log.ts';
import { toolEnvironment } from '../../../image/core/run.ts';

/** All of them serve within half a second; a machine busy with an emulator needs more. */
const READY_MS_MAX = 30_000;
/** Lines kept for the error message of one that does not start. */
const LINES_MAX = 200;

export interface Daemon {
  readonly name: string;
  /** The process group; also the process id of its leader. */
  readonly group: number;
  /** The last lines that it printed. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

export interface DaemonOptions {
  readonly name: string;
  /** The line that says: it serves. */
  readonly ready: RegExp;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a program and resolves when a line of its output says that it serves.
 * Throws OperatorError `server-start` with its last lines. The group ends with this process,
 * whatever ends that (image/core/guard.ts).
 */
export async function startDaemon(
  argv: readonly string[],
  { name, ready, signal }: DaemonOptions,
): Promise<Daemon> {
  signal?.throwIfAborted();
  log(`$ ${argv.join(' ')}   (${name})`);
  const child = watched(() =>
    spawn(argv[0]!, argv.slice(1), {
      env: toolEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    }),
  );
  const lines: string[] = [];
  const serves = Promise.withResolvers<boolean>();
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      lines.push(error.message);
      resolve();
    });
    child.once('close', () => resolve());
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n');
      rest = (parts.pop() ?? '').slice(-1_000);
      for (const line of parts) {
        log(`${name}: ${line}`);
        lines.push(line);
        if (ready.test(line)) serves.resolve(true);
      }
      lines.splice(0, lines.length - LINES_MAX);
    });
  }
  const group = child.pid;
  const stop = async (): Promise<void> => {
    if (group === undefined) return;
    signalGroup(group, 'SIGTERM');
    const timer = setTimeout(() => signalGroup(group, 'SIGKILL'), TERM_GRACE_MS);
    await ended;
    clearTimeout(timer);
    await endGroup(group);
    releaseGroup(group);
  };
  const timer = setTimeout(() => serves.resolve(false), READY_MS_MAX);
  const early = ended.then(() => false);
  const isReady = await Promise.race([serves.promise, early]).finally(() => clearTimeout(timer));
  if (isReady && signal?.aborted !== true) return { name, group: group!, lines, stop };
  await stop();
  signal?.throwIfAborted();
  throw new OperatorError(
    'server-start',
    `${name} does not start:\n${lines.slice(-10).join('\n')}`,
    { hint: `Look for its program: ${argv.join(' ')}` },
  );
}
