// The fields that orders and events are made of, as JSON, and what is said of one that is wrong: its name, never
// its value, for that may be a guest's. Pure.
import * as v from 'valibot';
import { DATA_CHARS_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX } from './limits.ts';

/** `text` names the field: "guest.arrival: not a day". */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly text: string };

/** Names and codes: what is no character is a mistake. */
export const Name = v.pipe(
  v.string(),
  v.minLength(1, 'empty'),
  v.maxLength(NAME_CHARS_MAX, 'too long'),
  v.regex(/^\P{Cc}*$/u, 'control characters'),
);
export const MaybeEmpty = v.pipe(
  v.string(),
  v.maxLength(NAME_CHARS_MAX, 'too long'),
  v.regex(/^\P{Cc}*$/u, 'control characters'),
);
export const Text = v.pipe(v.string(), v.maxLength(TEXT_CHARS_MAX, 'too long'));
export const Count = v.pipe(
  v.number(),
  v.safeInteger('not a whole number'),
  v.minValue(0, 'negative'),
);
export const Id = v.pipe(
  v.number(),
  v.safeInteger('not a whole number'),
  v.minValue(1, 'not an id'),
);
export const Day = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\d$/, 'not a day'),
  v.check((day) => isDate(`${day}T00:00:00Z`), 'not a day'),
);
export const LocalTime = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/, 'not a local time'),
  v.check((time) => isDate(`${time}Z`), 'not a local time'),
);
/** Clock's widest are 15 digits with 4 of them decimals. */
export const Money = v.pipe(v.string(), v.regex(/^-?\d{1,11}(\.\d{1,4})?$/, 'not an amount'));
export const Base64 = v.pipe(
  v.string(),
  v.maxLength(DATA_CHARS_MAX, 'too long'),
  v.regex(/^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/, 'not base64'),
);
const isDate = (text: string): boolean => !Number.isNaN(Date.parse(text));
/** JSON has no undefined: a field that may be it is there after parsing. */
export const orUndefined = <S extends v.GenericSchema>(schema: S) =>
  v.optional(schema, () => undefined);

export const FIRST = { abortEarly: true, abortPipeEarly: true } as const;

/** The first thing that is wrong. A message of ours has no value in it; valibot's own quote what came. */
export function parsed<T>(result: v.SafeParseResult<v.GenericSchema<unknown, T>>): Parsed<T> {
  if (result.success) return { ok: true, value: result.output };
  const [issue] = result.issues;
  const field = (v.getDotPath(issue) ?? '').slice(0, NAME_CHARS_MAX);
  const isOurs = issue.kind === 'validation';
  const why = isOurs ? issue.message : `expected ${issue.expected ?? issue.type}`;
  return { ok: false, text: `${field === '' ? 'all of it' : field}: ${why}` };
}
