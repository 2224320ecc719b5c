// The house as the unit keeps it, what services may see of it, and which orders lead from one house to the next.
// Pure.
import type { Guest, House, Housekeeping, Order, Room } from '../core/vocabulary.ts';

export interface CachedRoom {
  readonly id: number;
  readonly name: string;
  readonly housekeeping: Housekeeping | null;
}

/** Somebody who is checked in. */
export interface CachedBooking {
  readonly roomId: number;
  readonly guest: Guest;
}

export interface CachedHouse {
  /** undefined: never filled. */
  readonly asOfMs: number | undefined;
  readonly businessDay: string | undefined;
  readonly timeZone: string;
  readonly currency: string;
  readonly rooms: ReadonlyMap<number, CachedRoom>;
  /** By the booking's id. */
  readonly bookings: ReadonlyMap<number, CachedBooking>;
}

export const emptyHouse: CachedHouse = {
  ...{ asOfMs: undefined, businessDay: undefined, timeZone: 'UTC', currency: 'EUR' },
  rooms: new Map(),
  bookings: new Map(),
};

/** Who came first is first; of the same day, whose booking is older. */
const byArrival = (a: Guest, b: Guest): number =>
  a.arrival === b.arrival ? a.booking - b.booking : a.arrival < b.arrival ? -1 : 1;

const byName = new Intl.Collator('en', { numeric: true });

/** A booking of a room that Clock does not know (any more) is nowhere. */
const placeOf = (house: CachedHouse, booking: CachedBooking): string | undefined =>
  house.rooms.get(booking.roomId)?.name;

/** Where everybody is. */
function places(house: CachedHouse): Map<number, { readonly room: string; readonly guest: Guest }> {
  const found = new Map<number, { room: string; guest: Guest }>();
  for (const [id, booking] of house.bookings) {
    const room = placeOf(house, booking);
    if (room !== undefined) found.set(id, { room, guest: booking.guest });
  }
  return found;
}

/** Decimals of a currency (ISO 4217, as Node's ICU has them). */
export function decimalsOf(currency: string): number {
  try {
    const format = new Intl.NumberFormat('en', { style: 'currency', currency });
    return format.resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

export function viewOf(house: CachedHouse): House {
  const guests = new Map<string, Guest[]>();
  for (const { room, guest } of places(house).values()) {
    guests.set(room, [...(guests.get(room) ?? []), guest]);
  }
  const rooms = [...house.rooms.values()].map(({ name, housekeeping }): Room => ({
    ...{ room: name, housekeeping },
    guests: (guests.get(name) ?? []).toSorted(byArrival),
  }));
  return {
    ...{ asOfMs: house.asOfMs, businessDay: house.businessDay, timeZone: house.timeZone },
    currency: { code: house.currency, decimals: decimalsOf(house.currency) },
    rooms: rooms.toSorted((a, b) => byName.compare(a.room, b.room)),
  };
}

/**
 * What the systems must be told, in an order that makes sense to each: who leaves, who moves, who comes, whose data
 * changed, then rooms and the day. Carried out on the house that was, they give the house that is.
 */
export function movements(before: CachedHouse, after: CachedHouse): readonly Order[] {
  const now = places(before);
  const then = places(after);
  const crowd = new Map<string, number>();
  const add = (room: string, by: number): number => {
    const count = (crowd.get(room) ?? 0) + by;
    crowd.set(room, count);
    return count;
  };
  for (const { room } of now.values()) add(room, 1);
  const orders: Order[] = [];
  for (const [id, { room, guest }] of now) {
    if (then.has(id)) continue;
    orders.push({ kind: 'room.checked-out', room, guest, isShared: add(room, -1) > 0 });
  }
  for (const [id, { room, guest }] of then) {
    const from = now.get(id)?.room;
    if (from === undefined || from === room) continue;
    const isFromShared = add(from, -1) > 0;
    const isShared = add(room, 1) > 1;
    orders.push({ kind: 'room.moved', from, room, guest, isFromShared, isShared });
  }
  for (const [id, { room, guest }] of then) {
    if (now.has(id)) continue;
    orders.push({ kind: 'room.checked-in', room, guest, isShared: add(room, 1) > 1 });
  }
  for (const [id, { room, guest }] of then) {
    const old = now.get(id);
    if (old?.room !== room || isSame(old.guest, guest)) continue;
    orders.push({ kind: 'guest.changed', room, guest, isShared: (crowd.get(room) ?? 0) > 1 });
  }
  return [...orders, ...statuses(before, after), ...audit(before, after)];
}

export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function statuses(before: CachedHouse, after: CachedHouse): readonly Order[] {
  return [...after.rooms.values()].flatMap(({ id, name: room, housekeeping }): Order[] => {
    const old = before.rooms.get(id);
    if (old === undefined || housekeeping === null || old.housekeeping === housekeeping) return [];
    return [{ kind: 'room.status', room, housekeeping }];
  });
}

/** The hotel's day was closed: Clock tells no beginning of it, so that both come at its end. */
function audit(before: CachedHouse, after: CachedHouse): readonly Order[] {
  const [old, day] = [before.businessDay, after.businessDay];
  if (old === undefined || day === undefined || day <= old) return [];
  return [
    { kind: 'night-audit', phase: 'start' },
    { kind: 'night-audit', phase: 'end' },
  ];
}

/** Who pays for what is charged to a room; undefined: nobody is there. */
export function payerOf(
  house: House,
  { room, booking }: { readonly room: string; readonly booking?: number | undefined },
): { readonly guest: Guest } | 'nobody' | 'barred' {
  const guests = house.rooms.find((one) => one.room === room)?.guests ?? [];
  const meant = booking === undefined ? guests : guests.filter((one) => one.booking === booking);
  if (meant.length === 0) return 'nobody';
  // The first whose account takes charges: one of two friends may have paid in advance.
  const guest = meant.find(({ isBarred }) => isBarred !== true);
  return guest === undefined ? 'barred' : { guest };
}
