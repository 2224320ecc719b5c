// The outbox over its real store: lanes, caps, ages, dead letters, a full card, a damaged file.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLog } from '../../../agent/core/log.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { POLICIES, STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';
import type { Lane, Message } from '../../../agent/core/messages.ts';
import { envelope, uuidV7 } from '../../../agent/core/messages.ts';

const DAY_MS = 86_400_000;
const home = await mkdtemp(join(tmpdir(), 'outbox-'));
after(async () => rm(home, { recursive: true, force: true }));

let made = 0;
const clock = { nowMs: () => performance.now(), wallMs: () => Date.UTC(2026, 5, 1) };
const folderOf = (): string => join(home, `${(made += 1)}`);
function open(folder: string, limits = STORE_LIMITS): Outbox {
  const log = createLog(() => {});
  return createOutbox(() => openSqlite(folder, limits), { clock, log, onReady: () => {} });
}
const message = (id: string, lane: Lane = 'business', bytes = 10, atMs = clock.wallMs()) => ({
  id,
  lane,
  topic: `clock/v1/t/event/${lane}`,
  payload: Buffer.alloc(bytes, 0x20),
  atMs,
});
/** In groups: one after the other each would wait for a commit of its own. */
async function fill(outbox: Outbox, count: number, make: (i: number) => Message): Promise<void> {
  for (let i = 0; i < count; i += 32) {
    const group = Array.from({ length: Math.min(32, count - i) }, (_, j) => make(i + j));
    await Promise.all(group.map(async (one) => outbox.append(one)));
  }
}
const take = (outbox: Outbox, count = 100, except: readonly string[] = []): string[] =>
  outbox.take(count, { except, eventsOnly: false }).map(({ id }) => id);

test('work and health overtake any backlog; within a lane the order stays', async () => {
  const outbox = open(folderOf());
  for (const [id, lane] of [
    ['r1', 'records'],
    ['b1', 'business'],
    ['b2', 'business'],
    ['h1', 'health'],
    ['w1', 'work'],
  ] as const) {
    assert.deepEqual(await outbox.append(message(id, lane)), { ok: true });
  }
  assert.deepEqual(take(outbox), ['w1', 'h1', 'b1', 'b2', 'r1']);
  assert.deepEqual(take(outbox, 2, ['w1', 'b1']), ['h1', 'b2']);
  const events = outbox.take(9, { except: [], eventsOnly: true });
  assert.equal(events[0]?.id, 'h1', 'over HTTPS there are no results');
  outbox.close();
});

test('a lane that never runs empty holds no other up for ever', async () => {
  const outbox = open(folderOf());
  for (const lane of ['health', 'business', 'records'] as const) {
    await outbox.append(message(lane, lane));
  }
  await Promise.all(
    Array.from({ length: 20 }, async (_, i) => outbox.append(message(`w${i}`, 'work'))),
  );
  const first = new Map<string, number>();
  for (let turn = 1; turn <= 600; turn += 1) {
    // The work is never done: nothing of it is settled.
    const [id] = take(outbox, 1);
    if (id !== undefined && !first.has(id)) first.set(id, turn);
    if (id !== undefined && !id.startsWith('w')) outbox.settle(id);
  }
  assert.deepEqual([...first.keys()].slice(0, 2), ['w0', 'health']);
  assert.ok(first.get('health')! <= 8);
  assert.ok(first.get('business')! <= 64);
  assert.ok(first.get('records')! <= 512);
  outbox.close();
});

test('lanes can be given up as a whole, in the commit of what comes next', async () => {
  const folder = folderOf();
  const outbox = open(folder);
  for (const [id, lane] of [
    ['w1', 'work'],
    ['b1', 'business'],
    ['r1', 'records'],
  ] as const) {
    await outbox.append(message(id, lane));
  }
  outbox.forget(['business', 'records']);
  await outbox.records.change({ remove: ['pairing/pms'] });
  assert.deepEqual(take(outbox), ['w1']);
  assert.equal(outbox.view().dropped, 2);
  outbox.close();
  const again = open(folder);
  assert.deepEqual(take(again), ['w1']);
  again.close();
});

test('what is settled is not given out again, and is gone after a restart', async () => {
  const folder = folderOf();
  const outbox = open(folder);
  await Promise.all(['a', 'b', 'c'].map(async (id) => outbox.append(message(id))));
  outbox.settle('b');
  assert.deepEqual(take(outbox), ['a', 'c']);
  assert.equal(outbox.view().waiting, 2);
  outbox.close();
  const again = open(folder);
  assert.deepEqual(take(again), ['a', 'c']);
  again.close();
});

test('the same id twice is one message, also when it is a dead letter', async () => {
  const outbox = open(folderOf());
  await outbox.append(message('a'));
  assert.deepEqual(await outbox.append(message('a')), { ok: true });
  assert.equal(outbox.view().waiting, 1);
  outbox.bury('a', 'why');
  await outbox.append(message('b'));
  assert.deepEqual(await outbox.append(message('a')), { ok: true });
  assert.deepEqual(take(outbox), ['b']);
  assert.equal(outbox.view().dead, 1);
  outbox.close();
});

test('a full lane refuses business and drops the oldest records, counted', async () => {
  const outbox = open(folderOf());
  const big = 100 * 1024;
  const many = Math.floor(POLICIES.business.bytesMax / big);
  await fill(outbox, many, (i) => message(`b${i}`, 'business', big));
  assert.deepEqual(await outbox.append(message('more', 'business', big)), {
    ok: false,
    why: 'full',
  });
  const some = Math.floor(POLICIES.health.bytesMax / big);
  await fill(outbox, some + 2, (i) => message(`h${i}`, 'health', big));
  assert.deepEqual(take(outbox, 1), ['h2']);
  assert.equal(outbox.view().dropped, 2);
  outbox.close();
});

test('what is too old for its lane is dropped at the next start; business never is', async () => {
  const folder = folderOf();
  const outbox = open(folder);
  const old = clock.wallMs() - 40 * DAY_MS;
  for (const lane of ['work', 'health', 'business', 'records'] as const) {
    await outbox.append(message(lane, lane, 10, old));
  }
  outbox.close();
  const again = open(folder);
  assert.deepEqual(take(again), ['business']);
  assert.equal(again.view().dropped, 3);
  assert.equal(again.view().oldestMsAgo, 40 * DAY_MS);
  again.close();
});

test('a message larger than AWS takes is refused at the door', async () => {
  const outbox = open(folderOf());
  const large = await outbox.append(message('a', 'work', 128 * 1024 + 1));
  assert.deepEqual(large, { ok: false, why: 'too-large' });
  outbox.close();
});

test('on a full card records make room for business, the reserve is given up, nothing is lost', async () => {
  const folder = folderOf();
  const outbox = open(folder, { ...STORE_LIMITS, bytesMax: 4 * 1024 * 1024 });
  assert.ok((await stat(join(folder, 'outbox.db.reserve'))).size > 0);
  const kept: string[] = [];
  for (let i = 0; i < 200; i += 1) {
    const { ok } = await outbox.append(message(`r${i}`, 'records', 50_000));
    if (!ok) break;
  }
  assert.equal(outbox.view().tight, true);
  assert.ok(!(await readdir(folder)).includes('outbox.db.reserve'));
  assert.deepEqual(await outbox.append(message('late', 'records')), {
    ok: false,
    why: 'disk-full',
  });
  for (let i = 0; i < 20; i += 1) {
    const id = `b${i}`;
    if ((await outbox.append(message(id, 'business', 50_000))).ok) kept.push(id);
    else await new Promise((done) => setTimeout(done, 250));
  }
  assert.ok(kept.length > 15, `${kept.length} of 20`);
  const given = new Set(take(outbox, 500));
  for (const id of kept) assert.ok(given.has(id));
  outbox.close();
});

test('one process has it: a second is told so', () => {
  const folder = folderOf();
  const outbox = open(folder);
  const second = open(folder);
  assert.deepEqual([second.view().at, second.view().problem], ['closed', 'busy']);
  outbox.close();
});

test('a damaged file is set aside, and a new one begun', async () => {
  const folder = folderOf();
  open(folder).close();
  await writeFile(join(folder, 'outbox.db'), Buffer.alloc(50_000, 0x5a));
  const outbox = open(folder);
  assert.equal(outbox.view().at, 'open');
  assert.deepEqual(await outbox.append(message('a')), { ok: true });
  assert.ok((await readdir(folder)).includes('outbox.db.damaged'));
  outbox.close();
});

test('a folder that cannot be made is a closed outbox, and no crash', async () => {
  await writeFile(join(home, 'file'), '');
  const outbox = open(join(home, 'file', 'agent'));
  assert.equal(outbox.view().at, 'closed');
  assert.deepEqual(await outbox.append(message('a')), { ok: false, why: 'closed' });
  outbox.close();
});

test('many at once share commits: thousands a second, each on disk before it is acknowledged', async (t) => {
  const outbox = open(folderOf());
  const count = 5_000;
  const startMs = performance.now();
  const all = Array.from({ length: count }, async (_, i) => outbox.append(message(`m${i}`)));
  assert.ok((await Promise.all(all)).every(({ ok }) => ok));
  const rate = count / ((performance.now() - startMs) / 1_000);
  t.diagnostic(`${rate.toFixed(0)} a second`);
  assert.ok(rate > 500, `${rate}`);
  outbox.close();
});

test('uuidV7() sorts by time and says its version; an envelope is what the cloud is promised', () => {
  const random = Buffer.alloc(10, 0xff);
  const ids = [1, 2 ** 31, 2 ** 33, Date.UTC(2026, 0, 1)].map((ms) => uuidV7(ms, random));
  assert.deepEqual(ids.toSorted(), ids);
  assert.match(ids[0]!, /^00000000-0001-7fff-bfff-ffffffffffff$/);
  const { topic, payload } = envelope({
    id: 'i',
    thing: 't',
    direction: 'event',
    lane: 'business',
    service: 's',
    kind: 'k',
    atMs: 0,
    body: { a: 1 },
  });
  assert.equal(topic, 'clock/v1/t/event/s');
  assert.deepEqual(JSON.parse(payload.toString()), {
    v: 1,
    id: 'i',
    at: '1970-01-01T00:00:00.000Z',
    service: 's',
    kind: 'k',
    body: { a: 1 },
  });
});

test('a record and what is said of it are on the card together, or neither is', async () => {
  const folder = folderOf();
  const outbox = open(folder);
  const { records } = outbox;
  const put = (name: string, value: string) => ({ key: `jobs/${name}`, value });
  await records.change({ put: [put('a', '1'), put('b', '2')], messages: [message('m')] });
  await Promise.all([
    records.change({ put: [put('a', '3')] }),
    records.change({ remove: ['jobs/b'], put: [{ key: 'other/x', value: '{}' }] }),
    records.change({ put: [put('c', '4')] }),
  ]);
  await assert.rejects(records.change({ put: [put('big', 'x'.repeat(70_000))] }), {
    code: 'too-large',
  });
  const large = message('large', 'business', POLICIES.business.bytesMax);
  await assert.rejects(records.change({ put: [put('d', '5')], messages: [large] }), /too-large/);
  outbox.close();
  await assert.rejects(records.change({ put: [put('e', '6')] }), { code: 'closed' });
  const again = open(folder);
  assert.deepEqual(again.records.list('jobs/'), [put('a', '3'), put('c', '4')]);
  assert.equal(again.records.get('jobs/b'), undefined);
  assert.equal(again.records.get('other/x'), '{}');
  assert.deepEqual(take(again), ['m']);
  again.close();
});

test('a full lane refuses the record along with its message', async () => {
  const outbox = open(folderOf());
  const part = 120 * 1024;
  const count = Math.floor(POLICIES.business.bytesMax / part);
  await fill(outbox, count, (i) => message(`b${i}`, 'business', part));
  const put = [{ key: 'jobs/a', value: '1' }];
  const messages = [message('too-much', 'business', part)];
  await assert.rejects(outbox.records.change({ put, messages }), { code: 'full' });
  assert.equal(outbox.records.get('jobs/a'), undefined);
  await outbox.records.change({ put });
  assert.equal(outbox.records.get('jobs/a'), '1');
  outbox.close();
});
