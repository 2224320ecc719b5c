// Ledgers and backups that somebody has prepared, and files that change places while they are in use: nothing of
// theirs is done, nothing is told to a file that nobody finds again, and no serial is given twice.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { backUp, restore } from '../../../image/ledger/backup.ts';
import { openLedger } from '../../../image/ledger/ledger.ts';
import { openStore } from '../../../image/ledger/store.ts';
import { eventLines, unitTable, unitText } from '../../../image/ledger/report.ts';
import { listUnits, newestEvents, unitDetails } from '../../../image/ledger/units.ts';
import { verifyStore } from '../../../image/ledger/verify.ts';
import { by, card, done, hotel, registration, sample } from './sample.ts';
import type { Sample } from './sample.ts';

const request = { order: 'A-17', card, release: 'r', registration, by };
const options = { by, force: false };

/** Closes the ledger and lets somebody change its file. */
function change({ ledger, file }: Sample, sql: string): void {
  ledger.close();
  const db = new DatabaseSync(file, { defensive: false });
  db.exec(sql);
  db.close();
}

test('who holds a card is a name beside the ledger: one that leads elsewhere removes nothing', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([hotel], by);
  const victim = join(at.folder, 'victim.db');
  const db = new DatabaseSync(victim);
  db.exec('CREATE TABLE precious (a)');
  db.close();
  const [unit] = listUnits(ledger);
  const begun = { kind: 'flash.begun', serial: unit!.serial, flash: 'f', generation: 1 } as const;
  const rest = { card, release: 'r', escrow: null, registration, holder: '../victim.db' };
  ledger.store.write((tell) => tell({ ...begun, ...rest }, by));
  const { file } = backUp(ledger.store, join(at.folder, 'b.db'));
  const restored = join(at.folder, 'ledger2.db');
  restore(file, restored, options);
  openLedger(restored).close();
  assert.ok(fs.existsSync(victim), 'another database was removed');
});

test('a card that was being written when the backup was made may be finished: its serial is given to no other', () => {
  using at = sample();
  at.ledger.make([hotel], by);
  const flash = at.ledger.begin(request);
  const { file } = backUp(at.ledger.store, join(at.folder, 'b.db'));
  at.ledger.verified(flash);
  at.ledger.end(flash, done);
  const elsewhere = join(at.folder, 'other/ledger.db');
  restore(file, elsewhere, options);
  const ledger = openLedger(elsewhere);
  assert.equal(ledger.unit(flash.unit.serial).state, 'uncertain');
  assert.throws(() => ledger.begin(request), { code: 'order-finished' });
  assert.deepEqual(verifyStore(ledger.store).problems, []);
  ledger.close();
});

for (const [what, sql, said] of [
  [
    'a trigger that makes finished units new',
    `CREATE TRIGGER again AFTER UPDATE ON flash BEGIN UPDATE unit SET state = 'new'; END`,
    /trigger again is none/,
  ],
  [
    'a guard that guards nothing',
    `DROP TRIGGER event_no_delete;
     CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT 1; END`,
    /trigger event_no_delete was changed/,
  ],
  [
    'a view without an end',
    `DROP TABLE import; CREATE VIEW import AS WITH RECURSIVE r(n) AS
       (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS sha256, n AS at FROM r`,
    /view import is none/,
  ],
  ['a table more', 'CREATE TABLE more (a)', /table more is none/],
] as const) {
  test(`${what} is named; such a ledger is neither used nor restored`, () => {
    using at = sample();
    at.ledger.make([hotel], by);
    change(at, sql);
    assert.throws(() => openLedger(at.file), { code: 'ledger-changed', message: said });
    const store = openStore(at.file, { schema: 'any' });
    assert.match(verifyStore(store).problems.join('\n'), said);
    store.close();
    const elsewhere = join(at.folder, 'other/ledger.db');
    assert.throws(() => restore(at.file, elsewhere, options), { code: 'ledger-not-whole' });
    assert.equal(fs.existsSync(elsewhere), false);
  });
}

test('a ledger that is replaced while it is in use takes no step more', () => {
  using at = sample();
  at.ledger.make([hotel], by);
  const flash = at.ledger.begin(request);
  const { file } = backUp(at.ledger.store, join(at.folder, 'b.db'));
  fs.renameSync(at.file, `${at.file}.away`);
  assert.throws(() => at.ledger.verified(flash), { code: 'ledger-moved' });
  fs.copyFileSync(file, at.file);
  assert.throws(() => at.ledger.verified(flash), { code: 'ledger-moved' });
  fs.renameSync(`${at.file}.away`, at.file);
  at.ledger.verified(flash);
});

test('by a link it is the same ledger: who works with it is seen, and a second name of the file is refused', () => {
  using at = sample();
  at.ledger.make([hotel], by);
  const { serial } = at.ledger.begin(request).unit;
  fs.mkdirSync(join(at.folder, 'links'));
  const link = join(at.folder, 'links/ledger.db');
  fs.symlinkSync(at.file, link);
  const other = openLedger(link);
  assert.equal(other.unit(serial).state, 'writing', 'its station still runs');
  other.close();
  assert.deepEqual(fs.readdirSync(join(at.folder, 'links')), ['ledger.db']);
  fs.linkSync(at.file, join(at.folder, 'second.db'));
  assert.throws(() => openLedger(at.file), { code: 'ledger-twice' });
});

test('a database of something else is not changed by being taken for a ledger', () => {
  using at = sample();
  at.ledger.make([hotel], by);
  const { file } = backUp(at.ledger.store, join(at.folder, 'b.db'));
  for (const mode of ['DELETE', 'WAL']) {
    const foreign = join(at.folder, `${mode}.db`);
    const db = new DatabaseSync(foreign);
    db.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE event (a)`);
    db.close();
    const before = fs.readFileSync(foreign);
    assert.throws(() => openLedger(foreign), { code: 'not-a-ledger' });
    assert.throws(() => restore(file, foreign, options), { code: 'not-a-ledger' });
    assert.deepEqual(fs.readFileSync(foreign), before, mode);
  }
  const empty = join(at.folder, 'empty.db');
  fs.writeFileSync(empty, '');
  assert.throws(() => openLedger(empty), { code: 'not-a-ledger' });
  assert.equal(fs.statSync(empty).size, 0);
});

test('another log beside a ledger, or half a file, does not pass for it', () => {
  using at = sample();
  using other = sample();
  at.ledger.make([{ ...hotel, count: 40 }], by);
  other.ledger.make([{ ...hotel, count: 30 }], by);
  fs.copyFileSync(`${other.file}-wal`, join(at.folder, 'log'));
  at.ledger.close();
  fs.copyFileSync(join(at.folder, 'log'), `${at.file}-wal`);
  const isWhole = (): boolean => {
    try {
      const store = openStore(at.file, { schema: 'any' });
      const { problems, head } = verifyStore(store, { heads: [headBefore] });
      store.close();
      return problems.length === 0 && head === headBefore;
    } catch {
      return false;
    }
  };
  const headBefore = 'f'.repeat(64);
  assert.equal(isWhole(), false, 'another log');
  fs.rmSync(`${at.file}-wal`, { force: true });
  fs.truncateSync(at.file, 12_288);
  assert.equal(isWhole(), false, 'half a file');
});

test('names by hand are judged as those of a file; what a ledger says stays on its line', () => {
  using at = sample();
  const { ledger } = at;
  const line = { count: 1, accounts: [], services: [] };
  for (const order of ['', '../../x', 'x\u001B[2J', 'x\ny', 'x'.repeat(65)])
    assert.throws(() => ledger.make([{ ...line, order }], by), { code: 'bad-name' }, order);
  for (const name of ['x\u202Ey', 'x\ny', 'x'.repeat(81), 'x\u2028y'])
    assert.throws(() => ledger.make([{ ...line, name }], by), { code: 'bad-name' }, name);
  // As a ledger may have it that somebody has written.
  const odd = 'x\u001B[2J\u0007\nSERIAL\u202E\u2028y';
  const serial = 'ab'.repeat(16);
  const nobody = { accounts: [], services: ['pbx\nx'], record: null };
  ledger.store.write((tell) =>
    tell({ kind: 'unit.made', serial, order: odd, name: odd, ...nobody }, by),
  );
  const flash = { kind: 'flash.begun', serial, flash: 'f', generation: 1 } as const;
  const rest = { release: odd, escrow: null, registration, holder: odd };
  const evil = { ...card, device: odd, model: odd, cid: odd };
  ledger.store.write((tell) => tell({ ...flash, ...rest, card: evil }, by));
  const details = unitDetails(ledger, serial);
  const texts = [unitTable([details.unit]), eventLines(newestEvents(ledger, 9))];
  texts.push(unitText(details, { events: true }));
  for (const text of texts) {
    assert.doesNotMatch(text, /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u);
    assert.doesNotMatch(text, /^SERIAL\s*y/m);
  }
});
