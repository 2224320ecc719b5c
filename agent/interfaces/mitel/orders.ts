// What an order is in frames for the exchange, and what its messages are to the hotel. Pure.
import { all, no, none, toTelephones } from '../../core/exchange/frames.ts';
import type { Frames } from '../../core/exchange/frames.ts';
import type { RoomMap } from '../../core/extensions/config.ts';
import type { HotelEvent, Order, OrderOf } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { frame, isExtension, nameFrame } from './wire.ts';
import type { Message } from './wire.ts';

export interface Ways {
  readonly settings: Settings;
  readonly rooms: RoomMap;
}

export function framesOf(order: Order, map: Ways): Frames {
  switch (order.kind) {
    case 'room.checked-in':
      // Others are there: the telephones are open already, and show the name of who came first.
      return order.isShared ? none : checkIn(order, map);
    case 'room.checked-out':
      return order.isShared ? none : vacate(order.room, map);
    case 'room.moved':
      return moved(order, map);
    case 'guest.changed':
      return order.isShared || !map.settings.names ? none : named(order, map);
    case 'room.status':
      return status(order, map);
    case 'room.privacy':
      return toRoom(order.room, { function: 'DND', status: order.isOn ? '1' : '0' }, map);
    case 'message.light':
      return toRoom(order.room, { function: 'MW', status: order.isOn ? '1' : '0' }, map);
    case 'wakeup.set':
    case 'wakeup.clear':
      return no('unsupported', 'How wake-up calls are written for this exchange is not known');
    case 'resync':
    case 'room.barring':
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

/** To every telephone of the room. */
const toRoom = (room: string, message: Omit<Message, 'extension'>, { rooms }: Ways): Frames =>
  toTelephones(room, { rooms, isExtension, digitsMax: 'five' }, (extension) =>
    frame({ ...message, extension }),
  );

export const vacate = (room: string, map: Ways): Frames =>
  toRoom(room, { function: 'CHK', status: '0' }, map);

type InRoom = Pick<OrderOf<'room.checked-in'>, 'room' | 'guest'>;
const checkIn = (order: InRoom, map: Ways): Frames =>
  all(
    toRoom(order.room, { function: 'CHK', status: '1' }, map),
    map.settings.names ? named(order, map) : none,
  );

function named({ room, guest }: InRoom, map: Ways): Frames {
  const announced = toRoom(room, { function: 'NAM', status: '1' }, map);
  if (!announced.ok) return announced;
  const extensions = map.rooms.extensionsOf(room);
  const frames = announced.frames.flatMap((one, index) => [
    one,
    nameFrame(extensions[index] ?? '', guest),
  ]);
  return { ok: true, frames };
}

const moved = (order: OrderOf<'room.moved'>, map: Ways): Frames =>
  all(
    order.isFromShared ? none : vacate(order.from, map),
    order.isShared ? none : checkIn(order, map),
  );

function status({ room, housekeeping }: OrderOf<'room.status'>, map: Ways): Frames {
  const code = map.settings.roomCodes.find((one) => one.housekeeping === housekeeping);
  // A state without a digit is none the exchange wants to know.
  if (code === undefined) return none;
  return toRoom(room, { function: 'RM', status: code.digit }, map);
}

type Heard =
  | { readonly ok: true; readonly event: HotelEvent }
  /** For the trace. */
  | { readonly ok: false; readonly why: string };

/** What a message of the exchange means. Whatever it means, the exchange gets its ACK. */
export function eventOf(message: Message, { settings, rooms }: Ways): Heard {
  const room = rooms.roomOf(message.extension);
  if (room === undefined) return { ok: false, why: 'a telephone in no room' };
  if (message.function === 'DND' && /^[01]$/.test(message.status)) {
    const wish = message.status === '1' ? 'undisturbed' : 'none';
    return { ok: true, event: { kind: 'room.privacy', room, wish } };
  }
  if (message.function !== 'RM') return { ok: false, why: 'not used' };
  const code = settings.roomCodes.find(({ digit }) => digit === message.status);
  if (code === undefined) return { ok: false, why: 'the digit is not in the settings' };
  return { ok: true, event: { kind: 'room.status', room, housekeeping: code.housekeeping } };
}
