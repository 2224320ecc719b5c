// Keeps the house as Clock has it: looks when a channel woke it and now and then, stores what is different together
// with what the services must be told of it. Clock's answers are the truth; events only say when to ask.
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Records, StoredRecord } from '../core/records.ts';
import { nextDelayMs } from '../core/retry.ts';
import type { House, Housekeeping } from '../core/vocabulary.ts';
import { emptyHouse, isSame, movements, viewOf } from './house.ts';
import type { CachedHouse } from './house.ts';
import { DIRTY_MAX, DRIFT_MS, LOOK_MS_MIN, REFRESH_BACK_OFF_MS_MAX } from './limits.ts';
import { look, lookAtBookings, lookAtRooms } from './look.ts';
import type { Needs, Pms } from './ports.ts';
import type { Queues } from './queues.ts';
import { idOf, keys, parseBooking, parseMeta, parseRoom, render } from './wire.ts';

export interface Keeper {
  house(): CachedHouse;
  view(): House;
  /** Something may be different at Clock. Returns at once. */
  dirty(what: { readonly booking: number } | 'rooms' | 'all'): void;
  /** Housekeeping as a system in the hotel says; resolves when it is on the card. False: no such room. */
  say(room: string, housekeeping: Housekeeping, service: string): Promise<boolean>;
  close(): void;
}

type KeeperNeeds = Pick<Needs, 'pms' | 'records' | 'clock' | 'trustedWallMs' | 'random'> & {
  readonly log: Log;
  readonly queues: Queues;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<boolean>;
  /** There is a wish that Clock does not know. */
  readonly onWish: () => void;
};

export function createKeeper(needs: KeeperNeeds): Keeper {
  const { records, log, queues, wait } = needs;
  const stop = new AbortController();
  const { signal } = stop;
  const failed = (error: unknown): void => log.error(`hotel: keeper: ${codeOf(error)}`);
  let house = load(records);
  let view: House | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let isAllDue = false;
  /** Some of those that seem to be as they were are read again. */
  let isTurnDue = false;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let later: NodeJS.Timeout | undefined;
  let isRoomsDue = false;
  const bookingsDue = new Set<number>();
  let isAtIt = false;
  let place = 0;

  /** One change after the other, each on the card before the next is thought of. */
  const change = async (
    next: (now: CachedHouse) => CachedHouse,
    also: { readonly put?: readonly StoredRecord[]; readonly except?: string } = {},
  ): Promise<number> => {
    const done = turn.then(async () => {
      const before = house;
      const after = next(before);
      const isFirst = before.asOfMs === undefined;
      const orders = isFirst ? [] : movements(before, after);
      const plan = queues.plan(orders, { except: also.except });
      const { put, remove } = differences(before, after);
      const all = {
        put: [...put, ...(also.put ?? []), ...plan.change.put],
        remove: [...remove, ...plan.change.remove],
      };
      if (all.put.length + all.remove.length > 0) await records.change(all);
      [house, view] = [after, undefined];
      queues.added(plan);
      if (isFirst) void queues.greet();
      return orders.length;
    });
    turn = done.catch(() => {});
    return done;
  };

  const isLookTime = (): boolean => needs.clock.nowMs() - lookedMs >= LOOK_MS_MIN;
  const isSomethingDue = (): boolean =>
    (isAllDue && isLookTime()) || isRoomsDue || bookingsDue.size > 0;

  const step = async (pms: Pms): Promise<void> => {
    if (isAllDue && isLookTime()) {
      isAllDue = false;
      isRoomsDue = false;
      const isFirst = house.asOfMs === undefined;
      const before = wished(records);
      const turn = isTurnDue ? place : undefined;
      const seen = await look(pms, house, { turn, wallMs: needs.trustedWallMs() });
      lookedMs = needs.clock.nowMs();
      if (isTurnDue) place = seen.next;
      isTurnDue = false;
      const count = await change((now) => withWishes(seen.apply(now), now, { before, records }));
      if (isFirst) log.info(`hotel: ${house.rooms.size} rooms, ${house.bookings.size} bookings`);
      else if (count > 0) log.info(`hotel: ${count} differences found`);
      return;
    }
    if (isRoomsDue) {
      isRoomsDue = false;
      const before = wished(records);
      const seen = await lookAtRooms(pms);
      await change((now) => withWishes(seen(now), now, { before, records }));
      return;
    }
    const ids = [...bookingsDue];
    bookingsDue.clear();
    const seen = await lookAtBookings(pms, ids);
    await change((now) => seen(now));
  };

  const work = (): void => {
    if (isAtIt || signal.aborted) return;
    isAtIt = true;
    const run = async (): Promise<void> => {
      let failures = 0;
      while (!signal.aborted && isSomethingDue()) {
        const pms = needs.pms();
        if (pms === undefined) return;
        const due = { isAllDue, isRoomsDue, bookings: [...bookingsDue] };
        try {
          await step(pms);
          failures = 0;
        } catch (error) {
          if (signal.aborted) return;
          if (due.isAllDue) [isAllDue, lookedMs] = [true, Number.NEGATIVE_INFINITY];
          isRoomsDue ||= due.isRoomsDue;
          for (const id of due.bookings) bookingsDue.add(id);
          failures += 1;
          if (failures === 1) log.warning(`hotel: the house cannot be read: ${codeOf(error)}`);
          const capMs = REFRESH_BACK_OFF_MS_MAX;
          await wait(nextDelayMs({ failures, random: needs.random(), capMs }), signal);
        }
      }
    };
    void run()
      .catch(failed)
      .finally(() => (isAtIt = false));
  };

  const dirty: Keeper['dirty'] = (what) => {
    if (what === 'all' || bookingsDue.size >= DIRTY_MAX) isAllDue = true;
    else if (what === 'rooms') isRoomsDue = true;
    else bookingsDue.add(what.booking);
    if (isAllDue && !isLookTime()) {
      later ??= setTimeout(() => {
        later = undefined;
        work();
      }, LOOK_MS_MIN);
    }
    work();
  };
  const timer = setInterval(() => {
    isTurnDue = true;
    dirty('all');
  }, DRIFT_MS);
  timer.unref();
  return {
    dirty,
    house: () => house,
    view: () => (view ??= viewOf(house)),
    say: async (name, housekeeping, service) => {
      const room = [...house.rooms.values()].find((one) => one.name === name);
      if (room === undefined) return false;
      const wish = { key: keys.wish(room.id), value: render({ housekeeping, service }) };
      const set = (now: CachedHouse): CachedHouse => {
        const mine = now.rooms.get(room.id) ?? room;
        return { ...now, rooms: new Map(now.rooms).set(room.id, { ...mine, housekeeping }) };
      };
      await change(set, { put: [wish], except: service });
      needs.onWish();
      return true;
    },
    close: () => {
      clearInterval(timer);
      clearTimeout(later);
      stop.abort();
    },
  };
}

/**
 * What was said in the hotel holds until Clock knows it, and against what was read before it did: rooms with a wish at the
 * begin of the look, or since, stay as they are.
 */
function withWishes(
  seen: CachedHouse,
  now: CachedHouse,
  { before, records }: { readonly before: readonly number[]; readonly records: Records },
): CachedHouse {
  const rooms = new Map(seen.rooms);
  for (const id of [...before, ...wished(records)]) {
    const [room, known] = [rooms.get(id), now.rooms.get(id)];
    if (room === undefined || known === undefined) continue;
    rooms.set(id, { ...room, housekeeping: known.housekeeping });
  }
  return { ...seen, rooms };
}

const wished = (records: Records): readonly number[] =>
  records.list(keys.wishes).map(({ key }) => idOf(key));

function load(records: Records): CachedHouse {
  const meta = parseMeta(records.get(keys.meta));
  if (meta === undefined) return emptyHouse;
  const { asOfMs, businessDay, timeZone, currency } = meta;
  const rooms = records.list(keys.rooms).flatMap(({ key, value }) => {
    const room = parseRoom(value);
    const id = idOf(key);
    return room === undefined
      ? []
      : [[id, { id, name: room.name, housekeeping: room.housekeeping }] as const];
  });
  const bookings = records.list(keys.bookings).flatMap(({ key, value }) => {
    const booking = parseBooking(value);
    if (booking === undefined) return [];
    return [[idOf(key), { roomId: booking.roomId, guest: booking.guest }] as const];
  });
  return {
    ...{ asOfMs, businessDay, timeZone, currency },
    rooms: new Map(rooms),
    bookings: new Map(bookings),
  };
}

function differences(
  before: CachedHouse,
  after: CachedHouse,
): { readonly put: readonly StoredRecord[]; readonly remove: readonly string[] } {
  const put: StoredRecord[] = [];
  const remove: string[] = [];
  const meta = metaOf(after);
  const isMetaSame = isSame(roughly(meta), roughly(metaOf(before)));
  if (!isMetaSame) put.push({ key: keys.meta, value: render(meta) });
  for (const [id, { name, housekeeping }] of after.rooms) {
    if (isSame(before.rooms.get(id), after.rooms.get(id))) continue;
    put.push({ key: keys.room(id), value: render({ name, housekeeping }) });
  }
  for (const [id, booking] of after.bookings) {
    if (isSame(before.bookings.get(id), booking)) continue;
    put.push({ key: keys.booking(id), value: render({ ...booking }) });
  }
  for (const id of before.rooms.keys()) if (!after.rooms.has(id)) remove.push(keys.room(id));
  for (const id of before.bookings.keys()) {
    if (!after.bookings.has(id)) remove.push(keys.booking(id));
  }
  return { put, remove };
}

const metaOf = ({ asOfMs, businessDay, timeZone, currency }: CachedHouse) => ({
  ...{ asOfMs, businessDay, timeZone, currency },
});
/** That nothing is different is not written at every look: the card is spared. */
const roughly = ({ asOfMs, ...meta }: ReturnType<typeof metaOf>) => ({
  ...meta,
  quarter: asOfMs === undefined ? undefined : Math.floor(asOfMs / DRIFT_MS),
});
