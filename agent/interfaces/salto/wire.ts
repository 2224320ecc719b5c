// The "Industry Standard" of Salto and Onity: fields <-> frames, dates, authorisations, error codes. Pure.
// Positions are numbered as in the lock maker's tables: field 0 is the command.
import { toAscii } from '../../core/ascii.ts';
import { FIAS_LRC, stxEtx, stxEtxFrame } from '../../core/frames/stx-etx.ts';
import type { Framer } from '../../core/frames/ports.ts';
import type { LocalTime } from '../../core/vocabulary.ts';
import { BODY_BYTES_MAX } from './limits.ts';

export const ENQ = 0x05;
export const ACK = 0x06;
export const NAK = 0x15;

/** In Latin-1, the only byte above 7E on the line. */
const SEPARATOR = '\u00b3';
/** 0D in place of the LRC: the sender does not check. */
const CHECK = { ...FIAS_LRC, waivers: [0x0d] };

export type Fields = readonly string[];
export type DateForm = 'minutes' | 'hours';

export const framer = (): Framer =>
  stxEtx({ check: CHECK, controls: [ENQ, ACK, NAK], bodyBytesMax: BODY_BYTES_MAX });

/** Cleans every value: a separator or a line end in it would make two fields of one. */
export function frame(fields: Fields): Buffer {
  const values = fields.map((field) => toAscii(field.replaceAll(SEPARATOR, '')));
  while (values.at(-1) === '') values.pop();
  return stxEtxFrame(Buffer.from(`${SEPARATOR}${values.join(SEPARATOR)}${SEPARATOR}`, 'latin1'), {
    check: CHECK,
  });
}

/** Of a frame's body; undefined: no separator leads and trails it. */
export function fieldsOf(body: Buffer): Fields | undefined {
  const text = body.toString('latin1');
  if (text.length < 2 || !text.startsWith(SEPARATOR) || !text.endsWith(SEPARATOR)) return undefined;
  return text.slice(1, -1).split(SEPARATOR);
}

/**
 * Whole hours where the server knows no minutes: a key is then valid up to an hour earlier and up to an hour
 * longer, so that no guest stands before a closed door.
 */
export function dateField(time: LocalTime, form: DateForm, end: 'from' | 'to'): string {
  let at = time;
  if (form === 'hours' && end === 'to' && time.slice(14) !== '00:00') {
    const next = Date.parse(`${time.slice(0, 13)}:00:00Z`) + 3_600_000;
    at = new Date(next).toISOString().slice(0, 19);
  }
  const day = at.slice(8, 10) + at.slice(5, 7) + at.slice(2, 4);
  return at.slice(11, 13) + (form === 'minutes' ? at.slice(14, 16) : '') + day;
}

/** Either form; undefined: no date. The century is this one. */
export function dateOf(field: string): LocalTime | undefined {
  const match = /^(\d\d)(\d\d)?(\d\d)(\d\d)(\d\d)$/.exec(field);
  if (match === null) return undefined;
  const [hour, minute = '00', day, month, year] = match.slice(1);
  const time = `20${year}-${month}-${day}T${hour}:${minute}:00`;
  // The 31st of February would be moved into March.
  const isDate = !Number.isNaN(Date.parse(`${time}Z`));
  return isDate && new Date(`${time}Z`).toISOString().startsWith(time) ? time : undefined;
}

/** The character of authorisation 1 to 62 stands at its place; 0 is none. */
const AUTHORISATIONS = ' 123456789abcdefghijklmnopqrstuvwxyz!#$%&()*+,-./:;<=>?@[\\]^_{}';
export const authorisationChar = (number: number): string => AUTHORISATIONS.charAt(number);
/** Numbers in the order of the field; characters that are none are left out. */
export const authorisationsOf = (field: string): readonly number[] =>
  Array.from(field, (char) => AUTHORISATIONS.indexOf(char)).filter((number) => number > 0);

export const CARD_ENDS = { eject: 'E', retain: 'R', leave: 'T' } as const;
export const SERIAL_NUMBERS = { none: '0', last: '1', all: '2' } as const;

export interface CardRequest {
  readonly is: 'new' | 'copy';
  readonly rooms: readonly string[];
  /** Characters of authorisations. */
  readonly granted: string;
  readonly from: string;
  readonly to: string;
  readonly operator: string;
}
const four = (rooms: readonly string[]): readonly string[] =>
  Array.from({ length: 4 }, (_unused, index) => rooms[index] ?? '');

/** CN, CC: a card at an encoder. */
export const cardFields = (
  request: CardRequest & {
    readonly encoder: string;
    readonly cardEnd: keyof typeof CARD_ENDS;
    readonly serialNumber: keyof typeof SERIAL_NUMBERS;
  },
): Fields => [
  request.is === 'new' ? 'CN' : 'CC',
  request.encoder,
  CARD_ENDS[request.cardEnd],
  ...four(request.rooms),
  request.granted,
  '',
  request.from,
  request.to,
  request.operator,
  ...['', '', ''],
  SERIAL_NUMBERS[request.serialNumber],
];

/** CNM, CCM: a key for a telephone. */
export const mobileFields = (request: CardRequest & { readonly phone: string }): Fields => [
  request.is === 'new' ? 'CNM' : 'CCM',
  request.phone,
  ...four(request.rooms),
  request.granted,
  '',
  request.from,
  request.to,
  request.operator,
];

export const checkOutFields = (room: string): Fields => ['CO', '0', room];
export const readFields = (encoder: string): Fields => ['LT', encoder, CARD_ENDS.eject];
export const INFO_FIELDS: Fields = ['INFO'];

/** What a card says. */
export interface Card {
  readonly card: 'guest' | 'staff' | 'spare' | 'invalid' | 'unidentified';
  readonly rooms: readonly string[];
  readonly isCheckedIn?: boolean | undefined;
  /** As the lock system writes it: 0 the original, 1, 2, … copies, A one-shot. */
  readonly copy?: string | undefined;
  readonly authorisations?: readonly number[] | undefined;
  readonly from?: LocalTime | undefined;
  readonly to?: LocalTime | undefined;
  readonly operator?: string | undefined;
}
const NO_GUEST: Readonly<Record<string, Card['card']>> = {
  LM: 'staff',
  LR: 'spare',
  LC: 'invalid',
  LD: 'unidentified',
};

/** Of the answer to LT. */
export function cardOf(fields: Fields): Card {
  const at = (index: number): string => (fields[index] ?? '').trim();
  const kind = NO_GUEST[at(2)];
  if (kind !== undefined) return { card: kind, rooms: [] };
  return {
    card: 'guest',
    rooms: [at(2), at(3), at(4), at(5)].filter((room) => room !== ''),
    isCheckedIn: at(6) === 'CI' ? true : at(6) === 'CO' ? false : undefined,
    copy: at(7) || undefined,
    authorisations: authorisationsOf(at(8)),
    from: dateOf(at(9)),
    to: dateOf(at(10)),
    operator: at(11) || undefined,
  };
}
