// Which requests make the exchange look like the house: what follows from an order, for every extension of its
// rooms. Every request sets a state, none counts: twice is the same as once. Pure.
import type { Guest, House, Order } from '../../core/vocabulary.ts';
import type { IlinkSettings } from './config.ts';
import { barring, lamp, occupied, privacy, vacant, wakeup } from './wire.ts';
import type { Request } from './wire.ts';

export type ExtensionsOf = (room: string) => readonly string[];

export function extensionsOf({ rooms }: IlinkSettings): ExtensionsOf {
  const listed = new Map(rooms.list.map(({ room, extensions }) => [room, extensions]));
  return (room) => {
    const found = listed.get(room);
    if (found !== undefined) return found;
    return rooms.others === 'number' && /^\d{1,10}$/.test(room) ? [rooms.prefix + room] : [];
  };
}

interface Known {
  readonly settings: IlinkSettings;
  readonly extensions: ExtensionsOf;
  readonly house: House;
}

/** Undefined: no request of iLink's does that. */
export function requestsFor(order: Order, known: Known): readonly Request[] | undefined {
  const each = (room: string, make: (extn: string) => Request): readonly Request[] =>
    known.extensions(room).map(make);
  switch (order.kind) {
    case 'room.checked-in':
      // The one who came first stays the one who is called by name.
      return order.isShared ? stays(order.room, known) : arrives(order.room, order.guest, known);
    case 'guest.changed':
      return order.isShared ? stays(order.room, known) : names(order.room, order.guest, known);
    case 'room.checked-out':
      return order.isShared ? stays(order.room, known, order.guest) : leaves(order.room, known);
    case 'room.moved': {
      const { from, room, guest } = order;
      const left = order.isFromShared ? stays(from, known, guest) : leaves(from, known);
      return [...left, ...(order.isShared ? stays(room, known) : arrives(room, guest, known))];
    }
    case 'room.barring':
      return each(order.room, (extn) => barring(extn, order.level));
    case 'room.privacy':
      return each(order.room, (extn) => privacy(extn, order.isOn));
    case 'message.light':
      return each(order.room, (extn) => lamp(extn, order.isOn));
    case 'wakeup.set':
      return each(order.room, (extn) => wakeup(extn, 'set', order.at));
    case 'wakeup.clear':
      return each(order.room, (extn) => wakeup(extn, 'clear', order.at));
    case 'resync':
      return known.house.rooms.flatMap(({ room, guests: [first] }) =>
        first === undefined ? leaves(room, known) : arrives(room, first, known),
      );
    case 'bytes.write':
    case 'fiscal.receipt':
    case 'fiscal.report':
    case 'key.cancel':
    case 'key.encode':
    case 'key.read':
    case 'message.text':
    case 'night-audit':
    case 'receipt.print':
    case 'room.status':
      return undefined;
  }
}

const names = (room: string, guest: Guest, { extensions }: Known): readonly Request[] =>
  extensions(room).map((extn) => occupied(extn, guest));

function classes(room: string, level: 0 | 1 | 2 | 3 | undefined, known: Known): readonly Request[] {
  if (level === undefined) return [];
  return known.extensions(room).map((extn) => barring(extn, level));
}

const arrives = (room: string, guest: Guest, known: Known): readonly Request[] => [
  ...names(room, guest, known),
  ...classes(room, known.settings.classOfService.checkedIn, known),
];
const leaves = (room: string, known: Known): readonly Request[] => [
  ...known.extensions(room).map(vacant),
  ...classes(room, known.settings.classOfService.checkedOut, known),
];

/** Somebody is still there: the first whom the house knows, but for one who leaves. */
function stays(room: string, known: Known, leaving?: Guest): readonly Request[] {
  const guests = known.house.rooms.find((one) => one.room === room)?.guests ?? [];
  const first = guests.find(({ booking }) => booking !== leaving?.booking);
  return first === undefined ? [] : names(room, first, known);
}
