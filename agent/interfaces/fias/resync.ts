// All rooms again, between DS and DE, from what the unit knows. What happens meanwhile is applied to what is still
// to be said, so that the last word on a room is always the newest. Pure.
import type { Guest, House, OrderOf } from '../../core/vocabulary.ts';
import { checkIn } from './stays.ts';
import type { Saying, STAY_KINDS } from './stays.ts';
import { stamp } from './times.ts';
import { recordOf, valueOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

export interface Resync {
  /** The next record; undefined: all has been said. Of one room at a time. */
  next(saying: Saying): FiasRecord | undefined;
  /** A change that went out by itself meanwhile. */
  happened(order: OrderOf<(typeof STAY_KINDS)[number]>): void;
  readonly rooms: number;
}

export function createResync(house: House): Resync {
  const guests = new Map<string, readonly Guest[]>(
    house.rooms.map(({ room, guests }) => [room, guests]),
  );
  const rooms = house.rooms.map(({ room }) => room);
  const waiting: FiasRecord[] = [];
  let at = -1;

  const refill = (saying: Saying): void => {
    at += 1;
    if (at === 0) waiting.push(recordOf('DS', stamp(saying.local)));
    else if (at <= rooms.length) waiting.push(...roomRecords(rooms[at - 1]!, { guests, saying }));
    else if (at === rooms.length + 1) waiting.push(recordOf('DE', stamp(saying.local)));
  };
  const without = (room: string, guest: Guest): readonly Guest[] =>
    (guests.get(room) ?? []).filter(({ booking }) => booking !== guest.booking);
  return {
    rooms: rooms.length,
    next: (saying) => {
      while (waiting.length === 0 && at <= rooms.length + 1) refill(saying);
      return waiting.shift();
    },
    happened: (order) => {
      const { room, guest } = order;
      // Of a room that is half said: what waits about this guest is older than what has just gone out.
      const about = `${guest.booking}`;
      for (let index = waiting.length - 1; index >= 0; index -= 1)
        if (valueOf(waiting[index]!, 'G#') === about) waiting.splice(index, 1);
      if (order.kind === 'room.checked-out') guests.set(room, without(room, guest));
      else if (order.kind === 'guest.changed') {
        const there = guests.get(room) ?? [];
        guests.set(
          room,
          there.map((one) => (one.booking === guest.booking ? guest : one)),
        );
      } else {
        if (order.kind === 'room.moved') guests.set(order.from, without(order.from, guest));
        guests.set(room, [...without(room, guest), guest]);
      }
    },
  };
}

function roomRecords(
  room: string,
  of: { readonly guests: ReadonlyMap<string, readonly Guest[]>; readonly saying: Saying },
): readonly FiasRecord[] {
  const { saying } = of;
  const there = of.guests.get(room) ?? [];
  if (there.length === 0)
    return [
      recordOf('GO', [
        ['RN', room],
        ['GS', 'N'],
        ['SF', ''],
      ]),
    ];
  const isShared = there.length > 1;
  const named = saying.isGuestBased ? there : there.slice(0, 1);
  return named.map((guest) => checkIn({ room, guest, isShared }, saying, true));
}
