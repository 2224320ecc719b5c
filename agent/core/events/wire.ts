// Events of the systems in the hotel and what becomes of them (verdicts), as JSON between a service and the agent.
// Strict, as orders are; but words that a device wrote are cut and cleaned: a charge must not be lost by them. Pure.
import * as v from 'valibot';
import { CODE_CHARS_MAX, ITEMS_MAX, KEY_CHARS_MAX, TEXT_CHARS_MAX } from '../fields/limits.ts';
import {
  Base64,
  Count,
  FIRST,
  Id,
  LocalTime,
  Money,
  Name,
  orUndefined,
  parsed,
} from '../fields/wire.ts';
import type { Parsed } from '../fields/wire.ts';
import { HOUSEKEEPING } from '../vocabulary.ts';
import type { EventKind, EventOf, HotelEvent, Verdict } from '../vocabulary.ts';

const Key = v.pipe(
  v.string(),
  v.minLength(1, 'empty'),
  v.maxLength(KEY_CHARS_MAX, 'too long'),
  v.regex(/^\P{Cc}*$/u, 'control characters'),
);
const words = (charsMax: number) =>
  v.pipe(
    v.string(),
    v.transform((text) =>
      text
        .slice(0, charsMax)
        .toWellFormed()
        .replaceAll(/\p{Cc}+/gu, ' ')
        .trim(),
    ),
  );
const Words = words(TEXT_CHARS_MAX);
const Code = words(CODE_CHARS_MAX);

const kind = <K extends EventKind>(name: K) => ({ kind: v.literal(name) });
const booking = v.optional(Id);
const SCHEMAS = {
  'charge.posted': v.strictObject({
    ...kind('charge.posted'),
    ...{ key: Key, room: Name, booking, amount: Money, text: Words },
    group: v.picklist(['f&b', 'extra', 'other']),
    at: LocalTime,
  }),
  'minibar.posted': v.strictObject({
    ...kind('minibar.posted'),
    ...{ key: Key, room: Name, booking },
    items: v.pipe(
      v.array(v.strictObject({ article: Name, quantity: v.pipe(Count, v.minValue(1, 'none')) })),
      v.minLength(1, 'none'),
      v.maxLength(ITEMS_MAX, 'too many'),
    ),
    at: LocalTime,
  }),
  'call.recorded': v.strictObject({
    ...kind('call.recorded'),
    ...{ key: Key, extension: Name, at: LocalTime },
    seconds: v.optional(Count),
    dialled: v.optional(Code),
    impulses: v.optional(Count),
    price: v.optional(Money),
    line: v.optional(Code),
  }),
  'room.status': v.strictObject({
    ...kind('room.status'),
    ...{ room: Name, housekeeping: v.picklist(HOUSEKEEPING), maid: v.optional(Code) },
  }),
  'room.privacy': v.strictObject({
    ...kind('room.privacy'),
    ...{ room: Name, wish: v.picklist(['undisturbed', 'make-up', 'none']) },
  }),
  'wakeup.set': v.strictObject({ ...kind('wakeup.set'), room: Name, at: LocalTime }),
  'wakeup.clear': v.strictObject({
    ...kind('wakeup.clear'),
    ...{ room: Name, at: v.optional(LocalTime) },
  }),
  'wakeup.result': v.strictObject({
    ...kind('wakeup.result'),
    ...{ room: Name, at: LocalTime },
    result: v.picklist(['answered', 'busy', 'no-answer', 'failed']),
  }),
  'message.light': v.strictObject({ ...kind('message.light'), room: Name, isOn: v.boolean() }),
  'message.text': v.strictObject({
    ...kind('message.text'),
    ...{ room: Name, booking: Id, text: Words },
  }),
  'checkout.requested': v.strictObject({
    ...kind('checkout.requested'),
    ...{ key: Key, room: Name, booking: Id, balance: Money },
  }),
  locator: v.strictObject({ ...kind('locator'), booking: Id, place: orUndefined(Code) }),
  'device.status': v.strictObject({
    ...kind('device.status'),
    device: Name,
    problems: v.pipe(v.array(Code), v.maxLength(ITEMS_MAX, 'too many')),
  }),
  'bytes.read': v.strictObject({ ...kind('bytes.read'), key: Key, data: Base64 }),
} as const satisfies { readonly [K in EventKind]: v.GenericSchema<unknown, EventOf<K>> };

export const EVENT_KINDS = Object.keys(SCHEMAS) as readonly EventKind[];

const isEventKind = (name: unknown): name is EventKind =>
  typeof name === 'string' && Object.hasOwn(SCHEMAS, name);

export function parseEvent(value: unknown): Parsed<HotelEvent> {
  const name = (value as { readonly kind?: unknown } | null | undefined)?.kind;
  if (!isEventKind(name)) return { ok: false, text: 'kind: no such event' };
  return parsed(v.safeParse<v.GenericSchema<unknown, HotelEvent>>(SCHEMAS[name], value, FIRST));
}

const TheVerdict: v.GenericSchema<unknown, Verdict> = v.variant('ok', [
  v.strictObject({ ok: v.literal(true), isRepeat: v.boolean() }),
  v.strictObject({
    ok: v.literal(false),
    why: v.picklist(['nobody', 'barred', 'later', 'wrong']),
    text: v.exactOptional(Words),
  }),
]);

export const parseVerdict = (value: unknown): Parsed<Verdict> =>
  parsed(v.safeParse(TheVerdict, value, FIRST));
