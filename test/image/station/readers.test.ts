// Tiles of a station from the card that is put in to the one that is taken out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { CARDS_MAX } from '../../../image/card/limits.ts';
import type { Seen } from '../../../image/card/looks.ts';
import type { CardView } from '../../../image/card/ports.ts';
import { Readers } from '../../../image/station/readers.ts';
import { SERIAL, cardAt } from './needs.ts';

const found = (device: string, node?: string): Seen => ({
  ...{ is: 'found', holds: 'new' },
  card: { ...cardAt(device), ...(node === undefined ? {} : { node }) },
});
const write = { order: undefined, sure: false };
const over = (device: string, view: Partial<CardView>): CardView => ({
  ...{ card: cardAt(device), phase: 'done', done: 1, bytesPerSecond: 0, ...view },
});

/** Readers whose looks and cards go on when the test says so. */
function watched() {
  const stop = new AbortController();
  const world = { present: [] as Seen[] | undefined, nowMs: 0, looks: 0 };
  const ends = new Map<string, (view: CardView) => void>();
  const orders: (string | undefined)[] = [];
  const readers = new Readers({
    look: () => {
      world.looks += 1;
      return Promise.resolve(world.present);
    },
    flash: (card, { order, show }) => {
      orders.push(order);
      show({ ...over(card.device, { phase: 'writing', done: 0.5 }) });
      return new Promise((resolve) => ends.set(card.device, resolve));
    },
    changed: () => {},
    nowMs: () => world.nowMs,
    signal: stop.signal,
    lookMs: 0,
  });
  const watching = readers.watch();
  const look = (...present: readonly Seen[]): Promise<string[]> => lookAt([...present]);
  const lookAt = async (present: Seen[] | undefined): Promise<string[]> => {
    world.present = present;
    // The second look from now saw it, and the third has begun: what it saw is done.
    for (const enough = world.looks + 3; world.looks < enough;) await sleep(1);
    return states();
  };
  const states = (): string[] =>
    readers.cards().map((one) => (one.is === 'begun' ? one.view.phase : one.is));
  const end = async (view: CardView): Promise<void> => {
    ends.get(view.card.device)!(view);
    await turn();
  };
  const close = async (): Promise<void> => {
    stop.abort();
    await watching;
  };
  // A test that fails must not leave it looking.
  return { readers, world, orders, look, lookAt, end, close, [Symbol.dispose]: () => stop.abort() };
}

test('a look that fails takes no card out', async () => {
  using all = watched();
  assert.deepEqual(await all.look(found('/dev/sdb')), ['found']);
  assert.deepEqual(await all.lookAt(undefined), ['found']);
  await all.close();
});

test('a card is found, written, done, and gone when it is taken out', async () => {
  using all = watched();
  const { readers, orders, look, end, close } = all;
  assert.deepEqual(await look(found('/dev/sdb')), ['found']);
  readers.write('/dev/sdb', { ...write, order: 'A-17' });
  assert.deepEqual(orders, ['A-17']);
  assert.deepEqual(await look(found('/dev/sdb'), found('/dev/sdc')), ['writing', 'found']);
  assert.throws(() => readers.write('/dev/sdb', write), /no card to write in \/dev\/sdb/);
  await end(over('/dev/sdb', { serial: SERIAL }));
  assert.deepEqual(await look(found('/dev/sdb'), found('/dev/sdc')), ['done', 'found']);
  assert.deepEqual(readers.finished(), [{ serial: SERIAL, labelled: false }]);
  readers.labelled(SERIAL);
  assert.deepEqual(readers.finished(), [{ serial: SERIAL, labelled: true }]);
  assert.deepEqual(await look(found('/dev/sdc')), ['found']);
  assert.deepEqual(await look(found('/dev/sdb'), found('/dev/sdc')), ['found', 'found']);
  await close();
});

test('a card that was pulled out stays as bad until it was read or the next card is there', async () => {
  using all = watched();
  const { readers, world, look, end, close } = all;
  await look(found('/dev/sdb'));
  readers.write('/dev/sdb', write);
  assert.deepEqual(await look(), ['writing'], 'its end says what became of it');
  const pulled = { code: 'card-gone', text: 'It was pulled out', hint: 'Write it again' };
  await end(over('/dev/sdb', { phase: 'bad', reason: pulled }));
  assert.deepEqual(await look(), ['bad']);
  world.nowMs += 59_000;
  assert.deepEqual(await look(), ['bad']);
  assert.deepEqual(await look(found('/dev/sdb')), ['found']);
  readers.write('/dev/sdb', write);
  await look();
  await end(over('/dev/sdb', { phase: 'bad', reason: pulled }));
  assert.deepEqual(await look(), ['bad']);
  world.nowMs += 61_000;
  assert.deepEqual(await look(), []);
  await close();
});

test('a bad card that lies in its reader stays bad', async () => {
  using all = watched();
  const { readers, world, look, end, close } = all;
  await look(found('/dev/sdb'));
  readers.write('/dev/sdb', write);
  await end(over('/dev/sdb', { phase: 'bad', reason: { code: 'lies', text: 'x', hint: 'y' } }));
  world.nowMs += 600_000;
  assert.deepEqual(await look(found('/dev/sdb')), ['bad']);
  assert.throws(() => readers.write('/dev/sdb', write), /no card to write/);
  await close();
});

test('a card to which nothing was done says why, is looked at anew, and asks for the same as before', async () => {
  using all = watched();
  const { readers, orders, look, end, close } = all;
  const ours: Seen = { is: 'found', card: cardAt('/dev/sdb'), holds: 'ours' };
  await look(ours);
  const reason = { code: 'order-finished', text: 'No unit waits', hint: 'Look' };
  readers.write('/dev/sdb', { order: 'A-17', sure: true });
  await end(over('/dev/sdb', { phase: 'untouched', reason }));
  await look(ours);
  assert.deepEqual(readers.cards(), [{ ...ours, reason }]);
  assert.throws(() => readers.write('/dev/sdb', write), /no card to write/, 'it is still a unit');
  readers.write('/dev/sdb', { order: 'A-18', sure: true });
  assert.deepEqual(orders, ['A-17', 'A-18']);
  assert.deepEqual(await look(ours), ['writing']);
  await end(over('/dev/sdb', { phase: 'untouched', reason }));
  assert.deepEqual(await look(found('/dev/sdb', 'another')), ['found']);
  assert.deepEqual(readers.cards(), [found('/dev/sdb', 'another')]);
  assert.deepEqual(await look(), []);
  await close();
});

test('a station that ends waits for its cards', async () => {
  using all = watched();
  const { readers, look, end, close } = all;
  await look(found('/dev/sdb'));
  readers.write('/dev/sdb', write);
  let closed = false;
  const closing = close().then(() => (closed = true));
  for (let i = 0; i < 20; i += 1) await turn();
  assert.equal(closed, false);
  await end(over('/dev/sdb', { phase: 'bad', reason: { code: 'stopped', text: '', hint: '' } }));
  await closing;
});

test('a card that took the place of a finished one between two looks is found, and the finished one stays with its serial', async () => {
  using all = watched();
  const { readers, look, end, close } = all;
  await look(found('/dev/sdb', '1:1'));
  readers.write('/dev/sdb', write);
  const card = { ...cardAt('/dev/sdb'), node: '1:1' };
  await end(over('/dev/sdb', { card, serial: SERIAL }));
  assert.deepEqual(await look(found('/dev/sdb', '1:1')), ['done']);
  const reason = { code: 'card-mounted', text: 'mounted', hint: '' };
  assert.deepEqual(await look({ is: 'refused', card, reason }), ['done'], 'a desktop mounted it');
  assert.deepEqual(await look(found('/dev/sdb', '1:2')), ['found']);
  assert.throws(() => readers.write('/dev/sdb', { ...write, node: '1:1' }), /Another card is in/);
  assert.equal(readers.finished()[0]?.serial, SERIAL);
  await close();
});

test('a bad card that its reader reports anew stays bad: it is not written again by itself', async () => {
  using all = watched();
  const { readers, look, end, close } = all;
  await look(found('/dev/sdb', '1:1'));
  readers.write('/dev/sdb', write);
  const card = { ...cardAt('/dev/sdb'), node: '1:1' };
  const reason = { code: 'card-failing', text: '', hint: '' };
  await end(over('/dev/sdb', { card, phase: 'bad', reason }));
  assert.deepEqual(await look(found('/dev/sdb', '1:2')), ['bad']);
  await close();
});

test('what somebody may still want is written by those who are sure, and not before it was looked at', async () => {
  using all = watched();
  const { readers, look, end, close } = all;
  for (const holds of ['ours', 'unreadable', 'looking'] as const) {
    const seen: Seen = { is: 'found', card: cardAt('/dev/sdb'), holds };
    await look(seen);
    assert.throws(() => readers.write('/dev/sdb', write), /no card to write/, holds);
    if (holds === 'looking') {
      assert.throws(() => readers.write('/dev/sdb', { ...write, sure: true }), /no card to write/);
      continue;
    }
    readers.write('/dev/sdb', { ...write, sure: true });
    await end(over('/dev/sdb', {}));
    await look();
  }
  await close();
});

test('more cards than the machine can write at once wait', async () => {
  using all = watched();
  const { readers, look, end, close } = all;
  const devices = Array.from({ length: CARDS_MAX + 1 }, (_, index) => `/dev/card${index}`);
  await look(...devices.map((device) => found(device)));
  for (const device of devices.slice(1)) readers.write(device, write);
  assert.throws(() => readers.write(devices[0]!, write), { code: 'too-many' });
  for (const device of devices.slice(1)) await end(over(device, {}));
  readers.write(devices[0]!, write);
  await end(over(devices[0]!, {}));
  await close();
});
