// The same image on the Pi 3's own device tree, SD controller and USB network: its first boot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unit } from './units.ts';

test('the first boot on raspi3b ends with the page', async () => {
  await using unit = await Unit.make();
  await using board = await unit.start({ board: 'raspi3b' });
  const { serial } = await board.page();
  assert.match(serial, /^[0-9a-f]{32}$/);
  assert.equal(board.machine.starts, 1);
});
