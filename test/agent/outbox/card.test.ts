// The outbox when the card stalls or fails: nothing is acknowledged that is not on it, and it goes on when
// the card does. The store is the real one; only when it is on the card is played.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { createLog } from '../../../agent/core/log.ts';
import { envelope, uuidV7 } from '../../../agent/core/messages.ts';
import type { Message } from '../../../agent/core/messages.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { RECOVER_MS, SLOW_MS, STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import type { Store } from '../../../agent/outbox/ports.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';

const home = await mkdtemp(join(tmpdir(), 'card-'));
after(async () => rm(home, { recursive: true, force: true }));
const ALL = { except: [], eventsOnly: false };
const eio = Object.assign(new Error('played'), { code: 'EIO' });

let made = 0;
function charge(): Message {
  const id = uuidV7(1_000 + (made += 1), new Uint8Array(10));
  const said = { service: 'till', kind: 'charge.posted', body: {} } as const;
  const thing = `clockrpi-${'0'.repeat(32)}`;
  return envelope({ ...said, id, thing, atMs: made, direction: 'event', lane: 'business' });
}

/** The real store, with some of what it does played. */
const played = (store: Store, does: Partial<Store>): Store =>
  new Proxy(store, {
    get: (real, name: keyof Store) => does[name] ?? real[name].bind(real),
  });

interface World {
  readonly outbox: Outbox;
  readonly does: Partial<Store>;
  /** Time passes. */
  readonly pass: (ms: number) => void;
}

function world(name: string): World {
  const does: Partial<Store> = {};
  let nowMs = 0;
  const outbox = createOutbox(() => played(openSqlite(join(home, name), STORE_LIMITS), does), {
    clock: { nowMs: () => nowMs, wallMs: () => 1_000_000 },
    log: createLog(() => {}),
    onReady: () => {},
  });
  const pass = (ms: number): void => {
    nowMs += ms;
    mock.timers.tick(ms);
  };
  return { outbox, does, pass };
}
const turn = async (): Promise<void> => new Promise((done) => setImmediate(done));

test('a card that stalls: nothing is acknowledged or given out meanwhile, and it is told', async () => {
  const { outbox, does, pass } = world('slow');
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  try {
    const stalled = Promise.withResolvers<void>();
    does.sync = async () => stalled.promise;
    let acknowledged = 0;
    const first = outbox.append(charge()).then(() => (acknowledged += 1));
    await turn();
    const second = outbox.append(charge()).then(() => (acknowledged += 1));
    pass(SLOW_MS + 1);
    await turn();
    assert.deepEqual([acknowledged, outbox.take(9, ALL).length], [0, 0]);
    assert.deepEqual(outbox.view().trouble, { why: 'slow', ms: SLOW_MS + 1 });
    delete does.sync;
    stalled.resolve();
    await first;
    await second;
    assert.equal(outbox.take(9, ALL).length, 2);
  } finally {
    mock.timers.reset();
    outbox.close();
  }
});

test('a card that fails: whoever waits is refused until it is well again, then nothing is twice', async () => {
  const { outbox, does, pass } = world('failing');
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  try {
    does.sync = async () => Promise.reject(eio);
    const message = charge();
    assert.deepEqual(await outbox.append(message), { ok: false, why: 'disk' });
    assert.equal(outbox.view().trouble?.why, 'EIO');
    delete does.sync;
    let tries = 0;
    does.recover = () => {
      tries += 1;
      throw eio;
    };
    assert.deepEqual(await outbox.append(charge()), { ok: false, why: 'disk' });
    assert.equal(tries, 0, 'the card is tried now and then, not at every message');
    pass(RECOVER_MS);
    assert.equal(tries, 1);
    assert.deepEqual(await outbox.append(charge()), { ok: false, why: 'disk' });
    delete does.recover;
    pass(RECOVER_MS);
    // Its source did not get its acknowledgement, and asks again.
    assert.deepEqual(await outbox.append(message), { ok: true });
    assert.equal(outbox.view().trouble, undefined);
    const ids = outbox.take(9, ALL).map(({ id }) => id);
    assert.deepEqual(ids, [message.id]);
  } finally {
    mock.timers.reset();
    outbox.close();
  }
  const again = openSqlite(join(home, 'failing'), STORE_LIMITS);
  assert.equal(again.take(9, { except: [], lanes: ['business'] }).length, 1);
  again.close();
});
