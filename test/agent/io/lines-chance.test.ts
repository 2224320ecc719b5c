// Lines in the hands of chance: whatever both sides do in whatever order, what a line says makes sense, it works
// again at the end, and nothing is left behind.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LineSettings } from '../../../agent/core/line/config.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import { below, pick } from '../core/frames/streams.ts';
import { randomFrom, testSeed } from '../random.ts';
import { LINE_KINDS } from './line-kinds.ts';
import { createEcho, openHeard } from './third-party.ts';

const STEPS = process.env['CLOCK_TEST_LONG'] === '1' ? 3_000 : 60;
const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

/** As short as can be: chance has little time. */
const hurried = (settings: LineSettings): LineSettings =>
  'reconnect' in settings
    ? { ...settings, reconnect: { firstSeconds: 0.002, maxSeconds: 0.01 } }
    : settings;

for (const [name, setUp] of Object.entries(LINE_KINDS)) {
  test(`${name}: chance finds no order of things that it does not bear`, async () => {
    const seed = testSeed();
    const random = randomFrom(seed);
    const { until } = standIn();
    const before = await openFiles();
    const echo = createEcho();
    {
      await using setup = await setUp(echo);
      await using heard = openHeard(setup.open, hurried(setup.settings));
      const { line, said } = heard;
      let isPlugged = true;
      let number = 0;
      const steps: (() => Promise<unknown>)[] = [
        async () => line.write(Buffer.from(`${(number += 1)};`)).catch(() => {}),
        async () => void line.write(Buffer.alloc(below(random, 3_000), 0x2e)).catch(() => {}),
        async () => line.drop('chance'),
        async () => echo.open.at(-1)?.send(Buffer.from('unasked')),
        async () => echo.open.at(-1)?.end(),
        async () => sleep(below(random, 15)),
        async () => sleep(0),
        async () => {
          if (random() < 0.5) return;
          await (isPlugged ? setup.cable.unplug() : setup.cable.plug());
          isPlugged = !isPlugged;
        },
      ];
      for (let step = 0; step < STEPS; step += 1) await pick(random, steps)();
      if (!isPlugged) await setup.cable.plug();
      // It always comes back and works.
      await until(`it works again (seed ${seed})`, async () => {
        await line.write(Buffer.from('<the end>')).catch(() => sleep(20));
        return heard.text().includes('<the end>');
      });
      // up, lost, up, lost …, with failed tries and notes between, never two of a kind.
      const turns = said.filter((one) => one === 'up' || one.startsWith('lost'));
      for (const [index, one] of turns.entries())
        assert.equal(one === 'up', index % 2 === 0, `seed ${seed}: ${said.join(', ')}`);
    }
    await until('no file is left open', async () => (await openFiles()) <= before);
  });
}
