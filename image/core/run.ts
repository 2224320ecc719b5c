// The one place where the image builder spawns programs.
// Knows nothing of what they do: callers say what a failure means.
import { spawn } from 'node:child_process';
import { OperatorError } from './errors.ts';

/** Output kept for error messages; programs that print gigabytes must not fill memory. */
const TAIL_BYTES_MAX = 64 * 1024;
/** Output returned to callers that parse it (package lists, `lsblk --json`): far below this. */
const STDOUT_BYTES_MAX = 64 * 1024 * 1024;
/** After SIGTERM a program has this long to clean up before SIGKILL. */
const TERM_GRACE_MS = 5_000;

export interface RunOptions {
  readonly cwd?: string;
  /** Added to (not replacing) a minimal environment: PATH with sbin, HOME, LANG=C.UTF-8, proxies. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Called for every line of stdout and stderr, for progress and logs. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** What to tell the person when the program fails. */
  readonly hint?: string;
  /** Exit codes that are an answer, not a failure. Default: only 0. */
  readonly accept?: readonly number[];
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How this machine reaches its mirrors: proxies, certificate authorities, npm's settings. */
const KEPT = /^(HOME|TMPDIR|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|npm_config_\w+|\w+_proxy)$/i;

/** Environment handed to every program: the same result whoever calls. */
export function toolEnvironment(): Record<string, string> {
  const env: Record<string, string> = {
    PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`,
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
  };
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && KEPT.test(name)) env[name] = value;
  }
  return env;
}

/**
 * Runs a program to its end and returns what it printed.
 * Throws OperatorError `program-missing` or `program-failed` (with the last lines it printed).
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('run() needs a program');
  options.signal?.throwIfAborted();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...toolEnvironment(), ...options.env },
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const stop = (): void => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), TERM_GRACE_MS).unref();
  };
  options.signal?.addEventListener('abort', stop, { once: true });
  const stdout = collect(child.stdout!, STDOUT_BYTES_MAX, options.onLine);
  const stderr = collect(child.stderr!, TAIL_BYTES_MAX, options.onLine);
  child.stdin?.on('error', () => {}); // EPIPE: the exit code tells the story
  if (options.stdin !== undefined) child.stdin?.end(options.stdin);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) => {
        reject(
          new OperatorError('program-missing', `Cannot run ${program}: ${cause.message}`, {
            hint: options.hint ?? 'Run "./build.sh check" to see what this machine lacks',
            cause,
          }),
        );
      });
      child.once('close', (status, signal) => resolve(status ?? (signal === null ? 255 : 128)));
    });
    options.signal?.throwIfAborted();
    if (code !== 0 && !options.accept?.includes(code)) {
      const said = tail(stderr.text().trim() || stdout.text().trim());
      throw new OperatorError(
        'program-failed',
        `${argv.slice(0, 4).join(' ')} ended with code ${code}${said === '' ? '' : `:\n${said}`}`,
        options.hint === undefined ? {} : { hint: options.hint },
      );
    }
    return { code, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}

function tail(text: string): string {
  return text.split('\n').slice(-25).join('\n');
}

function collect(
  stream: NodeJS.ReadableStream,
  bytesMax: number,
  onLine: ((line: string) => void) | undefined,
): { text: () => string } {
  const chunks: string[] = [];
  let bytes = 0;
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    chunks.push(chunk);
    bytes += chunk.length;
    while (bytes > bytesMax && chunks.length > 1) bytes -= chunks.shift()!.length;
    if (onLine === undefined) return;
    const lines = (rest + chunk).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '' && onLine !== undefined) onLine(rest);
  });
  return { text: () => chunks.join('') };
}
