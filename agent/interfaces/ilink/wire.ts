// iLink's JSON: requests to the exchange and its answers, and the call records it posts. After the documents that
// TigerTMS gives to makers of exchanges, as retold in sagostin/pbx-hospitality. Pure.
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { EventOf, Guest, LocalTime } from '../../core/vocabulary.ts';
import type { CallOptions } from './config.ts';
import { INFORMATION_CHARS_MAX, SECONDS_MAX } from './limits.ts';

/** One request: the path below /API/, the name its body stands under, and the body. */
export interface Request {
  readonly path: 'setguest' | 'setcos' | 'setmw' | 'setdnd' | 'setwakeup';
  readonly root: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The documents' example is "english"; what other languages are called is inferred from it. */
const LANGUAGES: Readonly<Record<string, string>> = {
  ...{ ar: 'arabic', bg: 'bulgarian', cs: 'czech', da: 'danish', de: 'german', el: 'greek' },
  ...{ en: 'english', es: 'spanish', fi: 'finnish', fr: 'french', he: 'hebrew', hr: 'croatian' },
  ...{ hu: 'hungarian', it: 'italian', ja: 'japanese', mk: 'macedonian', nl: 'dutch' },
  ...{ no: 'norwegian', pl: 'polish', pt: 'portuguese', ro: 'romanian', ru: 'russian' },
  ...{ sr: 'serbian', sv: 'swedish', tr: 'turkish', uk: 'ukrainian', zh: 'chinese' },
};

export const occupied = (extn: string, guest: Guest): Request => ({
  path: 'setguest',
  root: 'setguest',
  fields: {
    ...{ extn, status: 'occupied', title: guest.title ?? '', firstname: guest.firstName ?? '' },
    lastname: guest.lastName,
    language: LANGUAGES[guest.language ?? ''] ?? guest.language ?? '',
    ...{ group: guest.group ?? '', vip: guest.isVip === true ? '1' : '0' },
  },
});

/** The exchange also puts out the lamp, and ends direct dialling and "do not disturb". */
export const vacant = (extn: string): Request => ({
  path: 'setguest',
  root: 'setguest',
  fields: {
    ...{ extn, status: 'vacant', title: '', firstname: extn, lastname: 'vacant' },
    ...{ language: '', group: '', vip: '' },
  },
});

export const barring = (extn: string, level: 0 | 1 | 2 | 3): Request => ({
  ...{ path: 'setcos', root: 'classofservice' },
  fields: { extn, cos: String(level) },
});

const onOff = (isOn: boolean): string => (isOn ? 'on' : 'off');
export const lamp = (extn: string, isOn: boolean): Request => ({
  ...{ path: 'setmw', root: 'messagewaiting' },
  fields: { extn, mw: onOff(isOn) },
});
export const privacy = (extn: string, isOn: boolean): Request => ({
  ...{ path: 'setdnd', root: 'dnd' },
  fields: { extn, dnd: onOff(isOn) },
});

export const wakeup = (extn: string, action: 'set' | 'clear', at: LocalTime): Request => ({
  ...{ path: 'setwakeup', root: 'wakeup' },
  fields: { extn, action, wakeuptime: wakeupTime(at) },
});
/** "2026-04-01T07:30:00" -> "01-04-2026 07:30:00". */
const wakeupTime = (at: LocalTime): string =>
  `${at.slice(8, 10)}-${at.slice(5, 7)}-${at.slice(0, 4)} ${at.slice(11, 19)}`;

export const bodyOf = ({ root, fields }: Request): Buffer =>
  Buffer.from(JSON.stringify({ [root]: fields }));

const Answer = v.object({
  result: v.pipe(v.string(), v.toLowerCase(), v.picklist(['success', 'failed'])),
  information: v.optional(v.string(), ''),
});

export type Answered = { readonly result: 'success' | 'failed'; readonly information: string };

/** Undefined: it is no answer of iLink's. */
export function readAnswer(body: Buffer): Answered | undefined {
  const { success, output } = v.safeParse(Answer, jsonOf(body));
  if (!success) return undefined;
  const information = output.information
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, INFORMATION_CHARS_MAX);
  return { result: output.result, information };
}

/** Undefined: not JSON. */
function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

const Digits = v.pipe(v.string(), v.trim(), v.regex(/^[\d*#+]{0,40}$/));
/** Numbers may come as such or as text. */
const Whole = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform((value) => (value === '' ? 0 : Number(value))),
  v.integer(),
  v.minValue(0),
  v.maxValue(SECONDS_MAX),
);
const Stamp = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d$/),
  v.transform((text) => text.replace(' ', 'T')),
  v.check((text) => !Number.isNaN(Date.parse(`${text}Z`))),
);
/** Asterisk's names of a call's fields; what else it sends is not looked at. */
const Message = v.object({
  src: v.pipe(v.string(), v.trim(), v.maxLength(80), v.regex(/^\P{Cc}*$/u)),
  dst: v.pipe(v.string(), v.maxLength(80)),
  calleenum: v.optional(v.string(), ''),
  calltype: v.optional(v.pipe(v.string(), v.trim(), v.toLowerCase()), ''),
  start: Stamp,
  billsec: Whole,
  uniqueid: v.optional(v.pipe(v.string(), v.maxLength(150)), ''),
});
const Posted = v.object({ message: v.unknown() });

export type ReadCall =
  | { readonly is: 'call'; readonly event: EventOf<'call.recorded'> }
  | { readonly is: 'left-out'; readonly why: 'incoming' | 'internal' | 'unanswered' }
  | { readonly is: 'wrong'; readonly field: string };

export function readCall(body: Buffer, options: CallOptions): ReadCall {
  const posted = v.safeParse(Posted, jsonOf(body));
  if (!posted.success) return { is: 'wrong', field: 'message' };
  const { message } = posted.output;
  // Some libraries put JSON into JSON.
  const inner = typeof message === 'string' ? jsonOf(Buffer.from(message)) : message;
  const result = v.safeParse(Message, inner);
  if (!result.success) {
    const field = v.getDotPath(result.issues[0]);
    return { is: 'wrong', field: field === null ? 'message' : `message.${field}` };
  }
  const { src, dst, calleenum, calltype, start, billsec, uniqueid } = result.output;
  const number = v.safeParse(Digits, calleenum === '' ? dst : calleenum);
  const dialled = number.success ? number.output : '';
  const isShort = dialled.length <= options.internalDigitsMax;
  // Whoever rings from outside has a number longer than any room's.
  const isFromOutside = options.internalDigitsMax > 0 && src.length > options.internalDigitsMax;
  const isIncoming = /^(in|inbound|incoming)$/.test(calltype) || (isFromOutside && isShort);
  const isInternal = calltype === 'internal' || (!isIncoming && isShort);
  if (isIncoming && !options.incoming) return { is: 'left-out', why: 'incoming' };
  if (isInternal && !isIncoming && !options.internal) return { is: 'left-out', why: 'internal' };
  if (billsec === 0 && !options.unanswered) return { is: 'left-out', why: 'unanswered' };
  const extension = isIncoming ? dialled : src;
  if (extension === '') return { is: 'wrong', field: 'message.src' };
  // What Asterisk calls unique is unique on one machine until it is installed anew: the rest is there for that.
  const sent = [uniqueid, src, dst, start, billsec].join('\n');
  const event: EventOf<'call.recorded'> = {
    ...{ kind: 'call.recorded', key: createHash('sha256').update(sent).digest('base64url') },
    ...{ extension, at: start, seconds: billsec },
    ...(isIncoming || dialled === '' ? {} : { dialled }),
  };
  return { is: 'call', event };
}
