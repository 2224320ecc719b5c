// What a bad card does to a running process, done by strace: a call on these files takes long or fails.
// Needs root (or a kernel that lets one trace one's own) and the package strace.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Whether the tests that need it can run here: whoever traces the agent is root. */
export const canTrace = process.getuid?.() === 0;

interface Fault {
  readonly pid: number;
  readonly paths: readonly string[];
  /** As strace names them: `fsync,fdatasync`. */
  readonly calls: string;
  /** Microseconds before the call, or an errno instead of it. */
  readonly does: { readonly delayUs: number } | { readonly error: string };
}

/** Resolves when the fault is in force; what it returns ends it. */
export async function fault({ pid, paths, calls, does }: Fault): Promise<() => Promise<void>> {
  const how = 'error' in does ? `error=${does.error}` : `delay_enter=${does.delayUs}`;
  const strace = spawn(
    'strace',
    [
      ...['-f', '-o', '/dev/null', '-p', String(pid)],
      ...paths.flatMap((path) => ['-P', path]),
      ...['-e', `trace=${calls}`, '-e', `inject=${calls}:${how}`],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const gone = once(strace, 'exit');
  const { promise: attached, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  strace.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (/attached/.test(said)) resolve();
  });
  strace.once('error', reject);
  strace.once('exit', () => reject(new Error(`strace: ${said}`)));
  await attached;
  return async () => {
    strace.kill('SIGTERM');
    await gone;
  };
}
