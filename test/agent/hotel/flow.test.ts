// What goes through the hotel's side beside charges and keys: room status both ways, fiscal receipts, commands, bounded
// queues, unpairing, and all of it over Clock's real channels.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HotelEvent, OrderOutcome, Verdict } from '../../../agent/core/vocabulary.ts';
import { TODO_MAX } from '../../../agent/hotel/limits.ts';
import { startAccount } from '../../../agent/pms/account.ts';
import { createBan } from '../../../agent/pms/ban.ts';
import { accountOf } from '../pms/world.ts';
import { MOVES, openWorld, until, wake } from './world.ts';
import type { Life, World } from './world.ts';

const isFilled = (life: Life): boolean => life.hotel.side.house().asOfMs !== undefined;
const kinds = (life: Life, service: string): readonly string[] =>
  life.services.orders(service).map(({ kind }) => kind);
const say = async (life: Life, service: string, event: HotelEvent): Promise<Verdict> =>
  life.hotel.side.emitted(
    life.services.list().find(({ id }) => id === service)!,
    event,
  );
const command = async (life: Life, kind: string, body: unknown) =>
  life.hotel.handler.run(
    { id: kind, service: 'hotel', kind, body, expiresMs: undefined },
    new AbortController().signal,
  );
const statusOf = ({ pms }: World, name: string): unknown =>
  pms.hotel.rows('rooms').find((one) => one['name'] === name)!['housekeeping_status'];

test('room status goes to Clock and to the others, not back to who said it, after a cut too', async () => {
  await using world = await openWorld();
  world.pms.hotel.addRoom({ name: '701', housekeeping_status: 'checked_out' });
  const life = world.start((services) => {
    services.set('pbx', { takes: MOVES });
    services.set('tv', { takes: MOVES });
  });
  await until(() => kinds(life, 'pbx').length + kinds(life, 'tv').length === 2);
  const event: HotelEvent = { kind: 'room.status', room: '701', housekeeping: 'clean' };
  assert.deepEqual(await say(life, 'pbx', { ...event, room: '999' }), { ok: false, why: 'nobody' });
  world.isOnline = false;
  assert.deepEqual(await say(life, 'pbx', event), { ok: true, isRepeat: false });
  await until(() => kinds(life, 'tv').includes('room.status'), 'the other hears it');
  life.kill();
  world.isOnline = true;
  const next = world.start((services) => {
    services.set('pbx', { takes: MOVES });
    services.set('tv', { takes: MOVES });
  });
  await until(() => statusOf(world, '701') === '', 'Clock knows');
  await until(() => next.outbox.records.list('hotel/wish/').length === 0);
  await wake(next, 'housekeeping_changed', 1);
  world.pms.hotel.setHousekeeping('701', 'inspect');
  await wake(next, 'housekeeping_changed', 1);
  await until(() => kinds(next, 'pbx').length > 0, 'what Clock says goes to all');
  assert.deepEqual(next.services.orders('pbx'), [
    { kind: 'room.status', room: '701', housekeeping: 'inspect' },
  ]);
});

test('too much for one service becomes one resync', async () => {
  await using world = await openWorld();
  const rooms = Array.from({ length: TODO_MAX + 1 }, () => world.pms.hotel.addRoom());
  const life = world.start((services) => {
    services.set('pbx', { takes: MOVES });
  });
  await until(() => kinds(life, 'pbx').length === 1 && life.hotel.waiting('pbx') === 0);
  life.services.down('pbx');
  for (const { name } of rooms) world.pms.hotel.setHousekeeping(String(name), 'inspect');
  await wake(life, 'housekeeping_changed', 1);
  await until(() => life.hotel.waiting('pbx') === 1, 'one instead of all');
  life.services.up('pbx');
  await until(() => life.hotel.waiting('pbx') === 0);
  assert.deepEqual(kinds(life, 'pbx'), ['resync', 'resync']);
});

test('what waits for a service that was removed goes with it', async () => {
  await using world = await openWorld();
  world.pms.hotel.addRoom({ name: '701' });
  const life = world.start((services) => services.set('pbx', { takes: MOVES }));
  await until(() => kinds(life, 'pbx').length === 1 && life.hotel.waiting('pbx') === 0);
  life.services.down('pbx');
  world.pms.hotel.setHousekeeping('701', 'inspect');
  await wake(life, 'housekeeping_changed', 1);
  await until(() => life.hotel.waiting('pbx') === 1);
  life.services.remove('pbx');
  await until(() => life.outbox.records.list('hotel/todo/').length === 0);
  assert.deepEqual(life.outbox.records.list('hotel/service/'), []);
  // Back again, it is new: the whole house, once.
  life.services.set('pbx', { takes: MOVES });
  await until(() => kinds(life, 'pbx').length === 2);
  assert.deepEqual(kinds(life, 'pbx'), ['resync', 'resync']);
});

test('busy waits, no is told to the cloud and the next goes on', async () => {
  await using world = await openWorld();
  world.pms.hotel.addRoom({ name: '701' });
  const booking = world.pms.hotel.addBooking({ room: '701' });
  const answers: OrderOutcome[] = [
    { ok: false, why: 'busy' },
    { ok: false, why: 'refused', text: 'no such room' },
  ];
  const life = world.start((services) => {
    services.set('pbx', { takes: MOVES });
    services.answer = () => answers.shift() ?? { ok: true };
  });
  await until(() => isFilled(life) && answers.length === 0);
  await until(() => life.told.some(({ payload }) => payload.includes('order.dropped')));
  world.pms.hotel.checkIn(booking.id);
  await wake(life, 'booking_checked_in', booking.id);
  await until(() => kinds(life, 'pbx').length === 3);
  assert.deepEqual(kinds(life, 'pbx'), ['resync', 'resync', 'room.checked-in']);
});

async function closedFolio(world: World, paidCents = 2_400) {
  const { hotel } = world.pms;
  hotel.addRoom({ name: '701' });
  const booking = hotel.addBooking({ room: '701', status: 'checked_in' });
  const folio = hotel.defaultFolio(booking.id);
  const charge = { folio_id: folio.id, tax_rate: 0.2, text: 'Dinner', price_cents: 1_200 };
  hotel.addRow('charges', { ...charge, qty: 2 });
  hotel.addRow('charges', { ...charge, text: 'Wrong', qty: 1 });
  hotel.addRow('charges', { ...charge, text: 'Wrong', qty: -1 });
  hotel.addRow('charges', { ...charge, voided_at: '2026-11-25T10:00:00Z' });
  hotel.addRow('credit_items', { folio_id: folio.id, value_cents: paidCents });
  hotel.closeFolio(folio.id, { fiscal: true });
  return folio;
}
const printer = (life: Life['services']): void => {
  life.set('printer', { takes: ['fiscal.receipt'] });
};
const answerOf = (world: World): unknown =>
  world.pms.hotel.rows('fiscalizations')[0]?.['fiscal_response_code'];

test('a fiscal request becomes one receipt, and its number is told to Clock', async () => {
  await using world = await openWorld();
  const folio = await closedFolio(world);
  const life = world.start((services) => {
    printer(services);
    services.answer = () => ({ ok: true, body: { document: '0000117' } });
  });
  await until(() => isFilled(life));
  await wake(life, 'fiscal_request', folio.id);
  await wake(life, 'fiscal_request', folio.id);
  await until(() => answerOf(world) === '0000117', 'the answer');
  assert.deepEqual(life.services.orders('printer'), [
    {
      ...{ kind: 'fiscal.receipt', folio: folio.id },
      lines: [{ text: 'Dinner', quantity: '2', price: '12.00', taxGroup: '20' }],
      payments: [{ type: 'cash', amount: '24.00' }],
    },
  ]);
});

test('a receipt that was under way when the power went is for a person, never printed again', async () => {
  await using world = await openWorld();
  const folio = await closedFolio(world);
  const life = world.start((services) => {
    printer(services);
    services.answer = async () => new Promise<never>(() => {});
  });
  await until(() => isFilled(life));
  await wake(life, 'fiscal_request', folio.id);
  await until(() => kinds(life, 'printer').length === 1);
  life.kill();
  const next = world.start(printer);
  await until(() => next.hotel.view().open.length === 1);
  const [open] = next.hotel.view().open;
  assert.deepEqual(
    { ...open, text: '' },
    {
      ...{ key: `fiscal/${folio.id}`, state: 'unknown', what: 'receipt', text: '' },
    },
  );
  assert.deepEqual(kinds(next, 'printer'), []);
  await wake(next, 'fiscal_request', folio.id);
  assert.deepEqual(kinds(next, 'printer'), []);
  // The person saw that nothing came out.
  const body = { key: open!.key, as: 'retry' };
  assert.equal((await command(next, 'ledger.resolve', body)).state, 'processed');
  await until(() => answerOf(world) === 'printed');
  const [order, ...others] = next.services.orders('printer');
  assert.deepEqual(others, []);
  // The printer's service prints what it is not sure of for this alone.
  assert.ok(order?.kind === 'fiscal.receipt' && order.isLookedAt === true);
});

test('a folio whose payments do not make its charges is not printed', async () => {
  await using world = await openWorld();
  const folio = await closedFolio(world, 2_000);
  const life = world.start(printer);
  await until(() => isFilled(life));
  await wake(life, 'fiscal_request', folio.id);
  await until(() => life.hotel.view().open.length === 1);
  assert.match(life.hotel.view().open[0]!.text, /differ: 24\.00 against 20\.00/);
  assert.deepEqual(kinds(life, 'printer'), []);
  await until(() => life.told.some(({ payload }) => payload.includes('fiscal.failed')));
});

test('channels that ask all the time cost four calls a minute, and what they missed is found', async () => {
  await using world = await openWorld();
  world.pms.hotel.addRoom({ name: '701' });
  const booking = world.pms.hotel.addBooking({ room: '701' });
  const life = world.start((services) => services.set('pbx', { takes: MOVES }));
  await until(() => kinds(life, 'pbx').length === 1);
  const lists = (): number =>
    world.pms.calls().filter(({ path }) => path.endsWith('/rooms.json')).length;
  const before = lists();
  world.pms.hotel.checkIn(booking.id);
  for (let index = 0; index < 30; index += 1) await wake(life, 'booking_new');
  assert.equal(lists(), before);
  world.beside.clock.aheadMs += 61_000;
  await wake(life, 'booking_new');
  await until(() => kinds(life, 'pbx').includes('room.checked-in'));
  assert.equal(lists(), before + 1);
});

test('Clock hears of the exchange while it is there, and no longer', async () => {
  await using world = await openWorld();
  const life = world.start((services) => services.set('pbx', { emits: ['call.recorded'] }));
  await until(() => world.hellos === 1);
  life.services.down('pbx');
  assert.equal(world.hellos, 0);
  life.services.up('pbx');
  life.services.set('tv');
  assert.equal(world.hellos, 1);
  life.hotel.close();
  assert.equal(world.hellos, 0);
});

test('who lets the house be refreshed also learns whether the hotel has closed its day', async () => {
  await using world = await openWorld();
  const life = world.start((services) => services.set('pbx'));
  assert.equal((await command(life, 'house.refresh', {})).state, 'processed');
  assert.equal(world.looks, 1);
});

test('unpaired, nothing of the hotel stays on the card, and nothing is taken any more', async () => {
  await using world = await openWorld();
  world.pms.hotel.addRoom({ name: '701' });
  world.pms.hotel.addBooking({ room: '701', status: 'checked_in' });
  const life = world.start((services) => services.set('pbx', { takes: MOVES }));
  await until(() => kinds(life, 'pbx').length === 1);
  const remove = life.hotel.belongings();
  assert.ok(remove.length > 3);
  await life.outbox.records.change({ remove });
  life.hotel.sync(false);
  assert.deepEqual(life.outbox.records.list('hotel/'), []);
  assert.deepEqual(life.hotel.side.house().rooms, []);
  const event: HotelEvent = { kind: 'room.status', room: '701', housekeeping: 'clean' };
  assert.equal((await say(life, 'pbx', event)).ok, false);
});

test('over Clock’s channels: a check-in is at the exchange and a key on the card by itself', async () => {
  await using world = await openWorld();
  const { hotel } = world.pms;
  hotel.addRoom({ name: '701' });
  const booking = hotel.addBooking({ room: '701' });
  const life = world.start((services) => {
    services.set('pbx', { takes: MOVES });
    services.set('salto', { takes: ['key.encode'] });
  });
  await until(() => isFilled(life));
  const { needs, account } = world.beside;
  const consumers = life.hotel
    .consumers()
    .filter(({ event }) => event === 'booking_checked_in' || event === 'door_key_new');
  const runner = startAccount(accountOf(account), { ...needs, ban: createBan(needs), consumers });
  try {
    await world.pms.until(() => world.pms.polls().length >= 2, { withinMs: 30_000 });
    hotel.checkIn(booking.id);
    const key = hotel.issueKey({ bookingId: booking.id });
    await until(() => kinds(life, 'pbx').includes('room.checked-in'), 'the exchange');
    await until(() => hotel.row('door_keys', key.id)['issued_at'] !== null, 'the card');
  } finally {
    runner.close();
  }
});
