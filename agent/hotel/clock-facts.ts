// What Clock's words mean in ours: housekeeping, bookings, rooms of bookings, local time. Pure.
import { NAME_CHARS_MAX } from '../core/fields/limits.ts';
import type { Guest, Housekeeping } from '../core/vocabulary.ts';
import type { CachedBooking, CachedRoom } from './house.ts';
import type { PmsBooking, PmsRoom } from './ports.ts';
import { RAILS_ZONES } from './zones.ts';

/** `checked_out` is dirty: a check-out sets it (public API documentation, "Rooms"). */
const HOUSEKEEPING = {
  '': 'clean',
  inspect: 'inspect',
  progress: 'progress',
  checked_out: 'dirty',
} as const satisfies Record<string, Housekeeping>;
type ClockStatus = keyof typeof HOUSEKEEPING;

export const housekeepingOf = (status: string | null): Housekeeping | null =>
  Object.hasOwn(HOUSEKEEPING, status ?? '') ? HOUSEKEEPING[(status ?? '') as ClockStatus] : null;

export const clockStatusOf = (housekeeping: Housekeeping): ClockStatus =>
  (Object.keys(HOUSEKEEPING) as ClockStatus[]).find((one) => HOUSEKEEPING[one] === housekeeping)!;

/** People type line breaks and tabs into names; systems in the hotel break on them. */
const clean = (text: string | null): string =>
  (text ?? '')
    .toWellFormed()
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, NAME_CHARS_MAX);

const language = (given: string | null): string | undefined =>
  /^[a-z]{2,3}(?![a-z])/.exec((given ?? '').toLowerCase())?.[0];

/** Not what nobody uses: keys and pins of self-service, addresses, notes. */
function guestOf(booking: PmsBooking): Guest {
  const [firstName, title] = [
    clean(booking.guest_first_name),
    clean(booking.guest_person_title_name),
  ];
  const spoken = language(booking.guest_language);
  return {
    ...{ booking: booking.id, lastName: clean(booking.guest_last_name) },
    ...(firstName !== '' && { firstName }),
    ...(title !== '' && { title }),
    ...(spoken !== undefined && { language: spoken }),
    ...{ arrival: booking.arrival, departure: booking.departure },
    ...(booking.accept_charge_transfers !== true && { isBarred: true }),
  };
}

/** The documentation names no field for "where now": its own, else the last change that has begun. */
function roomIdOf(booking: PmsBooking, today: string): number | undefined {
  const begun = (booking.booking_room_changes ?? []).filter(({ from_date: day }) => day <= today);
  const last = begun.toSorted((a, b) => (a.from_date < b.from_date ? -1 : 1)).at(-1);
  return booking.current_room_id ?? last?.room_id ?? booking.arrival_room_id ?? undefined;
}

/** undefined: not in the house. */
export function bookingOf(booking: PmsBooking, today: string): CachedBooking | undefined {
  const roomId = roomIdOf(booking, today);
  if (booking.status !== 'checked_in' || roomId === undefined) return undefined;
  return { roomId, guest: guestOf(booking) };
}

/** undefined: a room without a name, which nobody could be told of. */
export function roomOf(room: PmsRoom, housekeeping: Housekeeping | null): CachedRoom | undefined {
  // As the PMS has it: leading zeros and blanks count.
  const name = room.name.replaceAll(/\p{Cc}/gu, '').slice(0, NAME_CHARS_MAX);
  return name === '' ? undefined : { id: room.id, name, housekeeping };
}

/** The IANA name of a zone as Clock names it; undefined: unknown to us. */
export function zoneOf(name: string): string | undefined {
  const known = RAILS_ZONES[name] ?? name;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: known }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}
