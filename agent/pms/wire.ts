// Clock's answers as typed values, paths and queries as Clock reads them, and what lies on the card. Pure.
// The vendor's public API documentation; only the fields that we use.
import * as v from 'valibot';
import {
  ANSWER_PARTS_MAX,
  CURSOR_CHARS_MAX,
  IDS_MAX,
  NAMES_MAX,
  STRING_CHARS_MAX,
  TEXT_CHARS_MAX,
} from './limits.ts';

const Id = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER));
const Text = v.pipe(v.string(), v.maxLength(10_000));
const MaybeText = v.nullish(Text, null);
const MaybeId = v.nullish(Id, null);
const Texts = v.nullish(v.pipe(v.array(Text), v.maxLength(NAMES_MAX)), []);
const Day = v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\d$/));
const Ids = v.pipe(v.array(Id), v.maxLength(IDS_MAX));
const listOf = <T extends v.GenericSchema>(one: T) => v.pipe(v.array(one), v.maxLength(IDS_MAX));

const Root = v.object({
  name: v.pipe(v.string(), v.maxLength(STRING_CHARS_MAX)),
  /** As Clock names it; perhaps not as the tz database does. */
  time_zone: v.pipe(v.string(), v.maxLength(STRING_CHARS_MAX)),
  revenu_date: Day,
  http_msg_channels: v.pipe(
    v.nullish(v.record(v.string(), v.unknown()), {}),
    v.check((all) => Object.keys(all).length <= NAMES_MAX, 'too many names'),
    // What is no address does not spoil the others.
    v.transform((all) => new Map(Object.entries(all).filter(isTextual))),
  ),
});
export type Root = v.InferOutput<typeof Root>;

const DoorKey = v.object({
  id: Id,
  booking_id: MaybeId,
  room_id: MaybeId,
  room_name: MaybeText,
  encoder_id: MaybeId,
  encoder_identifier: MaybeText,
  valid_from: MaybeText,
  valid_to: MaybeText,
  guest_name: MaybeText,
  issued_at: MaybeText,
  reference_system: MaybeText,
  key_reference: MaybeText,
  delete_requested_at: MaybeText,
  deleted_at: MaybeText,
  parent_key_id: MaybeId,
  error_text: MaybeText,
  room_door_codes: Texts,
  common_door_codes: Texts,
  qr_code_text: MaybeText,
  mobile_key_phone_number: MaybeText,
  mobile_key_email: MaybeText,
  created_at: MaybeText,
});
export type DoorKey = v.InferOutput<typeof DoorKey>;

const Booking = v.object({
  id: Id,
  number: v.nullish(v.union([Text, v.number()]), null),
  status: v.picklist(['expected', 'checked_in', 'checked_out', 'canceled', 'no_show']),
  arrival: Day,
  departure: Day,
  arrival_room_id: MaybeId,
  current_room_id: MaybeId,
  booking_room_changes: v.nullish(listOf(v.object({ room_id: Id, from_date: Day })), []),
  accept_charge_transfers: v.nullish(v.boolean(), false),
  guest_first_name: MaybeText,
  guest_last_name: MaybeText,
  guest_person_title_name: MaybeText,
  guest_language: MaybeText,
  balance: v.nullish(v.object({ currency: MaybeText }), null),
  updated_at: MaybeText,
});
const InHotel = v.object({
  id: Id,
  room_number: MaybeText,
  arrival: MaybeText,
  departure: MaybeText,
  accept_charges: v.nullish(v.boolean(), false),
  guest_title: MaybeText,
  guest_first_name: MaybeText,
  guest_last_name: MaybeText,
});
const Room = v.object({
  id: Id,
  name: Text,
  room_type_id: MaybeId,
  room_door_codes: Texts,
  common_door_codes: Texts,
});
const RoomStatuses = v.object({
  rooms: listOf(v.object({ id: Id, number: MaybeText, housekeeping_status: v.nullish(Text, '') })),
});
const Charge = v.object({
  id: Id,
  folio_id: MaybeId,
  text: MaybeText,
  print_text: MaybeText,
  voided_at: MaybeText,
});
const FolioCharge = v.object({
  id: Id,
  text: MaybeText,
  price_cents: v.pipe(v.number(), v.safeInteger()),
  qty: v.number(),
  tax_rate: v.nullish(v.number(), 0),
  voided_at: MaybeText,
});
const Credit = v.object({
  id: Id,
  payment_type: MaybeText,
  value_cents: v.pipe(v.number(), v.safeInteger()),
  voided_at: MaybeText,
});
const Template = v.object({
  id: Id,
  text: MaybeText,
  revenue_group: MaybeText,
  plain_price_cents: v.nullish(v.pipe(v.number(), v.safeInteger()), null),
  currency: MaybeText,
});
const Fiscal = v.nullable(
  v.object({ fiscal_request_code: MaybeText, fiscal_response_code: MaybeText }),
);

export const SCHEMAS = {
  root: Root,
  ids: Ids,
  doorKey: DoorKey,
  booking: Booking,
  bookings: listOf(Booking),
  inHotel: listOf(InHotel),
  rooms: listOf(Room),
  roomStatuses: listOf(RoomStatuses),
  charge: Charge,
  charges: listOf(Charge),
  folioCharges: listOf(FolioCharge),
  credits: listOf(Credit),
  templates: listOf(Template),
  fiscal: Fiscal,
} as const;
export type Answers = { readonly [K in keyof typeof SCHEMAS]: v.InferOutput<(typeof SCHEMAS)[K]> };

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly text: string };

/** The reason names the field, never the value: it may be a guest's. */
export function parseAs<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
): Parsed<v.InferOutput<S>> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return { ok: true, value: result.output };
  const [issue] = result.issues;
  const text = `${v.getDotPath(issue) ?? 'answer'}: expected ${issue.expected ?? issue.type}`;
  return { ok: false, text: text.slice(0, TEXT_CHARS_MAX) };
}

function isTextual(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === 'string';
}

const [COMMA, OBJECT, ARRAY] = [0x2c, 0x7b, 0x5b];

/**
 * JSON from outside; undefined: none, or one that would fill the memory. 4 MiB of `[],[],…` become 100 MiB
 * of arrays: what opens or separates is counted first.
 */
export function parseJson(bytes: Buffer): { readonly value: unknown } | undefined {
  let parts = 0;
  for (const byte of bytes) if (byte === COMMA || byte === OBJECT || byte === ARRAY) parts += 1;
  if (parts > ANSWER_PARTS_MAX) return undefined;
  try {
    return { value: JSON.parse(bytes.toString('utf8')) as unknown };
  } catch {
    return undefined;
  }
}

const clean = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, TEXT_CHARS_MAX);

/** What a refusal says: `{"error": …}`, else the words of a page or a text. */
export function refusalText(body: Buffer, status: number): string {
  // Enough for any words; a page may be long.
  const text = body.subarray(0, 64 * TEXT_CHARS_MAX).toString('utf8');
  const json = body.length <= 64 * TEXT_CHARS_MAX ? parseJson(body)?.value : undefined;
  const said = v.safeParse(v.object({ error: v.string() }), json);
  const words = said.success
    ? said.output.error
    : text.replaceAll(/<(script|style)\b[^]*?<\/\1>/gi, '').replaceAll(/<[^>]{0,500}>/g, ' ');
  return clean(words) || `HTTP ${status}`;
}

/** The right that is missing, as Clock names it; undefined: this is not about a right. */
export function missingRight(text: string): string | undefined {
  const plain = /right:\s*'([^']{1,100})'/.exec(text)?.[1];
  const named = /(?:doesn't|does not|doesn\u2019t) have (?:the )?([\w:-]{1,100}) right/.exec(
    text,
  )?.[1];
  if (plain !== undefined || named !== undefined) return plain ?? named;
  return /\bright\b/i.test(text) ? clean(text).slice(0, 100) : undefined;
}

/** An event is an id, in JSON under whatever name or bare; undefined: a wake-up all the same. */
export function eventId(body: Buffer): number | undefined {
  const value = parseJson(body)?.value;
  const given: unknown[] =
    typeof value === 'object' && value !== null ? Object.values(value) : [value];
  return given.find((one): one is number => Number.isSafeInteger(one) && (one as number) > 0);
}

/** Apostrophes too: Rails drops them from the header that it checks the signature with. */
const encode = (part: string | number): string =>
  encodeURIComponent(String(part).toWellFormed()).replaceAll("'", '%27');

export const path = (...parts: readonly (string | number)[]): string => parts.map(encode).join('/');

/** Empty values are nil to Clock: `closed_at.eq` stands without `=`. Percent-encoded, never `+`. */
export function query(pairs: readonly (readonly [string, string])[]): string {
  const encoded = pairs.map(([name, value]) =>
    value === '' ? encode(name) : `${encode(name)}=${encode(value)}`,
  );
  return encoded.length === 0 ? '' : `?${encoded.join('&').replaceAll('%5B%5D=', '[]=')}`;
}

/** Where a channel is; undefined: an address that cannot be ours to call. It is a secret. */
export interface Channel {
  readonly host: string;
  readonly port: number;
  readonly target: string;
}

/** `near` is the account's host: channels are of its domain, wherever the root points. */
export function parseChannel(address: string, near: string): Channel | undefined {
  if (!/^(https:)?\/\/[\w.:-]+\/[\w./~%-]{1,500}$/.test(address)) return undefined;
  const url = URL.parse(address.replace(/^(https:)?\/\//, 'https://'));
  if (url === null || url.username !== '') return undefined;
  const domain = near.split('.').slice(-2).join('.');
  const isNear = url.hostname === near || url.hostname.endsWith(`.${domain}`);
  if (!isNear) return undefined;
  return { host: url.hostname, port: Number(url.port || 443), target: url.pathname };
}

const CursorText = v.pipe(v.string(), v.maxLength(CURSOR_CHARS_MAX), v.regex(/^[\x20-\x7e]*$/));
const Cursor = v.object({ v: v.literal(1), modified: CursorText, tag: CursorText });
/** A place in a channel: `Last-Modified` and `Etag` of what was handled last. */
export type Cursor = v.InferOutput<typeof Cursor>;
const Ban = v.object({ v: v.literal(1), sinceMs: v.number() });

const record = <S extends v.GenericSchema>(schema: S, text: string | undefined) => {
  const json = text === undefined ? undefined : parseJson(Buffer.from(text))?.value;
  const result = v.safeParse(schema, json);
  return result.success ? result.output : undefined;
};
export const parseBan = (text: string | undefined) => record(Ban, text);
export const renderBan = (ban: { readonly sinceMs: number }): string =>
  JSON.stringify({ v: 1, ...ban });
export const parseCursor = (text: string | undefined): Cursor | undefined => record(Cursor, text);
export const renderCursor = (cursor: Cursor): string => JSON.stringify(cursor);

/** The cursor that a message came with; undefined: none that could go into a header. */
export function cursorFrom(headers: Readonly<Record<string, string | undefined>>) {
  return record(
    Cursor,
    JSON.stringify({ v: 1, modified: headers['last-modified'], tag: headers['etag'] ?? '' }),
  );
}
