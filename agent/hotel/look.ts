// Asks Clock how the house is: everything, its rooms, or single bookings. Each answers with what it makes of the house
// that is known by then. Throws with the reason when Clock does not tell.
import type { Housekeeping } from '../core/vocabulary.ts';
import { bookingOf, housekeepingOf, roomOf, zoneOf } from './clock-facts.ts';
import type { CachedBooking, CachedHouse, CachedRoom } from './house.ts';
import { BOOKINGS_MAX, REREAD_MAX, ROOMS_MAX } from './limits.ts';
import type { PmsBooking, Pms, Refusal, Reply } from './ports.ts';

type Next = (now: CachedHouse) => CachedHouse;

class NotTold extends Error {
  readonly code: string;
  constructor({ why, text }: Refusal) {
    super(text ?? why);
    this.code = `${why} ${text ?? ''}`.trim();
  }
}

function told<T>(reply: Reply<T>): T {
  if (reply.ok) return reply.value;
  throw new NotTold(reply);
}

function rootOf(pms: Pms): { readonly timeZone: string; readonly businessDay: string } {
  const root = pms.root();
  if (root === undefined) throw new NotTold({ ok: false, why: 'unreachable', text: 'no root' });
  return root;
}

/**
 * Everything. Whoever is new is read, and those of whom Clock says that they changed; with `turn` some of the others
 * from there on, too: events may have been lost that no list shows. `next` is where the following turn begins.
 */
export async function look(
  pms: Pms,
  known: CachedHouse,
  how: { readonly turn: number | undefined; readonly wallMs: number | undefined },
): Promise<{ readonly apply: Next; readonly next: number }> {
  const { timeZone, businessDay } = rootOf(pms);
  const rooms = await readRooms(pms, businessDay);
  const ids = told(await pms.calls.bookings.checkedIn()).slice(0, BOOKINGS_MAX);
  const old = ids.filter((id) => known.bookings.has(id));
  const changed = new Set(await changedSince(pms, known, old));
  const from = how.turn ?? 0;
  const again = how.turn === undefined ? [] : old.slice(from, from + REREAD_MAX);
  const due = ids.filter((id) => !known.bookings.has(id) || changed.has(id) || again.includes(id));
  const read = await readBookings(pms, due);
  const currency = [...read.values()].find((one) => one?.balance?.currency)?.balance?.currency;
  const staying = new Set(ids);
  const apply: Next = (now) => {
    const bookings = new Map<number, CachedBooking>();
    for (const [id, booking] of now.bookings) if (staying.has(id)) bookings.set(id, booking);
    put(bookings, read, businessDay);
    return {
      asOfMs: how.wallMs ?? now.asOfMs ?? 0,
      businessDay,
      timeZone: zoneOf(timeZone) ?? now.timeZone,
      currency: /^[A-Z]{3}$/.test(currency ?? '') ? currency! : now.currency,
      ...{ rooms, bookings },
    };
  };
  return { apply, next: from + REREAD_MAX >= old.length ? 0 : from + REREAD_MAX };
}

/** A clock of ours that is a little off, and what Clock was at when it was asked. */
const MARGIN_MS = 15 * 60_000;

/** All of them where Clock cannot say: that it filters by this field is seen, not documented. */
async function changedSince(
  pms: Pms,
  known: CachedHouse,
  all: readonly number[],
): Promise<readonly number[]> {
  if (known.asOfMs === undefined || known.asOfMs === 0) return all;
  const since = new Date(known.asOfMs - MARGIN_MS).toISOString();
  const reply = await pms.calls.bookings.checkedInChanged(since);
  if (!reply.ok && reply.why !== 'rejected') told(reply);
  return reply.ok ? reply.value : all;
}

export async function lookAtRooms(pms: Pms): Promise<Next> {
  const rooms = await readRooms(pms, rootOf(pms).businessDay);
  return (now) => ({ ...now, rooms });
}

export async function lookAtBookings(pms: Pms, ids: readonly number[]): Promise<Next> {
  const { businessDay } = rootOf(pms);
  const read = await readBookings(pms, ids);
  return (now) => {
    const bookings = new Map(now.bookings);
    put(bookings, read, businessDay);
    return { ...now, bookings };
  };
}

function put(
  bookings: Map<number, CachedBooking>,
  read: ReadonlyMap<number, PmsBooking | undefined>,
  day: string,
): void {
  for (const [id, booking] of read) {
    const cached = booking === undefined ? undefined : bookingOf(booking, day);
    if (cached === undefined) bookings.delete(id);
    else bookings.set(id, cached);
  }
}

async function readRooms(pms: Pms, day: string): Promise<ReadonlyMap<number, CachedRoom>> {
  const all = told(await pms.calls.rooms.all()).slice(0, ROOMS_MAX);
  const said = told(await pms.calls.rooms.statuses(day));
  const statuses = new Map<number, Housekeeping | null>(
    said.map(({ id, housekeeping_status: status }) => [id, housekeepingOf(status)]),
  );
  const rooms = all.flatMap((room) => roomOf(room, statuses.get(room.id) ?? null) ?? []);
  return new Map(rooms.map((room) => [room.id, room]));
}

/** undefined: Clock has no such booking (any more). */
async function readBookings(
  pms: Pms,
  ids: readonly number[],
): Promise<ReadonlyMap<number, PmsBooking | undefined>> {
  const read = new Map<number, PmsBooking | undefined>();
  for (const id of ids) {
    const reply = await pms.calls.bookings.read(id);
    const isGone = !reply.ok && reply.why === 'rejected' && reply.status === 404;
    read.set(id, isGone ? undefined : told(reply));
  }
  return read;
}
