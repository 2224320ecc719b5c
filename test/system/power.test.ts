// Power cuts at any moment of a running unit: it starts every time, and its state is intact.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LONG, Unit, seeded } from './units.ts';

const CUTS = LONG ? 10 : 2;
/** From power-on: the boot script takes 35 s, the page comes after 70 s. */
const START_MS_MAX = 70_000;
/** From the page on: checks run, the clock is written, the unit settles. */
const RUN_MS_MAX = 20_000;

const random = seeded('power');

test(`${CUTS} power cuts leave a unit that starts with its serial and a sound state`, async () => {
  await using unit = await Unit.make();
  let serial = '';
  {
    await using board = await unit.start();
    ({ serial } = await board.page());
  }
  for (let cut = 0; cut < CUTS; cut += 1) {
    await using board = await unit.start();
    // Every other cut hits a unit that has started, the rest any moment of the start.
    if (cut % 2 === 0) await board.page();
    await sleep(random() * (cut % 2 === 0 ? RUN_MS_MAX : START_MS_MAX));
    assert.ok(!board.machine.console.some((line) => line.includes('STOPPED')), `cut ${cut}`);
  }
  await using board = await unit.start();
  assert.equal((await board.page()).serial, serial);
  const clean = /^clock: state partition clean, opened by key source board$/;
  assert.ok(board.machine.console.some((line) => clean.test(line)));
});
