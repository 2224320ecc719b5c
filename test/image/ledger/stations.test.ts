// Stations as processes: two at one ledger lose no row, and one that is killed anywhere leaves nothing half-done.
// CLOCK_TEST_LONG=1 kills hundreds of times.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { openLedger } from '../../../image/ledger/ledger.ts';
import { listUnits } from '../../../image/ledger/units.ts';
import { verifyStore } from '../../../image/ledger/verify.ts';
import { randomFrom, testSeed } from '../../agent/random.ts';
import { by, card, hotel, registration, sample } from './sample.ts';

const FLASHER = fileURLToPath(new URL('flasher.ts', import.meta.url));
const isLong = process.env['CLOCK_TEST_LONG'] === '1';
const seed = testSeed();
const random = randomFrom(seed);

interface Life {
  readonly steps: readonly (readonly [step: string, serial: string])[];
  readonly killed: boolean;
}

/** Runs a station; kills it `killMs` after it has opened the ledger. */
async function station(file: string, name: string, killMs?: number): Promise<Life> {
  const child = spawn(process.execPath, [FLASHER, file, 'A-17', name, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  let timer: NodeJS.Timeout | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (killMs !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), killMs);
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  const lines = said.split('\n').filter((line) => line !== '');
  return {
    steps: lines.map((line) => line.split(' ') as [string, string]),
    killed: signal === 'SIGKILL',
  };
}

test('two stations at one ledger: each unit gets one card, and no row is lost', async () => {
  using at = sample();
  const count = isLong ? 2_000 : 60;
  at.ledger.make([{ ...hotel, count }], by);
  const lives = await Promise.all(['a', 'b'].map((name) => station(at.file, name)));
  const said = (step: string): string[] =>
    lives.flatMap(({ steps }) =>
      steps.filter(([what]) => what === step).map(([, serial]) => serial),
    );
  assert.equal(new Set(said('done')).size, count);
  assert.equal(said('done').length, count, 'a serial was given twice');
  for (const { steps } of lives) assert.equal(steps.at(-1)?.[0], 'order-finished');
  const rows = (sql: string): number => Number(at.ledger.store.sql.get(sql)?.['n']);
  assert.equal(rows('SELECT count(*) AS n FROM flash'), said('begun').length);
  assert.equal(rows(`SELECT count(*) AS n FROM flash WHERE state = 'bad'`), said('bad').length);
  assert.deepEqual(verifyStore(at.ledger.store).problems, []);
});

test(`stations killed at random points: no wrong "done", no serial twice, nothing left open (CLOCK_TEST_SEED=${seed})`, async () => {
  using at = sample();
  const rounds = isLong ? 150 : 5;
  at.ledger.make([{ ...hotel, count: isLong ? 20_000 : 1_500 }], by);
  const steps = new Map<string, string[]>();
  let kills = 0;
  for (let round = 0; round < rounds; round += 1) {
    const lives = await Promise.all(
      ['a', 'b'].map((name) => station(at.file, name, Math.floor(random() * 150))),
    );
    kills += lives.filter(({ killed }) => killed).length;
    for (const [step, serial] of lives.flatMap((life) => life.steps)) {
      if (serial !== '') steps.set(serial, [...(steps.get(serial) ?? []), step]);
    }
  }
  assert.equal(kills, rounds * 2);
  const ledger = openLedger(at.file);
  try {
    assert.deepEqual(verifyStore(ledger.store).problems, []);
    assert.equal(listUnits(ledger, { state: 'writing' }).length, 0, 'a dead station holds a unit');
    for (const [serial, seen] of steps) {
      const { state } = ledger.unit(serial);
      const times = (step: string): number => seen.filter((one) => one === step).length;
      assert.ok(times('done') <= 1 && times('verified') <= 1, `${serial}: ${seen.join(' ')}`);
      // What was said is true; what was being asked for may have come true.
      if (times('done') === 1) assert.equal(state, 'done', serial);
      else if (times('verified') === 1) assert.match(state, /^(uncertain|done)$/, serial);
      else if (times('verifying') > 0) assert.match(state, /^(new|uncertain)$/, serial);
      else assert.equal(state, 'new', `${serial}: ${seen.join(' ')}`);
    }
    assert.ok(steps.size > rounds, 'the stations were killed before they did anything');
  } finally {
    ledger.close();
  }
});

test('a station that runs keeps its card while another one starts', () => {
  using at = sample();
  at.ledger.make([hotel], by);
  const flash = at.ledger.begin({ order: 'A-17', card, release: 'r', registration, by });
  const other = openLedger(at.file);
  assert.equal(other.unit(flash.unit.serial).state, 'writing');
  assert.throws(() => other.begin({ order: 'A-17', card, release: 'r', registration, by }), {
    code: 'order-finished',
  });
  other.close();
  at.ledger.verified(flash);
});
