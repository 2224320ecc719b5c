// What a vendor asks: guests (PR), bills (XR), messages (XM), whereabouts (LP), a check-out (XC). Answers come from
// the house as the unit knows it; what it does not know is answered with the code that says so. Pure.
import type { Guest, HotelEvent, House, LocalTime } from '../../core/vocabulary.ts';
import { FOUND_MAX } from './limits.ts';
import { postingAnswer } from './postings.ts';
import { fiasDay, localTimeOf, moneyOf, stamp, wholeOf } from './times.ts';
import { filled, recordOf, roomOf, valueOf, writeRecord } from './wire.ts';
import type { Field, FiasRecord } from './wire.ts';

/** Asks who is meant: no amount and no guest yet. */
export const isInquiry = (record: FiasRecord): boolean =>
  record.id === 'PR' &&
  filled(record, 'TA') === undefined &&
  (filled(record, 'PI') !== undefined || filled(record, '$2') !== undefined);

/** House known, or not just now. */
export function found(record: FiasRecord, house: House | undefined): FiasRecord {
  if (house === undefined || house.asOfMs === undefined) return postingAnswer(record, 'RY');
  const wanted = filled(record, 'PI');
  // Tracks of key cards are not known to the PMS.
  if (wanted === undefined) return postingAnswer(record, 'NG');
  const guests = guestsFor(wanted, house);
  if (guests.length === 0) return postingAnswer(record, 'NG');
  const echo = (id: string) => [id, filled(record, id)] as const;
  const head = recordOf('PL', [...['WS', 'SO', 'PM', 'P#', 'DA', 'TI'].map(echo)]);
  const fields = [...head.fields];
  for (const { room, guest } of guests.slice(0, FOUND_MAX)) {
    const more = [...fields, ...described(room, guest)];
    // Whole guests, as many as one record holds.
    if (writeRecord({ id: 'PL', fields: more }) === undefined) break;
    fields.push(...described(room, guest));
  }
  return { id: 'PL', fields };
}

const described = (room: string, guest: Guest): readonly Field[] =>
  recordOf('PL', [
    ['RN', room],
    ['G#', `${guest.booking}`],
    ['GN', guest.lastName],
    ['GF', guest.firstName],
    ['GT', guest.title],
    ['GA', fiasDay(guest.arrival)],
    ['GD', fiasDay(guest.departure)],
    ['GG', guest.group],
    ['NP', guest.isBarred === true ? 'Y' : 'N'],
  ]).fields;

interface InRoom {
  readonly room: string;
  readonly guest: Guest;
}

/** A room by its whole name, else guests whose name begins so. */
function guestsFor(wanted: string, house: House): readonly InRoom[] {
  const all = house.rooms.flatMap(({ room, guests }) => guests.map((guest) => ({ room, guest })));
  const inRoom = all.filter(({ room }) => room === wanted);
  if (inRoom.length > 0) return inRoom;
  const begin = wanted.toLocaleLowerCase('en').trim();
  return begin === ''
    ? []
    : all.filter(({ guest }) => guest.lastName.toLocaleLowerCase('en').startsWith(begin));
}

/** Bills are the PMS' own: it says so. */
export const noBill = (record: FiasRecord, local: LocalTime): FiasRecord =>
  recordOf('XB', [
    ['RN', filled(record, 'RN')],
    ['G#', filled(record, 'G#')],
    ['AS', 'UR'],
    ['BA', '0'],
    ...stamp(local),
  ]);

/** No messages wait here: those of the PMS are pushed as they come. */
export const noMessages = (record: FiasRecord, local: LocalTime): FiasRecord =>
  recordOf('XT', [['RN', filled(record, 'RN')], ['G#', filled(record, 'G#')], ...stamp(local)]);

export const whereabouts = (record: FiasRecord, place: string | undefined, local: LocalTime) =>
  recordOf('LP', [
    ['G#', filled(record, 'G#')],
    ['AS', place === undefined ? 'NM' : 'OK'],
    ['CT', place],
    ...stamp(local),
  ]);

/** XC as an event; undefined: it does not say whom or how much. */
export function checkOutOf(record: FiasRecord, decimals: number): HotelEvent | undefined {
  const room = roomOf(record);
  const booking = wholeOf(filled(record, 'G#') ?? '') ?? 0;
  const balance = moneyOf(valueOf(record, 'BA') ?? '', decimals);
  if (room === undefined || booking < 1 || balance === undefined) return undefined;
  const at = localTimeOf(record) ?? '';
  const key = ['XC', room, booking, balance, at].join('|');
  return { kind: 'checkout.requested', key, room, booking, balance };
}

/** What has been asked for is done when GO follows. */
export const checkOutAnswer = (
  record: FiasRecord,
  said: { readonly code: string; readonly text: string | undefined; readonly local: LocalTime },
): FiasRecord =>
  recordOf('XC', [
    ['RN', filled(record, 'RN')],
    ['G#', filled(record, 'G#')],
    ['AS', said.code],
    ['CT', said.text],
    ...stamp(said.local),
  ]);
