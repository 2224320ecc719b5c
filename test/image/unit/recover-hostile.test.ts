// Cards of people who mean harm to whoever recovers them: what they hold is data, never SQL that is run, never
// another unit's, never lines of the report; and nothing of it goes where it was not told to.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { SCHEMA } from '../../../agent/io/sqlite.ts';
import { keys, render } from '../../../agent/hotel/wire.ts';
import { memoryFolder } from '../../../image/core/memory.ts';
import { openSource } from '../../../image/unit/read/source.ts';
import { prepare, salvage } from '../../../image/unit/recover/queue.ts';
import { recover } from '../../../image/unit/recover/recover.ts';
import type { Recovery } from '../../../image/unit/recover/recover.ts';
import { renderRecovery } from '../../../image/unit/recover/report.ts';
import { usedBlocks } from '../../../image/unit/recover/used.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { makeStateCard } from './state-card.ts';

const SERIAL = '0f'.repeat(16);
const OTHER = 'e1'.repeat(16);
const DIGITS = '5a'.repeat(32);

let folder = '';
const at = (name: string): string => join(folder, name);
before(async () => void (folder = await mkdtemp(join(tmpdir(), 'clock-hostile-'))));
after(async () => rm(folder, { recursive: true }));

/** A queue as an agent makes it, and then changed by somebody who may change anything in it. */
function queue(name: string, change: (db: DatabaseSync) => void): string {
  const db = new DatabaseSync(at(name), { defensive: false });
  db.exec(SCHEMA);
  db.exec(`INSERT INTO waiting VALUES (1, 'one', 't', x'7b7d', 1, NULL)`);
  db.exec(`INSERT INTO record VALUES ('pairing/pms', '{"v":1}')`);
  change(db);
  db.close();
  return at(name);
}

const rowsIn = (file: string, table: string): number => {
  const db = new DatabaseSync(file, { readOnly: true });
  const row = db.prepare(`SELECT count(*) AS n FROM ${table}`).get();
  db.close();
  return Number(row?.['n']);
};

test('SQL in the schema of a card’s queue is not run: no file is written, the rows come out', async () => {
  const owned = at('owned');
  const from = queue('schema.db', (db) => {
    db.exec('PRAGMA writable_schema = ON');
    db.exec(`UPDATE sqlite_schema SET sql = sql || '; COMMIT; ATTACH ''${owned}'' AS o;
      CREATE TABLE o.x (a); BEGIN' WHERE name = 'waiting'`);
  });
  const made = at('schema-made.db');
  assert.deepEqual((await salvage(from, made)).torn, []);
  assert.equal(existsSync(owned), false, 'the card wrote a file of this machine');
  assert.deepEqual([rowsIn(made, 'waiting'), rowsIn(made, 'record')], [1, 1]);
});

test('tables, triggers and views that no agent makes do not come along', async () => {
  const from = queue('more.db', (db) => {
    db.exec(`CREATE TABLE "a""b" (x); INSERT INTO "a""b" VALUES (1);
      CREATE TRIGGER t AFTER INSERT ON waiting BEGIN DELETE FROM record; END;
      CREATE VIEW recovered AS SELECT 1 AS about`);
  });
  const made = at('more-made.db');
  await salvage(from, made);
  const db = new DatabaseSync(made);
  const names = db.prepare(`SELECT name FROM sqlite_schema WHERE sql IS NOT NULL`).all();
  db.close();
  const found = names.map(({ name }) => String(name)).sort();
  assert.deepEqual(found, ['counter', 'dead', 'record', 'waiting']);
});

for (const [what, sql] of [
  [
    'a view without an end',
    `DROP TABLE waiting; CREATE VIEW waiting AS WITH RECURSIVE r(place) AS
      (SELECT 1 UNION ALL SELECT place + 1 FROM r) SELECT place, place AS id FROM r`,
  ],
  [
    'a virtual table',
    `DROP TABLE waiting; CREATE VIRTUAL TABLE waiting USING fts5(place, id, topic, payload, at)`,
  ],
  [
    'a column that is computed',
    `DROP TABLE waiting; CREATE TABLE waiting (place INTEGER PRIMARY KEY, id TEXT, topic TEXT, at INTEGER,
      payload BLOB AS (zeroblob(999999999))); INSERT INTO waiting VALUES (1, 'a', 'b', 2)`,
  ],
  ['no such table', 'DROP TABLE waiting'],
] as const) {
  test(`in place of what waits ${what}: it is lost, everything else comes out`, async () => {
    const from = queue(`${what.replaceAll(' ', '-')}.db`, (db) => db.exec(sql));
    const { torn } = await salvage(from, `${from}.made`);
    assert.deepEqual([rowsIn(`${from}.made`, 'waiting'), rowsIn(`${from}.made`, 'record')], [0, 1]);
    assert.deepEqual(torn, what === 'a column that is computed' ? [] : ['waiting']);
  });
}

test('what a card says is no line of the report, and no time that there is not', async () => {
  const row = { v: 1, seq: 1, atMs: 1, service: 'pbx' } as const;
  const what = { is: 'call', extension: '101', at: '2026-01-01T00:00:00' };
  const text = 'x\nNothing is lost.\u202E\u001B[2J';
  const from = queue('report.db', (db) => {
    db.exec('UPDATE waiting SET at = 9e18');
    const put = db.prepare('INSERT INTO record VALUES (?, ?)');
    put.run(keys.row('a'), render({ ...row, state: 'unknown', text, what }));
    put.run('pairing/x\nLOST', '{}');
    put.run('packages/y\nLOST', '{}');
  });
  const made = at('report-made.db');
  await salvage(from, made);
  const counts = prepare(made, { isDoubted: false });
  const recovery: Recovery = {
    ...{ serial: SERIAL, file: made, queue: counts, badBlocks: [], repaired: false },
    ...{ isDoubted: false, lost: ['A table'] },
  };
  const lines = renderRecovery(recovery).split('\n');
  assert.ok(lines.includes('LOST: A table.'));
  assert.ok(!lines.some((line) => /^(Nothing is lost|LOST$)/.test(line)), lines.join('\n'));
  assert.ok(!lines.some((line) => /[^\P{C}\n]/u.test(line)));
});

test('a file system whose tables are longer than it is not walked through', async () => {
  const block = Buffer.alloc(8 * 4096);
  const raw = block.subarray(1024);
  raw.writeUInt16LE(0xef_53, 56);
  raw.writeUInt32LE(2, 24);
  raw.writeUInt32LE(1_000_000, 4);
  raw.writeUInt32LE(32_768, 32);
  raw.writeUInt32LE(0xff_ff_ff_ff, 40);
  raw.writeUInt16LE(256, 88);
  const source = {
    bytes: 1_000_000 * 4096,
    read: async (from: number, length: number): Promise<Buffer> => {
      const part = Buffer.alloc(length);
      block.copy(part, 0, Math.min(from, block.length));
      return part;
    },
  };
  await assert.rejects(usedBlocks(source), /no copy of its superblock/);
});

async function recoverCard(card: string, out: string): Promise<Recovery> {
  const source = await openSource(card);
  try {
    return await recover({
      card: source,
      keysOf: async () => [Buffer.from(DIGITS)],
      out: () => out,
      nowMs: Date.UTC(2026, 0, 2),
      progress: recordingProgress(),
    });
  } finally {
    await source.close();
  }
}

test('a card whose header names another unit gives that unit nothing', async () => {
  const files = { 'outbox.db': await readFile(queue('claimed.db', () => {})) };
  const card = { serial: SERIAL, digits: DIGITS, files, isCut: false };
  const { card: changed } = await makeStateCard(at('claimed'), { ...card, claimed: OTHER });
  await assert.rejects(recoverCard(changed, at('claimed.out')), {
    code: 'other-unit',
    message: new RegExp(`of unit ${SERIAL}, and was taken for ${OTHER}`),
  });
  assert.equal(existsSync(at('claimed.out')), false);
});

test('what is recovered goes through no name that somebody else has put there', async () => {
  const files = { 'outbox.db': await readFile(queue('sound.db', () => {})) };
  const { card } = await makeStateCard(at('sound'), {
    ...{ serial: SERIAL, digits: DIGITS, files, isCut: false },
  });
  await mkdir(at('shared'));
  await writeFile(at('shared/mine'), '');
  const out = at('shared/queue.db');
  await symlink(at('shared/mine'), `${out}.part`);
  const { file } = await recoverCard(card, out);
  assert.equal(file, out);
  assert.equal((await stat(out)).mode & 0o777, 0o600);
  assert.equal(await readFile(at('shared/mine'), 'utf8'), '');
  await symlink(at('nowhere'), at('shared/link.db'));
  await assert.rejects(recoverCard(card, at('shared/link.db')), { code: 'file-there' });
  assert.equal(existsSync(at('nowhere')), false);
  await copyFile(out, at('shared/again.db'));
  await assert.rejects(recoverCard(card, at('shared/again.db')), { code: 'file-there' });
});

test('a folder in memory is gone when it is closed; one whose process was killed goes with the next', async () => {
  const memory = at('memory');
  await mkdir(memory);
  // No process has this number: the kernel's largest is 2^22.
  await mkdir(join(memory, 'clock-x-9999999-abc'));
  await mkdir(join(memory, `clock-x-${process.pid}-abc`));
  await mkdir(join(memory, 'clock-xy-9999999-abc'));
  await symlink(folder, join(memory, 'clock-x-9999999-link'));
  let path = '';
  {
    await using made = await memoryFolder('clock-x', { memory });
    ({ path } = made!);
    assert.equal(made!.isInMemory, true);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  }
  assert.equal(existsSync(path), false);
  assert.equal(existsSync(join(memory, 'clock-x-9999999-abc')), false);
  for (const name of [`clock-x-${process.pid}-abc`, 'clock-xy-9999999-abc', 'clock-x-9999999-link'])
    assert.ok(existsSync(join(memory, name)), name);
  await using elsewhere = await memoryFolder('clock-x', { memory: at('none') });
  assert.equal(elsewhere!.isInMemory, false);
  assert.equal(await memoryFolder('clock-x', { bytes: 2 ** 60, memory }), undefined);
});
