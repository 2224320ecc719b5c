// Plays a day in a hotel against a unit and compares everything at its end:
//   npm run bench:day -- [--seed N] [--rooms N] [--minutes N] [--faults] [--log] [--booted [--image FILE]]
// Ends with 1 where something does not agree. --log shows what the unit wrote last. --booted: against the newest image
// in build/, or FILE, on an emulated board in the simulated hotel, as root; else against processes on this machine.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { OperatorError } from '../../../image/core/errors.ts';
import { newestImage } from '../../../image/host/commands/places.ts';
import { booted } from './booted.ts';
import { playDay } from './day.ts';
import { render } from './report.ts';
import { workstation } from './workstation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String((Date.now() % 2 ** 32) >>> 0) },
    rooms: { type: 'string' },
    minutes: { type: 'string', default: '8' },
    faults: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
    booted: { type: 'boolean', default: false },
    image: { type: 'string' },
  },
});

/** What an emulated board, ten times slower than a Pi, does in some minutes. */
const ROOMS = values.booted ? '20' : '200';

async function main(): Promise<number> {
  const { booted: isBooted, image } = values;
  const place = isBooted
    ? booted(image === undefined ? await newestImage() : resolve(image))
    : workstation;
  const report = await playDay({
    ...{ place, seed: Number(values.seed), withFaults: values.faults },
    ...{ rooms: Number(values.rooms ?? ROOMS), minutes: Number(values.minutes) },
    say: (line) => console.error(line),
  });
  console.log(render(report));
  if (values.log) console.error(report.log.join('\n'));
  return report.differences.length === 0 ? 0 : 1;
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    if (!(error instanceof OperatorError)) throw error;
    console.error(`${error.message}\n  → ${error.hint ?? ''}`);
    process.exitCode = 1;
  },
);
