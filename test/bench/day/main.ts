// Plays a day in a hotel against a unit and compares everything at its end:
//   npm run bench:day -- [--seed N] [--rooms N] [--minutes N] [--faults] [--log]
// Ends with 1 where something does not agree. --log shows what the last agent wrote.
import { parseArgs } from 'node:util';
import { playDay } from './day.ts';
import { render } from './report.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String((Date.now() % 2 ** 32) >>> 0) },
    rooms: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '8' },
    faults: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});

const report = await playDay({
  ...{ seed: Number(values.seed), rooms: Number(values.rooms), minutes: Number(values.minutes) },
  withFaults: values.faults,
  say: (line) => console.error(line),
});
console.log(render(report));
if (values.log) console.error(report.log.join('\n'));
process.exitCode = report.differences.length === 0 ? 0 : 1;
