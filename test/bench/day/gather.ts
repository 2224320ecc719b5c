// Reads how the day ended out of each system, in the words of compare.ts.
import { housekeepingOf } from '../../../agent/hotel/clock-facts.ts';
import { keys, parseBooking, parseRoom, parseRow } from '../../../agent/hotel/wire.ts';
import type { OpenRow } from '../../../agent/hotel/wire.ts';
import { dateOf } from '../../../agent/interfaces/salto/wire.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import type { LockServer } from '../../../agent/interfaces/salto/counterpart.ts';
import type { VendorSystem } from '../../../agent/interfaces/fias/counterpart.ts';
import type { Pms } from '../pms/api.ts';
import { dateAt, roomIdOf } from '../pms/hotel.ts';
import type { Item, Key, Rooms } from './compare.ts';
import { ARTICLES } from './house.ts';

const ZONE = 'Europe/Sofia';

/** What one guest is to a system: FIAS has the booking and the last name, the unit more. */
export interface Seen {
  readonly booking: number;
  readonly lastName: string;
  readonly firstName: string;
  readonly language: string;
}
export const briefly = ({ booking, lastName }: Seen): string => `${booking} ${lastName}`;
export const fully = ({ booking, lastName, firstName, language }: Seen): string =>
  `${booking} ${firstName} ${lastName} (${language})`;

function grouped<T>(all: readonly (readonly [string, T])[]): ReadonlyMap<string, readonly T[]> {
  const found = new Map<string, readonly T[]>();
  for (const [room, one] of all) found.set(room, [...(found.get(room) ?? []), one]);
  return found;
}

export function roomsOfPms(pms: Pms, told: (guest: Seen) => string): Rooms {
  const today = dateAt(pms.nowMs(), ZONE);
  const names = new Map(pms.hotel.rows('rooms').map(({ id, name }) => [id, String(name)]));
  const staying = pms.hotel.rows('bookings').filter(({ status }) => status === 'checked_in');
  return grouped(
    staying.map((row) => {
      const [first, last] = [String(row['guest_first_name']), String(row['guest_last_name'])];
      const guest = { booking: row.id, firstName: first, lastName: last };
      const text = told({ ...guest, language: String(row['guest_language']) });
      return [names.get(roomIdOf(row, today)) ?? '?', text] as const;
    }),
  );
}

export function roomsOfVendor({ table }: VendorSystem): Rooms {
  const there = [...table.rooms].map(
    ([room, guests]) => [room, guests.map(({ booking, name }) => `${booking} ${name}`)] as const,
  );
  return new Map(there.filter(([, guests]) => guests.length > 0));
}

/** Clock's words: "", inspect, progress, checked_out. */
export const housekeepingOfPms = (pms: Pms): Rooms =>
  new Map(
    pms.hotel.rows('rooms').map((row) => {
      const given = row['housekeeping_status'] as string | null;
      return [String(row['name']), [housekeepingOf(given) ?? 'unknown']] as const;
    }),
  );

export function keysOfPms(pms: Pms): readonly Key[] {
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return pms.hotel.rows('door_keys').map((row) => ({
    id: row.id,
    door: String(row['room_door_code']),
    issuedAt: text(row['issued_at']),
    errorText: text(row['error_text']),
    deleteRequestedAt: text(row['delete_requested_at']),
    deletedAt: text(row['deleted_at']),
  }));
}

export function cardsOf(locks: LockServer) {
  const doors = new Map<string, { made: number; isOpening: boolean }>();
  for (const card of locks.cards) {
    for (const door of card.rooms) {
      const { made, isOpening } = doors.get(door) ?? { made: 0, isOpening: false };
      const opens = locks.opens(card, door, dateOf(card.from) ?? '');
      doors.set(door, { made: made + 1, isOpening: isOpening || opens });
    }
  }
  return doors;
}

/** Charges by booking, calls by telephone. */
export function itemsOfPms(pms: Pms): readonly Item[] {
  const charges = pms.hotel.rows('charges').flatMap((row): readonly Item[] => {
    // A call's charge has no source: it is counted with the calls.
    if (row['source_id'] === undefined || row['source_id'] === null) return [];
    const [cents, quantity] = [Number(row['price_cents']), Number(row['qty'])];
    return [{ is: 'charge', to: String(Number(row['source_id'])), cents, quantity }];
  });
  const calls = pms.hotel.phone().calls.map(({ internalLine, given }): Item => {
    const cents = Math.round(Number(given['price']) * 100);
    return { is: 'call', to: internalLine, cents, quantity: 1 };
  });
  return [...charges, ...calls];
}

/** Calls that Clock could not charge are in its list, and cost nobody anything. */
export function centsOfPms(pms: Pms): number {
  return pms.hotel.rows('charges').reduce((sum, row) => sum + Number(row['gross_value_cents']), 0);
}

export interface Card {
  readonly rooms: Rooms;
  readonly housekeeping: Rooms;
  readonly unknown: readonly Item[];
  readonly rejected: readonly Item[];
  /** Not yet told to anybody: charges, orders to services. */
  readonly waiting: number;
}

/** What the unit has on its card. Only while no agent runs there. */
export function readCard(folder: string): Card {
  const store = openSqlite(folder, STORE_LIMITS);
  try {
    const list = (prefix: string) => store.list(prefix);
    const names = new Map<number, string>();
    const housekeeping = new Map<string, readonly string[]>();
    for (const { key, value } of list(keys.rooms)) {
      const room = parseRoom(value);
      if (room === undefined) continue;
      names.set(Number(key.slice(keys.rooms.length)), room.name);
      housekeeping.set(room.name, [room.housekeeping ?? 'unknown']);
    }
    const rooms = grouped(
      list(keys.bookings).flatMap(({ value }) => {
        const stay = parseBooking(value);
        if (stay === undefined) return [];
        const { firstName = '', language = '', booking, lastName } = stay.guest;
        const text = fully({ booking, firstName, lastName, language });
        return [[names.get(stay.roomId) ?? '?', text] as const];
      }),
    );
    const open = list(keys.ledger).flatMap(({ value }) => {
      const row = parseRow(value);
      return row !== undefined && 'what' in row ? [row] : [];
    });
    const of = (...states: readonly OpenRow['state'][]): readonly Item[] =>
      open.filter(({ state }) => states.includes(state)).map(itemOf);
    const waiting = of('stored', 'posting').length + list(keys.todos).length;
    return { rooms, housekeeping, unknown: of('unknown'), rejected: of('rejected'), waiting };
  } finally {
    store.close();
  }
}

const centsOf = (price: string | undefined): number => Math.round(Number(price) * 100);

/** Of a row of the ledger, or of what the cloud is told of it: both have these names. */
export function itemOf({ what }: { readonly what: OpenRow['what'] }): Item {
  switch (what.is) {
    case 'charge': {
      const { booking, price, quantity } = what;
      return { is: 'charge', to: String(booking), cents: centsOf(price), quantity };
    }
    case 'article': {
      const { booking, article, quantity } = what;
      const cents = (ARTICLES as Readonly<Record<string, number>>)[article] ?? 0;
      return { is: 'charge', to: String(booking), cents, quantity };
    }
    case 'call':
      return { is: 'call', to: what.extension, cents: centsOf(what.price), quantity: 1 };
  }
}
