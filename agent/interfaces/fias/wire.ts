// FIAS records and their text: two letters, then fields of two characters and a value, a "|" behind each. Reads
// what vendors really send, writes what the document says. Pure.
import { charsMax, isIdentity } from './fields.ts';
import { FIELDS_MAX, RECORD_CHARS_MAX, ROOM_CHARS_MAX } from './limits.ts';

export type Field = readonly [id: string, value: string];
export interface FiasRecord {
  readonly id: string;
  /** In their order; the same id may come twice, and then its place counts. */
  readonly fields: readonly Field[];
}

export type Read =
  | { readonly ok: true; readonly record: FiasRecord }
  | { readonly ok: false; readonly why: string };

/**
 * The text between STX and ETX. A last "|" that is missing, blanks and line ends around, empty pieces and unknown
 * fields do no harm; controls inside are dropped (a message keeps its line ends).
 */
export function readRecord(text: string): Read {
  if (text.length > RECORD_CHARS_MAX * 2) return { ok: false, why: 'too long' };
  const [head = '', ...pieces] = text.replace(/^[\s\0]+/, '').split('|');
  const id = head.trimEnd();
  if (!/^[A-Z][A-Z0-9]$/.test(id)) return { ok: false, why: 'no record id' };
  if (pieces.length > FIELDS_MAX) return { ok: false, why: 'too many fields' };
  const fields: Field[] = [];
  for (const piece of pieces) {
    const clean = piece.replace(/^[\r\n]+/, '');
    if (!/^[\x21-\x7e]{2}/.test(clean)) continue;
    const name = clean.slice(0, 2);
    fields.push([name, cleaned(name, clean.slice(2))]);
  }
  return { ok: true, record: { id, fields } };
}

/**
 * The record as it goes out, without "|" and controls in values, each cut to its length. Undefined: a value that
 * cannot be cut (a room, a number) is too long, so that it would name something else.
 */
export function writeRecord(
  record: FiasRecord,
  charsMaxOfRecord = RECORD_CHARS_MAX,
): string | undefined {
  let text = `${record.id}|`;
  let message: { at: number; length: number } | undefined;
  for (const [id, value] of record.fields) {
    const clean = cleaned(id, value).replaceAll('|', '');
    const max = charsMax(record.id, id);
    const characters = Array.from(clean);
    if (characters.length > max && isIdentity(id)) return undefined;
    const cut = characters.length > max ? characters.slice(0, max).join('') : clean;
    if (id === 'MT') message = { at: text.length + 2, length: cut.length };
    text += `${id}${cut}|`;
  }
  const over = text.length - (message === undefined ? RECORD_CHARS_MAX : charsMaxOfRecord);
  if (over <= 0) return text;
  if (message === undefined || message.length < over) return undefined;
  const end = message.at + message.length;
  return text.slice(0, end - over) + text.slice(end);
}

/** A message's text may have line ends; nothing else may have controls, C1's neither. */
const cleaned = (id: string, value: string): string =>
  id === 'MT' ? value.replaceAll(/[^\P{Cc}\r\n\f]+/gu, '') : value.replaceAll(/\p{Cc}+/gu, '');

/** The first value of the field; undefined: it is not there. */
export const valueOf = (record: FiasRecord, id: string): string | undefined =>
  record.fields.find(([name]) => name === id)?.[1];

/** The same, and undefined when it is empty. */
export const filled = (record: FiasRecord, id: string): string | undefined => {
  const value = valueOf(record, id);
  return value === undefined || value === '' ? undefined : value;
};

/** RN, when there is one that can be a room's. */
export const roomOf = (record: FiasRecord): string | undefined => {
  const room = filled(record, 'RN');
  return room === undefined || room.length > ROOM_CHARS_MAX ? undefined : room;
};

/** Fields with a value; those that are undefined are left out. */
export const recordOf = (
  id: string,
  fields: readonly (readonly [id: string, value: string | undefined])[],
): FiasRecord => ({
  id,
  fields: fields.filter((field): field is Field => field[1] !== undefined),
});
