// Starts the real bundle as a process in a prepared root, for the integration tests. Its endpoints
// are loopback, so that no test asks the outside world.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bundleAgent } from '../../image/release/bundle.ts';

export const SERIAL = '0123456789abcdef'.repeat(2);
export const LOOPBACK = {
  region: 'test-1',
  clock: { host: '127.0.0.1' },
  aws: { host: '127.0.0.1' },
  gems: { host: '127.0.0.1' },
  ntp: ['127.0.0.1'],
};

/** What a unit's root holds; undefined leaves a file out. */
export interface Prepared {
  readonly serial?: string | undefined;
  readonly endpoints?: string | undefined;
  readonly override?: string;
}

export async function prepareRoot(files: Prepared = {}): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'clock-agent-'));
  const all: Record<string, string | undefined> = {
    'var/lib/clock/serial': 'serial' in files ? files.serial : `${SERIAL}\n`,
    'var/lib/clock/endpoints.json': files.override,
    'usr/share/clock/endpoints.json':
      'endpoints' in files ? files.endpoints : JSON.stringify(LOOPBACK),
    'usr/share/clock/release.json': '{"version":"9.9.9","builtAt":"2026-01-01T00:00:00Z"}',
    'run/clock/boot.env': 'SLOT=a\nSEAL=board\n',
  };
  await mkdir(join(root, 'var/lib/clock'), { recursive: true });
  for (const [path, text] of Object.entries(all)) {
    if (text === undefined) continue;
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

export interface Running {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly root: string;
  /** From the start of the process until the page was announced. */
  readonly startMs: number;
  /** What it wrote until now. */
  readonly lines: readonly string[];
  close(): Promise<number | null>;
  /** As if the plug were pulled. */
  pull(): Promise<void>;
}

/** As the unit's own service starts it (clock-agent.service). */
const NODE_FLAGS = [
  '--max-old-space-size=96',
  '--max-semi-space-size=1',
  '--no-opt',
  '--no-maglev',
  '--no-sparkplug',
];
const START_MS_MAX = 20_000;

export interface LaunchOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly restarts?: boolean;
}

export async function startAgent(
  files: Prepared = {},
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const root = await prepareRoot(files);
  const { launcher } = await bundleAgent({ outDir: root, minify: true });
  const running = await launch(root, launcher, { env });
  return {
    ...running,
    close: async () => {
      const code = await running.close();
      await rm(root, { recursive: true, force: true });
      return code;
    },
  };
}

/**
 * Starts the bundle in a root that stays: the next start finds what this one left. `restarts`: begins
 * anew whenever it ends by itself, as systemd does (Restart=always).
 */
export async function launch(
  root: string,
  bundle: string,
  { env = {}, restarts = false }: LaunchOptions = {},
): Promise<Running> {
  const startedMs = performance.now();
  const lines: string[] = [];
  const start = (): ChildProcess => {
    const argv = [...NODE_FLAGS, bundle, 'run', '--root', root, '--listen', '0'];
    const one = spawn(process.execPath, argv, {
      cwd: root,
      stdio: ['ignore', 'pipe', restarts ? 'ignore' : 'inherit'],
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        MALLOC_ARENA_MAX: '2',
        MALLOC_TRIM_THRESHOLD_: '131072',
        NODE_COMPILE_CACHE: join(root, 'run/clock-agent/compile'),
        ...env,
      },
    });
    // A line may come in two pieces.
    let rest = '';
    one.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      lines.push(...parts.filter(Boolean));
    });
    return one;
  };
  let child = start();
  const url = await announced(child, lines);
  const startMs = performance.now() - startedMs;
  let isWanted = restarts;
  const ended = new Promise<number | null>((done) => {
    const watch = (): void =>
      void child.once('exit', (code) => {
        if (!isWanted) return done(code);
        child = start();
        watch();
      });
    watch();
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    isWanted = false;
    child.kill(signal);
    return ended;
  };
  return {
    get url() {
      return announcedIn(lines) ?? url;
    },
    get port() {
      return Number(new URL(announcedIn(lines) ?? url).port);
    },
    get pid() {
      return child.pid!;
    },
    ...{ root, startMs, lines },
    close: async () => end('SIGTERM'),
    pull: async () => {
      await end('SIGKILL');
    },
  };
}

async function announced(child: ChildProcess, lines: string[]): Promise<string> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error('the agent does not start')), START_MS_MAX);
    child.once('exit', (code) => fail(new Error(`the agent ended at start with ${code}`)));
    child.stdout?.on('data', () => {
      const found = announcedIn(lines);
      if (found === undefined) return;
      clearTimeout(timer);
      done(found);
    });
  });
}

/** The newest: the launcher may have started another bundle in the same process. */
const announcedIn = (lines: readonly string[]): string | undefined =>
  lines.map((line) => /page ready at (http:\S+?\/),/.exec(line)?.[1]).findLast(Boolean);

/** Sends raw bytes; resolves with all that came back once the other side hung up. */
export async function sendRaw(
  port: number,
  bytes: string | Buffer,
  { timeoutMs = 20_000, end = true, from = '127.0.0.1' } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from }, () => {
      if (end) socket.end(bytes);
      else socket.write(bytes);
    });
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.on('close', () => resolve(answer));
  });
}

/** Resident memory of a process in MiB. */
export async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** Runs the bundle once; never rejects for an exit code. */
export async function runOnce(
  bundle: string,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [bundle, ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? -1);
      done({ code, stdout, stderr });
    });
  });
}
