// What an order is in messages for the NEAX, and what its messages are to the hotel. Pure.
import { all, no, none, toTelephones } from '../../core/exchange/frames.ts';
import type { Frames } from '../../core/exchange/frames.ts';
import type { RoomMap } from '../../core/extensions/config.ts';
import type { Guest, Housekeeping, LocalTime, Order, OrderOf } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { GROUP_CHARS, NAME_CHARS, WAKEUP_MS_MAX } from './limits.ts';
import { field, frame, isExtension } from './wire.ts';

/** One code of the exchange stands for both. */
export interface Restriction {
  readonly isCutOff: boolean;
  readonly isUndisturbed: boolean;
}
export interface Ways {
  readonly settings: Settings;
  readonly rooms: RoomMap;
}
/** What is known when an order comes. */
export interface Known extends Ways {
  /** The hotel's wall clock. */
  readonly now: LocalTime;
  /** Of the order's room. */
  readonly restriction: Restriction;
  readonly isOccupied: boolean;
}

export function framesOf(order: Order, known: Known): Frames {
  switch (order.kind) {
    case 'room.checked-in':
      return order.isShared ? none : checkIn(order.room, order.guest, known);
    case 'room.checked-out':
      return order.isShared ? none : vacate(order.room, known);
    case 'room.moved':
      return all(
        order.isFromShared ? none : vacate(order.from, known),
        order.isShared ? none : checkIn(order.room, order.guest, known),
      );
    case 'guest.changed':
      return changed(order, known);
    case 'room.status':
      return status(order, known);
    case 'room.barring':
    case 'room.privacy':
      return restricted(order, known);
    case 'message.light':
      return toRoom(order.room, { code: order.isOn ? '13-1' : '13-2', data: '' }, known);
    case 'wakeup.set':
      return wakeup(order, known);
    case 'wakeup.clear':
      return toRoom(order.room, { code: '19-5', data: `    ${BY_PMS}` }, known);
    case 'resync':
    case 'message.text':
    case 'night-audit':
    case 'key.encode':
    case 'key.cancel':
    case 'key.read':
    case 'receipt.print':
    case 'fiscal.receipt':
    case 'fiscal.report':
    case 'bytes.write':
      return no('unsupported', 'This exchange has no such thing');
  }
}

/** The specification's "feature-function". */
interface Coded {
  readonly code: string;
  readonly data: string;
}
/** To every telephone of the room. */
function toRoom(room: string, { code, data }: Coded, { rooms }: Ways): Frames {
  const [feature = '', name = ''] = code.split('-');
  return toTelephones(room, { rooms, isExtension, digitsMax: 'six' }, (extension) =>
    frame({ feature, function: name, extension, data }),
  );
}

const LANGUAGES: Readonly<Record<string, string>> = {
  ...{ ja: '1', en: '2', de: '3', fr: '4', es: '5', zh: '6', ru: '7' },
};
const nameOf = ({ lastName, firstName }: Guest): string =>
  field([lastName, firstName ?? ''].filter((part) => part !== '').join(' '), NAME_CHARS);

function checkIn(room: string, guest: Guest, known: Ways): Frames {
  // Language, and the stay: 1 an ordinary guest, 2 an important one.
  const who = `${LANGUAGES[guest.language ?? ''] ?? '0'}${guest.isVip === true ? '2' : '1'}`;
  switch (known.settings.checkIn) {
    case 'plain':
      return toRoom(room, { code: '16-1', data: '' }, known);
    case 'language':
      return toRoom(room, { code: '16-A', data: who }, known);
    case 'name': {
      // A group's name in Clock is longer than the field, and two would be the same: none is sent.
      const data = `${field('', GROUP_CHARS)}${who}${nameOf(guest)}`;
      return toRoom(room, { code: '16-B', data }, known);
    }
  }
}

const READY = { code: '61-3', data: '03' };
const vacate = (room: string, known: Ways): Frames =>
  all(
    toRoom(room, { code: '16-2', data: '' }, known),
    known.settings.vacantAtCheckOut ? toRoom(room, READY, known) : none,
  );

/** For a room of the house as it is: who is in it, or nobody. */
export const asItIs = (room: string, guest: Guest | undefined, known: Ways): Frames =>
  guest === undefined ? vacate(room, known) : checkIn(room, guest, known);

function changed(order: OrderOf<'guest.changed'>, known: Known): Frames {
  const isSilent = order.isShared || known.settings.checkIn !== 'name';
  return isSilent ? none : toRoom(order.room, { code: '21-6', data: nameOf(order.guest) }, known);
}

const CLEANING: Readonly<Record<Housekeeping, string>> = {
  ...{ dirty: '0', progress: '1', inspect: '2', clean: '3' },
};
function status({ room, housekeeping }: OrderOf<'room.status'>, known: Known): Frames {
  if (!known.settings.roomStatus) return none;
  const data = `${known.isOccupied ? '1' : '0'}${CLEANING[housekeeping]}`;
  return toRoom(room, { code: '61-3', data }, known);
}

/** Undefined: the exchange has no such level. */
export function restrictionAfter(
  order: OrderOf<'room.barring' | 'room.privacy'>,
  before: Restriction,
): Restriction | undefined {
  if (order.kind === 'room.privacy') return { ...before, isUndisturbed: order.isOn };
  return order.level === 0 || order.level === 3
    ? { ...before, isCutOff: order.level === 0 }
    : undefined;
}

function restricted(order: OrderOf<'room.barring' | 'room.privacy'>, known: Known): Frames {
  const after = restrictionAfter(order, known.restriction);
  if (after === undefined) {
    return no('unsupported', 'This exchange knows only barred (0) and free (3)');
  }
  const code = after.isUndisturbed ? (after.isCutOff ? '6' : '5') : after.isCutOff ? '1' : '0';
  return toRoom(order.room, { code: '15-1', data: `${code}  ` }, known);
}

/** Who set the wake-up call. */
const BY_PMS = '4';
function wakeup({ room, at }: OrderOf<'wakeup.set'>, known: Known): Frames {
  const aheadMs = Date.parse(`${at}Z`) - Date.parse(`${known.now}Z`);
  if (aheadMs <= 0) return no('expired', 'The time of this wake-up call is over');
  // At the same minute of the next day the exchange would call today.
  if (aheadMs > WAKEUP_MS_MAX - 60_000) {
    return no('unsupported', 'This exchange takes wake-up calls for the next 24 hours only');
  }
  return toRoom(
    room,
    { code: '19-4', data: `${at.slice(11, 13)}${at.slice(14, 16)}${BY_PMS}` },
    known,
  );
}
