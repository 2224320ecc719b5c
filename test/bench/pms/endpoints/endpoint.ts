// What an endpoint of the API is, and what endpoints have in common.
import type { Row, TableName } from '../api.ts';
import type { Hotel, HotelWorld } from '../hotel.ts';
import { filterRows } from '../query.ts';
import type { Query } from '../query.ts';
import { Refusal, missing, notFound } from '../refusal.ts';
import { PATTERNS } from '../tables.ts';

export interface Asked extends HotelWorld {
  readonly hotel: Hotel;
  readonly phonePricing: 'price' | 'impulses' | 'zones';
  /** What stood in the path's places, in order; ids are numbers. */
  readonly params: readonly string[];
  readonly query: Query;
  readonly body: unknown;
}

export interface Endpoint {
  readonly api: 'pms_api' | 'base_api' | 'pos_api';
  readonly method: 'GET' | 'POST' | 'PUT';
  /** `:id` is a number, `:date` a date; the first that fits answers. */
  readonly path: string;
  /** Without the API's name: `door_keys_update`. A plain right has a colon: 'Charges: Create'. */
  readonly right: string;
  /** undefined: an answer without a body. */
  readonly answer: (asked: Asked) => unknown;
}

export type Body = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object under `name`, which Rails requires. */
export function under(body: unknown, name: string): Body {
  const inner = isObject(body) ? body[name] : undefined;
  if (!isObject(inner)) throw missing(name);
  return inner;
}

export function rowOf({ store, params }: Asked, table: TableName): Row {
  const row = store.find(table, Number(params[0]));
  if (row === undefined) throw notFound();
  return row;
}

export const list = (
  { store, query }: Asked,
  table: TableName,
  own: readonly string[] = [],
): readonly Row[] => filterRows(store.rows(table), query, { pattern: PATTERNS[table], own });

export const ids = (rows: readonly Row[]): readonly number[] => rows.map(({ id }) => id);

/** Only what may be changed; texts not longer than Clock's String. */
export function allowed(body: Body, names: readonly string[], charsMax: number): Body {
  for (const [name, value] of Object.entries(body)) {
    if (!names.includes(name)) throw new Refusal(500, `unknown attribute '${name}'`);
    if (typeof value === 'string' && value.length > charsMax) {
      throw new Refusal(500, `${name} is too long (maximum is ${charsMax} characters)`);
    }
  }
  return body;
}

const ZONED = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/;

/** A DateTime with its zone, as Clock shows it. */
export function instant(value: unknown, name: string): string {
  if (typeof value !== 'string' || !ZONED.test(value) || Number.isNaN(Date.parse(value))) {
    throw new Refusal(500, `${name} is not a valid date`);
  }
  return new Date(value).toISOString();
}
