// `./build.sh test`: what CI runs.
import { command } from '../command.ts';
import { HOME, wholeNumber } from './places.ts';

/** Seeds are short enough to be read to somebody. */
const SEED_MAX = 1_000_000;

export const test = command('test', {
  summary: 'run everything CI runs',
  about: `Format, lint, types, dead code and tests; then builds the image, unless nothing changed, and
tests it on the emulated board. Goes on when something failed; the last line counts.`,
  options: {
    long: { help: 'the full series of kills, cuts and fuzzing instead of a sample' },
    seed: {
      value: 'N',
      accepts: wholeNumber(0, SEED_MAX),
      help: 'repeat the sample of an earlier run, which printed its seed',
    },
    only: { value: 'PATTERN', help: 'only test files whose path contains PATTERN' },
  },
  operands: [],
  examples: ['./build.sh test', './build.sh test --only image/core', './build.sh test --long'],
  logged: true,
  run: async ({ values }, { progress, signal }) => {
    const seed = Number(values.seed ?? Math.floor(Math.random() * SEED_MAX));
    const { runTests } = await import('../tests.ts');
    return runTests({ home: HOME, long: values.long, seed, only: values.only, progress, signal });
  },
});
