// Backups, and bringing one back: whole while stations work, never over a ledger that knows more, never a serial
// that may already be on a card.
import assert from 'node:assert/strict';
import {
  existsSync,
  readFileSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import type { OperatorError } from '../../../image/core/errors.ts';
import { backUp, restore } from '../../../image/ledger/backup.ts';
import { announce, announcementsCsv } from '../../../image/ledger/export.ts';
import { openLedger } from '../../../image/ledger/ledger.ts';
import type { Ledger } from '../../../image/ledger/ledger.ts';
import { laterOf, mayRegister, registrationOf } from '../../../image/ledger/registration.ts';
import { unitText } from '../../../image/ledger/report.ts';
import { seal } from '../../../image/ledger/seal.ts';
import {
  listUnits,
  openRecord,
  replaceUnits,
  retireUnit,
  settleUnit,
  unitDetails,
  unsealWaiting,
} from '../../../image/ledger/units.ts';
import { verifyStore } from '../../../image/ledger/verify.ts';
import { API_KEY, by, card, done, hotel, record, registration, sample } from './sample.ts';

const request = { order: 'A-17', card, release: 'r', registration, by };
const options = { by, force: false };

function flash(ledger: Ledger, more: object = {}): string {
  const begun = ledger.begin({ ...request, ...more });
  ledger.verified(begun);
  ledger.end(begun, done);
  return begun.unit.serial;
}

test('a backup is one whole file for one user alone, and never written over another', () => {
  using at = sample();
  at.ledger.make([hotel], by);
  const { file, verdict } = backUp(at.ledger.store, join(at.folder, 'copies/a.db'));
  assert.equal(verdict.head, verifyStore(at.ledger.store).head);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(at.folder, 'copies')), ['a.db']);
  assert.ok(!readFileSync(file).includes(API_KEY));
  const again = backUp(at.ledger.store, file);
  assert.deepEqual([again.file, again.isNew, again.verdict], [file, false, verdict]);
  // A stick that is not there must not become a file of its name.
  assert.throws(() => backUp(at.ledger.store, join(at.folder, 'stick')), { code: 'backup-place' });
  assert.equal(existsSync(join(at.folder, 'stick')), false);
  const folder = join(at.folder, 'copies');
  const named = backUp(at.ledger.store, folder);
  assert.match(named.file, /ledger-3-[0-9a-f]{8}\.db$/);
  assert.ok(named.isNew);
  assert.deepEqual(backUp(at.ledger.store, folder), { ...named, isNew: false });
  const before = readFileSync(file);
  at.ledger.make([hotel], by);
  assert.throws(() => backUp(at.ledger.store, file), { code: 'backup-exists' });
  assert.deepEqual(readFileSync(file), before);
  assert.ok(backUp(at.ledger.store, folder).isNew, 'there is something new');
  // Of the same length, under the very name: no copy of this ledger all the same.
  const { file: spoilt } = backUp(at.ledger.store, folder);
  writeFileSync(spoilt, readFileSync(spoilt).fill(1, 9_000, 9_001));
  assert.throws(() => backUp(at.ledger.store, folder), { code: 'backup-exists' });
});

test('a backup restored where no ledger is: what waited for a card may have one, and is uncertain', () => {
  using at = sample();
  at.ledger.make([{ ...hotel, count: 2 }], by);
  flash(at.ledger);
  const { file } = backUp(at.ledger.store, join(at.folder, 'b.db'));
  const after = flash(at.ledger);
  const elsewhere = join(at.folder, 'other/ledger.db');
  const { gap, aside, verdict } = restore(file, elsewhere, options);
  assert.deepEqual([gap, aside, verdict.problems], [true, undefined, []]);
  const ledger = openLedger(elsewhere);
  assert.equal(ledger.unit(after).state, 'uncertain');
  assert.throws(() => ledger.begin(request), { code: 'order-finished' });
  const [next] = replaceUnits(ledger, { order: 'A-17' }, { by });
  assert.notEqual(next!.serial, after);
  assert.deepEqual([next!.order, next!.name, next!.state], ['A-17', hotel.name, 'new']);
  assert.deepEqual(verifyStore(ledger.store).problems, []);
  ledger.close();
});

test('a ledger that knows more is kept, and replaced only by force; an older one is replaced and kept aside', () => {
  using at = sample();
  at.ledger.make([{ ...hotel, count: 2 }], by);
  const { file } = backUp(at.ledger.store, join(at.folder, 'old.db'));
  flash(at.ledger);
  assert.throws(() => restore(file, at.file, options), { code: 'ledger-busy' }, 'a station has it');
  at.ledger.close();
  const before = readFileSync(at.file);
  assert.throws(() => restore(file, at.file, options), { code: 'ledger-newer' });
  assert.deepEqual(readFileSync(at.file).length, before.length);
  const forced = restore(file, at.file, { by, force: true });
  assert.ok(forced.gap && existsSync(forced.aside!));
  const ahead = openLedger(forced.aside!);
  assert.equal(listUnits(ahead, { state: 'done' }).length, 1, 'what was there is whole');
  ahead.close();
  const ledger = openLedger(at.file);
  assert.equal(listUnits(ledger, { state: 'uncertain' }).length, 2);
  const { file: newer } = backUp(ledger.store, join(at.folder, 'new.db'));
  ledger.close();
  const onto = restore(newer, at.file, { by, force: false, nowMs: () => Date.UTC(2040, 1) });
  assert.equal(onto.gap, false, 'nothing was lost');
});

test('after a restore a unit that never had a card is not settled: nothing is known of a card of it', () => {
  using at = sample();
  at.ledger.make([{ ...hotel, count: 2 }], by);
  const known = at.ledger.begin(request);
  at.ledger.verified(known);
  at.ledger.end(known, { result: 'bad', code: 'gone', reason: 'pulled out' });
  const { file } = backUp(at.ledger.store, join(at.folder, 'b.db'));
  const elsewhere = join(at.folder, 'other/ledger.db');
  restore(file, elsewhere, options);
  const ledger = openLedger(elsewhere);
  const never = listUnits(ledger).find(({ serial }) => serial !== known.unit.serial)!;
  assert.throws(() => settleUnit(ledger, never.serial, by), { code: 'card-unknown' });
  assert.equal(ledger.unit(never.serial).state, 'uncertain');
  const said = unitText(unitDetails(ledger, never.serial), { events: false });
  assert.match(said, /restored and knows no card of it[^]*unit replace/);
  assert.doesNotMatch(said, /read back|settle/);
  assert.equal(settleUnit(ledger, known.unit.serial, by).state, 'done', 'its card may start');
  ledger.close();
});

test('a damaged backup changes nothing; a damaged ledger is kept aside', () => {
  using at = sample();
  at.ledger.make([hotel], by);
  const { file } = backUp(at.ledger.store, join(at.folder, 'a.db'));
  const { file: bad } = backUp(at.ledger.store, join(at.folder, 'bad.db'));
  truncateSync(bad, 20_000);
  at.ledger.close();
  assert.throws(() => restore(bad, at.file, options), {
    code: /^(ledger-not-whole|ledger-damaged|not-a-ledger)$/,
  });
  assert.throws(() => restore(import.meta.filename, at.file, options), {
    code: 'not-a-ledger',
    message: `${import.meta.filename} is no backup of a ledger`,
  });
  writeFileSync(at.file, 'noise'.repeat(5_000));
  const { aside } = restore(file, at.file, options);
  assert.equal(readFileSync(aside!, 'utf8').slice(0, 5), 'noise');
  const ledger = openLedger(at.file);
  assert.deepEqual(verifyStore(ledger.store).problems, []);
  ledger.close();
  assert.ok(!readdirSync(at.folder).some((name) => name.endsWith('.part')));
});

test('what is wrong with a backup is said of the backup, not of the ledger or a draft beside it', () => {
  using at = sample();
  at.ledger.make([{ ...hotel, count: 40 }], by);
  const { file: good } = backUp(at.ledger.store, join(at.folder, 'good.db'));
  at.ledger.close();
  const backups = {
    'half.db': readFileSync(good).subarray(0, statSync(good).size / 2),
    'spoilt.db': readFileSync(good).fill(0xff, 4_096, 12_288),
    'text.db': Buffer.from('no database'),
    'other.db': readFileSync(good).fill(0, 68, 72),
    'later.db': readFileSync(good).fill(9, 60, 64),
  };
  for (const [name, bytes] of Object.entries(backups)) {
    const backup = join(at.folder, name);
    writeFileSync(backup, bytes);
    for (const place of [at.file, join(at.folder, 'elsewhere/ledger.db')]) {
      assert.throws(
        () => restore(backup, place, options),
        ({ message, hint }: OperatorError) => {
          assert.ok(message.startsWith(backup), message);
          assert.doesNotMatch(message, /ledger\.db|\.part/);
          assert.match(hint!, /older backup|unit backup|newest version/);
          return true;
        },
      );
    }
  }
  assert.throws(() => restore(good, at.folder, options), {
    message: `${at.folder} is a folder, not a ledger`,
  });
  assert.throws(() => restore(at.folder, at.file, options), { code: 'file-is-folder' });
});

test("on another machine support's identity opens what cards wait for, and what a next card needs", async () => {
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  using at = sample({ recipient });
  const sealed = await seal(JSON.stringify(record), recipient);
  at.ledger.make([{ ...hotel, count: 2, secret: { record, sealed } }], by);
  const escrow = await seal('recovery', recipient);
  const first = flash(at.ledger, { escrow });
  const { file } = backUp(at.ledger.store, join(at.folder, 'a.db'));
  const elsewhere = join(at.folder, 'other/ledger.db');
  restore(file, elsewhere, options);
  const ledger = openLedger(elsewhere);
  replaceUnits(ledger, { order: 'A-17' }, { by });
  assert.throws(() => ledger.begin({ ...request, escrow }), { code: 'record-sealed' });
  await assert.rejects(unsealWaiting(ledger, [await generateIdentity()]), {
    code: 'wrong-identity',
  });
  assert.equal(await unsealWaiting(ledger, [identity]), 1);
  assert.equal(await unsealWaiting(ledger, [identity]), 0, 'open already');
  assert.deepEqual(ledger.begin({ ...request, escrow }).record, record);
  assert.deepEqual(await openRecord(ledger, first, [identity]), record);
  ledger.close();
});

test('the cloud is told of the newest card that may start, and that retired serials register no more', () => {
  using at = sample();
  const { ledger } = at;
  ledger.make([{ ...hotel, count: 3 }], by);
  const tokens = ['one', 'two', 'three'].map(registrationOf) as [string, string, string];
  const serial = flash(ledger, { registration: tokens[0] });
  flash(ledger, { serial, record, registration: tokens[1] });
  const failed = ledger.begin({ ...request, serial, record, registration: tokens[2] });
  ledger.end(failed, { result: 'bad', code: 'x', reason: 'y' });
  const retired = flash(ledger, { registration: tokens[2] });
  retireUnit(ledger, retired, { by, why: 'stolen' });
  const { units } = announce(ledger);
  assert.deepEqual(
    units.map((unit) => ({ ...unit, since: 'then' })),
    [
      { serial, registration: tokens[1], generation: 2, superseded: [tokens[0]], since: 'then' },
      {
        serial: retired,
        registration: 'none',
        generation: 1,
        superseded: [tokens[2]],
        since: 'then',
      },
    ],
  );
  const attempt = { announced: units[0], isKnown: true, isSameKey: false };
  assert.deepEqual(mayRegister({ ...attempt, token: 'two' }), { allowed: true });
  assert.equal(mayRegister({ ...attempt, token: 'one' }).allowed, false);
  const csv = announcementsCsv(announce(ledger)).split('\n');
  assert.equal(csv[0], 'serial,registration,generation,since,superseded');
  assert.match(csv[1]!, new RegExp(`^${serial},${tokens[1]},2,2026-.*Z,${tokens[0]}$`));
  const later = announce(ledger).units;
  retireUnit(ledger, serial, { by, why: 'stolen too' });
  const retiredNow = announce(ledger).units[0]!;
  assert.deepEqual(laterOf(later[0], retiredNow), retiredNow);
  assert.deepEqual(laterOf(retiredNow, later[0]!), retiredNow, 'an old export opens nothing again');
});
