// `./build.sh test`: the fast gate and the image; with --long also the system tests that boot it.
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../core/progress.ts';
import { toolEnvironment } from '../core/run.ts';
import { buildImage } from '../release/build.ts';

export interface TestOptions {
  readonly home: string;
  readonly long: boolean;
  readonly seed: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Returns the exit code: 0 if everything passed. */
export async function runTests(options: TestOptions): Promise<number> {
  const { home, long, progress, signal, seed } = options;
  progress.say(`seed ${seed} (repeat with ./build.sh test --seed ${seed})`);
  if ((await shown(['npm', 'run', '--silent', 'check'], options)) !== 0) return 1;
  const { image } = await buildImage({}, { progress, signal });
  if (!long) {
    progress.say('not checked: the system tests (they boot the image); run ./build.sh test --long');
    return 0;
  }
  const folder = join(home, 'test/system');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.test.ts')).sort();
  const argv = ['node', '--test', '--test-concurrency=1', '--test-reporter=spec'];
  return shown([...argv, ...files.map((name) => join(folder, name))], options, {
    CLOCK_TEST_IMAGE: image,
  });
}

async function shown(
  argv: readonly string[],
  { home, long, seed, signal }: TestOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd: home,
    stdio: ['ignore', 'inherit', 'inherit'],
    signal,
    env: {
      ...toolEnvironment(),
      ...env,
      CLOCK_TEST_SEED: String(seed),
      ...(long ? { CLOCK_TEST_LONG: '1' } : {}),
    },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
