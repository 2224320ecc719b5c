// The one place where the image builder spawns programs and waits for them.
// Knows nothing of what they do: callers say what a failure means.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { OperatorError } from './errors.ts';
import { TERM_GRACE_MS, endGroup, releaseGroup, signalGroup, watched } from './guard.ts';
import { log } from './log.ts';

/** Output kept for error messages; programs that print gigabytes must not fill memory. */
const TAIL_CHARS_MAX = 64 * 1024;
/** Output returned to callers that parse it (package lists, `lsblk --json`): far below this. */
const STDOUT_CHARS_MAX = 64 * 1024 * 1024;
/** A line longer than this is cut into several: binary output given to onLine by mistake. */
const LINE_CHARS_MAX = 64 * 1024;
const TAIL_LINES = 25;

export interface RunOptions {
  readonly cwd?: string;
  /** Added to (not replacing) a minimal environment: see toolEnvironment(). */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Called for every line of stdout and stderr, for progress; stdout is logged only then. */
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

/** How this machine reaches its mirrors: proxies, certificate authorities, npm's and git's settings. */
const KEPT_NETWORK =
  /^(SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|npm_config_\w+|GIT_CONFIG_\w+|\w+_proxy)$/i;
/** Where things lie on this machine, and what a build is told by its caller. */
const KEPT_PLACES = /^(HOME|TMPDIR|XDG_CACHE_HOME|SOURCE_DATE_EPOCH|CLOCK_SIGNING_KEY)$/;

/** Environment handed to every program: the same result whoever calls. */
export function toolEnvironment(): Record<string, string> {
  const env: Record<string, string> = {
    PATH: `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`,
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
  };
  for (const [name, value] of Object.entries(process.env)) {
    const kept = KEPT_NETWORK.test(name) || KEPT_PLACES.test(name);
    if (value !== undefined && kept) env[name] = value;
  }
  return env;
}

/**
 * Runs a program to its end and returns what it printed. When `signal` aborts, the program and all
 * it started get SIGTERM, later SIGKILL, and are gone before this rejects with the signal's reason.
 * Throws OperatorError `program-missing`, `program-failed` (with the last lines it printed),
 * `output-too-long`.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = start(argv, options);
  let tooLong = false;
  // Unless someone follows it line by line, stdout is data for the caller and not for the log.
  const stdout = collect(child.stdout!, options.onLine && logged(options.onLine));
  stdout.limit(STDOUT_CHARS_MAX, () => {
    tooLong = true;
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
  });
  const stderr = collect(child.stderr!, logged(options.onLine));
  const { code, signal } = await ending(child, argv, options);
  if (tooLong) {
    throw new OperatorError(
      'output-too-long',
      `${shortened(argv)} printed more than it ever should`,
    );
  }
  if (code === null || (code !== 0 && !options.accept?.includes(code))) {
    const said = tail(stderr.text().trim() || stdout.text().trim());
    const how = code === null ? `was ended by ${signal}` : `ended with code ${code}`;
    const hint = options.hint ?? (signal === 'SIGKILL' ? OUT_OF_MEMORY : undefined);
    throw new OperatorError(
      'program-failed',
      `${shortened(argv)} ${how}${said === '' ? '' : `:\n${said}`}`,
      hint === undefined ? {} : { hint },
    );
  }
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/**
 * Runs a program whose output is meant for the person: passed on to `to` as it comes, and logged.
 * Returns its exit code (128 when a signal ended it); otherwise like run().
 */
export async function runShown(
  argv: readonly string[],
  to: NodeJS.WritableStream,
  options: RunOptions = {},
): Promise<number> {
  const child = start(argv, options);
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.pipe(to, { end: false });
    collect(stream, logged(options.onLine));
  }
  const { code } = await ending(child, argv, options);
  return code ?? 128;
}

const OUT_OF_MEMORY = 'Did this machine run out of memory? "dmesg | tail" tells';

/** Starts the program as the leader of a process group of its own, so that all of it can be ended. */
function start(argv: readonly string[], options: RunOptions): ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('run() needs a program');
  options.signal?.throwIfAborted();
  log(`$ ${argv.join(' ')}${options.cwd === undefined ? '' : `   (in ${options.cwd})`}`);
  const child = watched(() =>
    spawn(program, args, {
      cwd: options.cwd,
      env: { ...toolEnvironment(), ...options.env },
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    }),
  );
  child.stdin?.on('error', () => {}); // EPIPE: the exit code tells the story
  if (options.stdin !== undefined) child.stdin?.end(options.stdin);
  return child;
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Resolves when the program and its output have ended; rejects when it cannot start or on abort. */
async function ending(
  child: ChildProcess,
  argv: readonly string[],
  { signal, cwd }: RunOptions,
): Promise<Ending> {
  const group = child.pid;
  if (group === undefined) throw await whyNotStarted(child, argv, cwd);
  let patience: NodeJS.Timeout | undefined;
  const killLater = (): void => {
    patience ??= setTimeout(() => signalGroup(group, 'SIGKILL'), TERM_GRACE_MS);
  };
  const stop = (): void => {
    signalGroup(group, 'SIGTERM');
    killLater();
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const end = await new Promise<Ending>((resolve) => {
      // What the program left running may hold its output open; it has no business to stay.
      child.once('exit', killLater);
      child.once('close', (code, by) => resolve({ code, signal: by }));
    });
    if (!(await endGroup(group))) log(`# process group ${group} (${argv[0]}) did not end`);
    log(`# ${argv[0]} ended: ${end.signal ?? end.code}`);
    signal?.throwIfAborted();
    return end;
  } finally {
    clearTimeout(patience);
    signal?.removeEventListener('abort', stop);
    releaseGroup(group);
  }
}

async function whyNotStarted(
  child: ChildProcess,
  argv: readonly string[],
  cwd: string | undefined,
): Promise<OperatorError> {
  const cause = await new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
  if (cwd !== undefined && !existsSync(cwd)) {
    return new OperatorError('folder-missing', `${argv[0]} should run in ${cwd}: no such folder`, {
      hint: 'Run again; if it stays so, "./build.sh clean" and run again',
      cause,
    });
  }
  const reason = cause.code === 'ENOENT' ? 'is not installed' : `cannot start: ${cause.message}`;
  return new OperatorError('program-missing', `The program ${argv[0]} ${reason}`, {
    hint: 'Run "./build.sh check" to see what this machine lacks',
    cause,
  });
}

/** A command line short enough for a sentence. */
function shortened(argv: readonly string[]): string {
  const words = argv.slice(0, 4).map((word) => (word.length > 80 ? `${word.slice(0, 80)}…` : word));
  return words.join(' ') + (argv.length > words.length ? ' …' : '');
}

function tail(text: string): string {
  return text.split('\n').slice(-TAIL_LINES).join('\n');
}

function logged(onLine: ((line: string) => void) | undefined): (line: string) => void {
  return (line) => {
    log(line);
    onLine?.(line);
  };
}

interface Collected {
  text(): string;
  /** Keeps everything up to `charsMax` and calls `full` beyond; without it, the last lines stay. */
  limit(charsMax: number, full: () => void): void;
}

function collect(
  stream: NodeJS.ReadableStream,
  onLine: ((line: string) => void) | undefined,
): Collected {
  const chunks: string[] = [];
  let chars = 0;
  let rest = '';
  let charsMax = TAIL_CHARS_MAX;
  let full: (() => void) | undefined;
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    if (full !== undefined && chars + chunk.length > charsMax) return full();
    chunks.push(chunk);
    chars += chunk.length;
    while (chars > charsMax && chunks.length > 1) chars -= chunks.shift()!.length;
    if (onLine === undefined) return;
    const lines = (rest + chunk).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    if (rest.length > LINE_CHARS_MAX) {
      lines.push(rest);
      rest = '';
    }
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '' && onLine !== undefined) onLine(rest);
  });
  return {
    text: () => chunks.join(''),
    limit: (max, whenFull) => {
      charsMax = max;
      full = whenFull;
    },
  };
}
