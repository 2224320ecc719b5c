// Key requests, from reception's button at Clock to the card and back, and what a power cut makes of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OrderOf, OrderOutcome } from '../../../agent/core/vocabulary.ts';
import { KEY_AGE_MS_MAX } from '../../../agent/hotel/limits.ts';
import { openWorld, until, wake } from './world.ts';
import type { FakeServices, Life, World } from './world.ts';

const lock = (services: FakeServices): void => {
  services.set('salto', {
    ...{ interface: 'salto', takes: ['key.encode', 'key.cancel'], targets: ['desk-1', 'desk-2'] },
  });
};
const encoded = ({ services }: Life): readonly OrderOf<'key.encode'>[] =>
  services.given.flatMap(({ order }) => (order.kind === 'key.encode' ? order : []));
const keyAt = ({ pms }: World, id: number) => pms.hotel.row('door_keys', id);
const failure = (world: World, id: number): string =>
  (keyAt(world, id)['error_text'] as string | null) ?? '';

async function desk(prepare = lock) {
  const world = await openWorld();
  world.pms.hotel.addRoom({ name: '701', common_door_codes: ['LIFT'] });
  const booking = world.pms.hotel.addBooking({ room: '701', status: 'checked_in' });
  const life = world.start(prepare);
  await until(() => life.hotel.side.house().asOfMs !== undefined);
  return { world, booking, life };
}

test('a key goes from reception to the card and back: original, copy, next, taken back', async () => {
  const { world, booking, life } = await desk();
  await using here = world;
  const { hotel } = here.pms;
  const first = hotel.issueKey({ bookingId: booking.id });
  await wake(life, 'door_key_new', first.id);
  await until(() => keyAt(world, first.id)['issued_at'] !== null, 'the first card');
  assert.equal(keyAt(world, first.id)['reference_system'], 'salto');
  const [order] = encoded(life);
  assert.deepEqual(
    { ...order, from: '', to: '' },
    {
      ...{ kind: 'key.encode', card: 'original', key: first.id, booking: booking.id, room: '701' },
      ...{ moreRooms: [], encoder: 'desk-1', doorCodes: ['R701'], commonDoors: ['LIFT'] },
      ...{ guestName: 'Petrova, Elena', from: '', to: '' },
    },
  );
  // 09:00 UTC is 11:00 in Sofia in winter, 12:00 in summer.
  assert.match(order!.to, /T1[12]:00:00$/);

  const copy = hotel.issueKey({ bookingId: booking.id, parentKeyId: first.id });
  await wake(life, 'door_key_new', copy.id);
  await until(() => keyAt(world, copy.id)['issued_at'] !== null, 'the copy');
  const next = hotel.issueKey({ bookingId: booking.id, encoderIdentifier: 'desk-2' });
  await wake(life, 'door_key_new', next.id);
  await until(() => keyAt(world, next.id)['issued_at'] !== null, 'the next');
  assert.deepEqual(
    encoded(life).map(({ card, encoder }) => [card, encoder]),
    [
      ['original', 'desk-1'],
      ['copy', 'desk-1'],
      ['next', 'desk-2'],
    ],
  );
  for (const { id } of [first, copy, next]) hotel.requestKeyDelete(id);
  await wake(life, 'door_key_update', first.id);
  await until(() => keyAt(world, next.id)['deleted_at'] !== null, 'all are taken back');
  const cancelled = life.services.given.filter(({ order: one }) => one.kind === 'key.cancel');
  assert.equal(cancelled.length, 3);
  const again = hotel.issueKey({ bookingId: booking.id });
  await wake(life, 'door_key_new', again.id);
  await until(() => keyAt(world, again.id)['issued_at'] !== null);
  assert.equal(encoded(life).at(-1)!.card, 'original');
});

test('what fails says so in words at the desk, and is not tried again', async () => {
  const { world, booking, life } = await desk();
  await using here = world;
  const outcomes: readonly (readonly [OrderOutcome, RegExp])[] = [
    [{ ok: false, why: 'refused', text: 'room not known' }, /says no \(room not known\)/],
    [{ ok: false, why: 'busy' }, /busy: try again/],
    [{ ok: false, why: 'expired' }, /No card was put/],
    [{ ok: false, why: 'unknown' }, /not known whether/],
  ];
  for (const [outcome, text] of outcomes) {
    life.services.answer = () => outcome;
    const { id } = here.pms.hotel.issueKey({ bookingId: booking.id });
    await wake(life, 'door_key_new', id);
    await until(() => failure(world, id) !== '', String(text));
    assert.match(failure(world, id), text);
  }
  life.services.down('salto');
  const { id } = here.pms.hotel.issueKey({ bookingId: booking.id });
  await wake(life, 'door_key_new', id);
  await until(() => failure(world, id) !== '');
  assert.match(failure(world, id), /not connected/);
  const count = encoded(life).length;
  life.services.up('salto');
  await wake(life, 'door_key_new');
  const fresh = here.pms.hotel.issueKey({ bookingId: booking.id });
  life.services.answer = () => ({ ok: true });
  await wake(life, 'door_key_new', fresh.id);
  await until(() => keyAt(world, fresh.id)['issued_at'] !== null);
  assert.equal(encoded(life).length, count + 1);
});

test('a request that waited too long is never written, nor one while nobody knows the time', async () => {
  const { world, booking, life } = await desk();
  await using here = world;
  const { hotel } = here.pms;
  await wake(life, 'door_key_new');
  life.kill();
  const old = hotel.issueKey({ bookingId: booking.id, fire: false });
  here.beside.clock.aheadMs += KEY_AGE_MS_MAX + 60_000;
  const next = here.start(lock);
  await until(() => failure(world, old.id) !== '', 'the old one');
  assert.match(failure(world, old.id), /too old/);
  here.trustedMs = () => undefined;
  const lost = hotel.issueKey({ bookingId: booking.id });
  await wake(next, 'door_key_new', lost.id);
  await until(() => failure(world, lost.id) !== '', 'the one without a time');
  assert.match(failure(world, lost.id), /what time it is/);
  assert.deepEqual(encoded(next), []);
});

test('a unit that is new leaves old requests alone, and a crash makes no second card', async () => {
  const world = await openWorld();
  await using here = world;
  const { hotel } = here.pms;
  const booking = hotel.addBooking({ status: 'checked_in' });
  const hourAgo = new Date(here.pms.nowMs() - 3_600_000).toISOString();
  const more = { created_at: hourAgo };
  const history = hotel.issueKey({ bookingId: booking.id, fire: false, more });
  const life = here.start(lock);
  await until(() => life.hotel.side.house().asOfMs !== undefined);
  life.services.answer = async () => new Promise<never>(() => {});
  const key = hotel.issueKey({ bookingId: booking.id });
  await wake(life, 'door_key_new', key.id);
  await until(() => encoded(life).length === 1, 'begun');
  life.kill();
  const next = here.start(lock);
  await until(() => failure(world, key.id) !== '', 'told');
  assert.match(failure(world, key.id), /restarted while the card was written/);
  assert.deepEqual(encoded(next), []);
  assert.equal(failure(world, history.id), '');
});

test('one at a time on each encoder, several encoders at once', async () => {
  const { world, booking, life } = await desk();
  await using here = world;
  const waiting = new Map<number, (outcome: OrderOutcome) => void>();
  life.services.answer = async (...[, order]) =>
    new Promise<OrderOutcome>((done) => {
      if (order.kind === 'key.encode') waiting.set(order.key, done);
    });
  const [a, b] = [1, 2].map(() => here.pms.hotel.issueKey({ bookingId: booking.id }));
  const c = here.pms.hotel.issueKey({ bookingId: booking.id, encoderIdentifier: 'desk-2' });
  await wake(life, 'door_key_new', a!.id);
  await until(() => waiting.has(a!.id) && waiting.has(c.id), 'both desks');
  assert.ok(!waiting.has(b!.id));
  waiting.get(a!.id)!({ ok: true, body: { qrCodeText: 'QR' } });
  await until(() => waiting.has(b!.id), 'the second at the first desk');
  await until(() => keyAt(world, a!.id)['issued_at'] !== null);
  assert.equal(keyAt(world, a!.id)['qr_code_text'], 'QR');
  // Taken back while it was waiting for a card: it fails there, and is off the list here.
  here.pms.hotel.requestKeyDelete(c.id);
  waiting.get(c.id)!({ ok: false, why: 'expired' });
  await wake(life, 'door_key_update', c.id);
  await until(() => keyAt(world, c.id)['deleted_at'] !== null, 'the one that was given up');
  waiting.get(b!.id)!({ ok: true });
  await until(() => keyAt(world, b!.id)['issued_at'] !== null);
});

test('taken back while its card is written, it is taken back at the lock system too', async () => {
  const { world, booking, life } = await desk();
  await using here = world;
  const writing = Promise.withResolvers<OrderOutcome>();
  life.services.answer = async (...[, { kind }]) =>
    kind === 'key.encode' ? writing.promise : { ok: true };
  const { id } = here.pms.hotel.issueKey({ bookingId: booking.id });
  await wake(life, 'door_key_new', id);
  await until(() => encoded(life).length === 1, 'begun');
  here.pms.hotel.requestKeyDelete(id);
  writing.resolve({ ok: true });
  await until(() => keyAt(world, id)['deleted_at'] !== null, 'taken back');
  assert.notEqual(keyAt(world, id)['issued_at'], null);
  assert.equal(life.services.given.at(-1)!.order.kind, 'key.cancel');
});

test('which lock system: the one that has the encoder, else the only one, else words', async () => {
  const two = (services: FakeServices): void => {
    lock(services);
    services.set('onity', { takes: ['key.encode'], targets: ['back-office'] });
  };
  const { world, booking, life } = await desk(two);
  await using here = world;
  const ask = async (encoderIdentifier: string): Promise<number> => {
    const { id } = here.pms.hotel.issueKey({ bookingId: booking.id, encoderIdentifier });
    await wake(life, 'door_key_new', id);
    return id;
  };
  const there = await ask('back-office');
  await until(() => keyAt(world, there)['issued_at'] !== null);
  assert.equal(life.services.given.at(-1)!.service, 'onity');
  const nowhere = await ask('spa');
  await until(() => failure(world, nowhere) !== '');
  assert.match(failure(world, nowhere), /"spa" belongs to no lock system/);
  // It cannot take keys back: the desk reads so, once.
  here.pms.hotel.requestKeyDelete(there);
  life.services.set('salto', { takes: ['key.encode'] });
  await wake(life, 'door_key_update', there);
  await until(() => failure(world, there) !== '');
  assert.match(failure(world, there), /No lock system is set up/);
});
