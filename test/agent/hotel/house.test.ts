// The house: what orders lead from one to the next, and how it follows Clock's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest, Order } from '../../../agent/core/vocabulary.ts';
import { emptyHouse, movements, payerOf, viewOf } from '../../../agent/hotel/house.ts';
import type { CachedBooking, CachedHouse, CachedRoom } from '../../../agent/hotel/house.ts';
import { localTime } from '../../../agent/core/local-time.ts';
import { zoneOf } from '../../../agent/hotel/clock-facts.ts';
import { parseHouse, parseOrder } from '../../../agent/core/orders/wire.ts';
import { randomFrom, testSeed } from '../random.ts';
import { MOVES, openWorld, until, wake } from './world.ts';

/** A vendor's idea of the house, by what it is told alone. It is as strict as a real one. */
class Vendor {
  readonly guests = new Map<number, { room: string; guest: Guest }>();
  readonly statuses = new Map<string, string>();
  count(room: string): number {
    return [...this.guests.values()].filter((one) => one.room === room).length;
  }
  hear(order: Order): void {
    if (!('guest' in order)) {
      if (order.kind === 'room.status') this.statuses.set(order.room, order.housekeeping);
      return;
    }
    const { room, guest, isShared } = order;
    const before = this.guests.get(guest.booking);
    switch (order.kind) {
      case 'room.checked-in':
        assert.equal(before, undefined, 'checked in twice');
        this.guests.set(guest.booking, { room, guest });
        break;
      case 'room.checked-out':
        assert.equal(before?.room, room, 'checked out elsewhere');
        this.guests.delete(guest.booking);
        assert.equal(isShared, this.count(room) > 0);
        return;
      case 'room.moved':
        assert.equal(before?.room, order.from, 'moved from elsewhere');
        this.guests.set(guest.booking, { room, guest });
        assert.equal(order.isFromShared, this.count(order.from) > 0);
        break;
      case 'guest.changed':
        assert.equal(before?.room, room, 'changed elsewhere');
        this.guests.set(guest.booking, { room, guest });
        break;
    }
    assert.equal(isShared, this.count(room) > 1, `${order.kind}: shared`);
  }
  rooms(): object {
    const all = Object.groupBy(this.guests.values(), ({ room }) => room);
    return Object.fromEntries(
      Object.entries(all).map(([room, here]) => [
        room,
        here!.map(({ guest }) => guest).toSorted((a, b) => a.booking - b.booking),
      ]),
    );
  }
}

const roomsOf = (house: CachedHouse): object =>
  Object.fromEntries(
    viewOf(house).rooms.flatMap(({ room, guests }) =>
      guests.length === 0 ? [] : [[room, guests.toSorted((a, b) => a.booking - b.booking)]],
    ),
  );

test('orders carried out on the house that was give the house that is, whatever happened', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const any = (count: number): number => Math.floor(random() * count);
  const runs = process.env['CLOCK_TEST_LONG'] === '1' ? 20_000 : 400;
  for (let run = 0; run < runs; run += 1) {
    const vendor = new Vendor();
    let house: CachedHouse = { ...emptyHouse, asOfMs: 1 };
    for (let round = 0; round < 12; round += 1) {
      const rooms = new Map<number, CachedRoom>();
      for (let id = 1; id <= 5; id += 1) {
        // Now and then a room goes, or is called otherwise.
        if (random() < 0.05) continue;
        const name = `${100 + id}${random() < 0.05 ? 'A' : ''}`;
        rooms.set(id, { id, name, housekeeping: random() < 0.5 ? 'clean' : 'dirty' });
      }
      const bookings = new Map<number, CachedBooking>();
      for (let booking = 1; booking <= 8; booking += 1) {
        if (random() < 0.4) continue;
        const old = house.bookings.get(booking);
        const isOld = old !== undefined && random() < 0.5;
        const guest = {
          ...{ booking, lastName: `G${any(3)}`, arrival: `2026-11-2${any(9)}` },
          departure: '2026-11-30',
        };
        bookings.set(booking, isOld ? old : { roomId: 1 + any(5), guest });
      }
      const after: CachedHouse = { ...house, rooms, bookings };
      const orders = movements(house, after);
      for (const order of orders) {
        assert.ok(parseOrder(order).ok);
        vendor.hear(order);
      }
      assert.deepEqual(vendor.rooms(), roomsOf(after), `run ${run}, round ${round}`);
      assert.deepEqual(movements(after, after), []);
      house = after;
    }
  }
});

test('the one who pays is the first whose account takes charges', () => {
  const guest = (booking: number, isBarred: boolean): Guest => ({
    ...{ booking, lastName: 'A', arrival: '2026-11-25', departure: '2026-11-26', isBarred },
  });
  const rooms = [
    { room: '1', housekeeping: null, guests: [guest(1, true), guest(2, false)] },
    { room: '2', housekeeping: null, guests: [guest(3, true)] },
    { room: '3', housekeeping: null, guests: [] },
  ];
  const house = { ...viewOf(emptyHouse), rooms };
  assert.deepEqual(payerOf(house, { room: '1' }), { guest: guest(2, false) });
  assert.equal(payerOf(house, { room: '1', booking: 1 }), 'barred');
  assert.equal(payerOf(house, { room: '1', booking: 3 }), 'nobody');
  assert.equal(payerOf(house, { room: '2' }), 'barred');
  assert.equal(payerOf(house, { room: '3' }), 'nobody');
  assert.equal(payerOf(house, { room: '4' }), 'nobody');
});

test('zones are known by both names, and local time follows summer and winter', () => {
  assert.equal(zoneOf('Sofia'), 'Europe/Sofia');
  assert.equal(zoneOf('Europe/Sofia'), 'Europe/Sofia');
  assert.equal(zoneOf('Atlantis'), undefined);
  assert.equal(
    localTime(Date.parse('2026-07-01T22:30:00Z'), 'Europe/Sofia'),
    '2026-07-02T01:30:00',
  );
  assert.equal(
    localTime(Date.parse('2026-12-01T22:30:00Z'), 'Europe/Sofia'),
    '2026-12-02T00:30:00',
  );
});

test('the house is filled without a storm, follows Clock, and outlives the process', async () => {
  await using world = await openWorld();
  const { hotel: clock } = world.pms;
  for (const name of ['101', '102', '103']) clock.addRoom({ name });
  const ana = clock.addBooking({ room: '101', status: 'checked_in', lastName: 'Ivanova' });
  const late = clock.addBooking({ room: '102', lastName: 'Late\tComer' });
  const life = world.start((services) => services.set('pbx', { takes: MOVES }));
  await until(() => life.services.orders('pbx').length > 0);
  assert.deepEqual(life.services.orders('pbx'), [{ kind: 'resync' }]);
  const house = life.hotel.side.house();
  assert.ok(parseHouse(house).ok);
  assert.deepEqual(house.currency, { code: 'EUR', decimals: 2 });
  assert.equal(house.timeZone, 'Europe/Sofia');
  const [first] = house.rooms;
  assert.equal(first!.guests[0]!.booking, ana.id);

  const kinds = (): string[] => life.services.orders('pbx').map(({ kind }) => kind);
  clock.checkIn(late.id);
  await wake(life, 'booking_checked_in', late.id);
  await until(() => kinds().includes('room.checked-in'), 'check-in');
  clock.moveTo(ana.id, '102');
  await wake(life, 'booking_update', ana.id);
  await until(() => kinds().includes('room.moved'), 'move');
  const moved = life.services.orders('pbx').find(({ kind }) => kind === 'room.moved')!;
  assert.ok(moved.kind === 'room.moved' && moved.isShared && !moved.isFromShared);
  assert.equal(moved.from, '101');

  // The third party goes; what happens meanwhile waits for it, over a restart of the agent too.
  life.services.down('pbx');
  clock.checkOut(ana.id);
  await wake(life, 'booking_checked_out', ana.id);
  await wake(life, 'housekeeping_changed', 1);
  await until(() => life.hotel.waiting('pbx') === 2, 'two orders wait');
  life.kill();
  const next = world.start((services) => {
    services.set('pbx', { takes: MOVES });
    services.down('pbx');
  });
  assert.equal(next.hotel.side.house().rooms.length, clock.rows('rooms').length);
  next.services.up('pbx');
  await until(() => next.hotel.waiting('pbx') === 0, 'both are given');
  assert.deepEqual(
    next.services.orders('pbx').map(({ kind }) => kind),
    ['room.checked-out', 'room.status'],
  );
  const names = next.services.orders('pbx').map((order) => ('guest' in order ? order.guest : {}));
  assert.deepEqual(names[0], house.rooms[0]!.guests[0]);
});
