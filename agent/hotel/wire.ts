// What the hotel's side keeps on the card, one record a thing, and the bodies of its commands. Pure.
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { parseOrder } from '../core/orders/wire.ts';
import { HOUSEKEEPING } from '../core/vocabulary.ts';
import type { Order, OrderKind } from '../core/vocabulary.ts';
import { ARTICLES_MAX } from './limits.ts';

export const SPACE = 'hotel/';
const Id = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Ms = v.pipe(v.number(), v.finite());
const Text = v.pipe(v.string(), v.maxLength(4_000));
const V1 = { v: v.literal(1) };

const Meta = v.object({
  ...V1,
  asOfMs: Ms,
  businessDay: v.exactOptional(Text),
  timeZone: Text,
  currency: Text,
});
const Room = v.object({ ...V1, name: Text, housekeeping: v.nullable(v.picklist(HOUSEKEEPING)) });
const Guest = v.object({
  booking: Id,
  lastName: Text,
  firstName: v.exactOptional(Text),
  title: v.exactOptional(Text),
  language: v.exactOptional(Text),
  arrival: Text,
  departure: Text,
  isBarred: v.exactOptional(v.boolean()),
});
const Booking = v.object({ ...V1, roomId: Id, guest: Guest });
/** What housekeeping said in the hotel and Clock does not know yet. */
const Wish = v.object({ ...V1, housekeeping: v.picklist(HOUSEKEEPING), service: Text });
const Service = v.object({ ...V1, takes: v.array(v.string()) });

/** A charge as it is posted, or a call as it is reported. */
const Charge = v.object({
  is: v.literal('charge'),
  booking: Id,
  room: Text,
  text: Text,
  group: Text,
  /** Of one; decimal text. */
  price: Text,
  quantity: Count,
  templateId: v.exactOptional(Id),
  at: Text,
});
/** Sold without a price: Clock's charge templates have it, when it is posted. */
const Article = v.object({
  is: v.literal('article'),
  booking: Id,
  room: Text,
  article: Text,
  quantity: Count,
  at: Text,
});
const Call = v.object({
  is: v.literal('call'),
  extension: Text,
  at: Text,
  seconds: v.exactOptional(Count),
  dialled: v.exactOptional(Text),
  impulses: v.exactOptional(Count),
  price: v.exactOptional(Text),
});
const What = v.variant('is', [Charge, Article, Call]);
const row = { ...V1, seq: Count, atMs: Ms, service: Text };
const open = { ...row, what: What };
const Row = v.variant('state', [
  /** `seek`: it may have been posted once; it is looked for before it is posted. */
  v.object({ ...open, state: v.literal('stored'), seek: v.exactOptional(v.literal(true)) }),
  v.object({ ...open, state: v.literal('posting') }),
  v.object({ ...open, state: v.literal('rejected'), text: Text }),
  v.object({ ...open, state: v.literal('unknown'), text: Text }),
  v.object({ ...row, state: v.literal('posted'), charge: v.exactOptional(Id) }),
  v.object({ ...row, state: v.literal('abandoned') }),
  /** Told to the cloud, and nothing to post: kept to recognise a repeat. */
  v.object({ ...row, state: v.literal('told') }),
]);

const DoorKey = v.object({
  ...V1,
  /** When the card was written or taken back; else when this was put down. */
  atMs: Ms,
  /** `issued`, `failed` and `cancelled`: Clock does not know yet. */
  state: v.picklist(['asked', 'begun', 'issued', 'failed', 'cancelled', 'answered']),
  service: v.exactOptional(Text),
  text: v.exactOptional(Text),
  qrCodeText: v.exactOptional(Text),
  /** Clock wants it back for ever, the lock system does not. */
  stays: v.exactOptional(v.literal(true)),
});
const Mark = v.object({ ...V1, after: Count });

const fiscal = { ...V1, atMs: Ms };
const Fiscal = v.variant('state', [
  /** A person has looked at the printer: it is not printed. */
  v.object({
    ...{ ...fiscal, state: v.literal('asked') },
    isLookedAt: v.exactOptional(v.literal(true)),
  }),
  v.object({ ...fiscal, state: v.literal('printing'), service: Text }),
  v.object({ ...fiscal, state: v.literal('printed'), response: Text }),
  v.object({
    ...{ ...fiscal, state: v.picklist(['unknown', 'failed']), text: Text },
    /** It was printed: only Clock does not know. */
    response: v.exactOptional(Text),
  }),
  v.object({ ...fiscal, state: v.picklist(['answered', 'abandoned']) }),
]);

export type Charge = Readonly<v.InferOutput<typeof Charge>>;
export type Article = Readonly<v.InferOutput<typeof Article>>;
export type Call = Readonly<v.InferOutput<typeof Call>>;
export type What = Readonly<v.InferOutput<typeof What>>;
export type Row = Readonly<v.InferOutput<typeof Row>>;
export type OpenRow = Extract<Row, { readonly what: unknown }>;
export type KeyRecord = Readonly<v.InferOutput<typeof DoorKey>>;
export type FiscalRecord = Readonly<v.InferOutput<typeof Fiscal>>;

/** undefined: not what we wrote. */
const reader =
  <S extends v.GenericSchema>(schema: S) =>
  (text: string | undefined): v.InferOutput<S> | undefined => {
    const result = v.safeParse(schema, text === undefined ? undefined : fromJson(text));
    return result.success ? result.output : undefined;
  };
export const parseMeta = reader(Meta);
export const parseRoom = reader(Room);
export const parseBooking = reader(Booking);
export const parseWish = reader(Wish);
export const parseService = reader(Service);
export const parseRow = reader(Row);
export const parseKey = reader(DoorKey);
export const parseMark = reader(Mark);
export const parseFiscal = reader(Fiscal);

export const render = (value: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ v: 1, ...value });
export const renderOrder = (order: Order): string => JSON.stringify(order);
export function parseStoredOrder(text: string): Order | undefined {
  const parsed = parseOrder(fromJson(text));
  return parsed.ok ? parsed.value : undefined;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const SEQ_DIGITS = 15;
export const keys = {
  meta: `${SPACE}meta`,
  rooms: `${SPACE}room/`,
  room: (id: number) => `${SPACE}room/${id}`,
  bookings: `${SPACE}booking/`,
  booking: (id: number) => `${SPACE}booking/${id}`,
  wishes: `${SPACE}wish/`,
  wish: (roomId: number) => `${SPACE}wish/${roomId}`,
  services: `${SPACE}service/`,
  service: (id: string) => `${SPACE}service/${id}`,
  todos: `${SPACE}todo/`,
  todosOf: (service: string) => `${SPACE}todo/${service}/`,
  todo: (service: string, seq: number) =>
    `${SPACE}todo/${service}/${String(seq).padStart(SEQ_DIGITS, '0')}`,
  ledger: `${SPACE}ledger/`,
  row: (id: string) => `${SPACE}ledger/${id}`,
  doorKeys: `${SPACE}key/`,
  doorKey: (id: number) => `${SPACE}key/${String(id).padStart(SEQ_DIGITS, '0')}`,
  mark: `${SPACE}key-mark`,
  fiscals: `${SPACE}fiscal/`,
  fiscal: (folio: number) => `${SPACE}fiscal/${folio}`,
  articles: `${SPACE}articles`,
} as const;

/** The last part of a key, as a number. */
export const idOf = (key: string): number => Number(key.slice(key.lastIndexOf('/') + 1));

/** Of one thing that a system reported: the same for every repeat of it, on every start. */
export function rowId(
  service: string,
  event: { readonly kind: string; readonly key: string },
): string {
  const hash = createHash('sha256').update(`${service}\n${event.kind}\n${event.key}`).digest('hex');
  return `${service}/${hash.slice(0, 24)}`;
}

/** Base32 (RFC 4648) without what people take for something else. */
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** Stands on the guest's folio, and by it a charge is found again: "Ref. 7KQ2M9XA4TPC", of 60 bits. */
export function referenceOf(id: string): string {
  const hash = createHash('sha256').update(id).digest();
  return `Ref. ${[...hash.subarray(0, 12)].map((byte) => LETTERS[byte % 32]).join('')}`;
}

const RowId = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9-]{1,32}\/[0-9a-f]{24}(-\d{1,3})?$|^fiscal\/\d{1,16}$/),
);
const Resolve = v.strictObject({ key: RowId, as: v.picklist(['posted', 'retry', 'abandon']) });
export const parseResolve = (body: unknown): v.InferOutput<typeof Resolve> | undefined => {
  const result = v.safeParse(Resolve, body);
  return result.success ? result.output : undefined;
};

const Articles = v.pipe(
  v.record(v.pipe(v.string(), v.minLength(1), v.maxLength(40)), Id),
  v.check((all) => Object.keys(all).length <= ARTICLES_MAX, 'too many'),
);
const StoredArticles = v.object({ ...V1, articles: Articles });
const SetArticles = v.strictObject({ articles: Articles });
/** Which charge template an article of a minibar is. */
export const parseArticles = reader(StoredArticles);
export const parseSetArticles = (body: unknown): v.InferOutput<typeof Articles> | undefined => {
  const result = v.safeParse(SetArticles, body);
  return result.success ? result.output.articles : undefined;
};

/** Everything that follows the house, for services that take it. */
export const isMovement = (kind: OrderKind): boolean => MOVEMENTS.has(kind);
const MOVEMENTS: ReadonlySet<OrderKind> = new Set([
  ...(['room.checked-in', 'room.checked-out', 'room.moved', 'guest.changed'] as const),
  ...(['room.status', 'night-audit', 'resync'] as const),
]);
