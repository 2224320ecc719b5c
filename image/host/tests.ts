// `./build.sh test`: the fast gate, the image, then the tests on it; counts and times at the end.
// Knows no test; node --test runs them and prints what it finds.
import { mkdtempDisposable, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { OperatorError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { runShown } from '../core/run.ts';
import { duration } from '../core/terminal.ts';
import { usageError } from './command.ts';

export interface TestOptions {
  readonly home: string;
  readonly long: boolean;
  /** Chooses the sample where --long would run everything. */
  readonly seed: number;
  /** Only test files whose path contains this; without the gate's other checks. */
  readonly only?: string | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The parts of `npm run check` before its tests: package.json names the same ones. */
export const GATE = ['check:format', 'check:lint', 'check:types', 'check:dead'] as const;
/** Files that take part in the long set only, and why. */
const LONG_ONLY: Readonly<Record<string, string>> = {
  'test/image/release/reproducible.test.ts': 'it builds the image three times more, once emulated',
  'test/image/release/pigen/same.test.ts':
    'it runs the real pi-gen, which takes many minutes and root',
  'test/system/packages.test.ts': 'it boots twice, and its trials take their real time',
  'test/system/flash.test.ts': 'it flashes a card, boots it, and does what support does: two boots',
  'test/system/day.test.ts': 'it plays a day in a hotel: two boots and ten minutes',
};
const SYSTEM = 'test/system/';
/** What takes longest is not to be begun last: these first (19 to 3 min each), then the rest. */
const LONGEST = ['cloud', 'hotel', 'boot', 'services', 'damage', 'raspi3b'].map(
  (name) => `${SYSTEM}${name}.test.ts`,
);
/** An emulated board uses one core; CI has two. */
const LANES = 2;
/** Fast tests wait three quarters of their time (measured); more at once would be late for what they wait for. */
const FILES_AT_ONCE = 2;

/** What node --test counted, by its own closing lines. */
interface Tally {
  passed: number;
  failed: number;
}

interface Part {
  readonly name: string;
  readonly ms: number;
  readonly tally: Tally;
}

/** Returns the exit code: 0 if everything passed. */
export async function runTests(options: TestOptions): Promise<number> {
  const { progress, seed, signal, home, only, long } = options;
  const startedMs = performance.now();
  progress.say(`seed ${seed}: repeat with ./build.sh test --seed ${seed}${long ? ' --long' : ''}`);
  const named = (await testFiles(home)).filter((file) => file.includes(only ?? ''));
  if (named.length === 0) {
    throw usageError(`No test file has "${only}" in its path`, 'Test files: test/**/*.test.ts');
  }
  // Who names a file wants it, long or not.
  const left = long || only !== undefined ? [] : named.filter((file) => file in LONG_ONLY);
  const files = named.filter((file) => !left.includes(file));
  const parts: Part[] = [];
  const fast = files.filter((file) => !file.startsWith(SYSTEM));
  const system = files.filter((file) => file.startsWith(SYSTEM));
  const wantsImage = system.length > 0 || only === undefined;
  const image = wantsImage ? await gateAndImage(options, parts) : undefined;
  const jobs = jobsOf(system);
  if (fast.length > 0) jobs.unshift({ name: 'fast tests', files: fast });
  await inLanes(jobs, { options, parts, image });
  signal.throwIfAborted();
  const notChecked = [
    ...left.map((file) => `${file}: ${LONG_ONLY[file]} (--long runs it)`),
    ...(only === undefined ? [] : [`everything but "${only}"`]),
    ...(long ? [] : ['the rest of the series of kills, cuts and damage (--long runs them all)']),
  ];
  const ms = performance.now() - startedMs;
  process.stdout.write(`${renderParts(parts, { notChecked, ms })}\n`);
  return parts.every(({ tally }) => tally.failed === 0) ? 0 : 1;
}

/** The image is made while the gate's checks run: a build uses one core most of its time. */
async function gateAndImage(options: TestOptions, parts: Part[]): Promise<string | undefined> {
  const checks: Part[] = [];
  const runGate = async (): Promise<void> => {
    for (const script of options.only === undefined ? GATE : []) {
      checks.push(await gatePart(script, options));
    }
  };
  const [image, gate] = await Promise.allSettled([imagePart(options, parts), runGate()]);
  parts.unshift(...checks);
  for (const one of [image, gate]) if (one.status === 'rejected') throw one.reason;
  return image.status === 'fulfilled' ? image.value : undefined;
}

/** Test files that one node --test runs, and that are counted together. */
interface Job {
  readonly name: string;
  readonly files: readonly string[];
}

/** A job for each file: what boots is counted by itself. */
function jobsOf(system: readonly string[]): Job[] {
  const first = LONGEST.filter((file) => system.includes(file));
  const rest = system.filter((file) => !first.includes(file));
  return [...first, ...rest].map((file) => ({ name: file.slice('test/'.length), files: [file] }));
}

/** Each lane takes the next job. What one says is shown when it has ended; what runs alone, as it comes. */
async function inLanes(
  jobs: readonly Job[],
  how: { options: TestOptions; parts: Part[]; image: string | undefined },
): Promise<void> {
  const { options, parts, image } = how;
  const left = [...jobs];
  const lane = async (): Promise<void> => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) {
      const { name, files } = job;
      if (image === undefined && files[0]!.startsWith(SYSTEM)) {
        parts.push({ name, ms: 0, tally: { passed: 0, failed: 1 } });
        continue;
      }
      options.progress.say(`· ${name} …`);
      const said: Buffer[] = [];
      const to = new PassThrough().on('data', (chunk: Buffer) => said.push(chunk));
      const env = image === undefined ? {} : { CLOCK_TEST_IMAGE: image };
      try {
        parts.push(await testPart(name, files, { options, env, ...(jobs.length > 1 && { to }) }));
      } finally {
        process.stdout.write(Buffer.concat(said));
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const one of lanes) if (one.status === 'rejected') throw one.reason;
}

/** All test files below test/, as paths from `home`, in order. */
async function testFiles(home: string): Promise<string[]> {
  const names = await readdir(join(home, 'test'), { recursive: true });
  const files = names.filter((name) => name.endsWith('.test.ts'));
  return files.map((name) => join('test', name)).sort();
}

async function gatePart(script: string, options: TestOptions): Promise<Part> {
  const started = performance.now();
  const code = await shown(['npm', 'run', '--silent', script], options);
  options.progress.say(`${code === 0 ? '✓' : '✗'} npm run ${script}`);
  return {
    name: script,
    ms: performance.now() - started,
    tally: { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 },
  };
}

/** The image that the system tests boot: built, and whole. Not to have one counts as a failure. */
async function imagePart(options: TestOptions, parts: Part[]): Promise<string | undefined> {
  const { progress, signal } = options;
  const started = performance.now();
  const done = (tally: Tally): void =>
    void parts.push({ name: 'image', ms: performance.now() - started, tally });
  try {
    const { buildImage } = await import('../release/build.ts');
    const { image } = await buildImage({}, { progress, signal });
    const { inspectFile } = await import('../unit/inspect/start.ts');
    const { report, text } = await inspectFile({ file: image, progress, signal });
    const whole = report.verdict === 'whole' && report.notChecked.length === 0;
    if (!whole) progress.say(text);
    done({ passed: whole ? 2 : 1, failed: whole ? 0 : 1 });
    return image;
  } catch (error) {
    signal.throwIfAborted();
    done({ passed: 0, failed: 1 });
    const known = error instanceof OperatorError;
    progress.say(`✗ no image: ${known ? error.message : String((error as Error).stack)}`);
    if (known && error.hint !== undefined) progress.say(`  → ${error.hint}`);
    return undefined;
  }
}

async function testPart(
  name: string,
  files: readonly string[],
  how: {
    readonly options: TestOptions;
    readonly env?: Readonly<Record<string, string>>;
    readonly to?: NodeJS.WritableStream;
  },
): Promise<Part> {
  const { options, env = {}, to } = how;
  const started = performance.now();
  const tally: Tally = { passed: 0, failed: 0 };
  const argv = ['node', '--test', '--test-reporter=spec', `--test-concurrency=${FILES_AT_ONCE}`];
  // Tests that are stopped in the middle leave cards of 2 GB: this goes with all that lies in it.
  await using temporary = await mkdtempDisposable(join(tmpdir(), 'clock-test-'));
  const code = await shown([...argv, ...files], options, {
    // Copies of the sources are compiled too: kept no longer than they are.
    env: { ...env, TMPDIR: temporary.path, NODE_COMPILE_CACHE: join(temporary.path, 'node') },
    onLine: (line) => count(line, tally),
    ...(to !== undefined && { to }),
  });
  if (code !== 0 && tally.failed === 0) tally.failed = 1;
  return { name, ms: performance.now() - started, tally };
}

/**
 * Adds one of node --test's closing lines ("ℹ pass 12") to the tally. What was skipped, left to do or
 * cancelled has not passed: it counts as failed.
 */
export function count(line: string, tally: Tally): void {
  const plain = stripVTControlCharacters(line).trim();
  const match = /^ℹ (pass|fail|cancelled|skipped|todo) (\d+)$/.exec(plain);
  if (match === null) return;
  if (match[1] === 'pass') tally.passed += Number(match[2]);
  else tally.failed += Number(match[2]);
}

async function shown(
  argv: readonly string[],
  { home, long, seed, signal }: TestOptions,
  more: {
    readonly env?: Readonly<Record<string, string>>;
    readonly onLine?: (line: string) => void;
    readonly to?: NodeJS.WritableStream;
  } = {},
): Promise<number> {
  const colour = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  return runShown(argv, more.to ?? process.stdout, {
    cwd: home,
    signal,
    ...(more.onLine === undefined ? {} : { onLine: more.onLine }),
    env: {
      ...more.env,
      ...(colour ? { FORCE_COLOR: '1' } : {}),
      CLOCK_TEST_SEED: String(seed),
      ...(long ? { CLOCK_TEST_LONG: '1' } : {}),
    },
  });
}

/** What ran and for how long (some beside others), what was not checked, and the line that counts. */
export function renderParts(
  parts: readonly Part[],
  { notChecked, ms }: { readonly notChecked: readonly string[]; readonly ms: number },
): string {
  const passed = parts.reduce((sum, { tally }) => sum + tally.passed, 0);
  const failed = parts.reduce((sum, { tally }) => sum + tally.failed, 0);
  const width = Math.max(...parts.map(({ name }) => name.length));
  const rows = parts.map(({ name, ms, tally }) => {
    const good = String(tally.passed).padStart(5);
    const bad = String(tally.failed).padStart(4);
    const mark = tally.failed === 0 ? '✓' : '✗';
    return `${mark} ${name.padEnd(width)} ${good} passed ${bad} failed  ${duration(ms).padStart(12)}`;
  });
  return [
    '',
    ...rows,
    ...notChecked.map((what) => `- not checked: ${what}`),
    '',
    `${passed} passed, ${failed} failed in ${duration(ms)}`,
  ].join('\n');
}
