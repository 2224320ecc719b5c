// Cards that are written over: the ledger sees it by their number, and the unit that had one needs another. What it
// cannot know (no number, one that is no number, an older ledger) it does not say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { backUp, restore } from '../../../image/ledger/backup.ts';
import { announce } from '../../../image/ledger/export.ts';
import { openLedger } from '../../../image/ledger/ledger.ts';
import type { Ledger } from '../../../image/ledger/ledger.ts';
import type { Flash } from '../../../image/ledger/ports.ts';
import { unitTable, unitText } from '../../../image/ledger/report.ts';
import {
  cardHolder,
  listOrders,
  listUnits,
  replaceUnits,
  retireUnit,
  settleUnit,
  unitDetails,
} from '../../../image/ledger/units.ts';
import { verifyStore } from '../../../image/ledger/verify.ts';
import { by, card, done, hotel, record, registration, sample } from './sample.ts';

const A = '275048534431364760a1b2c3d4015300';
const B = '275048534431364760a1b2c3d5015300';
const bad = { result: 'bad', code: 'card-failing', reason: 'EIO' } as const;

interface What {
  readonly cid?: string;
  readonly serial?: string;
}

function begin(ledger: Ledger, { cid, serial }: What): Flash {
  const which = serial === undefined ? { order: 'A-17' } : { serial, record };
  const own = cid === undefined ? card : { ...card, cid };
  return ledger.begin({ ...which, card: own, release: 'r', registration, by });
}

/** The unit's card is finished. */
function finished(ledger: Ledger, what: What): string {
  const flash = begin(ledger, what);
  ledger.verified(flash);
  ledger.end(flash, done);
  return flash.unit.serial;
}

/** The serial of the unit whose card a card with this number is. */
const holderOf = (ledger: Ledger, cid: string | undefined): string | undefined =>
  cardHolder(ledger, cid === undefined ? {} : { cid })?.unit.serial;

/** The unit may have a card or not. */
function uncertain(ledger: Ledger, what: What): string {
  const flash = begin(ledger, what);
  ledger.verified(flash);
  ledger.end(flash, bad);
  return flash.unit.serial;
}

const overwritings = ({ store }: Ledger): number =>
  store.sql.all(`SELECT 1 FROM event WHERE kind = 'card.overwritten'`).length;

test('a card that is begun for another unit leaves the first without one, whatever becomes of it', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([{ ...hotel, count: 2 }], by);
  const x = finished(ledger, { cid: A });
  const certificates = announce(ledger).units;
  const flash = begin(ledger, { cid: A });
  assert.equal(ledger.unit(x).state, 'overwritten', 'before the first byte is written');
  ledger.end(flash, bad);
  const { state, cards } = ledger.unit(x);
  assert.deepEqual([state, cards], ['overwritten', 1]);
  assert.deepEqual(announce(ledger).units, certificates, 'its identity is as it was');
  assert.equal(finished(ledger, { cid: A }), flash.unit.serial);
  assert.equal(overwritings(ledger), 1, 'it is told once');
  assert.deepEqual(
    listOrders(ledger).map(({ wanted, done }) => [wanted, done]),
    [[2, 1]],
  );
  assert.throws(() => begin(ledger, {}), { code: 'order-finished', message: /1 overwritten/ });
  const shown = unitText(unitDetails(ledger, x), { events: false });
  const y = flash.unit.serial;
  assert.match(
    shown,
    new RegExp(`written over on 2026-01-05 08:00:\\d\\d UTC by unit ${y}: .* Reflash`),
  );
  assert.match(shown, new RegExp(`^card 1: written over on .* by unit ${y}; done`, 'm'));
  assert.match(unitTable(listUnits(ledger)), /2 units: 1 done, 1 overwritten\nOverwritten: /);
  assert.deepEqual(listUnits(ledger, { state: 'overwritten' }).length, 1);

  const again = begin(ledger, { cid: B, serial: x });
  assert.equal(again.generation, 2, 'the next card of the same unit');
  ledger.end(again, bad);
  assert.equal(ledger.unit(x).state, 'overwritten', 'there is still none');
  finished(ledger, { cid: B, serial: x });
  assert.equal(ledger.unit(x).state, 'done');
  assert.doesNotMatch(unitText(unitDetails(ledger, x), { events: false }), /Reflash/);
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});

test('whose card it is: the unit whose newest card it is, until something is begun on it', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([{ ...hotel, count: 3 }], by);
  assert.equal(holderOf(ledger, A), undefined);
  const x = finished(ledger, { cid: A });
  assert.equal(holderOf(ledger, A), x);
  finished(ledger, { cid: B, serial: x });
  assert.equal(holderOf(ledger, A), undefined, 'superseded');
  assert.equal(holderOf(ledger, B), x);
  const y = uncertain(ledger, { cid: A });
  assert.equal(ledger.unit(x).state, 'done', 'it was not its card any more');
  assert.equal(holderOf(ledger, A), y, 'that may start');
  const open = begin(ledger, { cid: A });
  assert.equal(holderOf(ledger, A), undefined);
  ledger.end(open, bad);
  assert.equal(holderOf(ledger, A), undefined, 'nobody’s');
  retireUnit(ledger, x, { by, why: 'stolen' });
  assert.equal(holderOf(ledger, B), undefined);
  finished(ledger, { cid: B });
  assert.equal(ledger.unit(x).state, 'retired');
  assert.equal(overwritings(ledger), 1);
  assert.equal(holderOf(ledger, undefined), undefined);
});

test('a card without a number of its own is nobody’s', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([{ ...hotel, count: 6 }], by);
  const numbers = [
    undefined,
    '27504853443136476000000000015300',
    '275048534431364760ffffffff015300',
  ];
  for (const cid of numbers) {
    const what = cid === undefined ? {} : { cid };
    const x = finished(ledger, what);
    assert.equal(holderOf(ledger, cid), undefined);
    finished(ledger, what);
    assert.equal(ledger.unit(x).state, 'done');
  }
});

test('on its own card a unit’s next one tells nothing; one that fails leaves it without', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([hotel], by);
  const x = finished(ledger, { cid: A });
  finished(ledger, { cid: A, serial: x });
  assert.deepEqual([overwritings(ledger), ledger.unit(x).state], [0, 'done']);
  ledger.end(begin(ledger, { cid: B, serial: x }), bad);
  assert.equal(ledger.unit(x).state, 'done', 'its card was not touched');
  ledger.end(begin(ledger, { cid: A, serial: x }), bad);
  assert.equal(ledger.unit(x).state, 'overwritten');
  const shown = unitText(unitDetails(ledger, x), { events: false });
  assert.match(shown, /by a card of its own that failed: it has none/);
  finished(ledger, { cid: A, serial: x });
  assert.equal(ledger.unit(x).state, 'done');

  // A station that goes while it writes fails as well.
  const station = openLedger(at.file);
  begin(station, { cid: A, serial: x });
  station.close();
  const next = openLedger(at.file);
  assert.equal(next.unit(x).state, 'overwritten');
  next.close();
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});

test('a unit whose card is written over while it gets another one has none to go back to', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([{ ...hotel, count: 2 }], by);
  const x = finished(ledger, { cid: A });
  const second = begin(ledger, { cid: B, serial: x });
  finished(ledger, { cid: A });
  assert.equal(ledger.unit(x).state, 'writing');
  ledger.end(second, bad);
  assert.equal(ledger.unit(x).state, 'overwritten');
  const [next] = replaceUnits(ledger, { serial: x }, { by });
  assert.equal(next!.state, 'new');
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});

test('an uncertain unit whose card was written over cannot be settled, and its record still waits', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([{ ...hotel, count: 2 }], by);
  const x = uncertain(ledger, { cid: A });
  const y = finished(ledger, { cid: A });
  assert.equal(ledger.unit(x).state, 'overwritten');
  assert.throws(() => settleUnit(ledger, x, by), {
    code: 'card-overwritten',
    hint: new RegExp(`reflash ${x} .*replace ${x}`),
  });
  ledger.check({ serial: x });
  assert.equal(ledger.unit(y).state, 'done');
  const other = uncertain(ledger, { cid: B, serial: x });
  assert.equal(settleUnit(ledger, other, by).state, 'done', 'of a card that is there');
});

/** As a program of version 1 left it: it told nothing when a card was written over. */
function asVersionOne(ledger: Ledger, what: What & { readonly serial: string }): void {
  const { sql } = ledger.store;
  const holder = String(sql.get('SELECT holder FROM flash')?.['holder']);
  const generation = 1;
  const flash = `old-${what.serial}`;
  const told = { ...what, flash, generation, release: 'r', escrow: null, registration, holder };
  ledger.store.write((tell) => {
    tell({ kind: 'flash.begun', ...told, card: { ...card, cid: what.cid! } }, by);
    tell({ kind: 'flash.verified', serial: what.serial, flash }, by);
    tell({ kind: 'flash.ended', serial: what.serial, flash, how: done }, by);
  });
  ledger.store.db.exec('PRAGMA user_version = 1');
}

test('a ledger of version 1 says the same as before, is whole, and tells it from then on', () => {
  using at = sample();
  const [x, y, z] = at.ledger.make([{ ...hotel, count: 3 }], by).map(({ serial }) => serial);
  assert.equal(uncertain(at.ledger, { cid: A }), x);
  asVersionOne(at.ledger, { cid: A, serial: y! });
  const version = (file: string): unknown => {
    const db = new DatabaseSync(file, { readOnly: true });
    const found = db.prepare('PRAGMA user_version').get()!['user_version'];
    db.close();
    return found;
  };
  assert.deepEqual(verifyStore(at.ledger.store).problems, []);
  const { file: copy } = backUp(at.ledger.store, join(at.folder, 'copy.db'));
  at.ledger.close();
  assert.equal(version(copy), 1, 'a copy is as it was');
  restore(copy, join(at.folder, 'restored.db'), { by, force: false });
  assert.equal(version(join(at.folder, 'restored.db')), 2);

  const ledger = openLedger(at.file);
  try {
    assert.equal(version(at.file), 2, 'no older program opens it any more');
    assert.deepEqual(verifyStore(ledger.store).problems, []);
    assert.deepEqual(
      [ledger.unit(x!).state, ledger.unit(y!).state],
      ['uncertain', 'done'],
      'as it was told',
    );
    assert.equal(holderOf(ledger, A), y);
    assert.throws(() => settleUnit(ledger, x!, by), { code: 'card-overwritten' });
    assert.equal(finished(ledger, { cid: A }), z);
    assert.deepEqual(
      [ledger.unit(x!).state, ledger.unit(y!).state],
      ['overwritten', 'overwritten'],
    );
    assert.deepEqual(verifyStore(ledger.store).problems, []);
  } finally {
    ledger.close();
  }
});

test('a blank card is no unit’s, and a number that its maker gave to many says nothing', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([{ ...hotel, count: 6 }], by);
  const blank = (): Flash => {
    const own = { ...card, cid: A, isBlank: true };
    return ledger.begin({ order: 'A-17', card: own, release: 'r', registration, by });
  };
  const finish = (flash: Flash): string => {
    ledger.verified(flash);
    ledger.end(flash, done);
    return flash.unit.serial;
  };
  const doubted = blank();
  ledger.verified(doubted);
  ledger.end(doubted, bad);
  const all = [finish(blank()), finish(blank()), finish(blank())];
  assert.equal(holderOf(ledger, A), undefined);
  assert.equal(settleUnit(ledger, doubted.unit.serial, by).state, 'done');
  finished(ledger, { cid: A });
  for (const serial of all) assert.equal(ledger.unit(serial).state, 'done');
  assert.equal(overwritings(ledger), 0);
  finished(ledger, { cid: B });
  assert.notEqual(holderOf(ledger, B), undefined);
  assert.deepEqual(
    listOrders(ledger).map(({ wanted, done: made }) => [wanted, made]),
    [[6, 6]],
  );
});

test('a card that tells whose it is needs no number; of a unit that had several cards it may be an older one', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([{ ...hotel, count: 3 }], by);
  const x = finished(ledger, {});
  const of = (unit: string, cid?: string): ReturnType<typeof cardHolder> =>
    cardHolder(ledger, { unit, ...(cid === undefined ? {} : { cid }) });
  assert.deepEqual([of(x)?.unit.serial, of(x)?.isCurrent], [x, true]);
  assert.equal(of('0'.repeat(32)), undefined, 'of another ledger');
  const over = (unit: string, serial?: string): Flash => {
    const which = serial === undefined ? { order: 'A-17' } : { serial, record };
    return ledger.begin({ ...which, card: { ...card, unit }, release: 'r', registration, by });
  };
  const y = over(x);
  assert.equal(ledger.unit(x).state, 'overwritten');
  ledger.verified(y);
  ledger.end(y, done);
  assert.equal(of(x)?.isCurrent, false, 'it has none');

  finished(ledger, { cid: B, serial: y.unit.serial });
  assert.equal(of(y.unit.serial)?.isCurrent, false, 'the first of two, or the second');
  assert.equal(of(y.unit.serial, B)?.isCurrent, true);
  const z = over(y.unit.serial);
  assert.equal(ledger.unit(y.unit.serial).state, 'done', 'nobody knows');
  ledger.verified(z);
  ledger.end(z, done);
  ledger.end(over(z.unit.serial, z.unit.serial), bad);
  assert.equal(ledger.unit(z.unit.serial).state, 'overwritten', 'its own, which failed');
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});
