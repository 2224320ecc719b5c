// A service that tells and tells while the cloud is away: at its share its own oldest go, counted; charges, and what
// others tell, stay. Over the real store, with restarts, deliveries and files of an older agent.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import type { ServiceInfo } from '../../../agent/core/services.ts';
import { createLog } from '../../../agent/core/log.ts';
import { envelope } from '../../../agent/core/messages.ts';
import type { Message } from '../../../agent/core/messages.ts';
import type { HotelEvent } from '../../../agent/core/vocabulary.ts';
import { emittedUnpaired } from '../../../agent/hotel/events.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { POLICIES, SHARE_BYTES_MAX, STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';
import { SERVICES_MAX } from '../../../agent/services/limits.ts';
import { randomFrom, testSeed } from '../random.ts';

const home = await mkdtemp(join(tmpdir(), 'shares-'));
after(async () => rm(home, { recursive: true, force: true }));
let made = 0;
const clock = { nowMs: () => performance.now(), wallMs: () => Date.UTC(2026, 5, 1) };
const folderOf = (): string => join(home, `${(made += 1)}`);
const open = (folder: string): Outbox =>
  createOutbox(() => openSqlite(folder, STORE_LIMITS), {
    ...{ clock, log: createLog(() => {}), onReady: () => {} },
  });
const message = (id: string, bytes: number, share?: string): Message => ({
  ...{ id, lane: 'business', topic: 'clock/v1/t/event/x', payload: Buffer.alloc(bytes, 0x20) },
  atMs: clock.wallMs(),
  ...(share !== undefined && { share }),
});
const waiting = (outbox: Outbox): readonly string[] =>
  outbox.take(1e6, { except: [], eventsOnly: false }).map(({ id }) => id);

interface Told {
  readonly id: string;
  readonly share: string | undefined;
  readonly bytes: number;
}
const bytesOf = (all: readonly Told[]): number => all.reduce((sum, { bytes }) => sum + bytes, 0);

const seed = testSeed();
test(`any order of telling, charging, delivering and restarting keeps to the shares (seed ${seed})`, async (t) => {
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const folder = folderOf();
  let outbox = open(folder);
  // Also when it fails: an open one would keep the process.
  t.after(() => outbox.close());
  /** Acknowledged and not delivered, in their order; what is dropped leaves when it is seen to be gone. */
  let told: Told[] = [];
  const dropped = new Map<string | undefined, number>();
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000 : 60;
  for (let round = 0, made = 0; round < rounds; round += 1) {
    const batch = Array.from({ length: 1 + Math.floor(random() * 12) }, (): Told => {
      const share = random() < 0.15 ? undefined : random() < 0.7 ? 'loud' : 'quiet';
      return { id: `m-${(made += 1)}`, share, bytes: 1 + Math.floor(random() * 60_000) };
    });
    const answers = await Promise.all(
      batch.map(async ({ id, bytes, share }) => outbox.append(message(id, bytes, share))),
    );
    assert.ok(answers.every(({ ok }) => ok));
    told.push(...batch);
    const there = new Set(waiting(outbox));
    for (const share of [undefined, 'loud', 'quiet']) {
      const mine = told.filter((one) => one.share === share);
      const left = mine.filter(({ id }) => there.has(id));
      // What has gone is the oldest of that share, and no more than it must.
      assert.deepEqual(left, mine.slice(mine.length - left.length));
      dropped.set(share, (dropped.get(share) ?? 0) + mine.length - left.length);
      if (share === undefined) continue;
      assert.ok(bytesOf(left) <= SHARE_BYTES_MAX, `${share}: ${bytesOf(left)}`);
      const fits =
        left.length === mine.length || bytesOf(mine.slice(-left.length - 1)) > SHARE_BYTES_MAX;
      assert.ok(fits, 'no more was dropped than there had to be');
      assert.equal(outbox.droppedOf(share), dropped.get(share), share);
    }
    assert.equal(dropped.get(undefined), 0, 'what has no share is never dropped');
    told = told.filter(({ id }) => there.has(id));
    if (random() < 0.2) {
      const delivered = new Set(told.slice(0, Math.floor(random() * 8)).map(({ id }) => id));
      for (const id of delivered) outbox.settle(id);
      told = told.filter(({ id }) => !delivered.has(id));
    }
    if (random() < 0.15) {
      outbox.close();
      outbox = open(folder);
    }
  }
  assert.ok(dropped.get('loud')! > 0, 'the loud one had too much');
  assert.equal(outbox.view().dropped, dropped.get('loud')! + dropped.get('quiet')!);
});

test('all services that there may be leave half of the lane to charges', () => {
  assert.ok(SERVICES_MAX * SHARE_BYTES_MAX <= POLICIES.business.bytesMax / 2);
});

test('a file of an agent without shares is taken over, and such an agent takes ours', async () => {
  const folder = folderOf();
  const first = open(folder);
  await first.append(message('old', 10));
  first.close();
  const file = join(folder, 'outbox.db');
  const change = (sql: string): void => {
    const db = new DatabaseSync(file);
    db.exec(sql);
    db.close();
  };
  change('DROP INDEX shares; ALTER TABLE waiting DROP COLUMN share');
  const second = open(folder);
  await second.append(message('told', 10, 'loud'));
  assert.deepEqual(waiting(second), ['old', 'told']);
  second.close();
  change(`INSERT INTO waiting (place, id, topic, payload, at)
          SELECT MAX(place) + 1, 'theirs', 'x', x'20', 1 FROM waiting`);
  const third = open(folder);
  assert.deepEqual(waiting(third), ['old', 'told', 'theirs']);
  third.close();
});

test('bytes of a bridge and what else is only told have a share; a guest who wants to leave has none', async () => {
  const shares = new Map<string, string | undefined>();
  const needs = {
    log: createLog(() => {}),
    records: {
      ...{ get: () => undefined, list: () => [] },
      change: async ({ messages = [] }: { readonly messages?: readonly Message[] }) => {
        for (const { payload, share } of messages) {
          shares.set((JSON.parse(payload.toString()) as { kind: string }).kind, share);
        }
      },
    },
    makeMessage: (said: Parameters<typeof envelope>[0]) => envelope(said),
  };
  const service = { id: 'bridge' } as ServiceInfo;
  for (const event of [
    { kind: 'bytes.read', key: '1', data: '' },
    { kind: 'message.light', room: '101', on: true },
    { kind: 'checkout.requested', key: '2', room: '101' },
    { kind: 'device.status', device: 'printer', state: 'ok' },
  ]) {
    const makeMessage = (said: object): Message =>
      needs.makeMessage({ id: 'x', thing: 't', atMs: 0, ...said } as never);
    await emittedUnpaired(service, event as unknown as HotelEvent, { ...needs, makeMessage });
  }
  assert.deepEqual(
    [...shares],
    [
      ['bytes.read', 'bridge'],
      ['message.light', 'bridge'],
      ['checkout.requested', undefined],
      ['device.status', undefined],
    ],
  );
});
