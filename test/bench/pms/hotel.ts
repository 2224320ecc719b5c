// The hotel behind the API: what reception, housekeeping and guests do, and the events that Clock fires
// for it. Knows no HTTP.
import { randomUUID } from 'node:crypto';
import type { AccountKind, HotelHandle, PhoneCall, PhoneState, Row } from './api.ts';
import type { Limits } from './limits.ts';
import type { Store } from './tables.ts';

export interface HotelWorld {
  readonly store: Store;
  readonly nowMs: () => number;
  readonly timeZone: string;
  readonly limits: Limits;
  readonly fire: (event: string, payload: object, kind?: AccountKind) => void;
}

/** "YYYY-MM-DD" of an instant where the hotel is; `days` later. */
export function dateAt(ms: number, timeZone: string, days = 0): string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' });
  const today = Date.parse(`${format.format(ms)}T00:00:00Z`);
  return new Date(today + days * 86_400_000).toISOString().slice(0, 10);
}

/** Where a booking lives today: `current_room_id`, else the last change that has begun, else arrival's. */
export function roomIdOf(booking: Row, date: string): number {
  const changes = booking['booking_room_changes'] as { room_id: number; from_date: string }[];
  const begun = changes.filter(({ from_date: from }) => from <= date).at(-1)?.room_id;
  return Number(booking['current_room_id'] ?? begun ?? booking['arrival_room_id']);
}

export interface Hotel extends HotelHandle {
  readonly today: () => string;
  /** Changes a booking and fires what Clock fires for it. */
  change(bookingId: number, change: Readonly<Record<string, unknown>>): Row;
  heardHello(): undefined;
  called(call: PhoneCall): void;
}

const EVENTS = {
  checked_in: 'booking_checked_in',
  checked_out: 'booking_checked_out',
  canceled: 'booking_canceled',
  no_show: 'booking_no_show',
  expected: 'booking_expected',
} as const;

export function createHotel({ store, nowMs, timeZone, limits, fire }: HotelWorld): Hotel {
  const today = (days = 0): string => dateAt(nowMs(), timeZone, days);
  const iso = (): string => new Date(nowMs()).toISOString();
  let lastHelloMs: number | undefined;
  const phoneCalls: PhoneCall[] = [];
  const roomNamed = (name: string): Row => {
    const room = store.rows('rooms').find((one) => one['name'] === name);
    if (room === undefined) throw new Error(`There is no room ${name}`);
    return room;
  };
  const change: Hotel['change'] = (id, given) => {
    const row = store.change('bookings', id, given);
    fire('booking_update', { booking_id: id });
    return row;
  };
  const become = (id: number, status: keyof typeof EVENTS): void => {
    const booking = store.get('bookings', id);
    const room = status === 'checked_in' ? { current_room_id: roomIdOf(booking, today()) } : {};
    change(id, { status, status_changed_at: iso(), ...room });
    fire(EVENTS[status], { booking_id: id });
    if (status === 'checked_out') soil(roomIdOf(booking, today()), 'checked_out');
  };
  const soil = (roomId: number, status: string): void => {
    store.change('rooms', roomId, { housekeeping_status: status, housekeeping_changed_at: iso() });
    fire('housekeeping_changed', { room_id: roomId });
  };
  return {
    today,
    change,
    heardHello: () => {
      lastHelloMs = nowMs();
      return undefined;
    },
    called: (call) => {
      phoneCalls.push(call);
      if (phoneCalls.length > limits.historyMax) phoneCalls.shift();
    },
    addRoom: (room = {}) => {
      const type = store.rows('room_types')[0] ?? store.add('room_types', { name: 'Double' });
      const name = (room['name'] as string | undefined) ?? `${101 + store.rows('rooms').length}`;
      const code = { room_door_codes: [`R${name}`] };
      return store.add('rooms', { ...code, room_type_id: type.id, ...room, name });
    },
    addBooking: (booking = {}) => {
      const { room = '101', status = 'expected', more = {}, ...given } = booking;
      const { id: roomId, room_type_id: typeId } = roomNamed(room);
      const number = `B${100 + store.rows('bookings').length}`;
      const row = store.add('bookings', {
        ...{ number, uuid: randomUUID(), status, arrival_room_id: roomId },
        arrival_room_type_id: typeId,
        arrival: given.arrival ?? today(),
        departure: given.departure ?? today(2),
        guest_first_name: given.firstName ?? 'Elena',
        guest_last_name: given.lastName ?? 'Petrova',
        accept_charge_transfers: given.acceptCharges ?? true,
        identity_tags: given.identityTags ?? [],
        current_room_id: status === 'checked_in' ? roomId : null,
        ...more,
      });
      fire('booking_new', { booking_id: row.id });
      fire('booking_guests_update', { booking_id: row.id });
      if (status !== 'expected') fire(EVENTS[status], { booking_id: row.id });
      return row;
    },
    checkIn: (id) => become(id, 'checked_in'),
    checkOut: (id) => become(id, 'checked_out'),
    cancel: (id) => become(id, 'canceled'),
    noShow: (id) => become(id, 'no_show'),
    changeBooking: (id, given) => void change(id, given),
    moveTo: (id, roomName) => {
      const booking = store.get('bookings', id);
      const room = roomNamed(roomName);
      const changes = booking['booking_room_changes'] as object[];
      change(id, {
        booking_room_changes: [...changes, { room_id: room.id, from_date: today() }],
        ...{ current_room_id: room.id, room_change_confirmed_at: iso() },
      });
    },
    issueKey: ({ bookingId, room, encoderIdentifier = 'desk-1', parentKeyId, ...rest }) => {
      const booking = store.get('bookings', bookingId);
      const where =
        room === undefined ? store.get('rooms', roomIdOf(booking, today())) : roomNamed(room);
      const codes = where['room_door_codes'] as string[];
      const key = store.add('door_keys', {
        ...{ booking_id: bookingId, room_id: where.id, room_name: where['name'] },
        ...{ encoder_id: 1, encoder_identifier: encoderIdentifier },
        ...{ valid_from: iso(), valid_to: `${String(booking['departure'])}T09:00:00.000Z` },
        guest_name: `${String(booking['guest_last_name'])}, ${String(booking['guest_first_name'])}`,
        ...{ parent_key_id: parentKeyId ?? null, room_door_code: codes[0] ?? null },
        ...{ room_door_codes: codes, common_door_codes: where['common_door_codes'] },
        ...rest.more,
      });
      if (rest.fire !== false) fire('door_key_new', { door_key_id: key.id });
      return key;
    },
    requestKeyDelete: (id) => {
      store.change('door_keys', id, { delete_requested_at: iso() });
      fire('door_key_update', { door_key_id: id });
    },
    setHousekeeping: (roomName, status) => soil(roomNamed(roomName).id, status),
    closeFolio: (id, { fiscal = false } = {}) => {
      store.change('folios', id, { closed_at: iso(), close_date: today() });
      if (fiscal) {
        store.add('fiscalizations', { folio_id: id, fiscal_request_code: `FR-${id}` });
        fire('fiscal_request', { folio_id: id });
      }
      fire('folio_close', { folio_id: id });
    },
    voidFolio: (id) => {
      const { closed_at: closedAt } = store.change('folios', id, { voided_at: iso() });
      fire('folio_void', { folio_id: id, closed: closedAt !== null });
    },
    defaultFolio: (bookingId) => defaultFolio(store, bookingId),
    addOrder: (order = {}) => {
      const number = String(store.rows('orders').length + 1);
      const row = store.add('orders', { number, ...order });
      fire('pos_order_new', { order_id: row.id }, 'pos');
      return row;
    },
    addRow: (table, row = {}) => store.add(table, row),
    rows: (table) => store.rows(table),
    row: (table, id) => store.get(table, id),
    phone: (): PhoneState => {
      const isSilent = nowMs() - (lastHelloMs ?? 0) > limits.helloMs;
      const connection = isSilent ? 'No Communication' : 'connected';
      return {
        connection: lastHelloMs === undefined ? 'never' : connection,
        ...{ lastHelloMs, calls: [...phoneCalls] },
      };
    },
  };
}

/** The open, valid folio of a booking with the lowest id; made where there is none. */
export function defaultFolio(store: Store, bookingId: number): Row {
  const open = store
    .rows('folios')
    .find(
      (folio) =>
        folio['booking_id'] === bookingId &&
        folio['closed_at'] === null &&
        folio['voided_at'] === null &&
        folio['deposit'] === false,
    );
  return open ?? store.add('folios', { booking_id: store.get('bookings', bookingId).id });
}
