// `recover`: what a unit had not told when its plug was pulled comes out of its card, whole or damaged, and the
// next card's agent goes on with it.
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { keys, parseRow, render } from '../../../agent/hotel/wire.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { LANES } from '../../../agent/core/messages.ts';
import type { Lane, Message } from '../../../agent/core/messages.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import type { Store } from '../../../agent/outbox/ports.ts';
import { prepare, salvage } from '../../../image/unit/recover/queue.ts';
import { recover } from '../../../image/unit/recover/recover.ts';
import type { Recovery } from '../../../image/unit/recover/recover.ts';
import { renderRecovery } from '../../../image/unit/recover/report.ts';
import { Damaged, openSource } from '../../../image/unit/read/source.ts';
import type { Source } from '../../../image/unit/read/source.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { DATA_AT, makeStateCard } from './state-card.ts';
import type { StateCard } from './state-card.ts';

const SERIAL = '0f'.repeat(16);
const DIGITS = '5a'.repeat(32);
const BLOCK_BYTES = 4096;
/** So many that they fill pages of their own, in the file and in its log. */
const EVENTS = 200;
const NOW_MS = Date.UTC(2026, 0, 2);

let folder = '';
let card: StateCard;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'clock-recover-test-'));
  const files = await queueOfAUnit();
  card = await makeStateCard(join(folder, 'made'), {
    ...{ serial: SERIAL, digits: DIGITS, files, isCut: true },
  });
});
after(async () => rm(folder, { recursive: true }));

const idOf = (lane: Lane, number: number): string => `${lane}-${String(number).padStart(4, '0')}`;
const messageOf = (lane: Lane, number: number): Message => ({
  ...{ id: idOf(lane, number), lane, topic: `clock/v1/clockrpi-${SERIAL}/event/unit` },
  payload: Buffer.from(JSON.stringify({ number, filler: 'x'.repeat(200) })),
  atMs: Date.UTC(2026, 0, 1) + number,
});
const row = { v: 1, seq: 1, atMs: 1, service: 'pbx' } as const;
const charge = { booking: 7, room: '101', text: 'Minibar', group: 'x', price: '3.50', quantity: 1 };
const at = '2026-01-01T00:00:00';
const ROWS = {
  'pbx/new': { ...row, state: 'stored', what: { is: 'charge', ...charge, at } },
  'pbx/begun': { ...row, state: 'posting', what: { is: 'charge', ...charge, at } },
  'pbx/call': { ...row, state: 'stored', what: { is: 'call', extension: '101', at } },
  'pbx/open': {
    ...{ ...row, state: 'unknown', text: 'HTTP 502' },
    what: { is: 'charge', ...charge, at },
  },
  'pbx/done': { ...row, state: 'posted' },
};

/** The files of a queue whose agent was killed: nothing of its log is in its file. */
async function queueOfAUnit(): Promise<Record<string, Uint8Array>> {
  const at = join(folder, 'unit');
  await mkdir(at);
  const store = openSqlite(at, STORE_LIMITS);
  const records = Object.entries(ROWS).map(([id, one]) => ({
    ...{ key: keys.row(id), value: render(one) },
  }));
  const none = { remove: [], bury: [], put: [], drop: [] };
  for (let number = 0; number < EVENTS; number += 1) {
    store.apply({ ...none, add: [messageOf('business', number)] });
  }
  store.apply({
    ...none,
    add: [messageOf('work', 1), messageOf('records', 1)],
    put: [
      ...records,
      { key: 'pairing/pms', value: '{"v":1}' },
      { key: 'packages/nec', value: '{}' },
    ],
  });
  await store.sync();
  const [db, wal] = [join(at, 'outbox.db'), join(at, 'outbox.db-wal')];
  const files = { 'outbox.db': await readFile(db), 'outbox.db-wal': await readFile(wal) };
  store.close();
  return files;
}

/** `source`: the card as it reads. */
async function recoverFrom(
  name: string,
  how: {
    readonly wrap?: (card: Source) => Source;
    readonly keys?: readonly string[];
    readonly serial?: string;
  } = {},
): Promise<Recovery> {
  const source = await openSource(card.card);
  try {
    return await recover({
      card: how.wrap?.(source) ?? source,
      keysOf: async (serial) => {
        assert.equal(serial, SERIAL, 'the card says whose it is');
        return (how.keys ?? [DIGITS]).map((key) => Buffer.from(key));
      },
      out: () => join(folder, name),
      serial: how.serial,
      nowMs: NOW_MS,
      progress: recordingProgress(),
    });
  } finally {
    await source.close();
  }
}

/** As the first boot puts it on the next card. */
async function nextCard(recovered: string): Promise<Store> {
  const at = join(folder, `next-${Math.floor(performance.now() * 1_000)}`);
  await mkdir(at);
  await copyFile(recovered, join(at, 'outbox.db'));
  return openSqlite(at, STORE_LIMITS);
}
const idsIn = (store: Store): string[] =>
  store.take(1_000, { except: [], lanes: LANES }).map(({ id }) => id);
const countIn = ({ queue }: Recovery, lane: Lane): number | undefined =>
  queue?.waiting.find((one) => one.lane === lane)?.count;

test('what waited when the plug was pulled comes out, and the next agent goes on with it', async () => {
  const before = (await stat(card.card)).mtimeMs;
  const recovery = await recoverFrom('whole.db');
  assert.equal((await stat(card.card)).mtimeMs, before, 'the card is only read');
  assert.deepEqual(recovery.lost, []);
  assert.deepEqual([recovery.repaired, recovery.isDoubted], [true, false]);
  const counts = (['work', 'health', 'business', 'records'] as const).map((lane) =>
    countIn(recovery, lane),
  );
  assert.deepEqual(counts, [1, 0, EVENTS, 1]);
  assert.deepEqual(recovery.queue?.charges, { stored: 2, begun: 1 });
  assert.deepEqual(recovery.queue?.open, [{ key: 'pbx/open', state: 'unknown', text: 'HTTP 502' }]);
  assert.deepEqual(recovery.queue?.packages, ['nec']);
  assert.equal((await stat(recovery.file!)).mode & 0o777, 0o600);
  const store = await nextCard(recovery.file!);
  assert.deepEqual(idsIn(store), [
    idOf('work', 1),
    ...Array.from({ length: EVENTS }, (_, number) => idOf('business', number)),
    idOf('records', 1),
  ]);
  assert.equal(store.get('pairing/pms'), '{"v":1}');
  assert.equal(store.get('packages/nec'), undefined, 'its files are not there');
  const stateOf = (id: string): unknown => parseRow(store.get(keys.row(id)));
  assert.deepEqual(stateOf('pbx/new'), { ...ROWS['pbx/new'], seek: true });
  assert.deepEqual(stateOf('pbx/call'), ROWS['pbx/call']);
  assert.deepEqual(stateOf('pbx/begun'), ROWS['pbx/begun']);
  store.close();
  const text = renderRecovery(recovery);
  assert.match(text, /200 {2}events of the hotel/);
  const next = `Next: ./build.sh reflash ${SERIAL} DEVICE --from ${recovery.file}`;
  assert.ok(text.split('\n').at(-1)!.startsWith(next), text);
  assert.match(text, /Nothing is lost\./);
  assert.doesNotMatch(text, /Minibar|3\.50/);
});

/** A card on which these blocks of the state cannot be read. */
function failing(blocks: readonly number[]): (card: Source) => Source {
  const bad = blocks.map((block) => DATA_AT + block * BLOCK_BYTES);
  return (of) => ({
    bytes: of.bytes,
    read: async (from, length) => {
      if (bad.some((one) => one < from + length && one + BLOCK_BYTES > from)) {
        throw new Damaged(`reading at byte ${from} fails: EIO`);
      }
      return of.read(from, length);
    },
  });
}

test('blocks that cannot be read are named; the rest comes out, and nothing of it is posted twice', async () => {
  const blocks = await card.blocksOf('/agent/outbox.db-wal');
  // In the middle of the log: SQLite takes what lies before, and nothing behind.
  const bad = blocks.slice(50, 53);
  const recovery = await recoverFrom('damaged.db', { wrap: failing(bad) });
  assert.deepEqual(new Set(recovery.badBlocks), new Set(bad));
  assert.equal(recovery.isDoubted, true);
  assert.match(recovery.lost.join(), /3 blocks of the queue itself/);
  assert.match(renderRecovery(recovery), new RegExp(`3 blocks of 4 KiB .*${bad[0]}`));
  const store = await nextCard(recovery.file!);
  const ids = idsIn(store);
  assert.ok(ids.length > 10 && ids.length < EVENTS, `${ids.length} of ${EVENTS}`);
  assert.deepEqual(
    ids,
    ids.map((_, number) => idOf('business', number)),
  );
  store.close();
});

test('of a table with an unreadable page both ends come out; calls of a damaged card are left to a person', async () => {
  const at = join(folder, 'torn');
  await mkdir(at);
  await copyFile((await recoverFrom('sound.db')).file!, join(at, 'outbox.db'));
  const bytes = await readFile(join(at, 'outbox.db'));
  const middle = bytes.indexOf(idOf('business', EVENTS / 2));
  bytes.fill(0xff, middle - (middle % 1_024), middle - (middle % 1_024) + 1_024);
  await writeFile(join(at, 'outbox.db'), bytes);
  const made = join(at, 'made.db');
  assert.deepEqual((await salvage(join(at, 'outbox.db'), made)).torn, ['waiting']);
  const counts = prepare(made, { isDoubted: true });
  const business = counts.waiting.find(({ lane }) => lane === 'business')!.count;
  assert.ok(business > EVENTS / 2 && business < EVENTS, `${business} of ${EVENTS}`);
  assert.deepEqual(
    counts.open.map(({ key, state }) => [key, state]),
    [
      ['pbx/call', 'unknown'],
      ['pbx/open', 'unknown'],
    ],
  );
});

test('an unreadable queue is reported as lost, and what is no queue is not touched', async () => {
  const [first] = await card.blocksOf('/agent/outbox.db');
  const log = await card.blocksOf('/agent/outbox.db-wal');
  const recovery = await recoverFrom('none.db', { wrap: failing([first!, ...log]) });
  assert.equal(recovery.file, undefined);
  assert.match(recovery.lost.join(), /unreadable/);
  await assert.rejects(stat(join(folder, 'none.db')));
});

test('a card that says whose it is goes for no other unit that was named', async () => {
  await assert.rejects(recoverFrom('other.db', { serial: '1f'.repeat(16) }), {
    code: 'other-unit',
    message: `The card is of unit ${SERIAL}, not of ${'1f'.repeat(16)}`,
  });
  await assert.rejects(stat(join(folder, 'other.db')));
  await recoverFrom('named.db', { serial: SERIAL.slice(0, 6) });
});

test('a key that does not fit, a card of which nothing can be read, a file that is there: each says so', async () => {
  await assert.rejects(recoverFrom('x.db', { keys: ['00'.repeat(32)] }), { code: 'key-refused' });
  await assert.rejects(recoverFrom('x.db', { keys: [] }), /no key for this card/);
  const empty = (of: Source): Source => ({
    bytes: of.bytes,
    read: async (_, length) => Buffer.alloc(length),
  });
  await assert.rejects(recoverFrom('x.db', { wrap: empty }), {
    code: 'no-state',
    message: /nothing of a Clock card can be read/,
  });
  await recoverFrom('twice.db');
  await assert.rejects(recoverFrom('twice.db'), { code: 'file-there' });
});
