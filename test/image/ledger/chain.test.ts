// Whatever is done to a ledger's events or to the tables that follow from them shows, and is named.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DatabaseSync } from 'node:sqlite';
import { verifyStore } from '../../../image/ledger/verify.ts';
import { by, card, done, hotel, registration, sample } from './sample.ts';
import type { Sample } from './sample.ts';

/** Ten events and more: two units, one of them with a card. */
function lived(): Sample {
  const at = sample();
  at.ledger.make([{ ...hotel, count: 2 }], by);
  const flash = at.ledger.begin({ order: 'A-17', card, release: 'r', registration, by });
  at.ledger.verified(flash);
  at.ledger.end(flash, done);
  return at;
}

/** As somebody with an SQLite shell would: guards away, change, guards back. */
function tamper({ ledger }: Sample, change: (db: DatabaseSync) => void): readonly string[] {
  const { db } = ledger.store;
  const guards = db.prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`).all();
  for (const { name } of guards) db.exec(`DROP TRIGGER ${String(name)}`);
  change(db);
  for (const { sql } of guards) db.exec(String(sql));
  return verifyStore(ledger.store).problems;
}

const said = (problems: readonly string[], pattern: RegExp): void =>
  assert.match(problems.join('\n'), pattern);

test('an untouched ledger has no problem, and its head is found again', () => {
  using at = lived();
  const { head, events, problems } = verifyStore(at.ledger.store);
  assert.deepEqual(problems, []);
  assert.equal(events, 7);
  assert.deepEqual(verifyStore(at.ledger.store, { heads: [head] }).problems, []);
  said(verifyStore(at.ledger.store, { heads: ['beef'] }).problems, /hash beef/);
});

test('events cannot be changed or deleted, and a guard that was removed is missed', () => {
  using at = lived();
  const { db } = at.ledger.store;
  assert.throws(() => db.exec(`UPDATE event SET at = '' WHERE seq = 3`), /never changed/);
  assert.throws(() => db.exec('DELETE FROM event WHERE seq = 3'), /never changed/);
  assert.throws(() => db.exec('DELETE FROM event'), /never changed/);
  db.exec('DROP TRIGGER event_no_delete');
  said(verifyStore(at.ledger.store).problems, /trigger event_no_delete was removed/);
});

for (const column of ['at', 'kind', 'by', 'body']) {
  test(`an event whose ${column} was changed is named`, () => {
    using at = lived();
    const problems = tamper(at, (db) =>
      db.exec(
        `UPDATE event SET ${column} = replace(${column}, substr(${column}, 3, 1), '1') WHERE seq = 5`,
      ),
    );
    said(problems, /Event 5 \(.*\) was changed/);
  });
}

test('a removed event is named, also the last one', () => {
  using at = lived();
  said(
    tamper(at, (db) => db.exec('DELETE FROM event WHERE seq = 4')),
    /^Event 4 is missing/m,
  );
  using other = lived();
  said(
    tamper(other, (db) => db.exec('DELETE FROM event WHERE seq = 7')),
    /^unit [0-9a-f]{32}: state is done, the events say writing/m,
  );
  using third = lived();
  said(
    tamper(third, (db) => db.exec('DELETE FROM event WHERE seq < 4')),
    /^Events 1 to 3 are missing/m,
  );
});

test('two events that changed places are both named', () => {
  using at = lived();
  const problems = tamper(at, (db) =>
    db.exec(`UPDATE event SET seq = 99 WHERE seq = 3; UPDATE event SET seq = 3 WHERE seq = 4;
             UPDATE event SET seq = 4 WHERE seq = 99`),
  );
  said(problems, /Event 3 \(.*\) was changed[^]*Event 4 \(.*\) was changed/);
});

test('an event that was put in place of another with a hash of its own is named by the next', async () => {
  const { hashOf } = await import('../../../image/ledger/chain.ts');
  using at = lived();
  const problems = tamper(at, (db) => {
    const event = db.prepare('SELECT * FROM event WHERE seq = 5').get() as never as Parameters<
      typeof hashOf
    >[0];
    const hash = hashOf({ ...event, at: '2020-01-01T00:00:00.000Z' });
    db.prepare(`UPDATE event SET at = '2020-01-01T00:00:00.000Z', hash = ? WHERE seq = 5`).run(
      hash,
    );
  });
  said(problems, /Event 5 was changed, or event 6 moved/);
});

const lies: readonly (readonly [string, string, RegExp])[] = [
  [
    'a unit made new again',
    `UPDATE unit SET state = 'new' WHERE state = 'done'`,
    /state is new, the events say done/,
  ],
  ['a flash without its failure', `UPDATE flash SET sha256 = 'x'`, /^flash .*: sha256 is x/m],
  [
    'a removed unit',
    `DELETE FROM unit WHERE state = 'new'`,
    /^The row of unit [0-9a-f]{32} was removed/m,
  ],
  [
    'an invented import',
    `INSERT INTO import VALUES ('a', 'b', 'c')`,
    /^No event tells of import a/m,
  ],
  [
    'another key of support',
    `UPDATE setting SET value = 'age1mine'`,
    /recipient: value is age1mine/,
  ],
];
for (const [what, sql, pattern] of lies) {
  test(`the tables are compared with the events: ${what} shows`, () => {
    using at = lived();
    at.ledger.store.db.exec(sql);
    said(verifyStore(at.ledger.store).problems, pattern);
  });
}
