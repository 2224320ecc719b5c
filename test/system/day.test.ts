// A day in a hotel of twenty rooms against the booted image, in which everything breaks that can: the plug is pulled,
// the agent and services are killed, third parties hang up, Clock's answers are lost. Long: two boots and ten minutes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSeed } from '../agent/random.ts';
import { booted } from '../bench/day/booted.ts';
import { playDay } from '../bench/day/day.ts';
import { render } from '../bench/day/report.ts';
import { IMAGE } from './units.ts';

const seed = testSeed();
test(`on the booted image a day in which everything breaks agrees to the last cent (seed ${seed})`, async (t) => {
  const report = await playDay({
    ...{ place: booted(IMAGE), seed, rooms: 20, minutes: 8, withFaults: true },
    say: (line) => t.diagnostic(line),
  });
  t.diagnostic(render(report));
  assert.deepEqual(report.differences, [], render(report));
});
