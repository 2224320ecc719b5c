// A card as the factory flashes it, on the emulated board: it starts, it is the unit that the ledger gave it, and
// nothing of what the flasher brought stays in the clear. Two boots' time: only with CLOCK_TEST_LONG=1.
import assert from 'node:assert/strict';
import { mkdtempDisposable, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../image/core/run.ts';
import { createLedger, openLedger } from '../../image/ledger/ledger.ts';
import { listUnits } from '../../image/ledger/units.ts';
import { IMAGE, LONG, Unit } from './units.ts';

const MAIN = fileURLToPath(new URL('../../image/main.ts', import.meta.url));
/** QEMU's cards have a power of two in size. */
const CARD_BYTES = 2 ** 31;
const BY = { operator: 'ada', station: 'bench' };

async function flashed(): Promise<void> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-flash-'));
  const card = join(folder.path, 'card');
  const file = await open(card, 'w');
  await file.truncate(CARD_BYTES);
  await file.close();
  const ledgerFile = join(folder.path, 'ledger.db');
  createLedger(ledgerFile, { recipient: undefined, by: BY }).close();
  const version = basename(IMAGE, '.img').replace(/^clock-iot-unit-|-claim-[0-9a-f]{8}$/g, '');
  const release = join(dirname(IMAGE), 'release', version);
  const from = ['--release', release, '--ledger', ledgerFile];
  await run([process.execPath, MAIN, 'flash', '--yes', ...from, card]);
  const ledger = openLedger(ledgerFile);
  const [entry] = listUnits(ledger);
  ledger.close();
  assert.equal(entry?.state, 'done');

  await using unit = await Unit.make(card, CARD_BYTES);
  for (const start of ['first', 'second']) {
    await using board = await unit.start();
    assert.equal((await board.page()).serial, entry.serial, `the ${start} start`);
  }
}

if (LONG) test('a flashed card starts, twice, as the unit that the ledger gave it', flashed);
