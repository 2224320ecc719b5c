// A process is not ended in the middle of an order where that can be waited for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../../../agent/core/ipc/peer.ts';
import type { Order } from '../../../agent/core/vocabulary.ts';
import { createOrders } from '../../../agent/services/orders.ts';

const RESYNC: Order = { kind: 'resync' };
const KEY: Order = { kind: 'bytes.write', data: '' };
const { signal } = new AbortController();

function peer() {
  const asked: PromiseWithResolvers<unknown>[] = [];
  const ask = async (): Promise<unknown> => {
    const one = Promise.withResolvers<unknown>();
    asked.push(one);
    return one.promise;
  };
  return { asked, peer: { ask } as unknown as Peer };
}

test('pause() waits for what is under way, and lets nothing new in', async () => {
  const orders = createOrders();
  const pbx = peer();
  const receipt = orders.give('pbx', pbx.peer, RESYNC, signal);
  let isPaused = false;
  const pausing = orders.pause('pbx').then((resume) => {
    isPaused = true;
    return resume;
  });
  assert.deepEqual(await orders.give('pbx', pbx.peer, RESYNC, signal), {
    ok: false,
    why: 'offline',
  });
  const other = orders.give('doors', pbx.peer, RESYNC, signal);
  assert.equal(isPaused, false);
  assert.equal(pbx.asked.length, 2);
  pbx.asked[0]!.resolve({ ok: true });
  assert.deepEqual(await receipt, { ok: true });
  const resume = await pausing;
  resume();
  const again = orders.give('pbx', pbx.peer, RESYNC, signal);
  for (const one of pbx.asked) one.resolve({ ok: true });
  assert.deepEqual([await again, await other], [{ ok: true }, { ok: true }]);
});

test('pause() does not wait for ever; what broke off may have been done', async () => {
  const orders = createOrders(10);
  const pbx = peer();
  const [key, sync] = [KEY, RESYNC].map(async (order) =>
    orders.give('pbx', pbx.peer, order, signal),
  );
  await orders.pause('pbx');
  for (const one of pbx.asked) one.reject(new Error('gone'));
  assert.deepEqual(await key, { ok: false, why: 'unknown', text: 'gone' });
  assert.deepEqual(await sync, { ok: false, why: 'offline', text: 'gone' });
});

test('an order that is never answered may have been done, whatever it is', async () => {
  const orders = createOrders();
  const pbx = peer();
  for (const code of ['timeout', 'cancelled']) {
    const sync = orders.give('pbx', pbx.peer, RESYNC, signal);
    pbx.asked.at(-1)!.reject(Object.assign(new Error(code), { code }));
    assert.deepEqual(await sync, { ok: false, why: 'unknown', text: code });
  }
});
