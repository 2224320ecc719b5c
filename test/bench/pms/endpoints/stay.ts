// Rooms, bookings and door keys.
import type { Row } from '../api.ts';
import { roomIdOf } from '../hotel.ts';
import { param } from '../query.ts';
import { Refusal, missing, notFound } from '../refusal.ts';
import { WRITABLE } from '../tables.ts';
import { allowed, ids, instant, isObject, list, rowOf, under } from './endpoint.ts';
import type { Asked, Endpoint } from './endpoint.ts';

const HOUSEKEEPING = ['', 'inspect', 'progress', 'checked_out'];

/** The read of rooms lacks these; `room_statuses` has them. */
const shownRoom = (room: Row): object => {
  const { housekeeping_status: _, housekeeping_warning: __, internal_lines: ___, ...shown } = room;
  return shown;
};

function updateRoom(asked: Asked): unknown {
  const { store, hotel, limits } = asked;
  const { id, name } = rowOf(asked, 'rooms');
  const change = allowed(under(asked.body, 'room'), WRITABLE.rooms, limits.stringCharsMax);
  const { housekeeping_status: status, ...rest } = change;
  if (status !== undefined) {
    if (!HOUSEKEEPING.includes(status as string)) {
      throw new Refusal(500, 'Housekeeping status is not included in the list');
    }
    hotel.setHousekeeping(name as string, status as string);
  }
  return shownRoom(store.change('rooms', id, rest));
}

function roomStatuses({ store, query }: Asked): unknown {
  const [from, to] = [param(query, 'from'), param(query, 'to')];
  if (from === undefined || to === undefined) throw missing(from === undefined ? 'from' : 'to');
  const busy = new Set(
    store
      .rows('bookings')
      .filter((one) => ['expected', 'checked_in'].includes(one['status'] as string))
      .filter((one) => String(one['arrival']) <= to && String(one['departure']) > from)
      .map((one) => roomIdOf(one, from)),
  );
  return store.rows('room_types').map(({ id, name }) => ({
    ...{ room_type_id: id, room_type: name },
    rooms: store
      .rows('rooms')
      .filter((room) => room['room_type_id'] === id)
      .map((room) => ({
        ...{ id: room.id, number: room['name'], available: !busy.has(room.id) },
        housekeeping_status: room['housekeeping_status'],
        housekeeping_warning: room['housekeeping_warning'],
      })),
  }));
}

const isInHotel = (booking: Row, date: string): boolean =>
  booking['status'] === 'checked_in' &&
  String(booking['arrival']) <= date &&
  date <= String(booking['departure']);

function findInHotel({ store, query, hotel }: Asked): unknown {
  const date = hotel.today();
  const room = param(query, 'room_name');
  const tag = param(query, 'identity_tag');
  const text = param(query, 'main_guest_free_text_search');
  if (text !== undefined && text.length < 3) {
    throw new Refusal(500, 'Please enter at least 3 characters');
  }
  const has = (booking: Row): boolean => {
    const name = `${String(booking['guest_first_name'])} ${String(booking['guest_last_name'])}`;
    return (
      store.get('rooms', roomIdOf(booking, date))['name'] === room ||
      (booking['identity_tags'] as unknown[]).includes(tag) ||
      (text !== undefined && name.toLowerCase().includes(text.toLowerCase()))
    );
  };
  const found = store.rows('bookings').filter((one) => isInHotel(one, date) && has(one));
  return found.map((booking) => ({
    ...{ id: booking.id, number: booking['number'], arrival: booking['arrival'] },
    departure: booking['departure'],
    room_number: store.get('rooms', roomIdOf(booking, date))['name'],
    room_type: store.get('room_types', booking['arrival_room_type_id'] as number)['name'],
    accept_charges: booking['accept_charge_transfers'],
    guest_title: booking['guest_person_title_name'],
    guest_first_name: booking['guest_first_name'],
    guest_last_name: booking['guest_last_name'],
    guest_phone_number: booking['guest_phone_number'],
    guest_e_mail: booking['guest_e_mail'],
  }));
}

function updateBooking(asked: Asked): unknown {
  const { hotel, limits } = asked;
  const booking = rowOf(asked, 'bookings');
  const change = allowed(under(asked.body, 'booking'), WRITABLE.bookings, limits.stringCharsMax);
  const { lock_version: version, ...rest } = change;
  if (version !== undefined && version !== booking['lock_version']) {
    throw new Refusal(500, 'Attempted to update a stale object: Booking');
  }
  return hotel.change(booking.id, rest);
}

/** The interface's answer to a key: issued, deleted, or why not. */
function updateKey(asked: Asked): unknown {
  const { store, limits, fire } = asked;
  const key = rowOf(asked, 'door_keys');
  if (!isObject(asked.body) || Object.keys(asked.body).length === 0) throw missing('door_key');
  const change = { ...allowed(asked.body, WRITABLE.door_keys, limits.stringCharsMax) };
  for (const name of ['issued_at', 'deleted_at'] as const) {
    if (change[name] !== undefined) change[name] = instant(change[name], name);
  }
  const system = change['reference_system'] ?? key['reference_system'];
  if (change['issued_at'] !== undefined && (system ?? '') === '') {
    throw new Refusal(500, "Reference system can't be blank");
  }
  const changed = store.change('door_keys', key.id, change);
  fire('door_key_update', { door_key_id: key.id });
  return changed;
}

/** As a kiosk or a test may: the hotel issues it as if reception had. */
function createKey({ store, hotel, body }: Asked): unknown {
  if (!isObject(body) || typeof body['booking_id'] !== 'number') throw missing('booking_id');
  const { booking_id: bookingId, room_id: roomId, ...more } = body;
  if (store.find('bookings', bookingId) === undefined) throw notFound();
  const room = typeof roomId === 'number' ? store.find('rooms', roomId) : undefined;
  const where = room === undefined ? {} : { room: room['name'] as string };
  return hotel.issueKey({ bookingId: bookingId, ...where, more });
}

function roomBookings(asked: Asked): unknown {
  const { store, query, params } = asked;
  const { id } = rowOf(asked, 'rooms');
  const date = params[1]!;
  const isThere = (booking: Row): boolean =>
    String(booking['arrival']) <= date &&
    (date < String(booking['departure']) ||
      (date === booking['departure'] && param(query, 'show_departures') !== undefined)) &&
    roomIdOf(booking, date) === id;
  return store.rows('bookings').filter(isThere);
}

export const STAY: readonly Endpoint[] = [
  {
    ...{ api: 'pms_api', method: 'GET', path: 'rooms', right: 'rooms_index' },
    answer: (asked) => list(asked, 'rooms').map(shownRoom),
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'rooms/:id', right: 'rooms_show' },
    answer: (asked) => shownRoom(rowOf(asked, 'rooms')),
  },
  {
    ...{ api: 'pms_api', method: 'PUT', path: 'rooms/:id', right: 'rooms_update' },
    answer: updateRoom,
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'rooms/:id/:date/bookings' },
    ...{ right: 'bookings_index', answer: roomBookings },
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'room_statuses', right: 'room_statuses_index' },
    answer: roomStatuses,
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'room_types', right: 'room_types_index' },
    answer: (asked) => list(asked, 'room_types'),
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'bookings', right: 'bookings_index' },
    answer: (asked) => ids(list(asked, 'bookings')),
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'bookings/find_in_hotel' },
    ...{ right: 'bookings_index', answer: findInHotel },
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'bookings/:id', right: 'bookings_show' },
    answer: (asked) => rowOf(asked, 'bookings'),
  },
  {
    ...{ api: 'pms_api', method: 'PUT', path: 'bookings/:id', right: 'bookings_update' },
    answer: updateBooking,
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'door_keys', right: 'door_keys_index' },
    answer: (asked) => ids(list(asked, 'door_keys')),
  },
  {
    ...{ api: 'pms_api', method: 'GET', path: 'door_keys/:id', right: 'door_keys_show' },
    answer: (asked) => rowOf(asked, 'door_keys'),
  },
  {
    ...{ api: 'pms_api', method: 'PUT', path: 'door_keys/:id', right: 'door_keys_update' },
    answer: updateKey,
  },
  {
    ...{ api: 'pms_api', method: 'POST', path: 'door_keys', right: 'door_keys_create' },
    answer: createKey,
  },
];
