// One call record, as text and as values, both ways: fixed columns as the settings say, and HOBIC as in
// http://support.resortdata.com/Customers/Knowledge/KB-Interfaces/KIN0035.htm. Pure.
import { createHash } from 'node:crypto';
import type { LocalTime, Money } from '../../core/vocabulary.ts';
import type { ColumnLayout, Condition, HobicLayout, Layout } from './config.ts';
import { spanFormat, timeFormat } from './format.ts';
import type { Moment } from './format.ts';
import { DIALLED_CHARS_MAX, SECONDS_MAX } from './limits.ts';
import { localMs, localTime, resolved } from './time.ts';

type Direction = 'outgoing' | 'incoming' | 'internal' | 'ignore';

export interface CallRecord {
  /** When it began. */
  readonly at: LocalTime;
  /** As the PBX names it. */
  readonly extension: string;
  readonly seconds?: number;
  readonly dialled?: string;
  readonly line?: string;
  readonly price?: Money;
  readonly impulses?: number;
  readonly direction: Direction;
}

export type Read =
  | { readonly is: 'call'; readonly call: CallRecord }
  /** The filter left it out. */
  | { readonly is: 'other' }
  /** Which field of it cannot be read. */
  | { readonly is: 'wrong'; readonly field: string };

const wrong = (field: string): Read => ({ is: 'wrong', field });

export function readRecord(layout: Layout, text: string, nowLocal: LocalTime): Read {
  // Printers' bells and tabs: they keep their column.
  const plain = text.replaceAll(/\p{Cc}/gu, ' ');
  return layout.kind === 'hobic'
    ? readHobic(layout, plain, nowLocal)
    : readColumns(layout, plain, nowLocal);
}

interface Range {
  readonly from: number;
  readonly to: number;
}
/** Columns count from 1, as in every manual. */
const cut = (text: string, { from, to }: Range): string => text.slice(from - 1, to);

function isMet(condition: Condition, text: string): boolean {
  switch (condition.is) {
    case 'prefix':
      return text.startsWith(condition.text) !== condition.not;
    case 'contains':
      return text.includes(condition.text) !== condition.not;
    case 'columns':
      return (cut(text, condition).trim() === condition.text.trim()) !== condition.not;
  }
}

function readColumns({ fields, filter }: ColumnLayout, text: string, nowLocal: LocalTime): Read {
  if (!filter.every((condition) => isMet(condition, text))) return { is: 'other' };
  const piece = (range: Range | undefined): string =>
    range === undefined ? '' : cut(text, range).trim();
  const extension = piece(fields.extension);
  if (extension === '') return wrong('extension');
  const moment = timeFormat(fields.at.format).read(cut(text, fields.at));
  const stamp = moment === undefined ? undefined : resolved(moment, nowLocal);
  if (stamp === undefined) return wrong('at');

  let seconds: number | undefined;
  if (fields.duration !== undefined && piece(fields.duration) !== '') {
    seconds = spanFormat(fields.duration.format).read(cut(text, fields.duration));
    if (seconds === undefined || seconds > SECONDS_MAX) return wrong('duration');
  }
  const price = priceIn(piece(fields.price), fields.price?.decimals ?? 0);
  if (price === null) return wrong('price');
  const impulses = piece(fields.impulses);
  if (!/^\d{0,6}$/.test(impulses)) return wrong('impulses');
  const isEnd = fields.at.marks === 'end' && seconds !== undefined;
  const call = {
    at: isEnd ? localTime(localMs(stamp) - (seconds ?? 0) * 1_000) : stamp,
    extension,
    ...(seconds === undefined ? {} : { seconds }),
    ...some('dialled', dialledIn(piece(fields.dialled))),
    ...some('line', piece(fields.line)),
    ...some('price', price),
    ...(impulses === '' ? {} : { impulses: Number(impulses) }),
    direction: directionOf(fields.direction, piece(fields.direction)),
  };
  return { is: 'call', call };
}

function some<K extends string>(name: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined || value === '' ? {} : ({ [name]: value } as { [P in K]: string });
}

/** Numbers are written with blanks, dashes, dots and brackets; what remains is what was dialled. */
const dialledIn = (text: string): string =>
  text.replaceAll(/[ ().\-/]/g, '').slice(0, DIALLED_CHARS_MAX);

function directionOf(column: ColumnLayout['fields']['direction'], text: string): Direction {
  if (column === undefined) return 'outgoing';
  for (const one of ['outgoing', 'incoming', 'internal'] as const) {
    if (column[one].some((code) => code.trim() === text)) return one;
  }
  return column.otherwise;
}

/** Currency signs may stand before or behind. Undefined: blank, the PBX knows none; null: no price. */
export function priceIn(text: string, decimals: number): Money | undefined | null {
  const plain = text
    .replace(/^[^\d.,-]{1,4}/, '')
    .replace(/[^\d]{1,4}$/, '')
    .trim();
  if (text.trim() === '') return undefined;
  const [, whole, part] = /^(\d{0,11})(?:[.,](\d{1,4}))?$/.exec(plain) ?? [];
  if (whole === undefined || (whole === '' && part === undefined)) return null;
  if (part !== undefined) return `${short(whole)}.${part}`;
  if (decimals === 0) return short(whole);
  const digits = whole.padStart(decimals + 1, '0');
  return `${short(digits.slice(0, -decimals))}.${digits.slice(-decimals)}`;
}
const short = (whole: string): string => whole.replace(/^0+(?=\d)/, '').padStart(1, '0');

/** 0001 HTL 03/01  7110 10:54 0002 $003.47 805-688-1000 L */
function readHobic({ dateOrder }: HobicLayout, text: string, nowLocal: LocalTime): Read {
  const [sequence = '', , date = '', extension = '', time = '', minutes = '', ...rest] = text
    .trim()
    .split(/ +/, 16);
  if (!/^\d{1,6}$/.test(sequence)) return wrong('sequence');
  const [, hour, minute] = /^(\d\d):(\d\d)$/.exec(time) ?? [];
  const [, first, second] = /^(\d\d)\/(\d\d)$/.exec(date) ?? [];
  if (first === undefined || second === undefined) return wrong('date');
  if (!/^[\d*#A-Z]{1,10}$/.test(extension)) return wrong('extension');
  if (Number(hour ?? 24) > 23 || Number(minute ?? 60) > 59) return wrong('time');
  if (!/^\d{1,5}$/.test(minutes)) return wrong('minutes');
  const seconds = Number(minutes) * 60;
  if (seconds > SECONDS_MAX) return wrong('minutes');
  const [month, day] = dateOrder === 'MM/DD' ? [first, second] : [second, first];
  const moment: Moment = {
    ...{ month: Number(month), day: Number(day) },
    ...{ hour: Number(hour), minute: Number(minute), second: 0 },
  };
  const at = resolved(moment, nowLocal);
  if (at === undefined) return wrong('date');
  // The charge has a sign or a point; without either the first word is the number.
  const hasCharge = /^\$|[.,]/.test(rest[0] ?? '');
  const price = priceIn(hasCharge ? rest[0]! : '', 0);
  if (price === null) return wrong('charge');
  // The last word is the class where it is a letter; a number may be written with blanks.
  const words = rest.slice(hasCharge ? 1 : 0);
  if (/^[A-Za-z]$/.test(words.at(-1) ?? '')) words.pop();
  const dialled = dialledIn(words.join(''));
  if (!/^[\dA-Za-z*#+]*$/.test(dialled)) return wrong('number');
  const call = { at, extension, seconds, ...some('dialled', dialled), ...some('price', price) };
  return { is: 'call', call: { ...call, direction: 'outgoing' } };
}

/**
 * By what the PBX sent, so that a repeat is known again; `twin` counts the same line within one connection. The
 * date that was found is part of it: next year the same line is another call.
 */
export function keyOf(at: LocalTime, text: string, twin: number): string {
  const hash = createHash('sha256')
    .update(`${at.slice(0, 10)}\n${text.trim()}`)
    .digest('base64url');
  return twin === 0 ? hash : `${hash}#${twin}`;
}

/** The form of a record without its numbers and names, for traces: what a person needs to set up columns. */
export const shapeOf = (text: string): string =>
  text
    .replaceAll(/\d/g, '9')
    .replaceAll(/\p{L}/gu, 'A')
    .replaceAll(/\p{Cc}/gu, '.');

export interface Written {
  readonly call: CallRecord;
  /** HOBIC numbers its records. */
  readonly sequence: number;
}

/** What a PBX with this layout sends for a call. */
export function writeRecord(layout: Layout, written: Written): string {
  return layout.kind === 'hobic' ? writeHobic(layout, written) : writeColumns(layout, written.call);
}

function momentOf(at: LocalTime): Required<Moment> {
  const [year, month, day, hour, minute, second] = at.split(/[-T:]/).map(Number) as [
    ...[number, number, number],
    ...[number, number, number],
  ];
  return { year, month, day, hour, minute, second };
}

function writeColumns({ fields, filter }: ColumnLayout, call: CallRecord): string {
  const columns: string[] = [];
  const put = (range: Range | undefined, text: string, align: 'left' | 'right' = 'left'): void => {
    if (range === undefined) return;
    const width = range.to - range.from + 1;
    const padded = align === 'left' ? text.padEnd(width) : text.padStart(width);
    for (let i = 0; i < width; i += 1) columns[range.from - 1 + i] = padded.charAt(i);
  };
  const { seconds = 0 } = call;
  const stamp = fields.at.marks === 'end' ? localTime(localMs(call.at) + seconds * 1_000) : call.at;
  put(fields.at, timeFormat(fields.at.format).write(momentOf(stamp)));
  put(fields.extension, call.extension);
  if (fields.duration !== undefined && call.seconds !== undefined) {
    put(fields.duration, spanFormat(fields.duration.format).write(seconds));
  }
  put(fields.dialled, call.dialled ?? '');
  put(fields.line, call.line ?? '');
  put(fields.impulses, call.impulses === undefined ? '' : String(call.impulses), 'right');
  if (fields.price !== undefined && call.price !== undefined) {
    const { decimals } = fields.price;
    const [whole = '', part = ''] = call.price.split('.');
    put(fields.price, decimals > 0 ? whole + part.padEnd(decimals, '0') : call.price, 'right');
  }
  const { direction } = fields;
  if (direction !== undefined && call.direction !== 'ignore') {
    put(direction, direction[call.direction][0] ?? '');
  }
  for (const condition of filter) {
    if (condition.not) continue;
    if (condition.is === 'columns') put(condition, condition.text);
    if (condition.is === 'prefix') put({ from: 1, to: condition.text.length }, condition.text);
  }
  return Array.from(columns, (character) => character ?? ' ')
    .join('')
    .trimEnd();
}

function writeHobic({ dateOrder }: HobicLayout, { call, sequence }: Written): string {
  const { month, day, hour, minute } = momentOf(call.at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = dateOrder === 'MM/DD' ? `${two(month)}/${two(day)}` : `${two(day)}/${two(month)}`;
  const minutes = String(Math.ceil((call.seconds ?? 0) / 60)).padStart(4, '0');
  const number = String(sequence % 10_000).padStart(4, '0');
  const price = `$${(call.price ?? '0.00').padStart(6, '0')}`;
  const head = `${number} HTL ${date} ${call.extension.padStart(5)} ${two(hour)}:${two(minute)}`;
  return `${head} ${minutes} ${price} ${call.dialled ?? ''} L`;
}
