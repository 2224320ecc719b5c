// What a vendor posts (PS, and PR that names a guest) as charges, minibar sales and calls, and PA, its answer. Pure.
import { createHash } from 'node:crypto';
import { maskNumber } from '../../core/mask.ts';
import type { HotelEvent, LocalTime, Verdict } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { localTimeOf, moneyOf, secondsOf, wholeOf } from './times.ts';
import { filled, recordOf, roomOf } from './wire.ts';
import type { FiasRecord } from './wire.ts';

export interface Posted {
  /** IF of the vendor: "PB"; empty: it did not say. */
  readonly family: string;
  readonly decimals: number;
  readonly settings: Pick<Settings, 'priced' | 'outlets' | 'quirks'>;
  /** Where the record names no time. */
  readonly local: LocalTime;
}

export type Posting =
  | { readonly ok: true; readonly event: HotelEvent }
  /** `code`: AS of the PA. */
  | { readonly ok: false; readonly code: string; readonly why: string };

const wrong = (why: string, code = 'UR'): Posting => ({ ok: false, code, why });

/** As the events' keys may be (fields/limits.ts). */
const KEY_CHARS_MAX = 200;
const ITEMS_MAX = 100;
/** Oracle's field has four characters; sites have longer ones. */
const ARTICLE_CHARS_MAX = 40;

/**
 * The same record gives the same key. P# numbers records, and begins anew when a vendor's program does: time, room
 * and amount belong to it. Without P# all of the record counts.
 */
function keyOfPosting(record: FiasRecord, local: LocalTime): string {
  const number = filled(record, 'P#');
  const parts = ['P#', 'DA', 'TI', 'RN', 'TA', 'PT', 'SO'].map((id) => filled(record, id) ?? '');
  if (number === undefined) parts.push(...record.fields.map((field) => field.join('')));
  // Neither number nor time: two bottles of water, one after the other, are two.
  if (number === undefined && filled(record, 'TI') === undefined) parts.push(local);
  const key = parts.join('|');
  return key.length <= KEY_CHARS_MAX
    ? key
    : `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

export function posting(record: FiasRecord, posted: Posted): Posting {
  const room = roomOf(record);
  if (record.id === 'PR' && filled(record, 'RN') === undefined)
    return wrong('a payment that names no guest cannot be posted to one');
  if (room === undefined) return wrong('no room, or none that there can be', 'NG');
  const at = localTimeOf(record) ?? posted.local;
  const common = { key: keyOfPosting(record, posted.local), room, at };
  const type = filled(record, 'PT') ?? (record.id === 'PR' ? 'C' : '');
  switch (type) {
    case 'C':
      return priced(record, { ...posted, common });
    case 'D':
      return posted.settings.quirks.directCharges
        ? priced(record, { ...posted, common })
        : wrong('PT D is not known');
    case 'M':
      return minibar(record, common);
    case 'T':
      return record.id === 'PR' ? wrong('PT T in PR') : counted(record, common);
    default:
      return wrong(`PT ${type} is not known`);
  }
}

interface Common {
  readonly key: string;
  readonly room: string;
  readonly at: LocalTime;
}

function priced(record: FiasRecord, posted: Posted & { readonly common: Common }): Posting {
  const { common, decimals } = posted;
  const sent = filled(record, 'TA');
  if (sent === undefined) return wrong('PT C without TA');
  const amount = moneyOf(sent, decimals);
  if (amount === undefined) return wrong('TA is not an amount');
  if (!addsUp(record)) return wrong('the parts do not add up to TA', 'DM');
  if (isCall(record, posted))
    return { ok: true, event: { ...call(record, common), price: amount } };
  const booking = bookingOf(record);
  if (booking === null) return wrong('G# 0 is no guest', 'IA');
  const outlet = outletOf(record, posted.settings.outlets);
  return {
    ok: true,
    event: {
      ...{ kind: 'charge.posted', ...common, amount },
      ...(booking === undefined ? {} : { booking }),
      text: textOf(record, outlet?.name),
      group: outlet?.group ?? GROUPS[posted.family] ?? 'other',
    },
  };
}

const GROUPS: Readonly<Record<string, 'f&b' | 'extra'>> = { PO: 'f&b', MB: 'f&b', VI: 'extra' };

/** A PMS' booking; `null`: named, and none. */
function bookingOf(record: FiasRecord): number | null | undefined {
  const sent = filled(record, 'G#');
  if (sent === undefined) return undefined;
  const booking = wholeOf(sent);
  return booking === undefined || booking < 1 ? null : booking;
}

const outletOf = (record: FiasRecord, outlets: Settings['outlets']) => {
  const so = filled(record, 'SO');
  return so === undefined ? undefined : outlets.find((outlet) => outlet.so === so);
};

function isCall(record: FiasRecord, { family, settings }: Posted): boolean {
  if (record.id === 'PR') return false;
  const outlet = outletOf(record, settings.outlets);
  if (outlet !== undefined) return outlet.kind === 'call';
  if (settings.priced !== 'auto') return settings.priced === 'call';
  return family === '' ? filled(record, 'DD') !== undefined : family === 'CA' || family === 'PB';
}

/** TA is what taxes, sub-totals, discounts, tip, service charge and rounding make; where none is named, TA is it. */
function addsUp(record: FiasRecord): boolean {
  let sum = 0;
  let isNamed = false;
  for (const [id, value] of record.fields) {
    if (value === '' || !/^([STD][1-9]|TP|SC|\+0)$/.test(id)) continue;
    const part = wholeOf(value);
    // With a point in one and none in another there is no sum to compare.
    if (part === undefined) return true;
    isNamed ||= /^[STD][1-9]$/.test(id);
    sum += part;
  }
  return !isNamed || wholeOf(filled(record, 'TA') ?? '') === sum;
}

function textOf(record: FiasRecord, outlet: string | undefined): string {
  const dialled = filled(record, 'DD');
  const so = filled(record, 'SO');
  const cheque = filled(record, 'C#');
  const parts = [
    outlet === undefined || outlet === '' ? so : outlet,
    filled(record, 'CT'),
    filled(record, 'X1'),
    dialled === undefined ? undefined : maskNumber(dialled),
    cheque === undefined ? undefined : `#${cheque}`,
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}

function minibar(record: FiasRecord, common: Common): Posting {
  const items = itemsOf(record);
  if (items === undefined) return wrong('M# without MA, or not a number of articles');
  if (items.length === 0) return wrong('PT M without MA');
  if (items.length > ITEMS_MAX) return wrong('too many articles');
  const booking = bookingOf(record);
  if (booking === null) return wrong('G# 0 is no guest', 'IA');
  const named = booking === undefined ? {} : { booking };
  return { ok: true, event: { kind: 'minibar.posted', ...common, ...named, items } };
}

interface Item {
  readonly article: string;
  readonly quantity: number;
}

/** M# belongs to the MA before it, and is 1 where it is missing; of a single pair the order does not matter. */
function itemsOf(record: FiasRecord): readonly Item[] | undefined {
  const pairs = record.fields.filter(([id, value]) => id === 'MA' || (id === 'M#' && value !== ''));
  const [first, second] = pairs;
  const isTurned = pairs.length === 2 && first![0] === 'M#' && second![0] === 'MA';
  const items: Item[] = [];
  let open: string | undefined;
  for (const [id, value] of isTurned ? [second!, first!] : pairs) {
    if (id === 'MA') {
      if (open !== undefined) items.push({ article: open, quantity: 1 });
      if (value.length > ARTICLE_CHARS_MAX) return undefined;
      open = value === '' ? undefined : value;
      continue;
    }
    const quantity = wholeOf(value) ?? 0;
    if (quantity < 1 || open === undefined) return undefined;
    items.push({ article: open, quantity });
    open = undefined;
  }
  if (open !== undefined) items.push({ article: open, quantity: 1 });
  return items;
}

function call(record: FiasRecord, common: Common) {
  const { room, ...rest } = common;
  const seconds = secondsOf(filled(record, 'DU') ?? '');
  const impulses = wholeOf(filled(record, 'MP') ?? '');
  const dialled = filled(record, 'DD');
  const line = filled(record, 'T#');
  return {
    ...{ kind: 'call.recorded' as const, ...rest, extension: room },
    ...(seconds === undefined ? {} : { seconds }),
    ...(impulses === undefined || impulses < 0 ? {} : { impulses }),
    ...(dialled === undefined ? {} : { dialled }),
    ...(line === undefined ? {} : { line }),
  };
}

/** The PMS prices it, by impulses or by length and number. */
function counted(record: FiasRecord, common: Common): Posting {
  const event = call(record, common);
  if (event.impulses === undefined && event.seconds === undefined)
    return wrong('PT T without MP and DU');
  return { ok: true, event };
}

/** Why a posting was not taken, in FIAS' words. */
export const codeOfVerdict = (verdict: Verdict): string =>
  verdict.ok
    ? 'OK'
    : ({ nobody: 'NG', barred: 'NP', later: 'RY', wrong: 'UR' } as const)[verdict.why];

/** PA of a PS or PR: echoes what names it. A repeat gets the same again. */
export function postingAnswer(record: FiasRecord, code: string, text?: string): FiasRecord {
  const isInquiry = record.id === 'PR';
  const echo = (id: string) => [id, filled(record, id)] as const;
  return recordOf('PA', [
    echo('RN'),
    ['AS', code],
    echo('P#'),
    echo('WS'),
    echo('DA'),
    echo('TI'),
    echo('C#'),
    echo('SO'),
    echo('ID'),
    ...(isInquiry ? [echo('G#'), echo('GN')] : []),
    ['CT', text],
  ]);
}
