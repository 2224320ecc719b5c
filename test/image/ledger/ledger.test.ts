// A unit's life in the ledger: made, given to a card, done or not, given again, retired; and what its files hold.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { OperatorError } from '../../../image/core/errors.ts';
import { labelOf, serialLines } from '../../../image/label/label.ts';
import { createLedger, openLedger } from '../../../image/ledger/ledger.ts';
import type { UnitEntry } from '../../../image/ledger/ports.ts';
import { refuseNetwork } from '../../../image/ledger/place.ts';
import { unitText } from '../../../image/ledger/report.ts';
import { readIdentities, unbox, stationKey } from '../../../image/ledger/seal.ts';
import {
  importedAt,
  listUnits,
  noteLabel,
  noteMac,
  retireUnit,
  retireWaiting,
  settleUnit,
  unitDetails,
} from '../../../image/ledger/units.ts';
import { verifyStore } from '../../../image/ledger/verify.ts';
import { API_KEY, by, card, done, hotel, record, registration, sample } from './sample.ts';

const bad = { result: 'bad', code: 'counterfeit', reason: 'It holds 2 GB, not 32' } as const;
const request = { order: 'A-17', card, release: '0.1.0-1a2b3c4d', registration, by };

test('a unit gets its card: each step shows, and its record is what was ordered', () => {
  using at = sample();
  const { ledger } = at;
  const [made] = ledger.make([hotel], by);
  assert.match(made!.serial, /^[0-9a-f]{32}$/);
  assert.equal(made!.state, 'new');
  const flash = ledger.begin(request);
  assert.deepEqual(flash.record, record);
  assert.deepEqual(
    [flash.unit.serial, flash.unit.state, flash.generation],
    [made!.serial, 'writing', 1],
  );
  ledger.verified(flash);
  ledger.end(flash, done);
  const { unit, flashes } = unitDetails(ledger, made!.serial.slice(0, 8));
  assert.deepEqual(
    [unit.state, unit.cards, unit.release, unit.name],
    ['done', 1, '0.1.0-1a2b3c4d', 'Hotel Schöne Aussicht'],
  );
  assert.deepEqual(
    flashes.map(({ state, write_ms, operator, model }) => [state, write_ms, operator, model]),
    [['done', 15_000, 'maria', 'SD Card Reader']],
  );
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});

test('a card that failed before it was verified gives its unit back; after that the unit is uncertain', () => {
  using at = sample();
  const { ledger } = at;
  const [first] = ledger.make([hotel], by);
  const early = ledger.begin(request);
  ledger.end(early, bad);
  assert.equal(ledger.unit(first!.serial).state, 'new');
  const late = ledger.begin(request);
  assert.equal(late.unit.serial, first!.serial);
  ledger.verified(late);
  ledger.end(late, bad);
  assert.deepEqual(ledger.unit(first!.serial).state, 'uncertain');
  assert.throws(() => ledger.begin(request), { code: 'order-finished' });
  assert.equal(settleUnit(ledger, first!.serial, by).state, 'done');
  assert.throws(() => settleUnit(ledger, first!.serial, by), { code: 'unit-certain' });
  assert.deepEqual(
    unitDetails(ledger, first!.serial).flashes.map(({ state, reason }) => [state, reason]),
    [
      ['bad', bad.reason],
      ['bad', bad.reason],
    ],
  );
});

test('what could not begin is told before anything is begun, and nothing is told of it', () => {
  using at = sample();
  const { ledger } = at;
  const events = (): number => ledger.store.sql.all('SELECT 1 FROM event').length;
  const [made] = ledger.make([hotel], by);
  ledger.check({});
  ledger.check({ order: 'A-17' });
  assert.throws(() => ledger.check({ order: 'A-71' }), { code: 'order-unknown' });
  const flash = ledger.begin(request);
  assert.throws(() => ledger.check({ order: 'A-17' }), {
    code: 'order-finished',
    message: 'No unit of order A-17 waits for a card: 1 writing',
  });
  assert.throws(() => ledger.check({ serial: made!.serial }), { code: 'unit-busy' });
  ledger.verified(flash);
  ledger.end(flash, done);
  assert.throws(() => ledger.check({ serial: made!.serial }), { code: 'record-lost' });
  const second = ledger.begin({ ...request, serial: made!.serial, record });
  ledger.verified(second);
  ledger.end(second, done);
  const shown = unitText(unitDetails(ledger, made!.serial), { events: false });
  assert.match(shown, /^card 1: superseded; done[^]*^card 2: done/m);
  const before = events();
  ledger.check({ serial: made!.serial, record });
  retireUnit(ledger, made!.serial, { by, why: 'stolen' });
  assert.throws(() => ledger.check({ serial: made!.serial, record }), { code: 'unit-retired' });
  assert.equal(events(), before + 1);
});

test('of an order that was cancelled those without a card are retired; it may be ordered again when none is left', () => {
  using at = sample();
  const { ledger } = at;
  const file = { name: 'orders.csv', sha256: 'a1'.repeat(32) };
  ledger.make([{ ...hotel, count: 3 }], by, file);
  const flash = ledger.begin(request);
  ledger.verified(flash);
  ledger.end(flash, done);
  const again = { ...file, sha256: 'b2'.repeat(32) };
  assert.throws(() => ledger.make([hotel], by, again), { code: 'order-known' });
  const why = { by, why: 'the key was wrong' };
  assert.deepEqual(retireWaiting(ledger, 'A-17', why), { retired: 2, kept: 1 });
  assert.throws(() => ledger.begin(request), { code: 'order-finished' });
  assert.throws(() => retireWaiting(ledger, 'A-71', why), { code: 'order-unknown' });
  assert.throws(() => ledger.make([hotel], by, again), { code: 'order-known' }, 'one has a card');
  assert.ok(importedAt(ledger, file.sha256) !== undefined);
  retireUnit(ledger, flash.unit.serial, why);
  assert.equal(importedAt(ledger, file.sha256), undefined);
  assert.throws(() => ledger.begin(request), { code: 'order-retired', message: /are retired/ });
  // The very same file too.
  assert.equal(ledger.make([hotel], by, file).length, 1);
  assert.ok(importedAt(ledger, file.sha256) !== undefined);
  retireWaiting(ledger, 'A-17', why);
  assert.equal(ledger.make([hotel], by, again).length, 1);
  assert.equal(ledger.begin(request).generation, 1);
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});

test('a flash that is over takes no step, and none is left out', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([hotel], by);
  const flash = ledger.begin(request);
  assert.throws(() => ledger.end(flash, done), { code: 'flash-over' }, 'done, but not verified');
  ledger.verified(flash);
  assert.throws(() => ledger.verified(flash), { code: 'flash-over' });
  ledger.end(flash, done);
  assert.throws(() => ledger.end(flash, done), { code: 'flash-over' });
  assert.throws(() => ledger.verified({ ...flash, id: 'no' }), { code: 'flash-over' });
});

test('without an order a unit is made with its card; a unit whose card is written gets no second one', () => {
  using at = sample();
  const { ledger } = at;
  const { unit, record } = ledger.begin({ card, release: 'r', registration, by });
  assert.deepEqual(record, { v: 1, accounts: [] });
  assert.throws(() => ledger.begin({ serial: unit.serial, card, release: 'r', registration, by }), {
    code: 'unit-busy',
  });
  assert.throws(() => ledger.begin({ order: 'none', card, release: 'r', registration, by }), {
    code: 'order-unknown',
  });
  assert.throws(() => retireUnit(ledger, unit.serial, { by, why: 'x' }), { code: 'unit-busy' });
});

test('without an order the unit of a bad card is taken again; one that is somebody’s is not', () => {
  using at = sample();
  const { ledger } = at;
  const free = { card, release: 'r', registration, by };
  const plain = { count: 1, accounts: [], services: [] };
  const [named, , , labelled, boarded] = ledger.make(
    [{ ...plain, name: 'Hotel Adler' }, { ...hotel }, { ...plain, order: 'B' }, plain, plain],
    by,
  );
  noteLabel(ledger, labelled!.serial, { by, format: 'zpl' });
  noteMac(ledger, boarded!.serial, { by, mac: 'dc:a6:32:01:02:03' });
  const first = ledger.begin(free);
  const second = ledger.begin(free);
  ledger.end(second, bad);
  ledger.end(first, bad);
  const other = openLedger(at.file);
  const [third, fourth, fifth] = [ledger.begin(free), other.begin(free), ledger.begin(free)];
  assert.deepEqual(
    [third.unit.serial, fourth.unit.serial],
    [first.unit.serial, second.unit.serial],
    'the oldest first, and two stations get two',
  );
  assert.equal(listUnits(ledger).length, 8, 'only the fifth needed a new one');
  ledger.verified(third);
  ledger.end(third, bad);
  other.end(fourth, bad);
  const sixth = other.begin(free);
  assert.equal(sixth.unit.serial, fourth.unit.serial, 'not the uncertain one');
  assert.equal(sixth.generation, 1);
  assert.notEqual(fifth.unit.serial, named!.serial);
  other.close();
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});

test('another card for a unit that is done needs its record, and is the next generation', () => {
  using at = sample();
  const { ledger } = at;
  const { serial } = ledger.make([hotel], by)[0]!;
  const first = ledger.begin(request);
  ledger.verified(first);
  ledger.end(first, done);
  assert.throws(() => ledger.begin({ ...request, serial }), { code: 'record-lost' });
  const second = ledger.begin({ ...request, serial, record });
  assert.equal(second.generation, 2);
  ledger.end(second, bad);
  assert.deepEqual(ledger.unit(serial).state, 'done', 'the first card is still its card');
  retireUnit(ledger, serial, { by, why: 'stolen' });
  assert.throws(() => ledger.begin({ ...request, serial, record }), { code: 'unit-retired' });
  assert.equal(unitDetails(ledger, serial).why, 'stolen');
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});

test('where support has a key, no card is begun whose recovery key support has not', () => {
  using at = sample({ recipient: 'age1someone' });
  const escrow = '-----BEGIN AGE ENCRYPTED FILE-----\nx\n-----END AGE ENCRYPTED FILE-----\n';
  assert.throws(() => at.ledger.begin({ card, release: 'r', registration, by }), {
    code: 'no-escrow',
  });
  assert.throws(
    () => at.ledger.begin({ card, release: 'r', registration, by, escrow: 'the key itself' }),
    {
      code: 'no-escrow',
    },
  );
  const { unit } = at.ledger.begin({ card, release: 'r', registration, by, escrow });
  assert.equal(unitDetails(at.ledger, unit.serial).flashes[0]!.escrow, escrow);
});

test('an API key is in none of the files in clear, and gone when its last card is done', () => {
  using at = sample();
  const { ledger, folder, file } = at;
  ledger.make([{ ...hotel, count: 2 }], by);
  const boxes = () => ledger.store.sql.all('SELECT box FROM waiting');
  const [kept] = boxes();
  assert.match(
    unbox(kept!['box'] as Uint8Array, stationKey(file), 'record 1')!,
    new RegExp(API_KEY),
  );
  assert.equal(unbox(kept!['box'] as Uint8Array, stationKey(file), 'record 2'), undefined);
  for (let card = 1; card <= 2; card += 1) {
    assert.equal(boxes().length, 1);
    const flash = ledger.begin(request);
    ledger.verified(flash);
    ledger.end(flash, done);
  }
  assert.equal(boxes().length, 0);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const { mode } = statSync(path);
    assert.equal(mode & 0o077, 0, `${name} can be read by others`);
    if (statSync(path).isFile()) assert.ok(!readFileSync(path).includes(API_KEY), name);
  }
});

test('units are found by order and state, by host name and by the first digits', () => {
  using at = sample();
  const { ledger } = at;
  const [a] = ledger.make(
    [
      { ...hotel, count: 3 },
      { ...hotel, order: 'B' },
    ],
    by,
  );
  retireUnit(ledger, a!.serial, { by, why: 'spare' });
  assert.equal(listUnits(ledger).length, 4);
  assert.equal(listUnits(ledger, { order: 'A-17', state: 'new' }).length, 2);
  const { host, address } = labelOf(a!);
  const printed = serialLines(a!.serial);
  const hyphens = a!.serial.match(/.{8}/g)!.join('-');
  for (const named of [`${host}.local`, address, printed.join(' '), printed[0], hyphens])
    assert.equal(ledger.unit(named).serial, a!.serial, named);
  // So an order's name is not taken for a unit that begins like it.
  assert.throws(() => ledger.unit(hyphens.slice(0, 13)), { message: /no serial/ });
  assert.equal(
    noteMac(ledger, a!.serial, { by, mac: 'DC-A6-32-01-02-03' }).mac,
    'dc:a6:32:01:02:03',
  );
  assert.throws(() => noteMac(ledger, a!.serial, { by, mac: 'dc:a6' }), { code: 'mac' });
  assert.match(
    unitText(unitDetails(ledger, a!.serial), { events: true }),
    /made .* UTC\n[^]* UTC /,
  );
  assert.throws(() => ledger.unit('xyz'), { code: 'unit-unknown', message: /no serial/ });
  assert.throws(() => ledger.unit('00000000'), { code: 'unit-unknown', message: /no unit/ });
});

test('an identity file that is none is named, and what to do; nothing of it is quoted', async () => {
  using at = sample();
  const file = join(at.folder, 'support.txt');
  await assert.rejects(readIdentities(file), {
    ...{ code: 'file-missing', message: /There is no .*support\.txt/, hint: /Look at the name/ },
  });
  await assert.rejects(readIdentities(at.folder), { code: 'file-is-folder', hint: /file in it/ });
  writeFileSync(file, 'AGE-SECRET-KEY-1QQPZRY9\n');
  await assert.rejects(readIdentities(file), ({ code, message, hint }: OperatorError) => {
    assert.equal(code, 'not-an-identity');
    return !`${message}${hint}`.includes('QQPZ');
  });
});

test('a board goes with one unit: a MAC that another one has is refused, and says whose it is', () => {
  using at = sample();
  const { ledger } = at;
  const [a, b] = ledger.make([{ ...hotel, count: 2 }], by) as [UnitEntry, UnitEntry];
  const note = (unit: UnitEntry, mac: string): string | undefined =>
    noteMac(ledger, unit.serial, { by, mac }).mac;
  note(a, 'dc:a6:32:01:02:03');
  assert.throws(() => note(b, 'DCA632010203'), {
    ...{ code: 'mac-taken', message: `The board dc:a6:32:01:02:03 goes with ${a.serial}` },
    hint: /unit mac.*retire/,
  });
  assert.equal(ledger.unit(b.serial).mac, undefined);
  note(a, 'dc:a6:32:01:02:03');
  note(a, 'dc:a6:32:ff:ff:ff');
  note(b, 'dc:a6:32:01:02:03');
  retireUnit(ledger, b.serial, { by, why: 'broken' });
  assert.equal(note(a, 'dc:a6:32:01:02:03'), 'dc:a6:32:01:02:03', 'its unit is no more');
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});

test('with a clock that was set back no event is older than the one before it', () => {
  const start = Date.UTC(2026, 5, 1);
  let now = start;
  using at = sample({ nowMs: () => now });
  const { serial } = at.ledger.make([hotel], by)[0]!;
  now -= 3_600_000;
  noteMac(at.ledger, serial, { by, mac: 'dc:a6:32:01:02:03' });
  now = start + 1_000;
  retireUnit(at.ledger, serial, { by, why: 'spare' });
  assert.deepEqual(
    unitDetails(at.ledger, serial).events.map((event) => Date.parse(event.at) - start),
    [0, 0, 1_000],
  );
});

test('a ledger is never made over another one, nor taken for one that it is not', () => {
  using at = sample();
  const again = { recipient: undefined, by };
  assert.throws(() => createLedger(at.file, again), { code: 'ledger-exists' });
  assert.throws(() => openLedger(join(at.folder, 'other.db')), { code: 'ledger-missing' });
  writeFileSync(join(at.folder, 'text.db'), 'no database'.repeat(1_000));
  assert.throws(() => openLedger(join(at.folder, 'text.db')), { code: 'not-a-ledger' });
});

test('a ledger on a network file system is refused, on a disk beside it is not', () => {
  const mounts = [
    '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '90 22 0:50 / /srv/share\\040one rw - nfs4 server:/x rw',
    '91 90 8:2 / /srv/share\\040one/disk rw shared:1 - xfs /dev/sdb rw',
  ].join('\n');
  assert.throws(() => refuseNetwork('/srv/share one/ledger', mounts), {
    code: 'ledger-on-network',
  });
  refuseNetwork('/srv/share one/disk', mounts);
  refuseNetwork('/srv/share one too', mounts);
  refuseNetwork('/home', mounts);
});

test('a disk that is full takes no half step: it is said, and the flash goes on when there is room', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([hotel], by);
  const flash = ledger.begin(request);
  const pages = Number(ledger.store.db.prepare('PRAGMA page_count').get()!['page_count']);
  ledger.store.db.exec(`PRAGMA max_page_count = ${pages}`);
  const wanted = { ...hotel, count: 500, order: 'B' };
  assert.throws(() => ledger.make([wanted], by), { code: 'ledger-disk-full' });
  assert.equal(listUnits(ledger).length, 1);
  ledger.store.db.exec('PRAGMA max_page_count = 1000000');
  ledger.verified(flash);
  ledger.end(flash, done);
  assert.deepEqual(verifyStore(ledger.store).problems, []);
});
