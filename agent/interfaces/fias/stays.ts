// Orders of the hotel as FIAS records: check-in, check-out, moves and changes, room equipment, wake-ups, messages.
// Everything that could be said; what the vendor listed of it decides filter.ts. Pure.
import type {
  Guest,
  House,
  Housekeeping,
  LocalTime,
  Order,
  OrderKind,
  OrderOf,
} from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { wants } from './filter.ts';
import type { Described } from './filter.ts';
import { fiasDay, stamp } from './times.ts';
import { recordOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

export interface Saying {
  readonly described: Described;
  /** Guests, or rooms as wholes. */
  readonly isGuestBased: boolean;
  readonly settings: Pick<Settings, 'languages' | 'checkIn' | 'cleanIs' | 'sendsRoomStatus'>;
  /** Undefined: not known just now. */
  readonly house: House | undefined;
  readonly local: LocalTime;
}

export type Said =
  | { readonly ok: true; readonly records: readonly FiasRecord[] }
  | { readonly ok: false; readonly text: string };

type Fields = readonly (readonly [string, string | undefined])[];
type StayOrder = OrderOf<'room.checked-in' | 'room.checked-out' | 'guest.changed' | 'room.moved'>;

export const STAY_KINDS = [
  'room.checked-in',
  'room.checked-out',
  'guest.changed',
  'room.moved',
] as const satisfies readonly OrderKind[];
export const isStay = (order: Order): order is StayOrder =>
  (STAY_KINDS as readonly string[]).includes(order.kind);

/** Who else is in a room counts for these; asking for a house of thousands of rooms is not for nothing. */
export function needsHouse(order: Order): boolean {
  if (order.kind === 'room.checked-out' || order.kind === 'guest.changed') return order.isShared;
  if (order.kind === 'room.moved') return order.isFromShared;
  return ['room.barring', 'room.status', 'message.light'].includes(order.kind);
}

/** GL's own codes: neither ISO 639 nor a country's. */
const LANGUAGES: Readonly<Record<string, string>> = {
  ...{ en: 'EA', de: 'GE', es: 'SP', ca: 'CT', no: 'NR', nb: 'NR', nn: 'NR' },
};
const languageOf = (language: string | undefined, map: Settings['languages']) =>
  language === undefined
    ? undefined
    : (map[language] ?? LANGUAGES[language] ?? language.toUpperCase());

const yes = (is: boolean): string => (is ? 'Y' : 'N');

/** What a vendor may know of a guest. */
function guestFields(guest: Guest, saying: Saying): Fields {
  return [
    ['GN', guest.lastName],
    ['GF', guest.firstName],
    ['GL', languageOf(guest.language, saying.settings.languages)],
    ['GT', guest.title],
    ['GV', guest.isVip === undefined ? undefined : guest.isVip ? '1' : '0'],
    ['GA', fiasDay(guest.arrival)],
    ['GD', fiasDay(guest.departure)],
    ['GG', guest.group],
    ['NP', yes(guest.isBarred === true)],
  ];
}

interface Of {
  readonly room: string;
  readonly guest: Guest;
  readonly isShared: boolean;
}

/** `isResync`: with SF, and then nothing but what is listed changes. */
export function checkIn(stay: Of, saying: Saying, isResync = false): FiasRecord {
  const { checkIn } = saying.settings;
  const statuses: Fields = isResync
    ? [['SF', '']]
    : [
        ['CS', checkIn.classOfService],
        ['TV', checkIn.television],
        ['MR', checkIn.minibar],
        ['VR', checkIn.video],
      ];
  return recordOf('GI', [
    ['RN', stay.room],
    ['G#', `${stay.guest.booking}`],
    ['GS', yes(stay.isShared)],
    ...guestFields(stay.guest, saying),
    ...statuses,
    ...stamp(saying.local),
  ]);
}

/** Never with a name. */
const checkOut = (stay: Of, saying: Saying): FiasRecord =>
  recordOf('GO', [
    ['RN', stay.room],
    ['G#', `${stay.guest.booking}`],
    ['GS', yes(stay.isShared)],
    ...stamp(saying.local),
  ]);

/** GS follows each room that it belongs to. */
const change = (stay: Of & { from?: string; isFromShared?: boolean }, saying: Saying): FiasRecord =>
  recordOf('GC', [
    ['RN', stay.room],
    ['GS', yes(stay.isShared)],
    ['G#', `${stay.guest.booking}`],
    ...guestFields(stay.guest, saying),
    ...stamp(saying.local),
    ...(stay.from === undefined
      ? []
      : ([
          ['RO', stay.from],
          ['GS', yes(stay.isFromShared === true)],
        ] as const)),
  ]);

export function stay(order: StayOrder, saying: Saying): readonly FiasRecord[] {
  const { isGuestBased } = saying;
  switch (order.kind) {
    case 'room.checked-in':
      // A room that is checked in already does not start again for a second guest.
      return order.isShared && !isGuestBased ? [] : [checkIn(order, saying)];
    case 'room.checked-out':
      return order.isShared && !isGuestBased
        ? stayedBehind(order.room, order.guest, saying)
        : [checkOut(order, saying)];
    case 'guest.changed':
      return order.isShared && !isGuestBased && !isFirst(order, saying)
        ? []
        : [change(order, saying)];
    case 'room.moved':
      return moved(order, saying);
  }
}

function moved(order: OrderOf<'room.moved'>, saying: Saying): readonly FiasRecord[] {
  const { guest, room, from, isShared, isFromShared } = order;
  const isWhole = saying.isGuestBased || (!isShared && !isFromShared);
  if (isWhole && wants(saying.described, 'GC', 'RO')) return [change(order, saying)];
  const out = { room: from, guest, isShared: isFromShared };
  const left =
    isFromShared && !saying.isGuestBased
      ? stayedBehind(from, guest, saying)
      : [checkOut(out, saying)];
  const entered =
    isShared && !saying.isGuestBased ? [] : [checkIn({ room, guest, isShared }, saying)];
  return [...left, ...entered];
}

const guestsOf = (room: string, house: House | undefined): readonly Guest[] =>
  house?.rooms.find((one) => one.room === room)?.guests ?? [];

/** A room goes on under the name of who stays; who that is must be known. */
function stayedBehind(room: string, gone: Guest, saying: Saying): readonly FiasRecord[] {
  const guest = guestsOf(room, saying.house).find(({ booking }) => booking !== gone.booking);
  return guest === undefined ? [] : [change({ room, guest, isShared: false }, saying)];
}

/** Of rooms as wholes the first guest's name counts. */
function isFirst(order: Of, saying: Saying): boolean {
  const [first] = guestsOf(order.room, saying.house);
  return first === undefined || first.booking === order.guest.booking;
}

/** Orders that are neither stays, keys nor a resync; undefined: not one of these. */
export function equipment(order: Order, saying: Saying): Said | undefined {
  const { local } = saying;
  const one = (id: string, fields: Fields): Said => {
    const last = fields.findLast(([, value]) => value !== undefined)?.[0];
    return wants(saying.described, id, last)
      ? { ok: true, records: [recordOf(id, fields)] }
      : { ok: false, text: `The vendor did not ask for ${id} with ${last}` };
  };
  switch (order.kind) {
    case 'room.barring':
      return barring(order, saying);
    case 'room.privacy':
      return one('RE', [['RN', order.room], ...stamp(local), ['DN', yes(order.isOn)]]);
    case 'message.light':
      return one('RE', [
        ['RN', order.room],
        ['G#', bookingOf(order.room, saying)],
        ...stamp(local),
        ['ML', yes(order.isOn)],
      ]);
    case 'room.status':
      // Left out by a setting, as by a vendor that does not list it: nothing that anybody must hear of.
      if (!saying.settings.sendsRoomStatus) return { ok: true, records: [] };
      return one('RE', [['RN', order.room], ...stamp(local), ['RS', statusOf(order, saying)]]);
    case 'wakeup.set':
      return one('WR', [['RN', order.room], ...stamp(order.at)]);
    case 'wakeup.clear':
      return one('WC', [['RN', order.room], ...stamp(order.at)]);
    case 'message.text':
      return one('XL', [
        ['RN', order.room],
        ['G#', `${order.booking}`],
        ['MI', `${order.message}`],
        ...stamp(local),
        ['MT', order.text],
      ]);
    case 'night-audit':
      return wants(saying.described, order.phase === 'start' ? 'NS' : 'NE')
        ? { ok: true, records: [recordOf(order.phase === 'start' ? 'NS' : 'NE', stamp(local))] }
        : { ok: true, records: [] };
    case 'room.checked-in':
    case 'room.checked-out':
    case 'room.moved':
    case 'guest.changed':
    case 'resync':
    case 'key.encode':
    case 'key.cancel':
    case 'key.read':
    case 'receipt.print':
    case 'fiscal.receipt':
    case 'fiscal.report':
    case 'bytes.write':
      return undefined;
  }
}

/** Guests' vendors know a room by one of its guests. */
const bookingOf = (room: string, saying: Saying): string | undefined => {
  const [first] = guestsOf(room, saying.house);
  return saying.isGuestBased && first !== undefined ? `${first.booking}` : undefined;
};

/** CS stands in RE or in GC, wherever the vendor listed it. */
function barring(order: OrderOf<'room.barring'>, saying: Saying): Said {
  const { described, house, local } = saying;
  const level = `${order.level}`;
  if (wants(described, 'RE', 'CS')) {
    const booking = bookingOf(order.room, saying);
    const fields: Fields = [['RN', order.room], ['G#', booking], ['CS', level], ...stamp(local)];
    return { ok: true, records: [recordOf('RE', fields)] };
  }
  if (!wants(described, 'GC', 'CS'))
    return { ok: false, text: 'The vendor asked for CS neither in RE nor in GC' };
  const guests = guestsOf(order.room, house);
  if (guests.length === 0) return { ok: false, text: 'Nobody is known to be in the room' };
  const named = saying.isGuestBased ? guests : guests.slice(0, 1);
  const records = named.map(({ booking }) =>
    recordOf('GC', [
      ['RN', order.room],
      ['G#', `${booking}`],
      ['GS', yes(guests.length > 1)],
      ['CS', level],
      ...stamp(local),
    ]),
  );
  return { ok: true, records };
}

/** Of each: vacant, occupied. */
const STATUSES: Readonly<Record<Housekeeping, readonly [string, string]>> = {
  dirty: ['1', '2'],
  progress: ['1', '2'],
  inspect: ['3', '4'],
  clean: ['3', '4'],
};
function statusOf(order: OrderOf<'room.status'>, saying: Saying): string {
  const isOccupied = guestsOf(order.room, saying.house).length > 0;
  const isInspected = order.housekeeping === 'clean' && saying.settings.cleanIs === 'inspect';
  const pair = isInspected ? (['5', '6'] as const) : STATUSES[order.housekeeping];
  return pair[isOccupied ? 1 : 0];
}
