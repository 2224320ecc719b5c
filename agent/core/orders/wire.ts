// Orders, their outcomes and the house as JSON: from the cloud, and between the agent and its services. Strict:
// a field too many is as wrong as one too few. Errors name the field, never its value: it may be a guest's. Pure.
import * as v from 'valibot';
import { HOUSEKEEPING } from '../vocabulary.ts';
import type { House, Order, OrderKind, OrderOf, OrderOutcome } from '../vocabulary.ts';
import {
  ANSWER_BYTES_MAX,
  DOORS_MAX,
  FISCAL_LINES_MAX,
  GUESTS_MAX,
  PARTS_MAX,
  ROOMS_MAX,
} from '../fields/limits.ts';
import {
  Base64,
  Count,
  Day,
  FIRST,
  Id,
  LocalTime,
  MaybeEmpty,
  Money,
  Name,
  Text,
  orUndefined,
  parsed,
} from '../fields/wire.ts';
import type { Parsed } from '../fields/wire.ts';

const Doors = v.pipe(v.array(Name), v.maxLength(DOORS_MAX, 'too many'));

const Guest = v.strictObject({
  booking: Id,
  lastName: MaybeEmpty,
  firstName: v.optional(MaybeEmpty),
  title: v.optional(MaybeEmpty),
  language: v.optional(v.pipe(v.string(), v.regex(/^[a-z]{2,3}$/, 'not a language'))),
  arrival: Day,
  departure: Day,
  group: v.optional(MaybeEmpty),
  isVip: v.optional(v.boolean()),
  isBarred: v.optional(v.boolean()),
});
const stay = { room: Name, guest: Guest, isShared: v.boolean() };

const keyOrder = {
  key: Id,
  booking: orUndefined(Id),
  room: Name,
  moreRooms: Doors,
  encoder: Name,
  desk: v.optional(Name),
  doorCodes: Doors,
  commonDoors: Doors,
  from: LocalTime,
  to: LocalTime,
  guestName: MaybeEmpty,
  operator: v.optional(Name),
  mobile: v.optional(
    v.strictObject({ phone: v.exactOptional(Name), email: v.exactOptional(Name) }),
  ),
};

/** A printer knows eight sizes. */
const Size = v.pipe(v.number(), v.integer(), v.minValue(1, 'too small'), v.maxValue(8, 'too big'));
const ReceiptPart = v.variant('is', [
  v.strictObject({
    is: v.literal('line'),
    text: Text,
    align: v.optional(v.picklist(['left', 'center', 'right'])),
    isBold: v.optional(v.boolean()),
    isUnderlined: v.optional(v.boolean()),
    width: v.optional(Size),
    height: v.optional(Size),
  }),
  v.strictObject({ is: v.literal('feed'), lines: v.pipe(Count, v.maxValue(255, 'too many')) }),
  v.strictObject({ is: v.literal('qr'), data: Text }),
  v.strictObject({ is: v.literal('barcode'), data: Name }),
  v.pipe(
    v.strictObject({
      is: v.literal('raster'),
      widthBytes: v.pipe(Count, v.minValue(1, 'empty')),
      rows: v.pipe(Count, v.minValue(1, 'empty')),
      data: Base64,
    }),
    v.check(
      ({ widthBytes, rows, data }) => Buffer.byteLength(data, 'base64') === widthBytes * rows,
      'data is not of this size',
    ),
  ),
  v.strictObject({ is: v.literal('cut') }),
  v.strictObject({ is: v.literal('drawer') }),
]);

const Fiscal = {
  folio: Id,
  saleNumber: v.optional(Name),
  operator: v.optional(Name),
  lines: v.pipe(
    v.array(
      v.strictObject({
        text: Text,
        price: Money,
        quantity: v.pipe(v.string(), v.regex(/^-?\d{1,9}(\.\d{1,4})?$/, 'not a quantity')),
        taxGroup: Name,
        adjustment: v.optional(Money),
      }),
    ),
    v.maxLength(FISCAL_LINES_MAX, 'too many'),
  ),
  payments: v.pipe(
    v.array(v.strictObject({ type: Name, amount: Money })),
    v.maxLength(FISCAL_LINES_MAX, 'too many'),
  ),
  texts: v.optional(v.pipe(v.array(Text), v.maxLength(FISCAL_LINES_MAX, 'too many'))),
  lottery: v.optional(Name),
  isLookedAt: v.optional(v.boolean()),
  reversal: v.optional(
    v.strictObject({
      document: Name,
      report: v.optional(Name),
      at: LocalTime,
      device: v.optional(Name),
      why: v.picklist(['return', 'mistake', 'tax-base']),
    }),
  ),
};

const kind = <K extends OrderKind>(name: K) => ({ kind: v.literal(name) });
const roomAt = { room: Name, at: LocalTime };
const roomOn = { room: Name, isOn: v.boolean() };
const SCHEMAS = {
  'room.checked-in': v.strictObject({ ...kind('room.checked-in'), ...stay }),
  'room.checked-out': v.strictObject({ ...kind('room.checked-out'), ...stay }),
  'guest.changed': v.strictObject({ ...kind('guest.changed'), ...stay }),
  'room.moved': v.strictObject({
    ...kind('room.moved'),
    ...stay,
    from: Name,
    isFromShared: v.boolean(),
  }),
  'room.status': v.strictObject({
    ...kind('room.status'),
    room: Name,
    housekeeping: v.picklist(HOUSEKEEPING),
  }),
  'room.barring': v.strictObject({
    ...kind('room.barring'),
    room: Name,
    level: v.picklist([0, 1, 2, 3]),
  }),
  'room.privacy': v.strictObject({ ...kind('room.privacy'), ...roomOn }),
  'wakeup.set': v.strictObject({ ...kind('wakeup.set'), ...roomAt }),
  'wakeup.clear': v.strictObject({ ...kind('wakeup.clear'), ...roomAt }),
  'message.light': v.strictObject({ ...kind('message.light'), ...roomOn }),
  'message.text': v.strictObject({
    ...kind('message.text'),
    room: Name,
    booking: Id,
    message: Count,
    text: Text,
  }),
  'night-audit': v.strictObject({ ...kind('night-audit'), phase: v.picklist(['start', 'end']) }),
  resync: v.strictObject(kind('resync')),
  'key.encode': v.strictObject({
    ...kind('key.encode'),
    card: v.picklist(['original', 'copy', 'next']),
    ...keyOrder,
  }),
  'key.cancel': v.strictObject({ ...kind('key.cancel'), ...keyOrder }),
  'key.read': v.strictObject({ ...kind('key.read'), encoder: Name, desk: v.optional(Name) }),
  'receipt.print': v.strictObject({
    ...kind('receipt.print'),
    printer: Name,
    document: Name,
    parts: v.pipe(v.array(ReceiptPart), v.maxLength(PARTS_MAX, 'too many')),
  }),
  'fiscal.receipt': v.strictObject({ ...kind('fiscal.receipt'), ...Fiscal }),
  'fiscal.report': v.strictObject({ ...kind('fiscal.report'), report: v.picklist(['x', 'z']) }),
  'bytes.write': v.strictObject({ ...kind('bytes.write'), data: Base64 }),
} as const satisfies { readonly [K in OrderKind]: v.GenericSchema<unknown, OrderOf<K>> };

export const ORDER_KINDS = Object.keys(SCHEMAS) as readonly OrderKind[];

const isOrderKind = (name: unknown): name is OrderKind =>
  typeof name === 'string' && Object.hasOwn(SCHEMAS, name);

export function parseOrder(value: unknown): Parsed<Order> {
  const name = (value as { readonly kind?: unknown } | null | undefined)?.kind;
  if (!isOrderKind(name)) return { ok: false, text: 'kind: no such order' };
  return parsed(v.safeParse<v.GenericSchema<unknown, Order>>(SCHEMAS[name], value, FIRST));
}

/** A command of the cloud to a service: its kind is the order's, its body the rest of it. */
export function orderOf(name: string, body: unknown): Parsed<Order> {
  if (body !== undefined && body !== null && (typeof body !== 'object' || Array.isArray(body))) {
    return { ok: false, text: 'body: not an object' };
  }
  return parseOrder({ ...body, kind: name });
}

const Answer = v.pipe(
  v.record(v.string(), v.unknown()),
  v.check((body) => Buffer.byteLength(JSON.stringify(body)) <= ANSWER_BYTES_MAX, 'too large'),
);
const Outcome: v.GenericSchema<unknown, OrderOutcome> = v.variant('ok', [
  v.strictObject({ ok: v.literal(true), body: v.optional(Answer) }),
  v.strictObject({
    ok: v.literal(false),
    why: v.picklist(['offline', 'busy', 'refused', 'expired', 'unsupported', 'wrong', 'unknown']),
    text: v.optional(Text),
  }),
]);

export const parseOutcome = (value: unknown): Parsed<OrderOutcome> =>
  parsed(v.safeParse(Outcome, value, FIRST));

const TheHouse: v.GenericSchema<unknown, House> = v.strictObject({
  asOfMs: orUndefined(v.pipe(v.number(), v.finite())),
  businessDay: orUndefined(Day),
  timeZone: Name,
  currency: v.strictObject({
    code: v.pipe(v.string(), v.regex(/^[A-Z]{3}$/, 'not a currency')),
    decimals: v.pipe(Count, v.maxValue(4, 'too many')),
  }),
  rooms: v.pipe(
    v.array(
      v.strictObject({
        room: Name,
        housekeeping: v.nullable(v.picklist(HOUSEKEEPING)),
        guests: v.pipe(v.array(Guest), v.maxLength(GUESTS_MAX, 'too many')),
      }),
    ),
    v.maxLength(ROOMS_MAX, 'too many'),
  ),
});

export const parseHouse = (value: unknown): Parsed<House> =>
  parsed(v.safeParse(TheHouse, value, FIRST));
