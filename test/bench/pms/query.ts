// Queries as Clock reads them: `attr.op=value`, empty is nil, lists are `k[]=`. Pure.
import { Refusal } from './refusal.ts';

export type Query = ReadonlyMap<string, readonly (string | null)[]>;

/** A query string, decoded; a name without `=`, or with nothing after it, is null. */
export function parseQuery(text: string): Query {
  const query = new Map<string, (string | null)[]>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const at = pair.includes('=') ? pair.indexOf('=') : pair.length;
    const value = decode(pair.slice(at + 1));
    const name = decode(pair.slice(0, at));
    const list = query.get(name) ?? [];
    list.push(value === '' ? null : value);
    query.set(name, list);
  }
  return query;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new Refusal(400, 'Bad Request: invalid %-encoding');
  }
}

/** The one value of a name, or undefined when it is absent or empty. */
export const param = (query: Query, name: string): string | undefined =>
  query.get(name)?.at(-1) ?? undefined;

type Value = string | number | boolean | null;
type Kind = 'datetime' | 'date' | 'number' | 'boolean' | 'string' | 'virtual';

/** What a column holds, told by its name and by its value in the table's pattern. */
function kindOf(name: string, pattern: unknown): Kind {
  if (/_at$|^valid_(from|to)$/.test(name)) return 'datetime';
  if (/(^|_)date$|^(arrival|departure|active_from|active_to)$/.test(name)) return 'date';
  if (/(^|_)ids?$/.test(name) && !Array.isArray(pattern)) return 'number';
  if (typeof pattern === 'object' && pattern !== null) return 'virtual';
  if (typeof pattern === 'number') return 'number';
  return typeof pattern === 'boolean' ? 'boolean' : 'string';
}

const ZONED = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** A value as the column would compare it. Throws Refusal where SQL would. */
function cast(text: string | null, kind: Kind, name: string): Value {
  const no = (): never => {
    throw new Refusal(500, `Invalid value for ${name}: ${text}`);
  };
  if (text === null) return null;
  switch (kind) {
    case 'datetime': {
      const ms = ZONED.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
      return Number.isNaN(ms) ? no() : ms;
    }
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(text) ? text : no();
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : no();
    case 'boolean':
      return /^(true|1)$/.test(text);
    case 'string':
    case 'virtual':
      return text;
  }
}

const stored = (value: unknown, kind: Kind): Value => {
  if (value === null || value === undefined) return null;
  return kind === 'datetime' ? Date.parse(value as string) : (value as Value);
};

type Test = (value: Value, wanted: readonly Value[]) => boolean;
const compare = (holds: (a: number | string, b: number | string) => boolean): Test => {
  return (value, [wanted]) => {
    // As in SQL: nothing is greater or less than NULL.
    if (value === null || wanted === null || wanted === undefined) return false;
    return holds(value as number, wanted as number);
  };
};
const like = (pattern: Value | undefined): RegExp =>
  new RegExp(
    `^${String(pattern)
      .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll('%', '.*')
      .replaceAll('_', '.')}$`,
    'is',
  );

/** Arel predications. `not_eq` a value leaves out NULL, as SQL does. */
const OPERATIONS: Readonly<Record<string, Test>> = {
  eq: (value, wanted) => wanted.includes(value),
  not_eq: (value, wanted) =>
    wanted[0] === null ? value !== null : value !== null && !wanted.includes(value),
  gt: compare((a, b) => a > b),
  gteq: compare((a, b) => a >= b),
  lt: compare((a, b) => a < b),
  lteq: compare((a, b) => a <= b),
  in: (value, wanted) => wanted.includes(value),
  not_in: (value, wanted) => value !== null && !wanted.includes(value),
  matches: (value, [wanted]) => value !== null && like(wanted).test(String(value)),
  does_not_match: (value, [wanted]) => value !== null && !like(wanted).test(String(value)),
};

export interface Filtering {
  /** A row of defaults: its keys are the columns. */
  readonly pattern: Readonly<Record<string, unknown>>;
  /** Names that the endpoint takes for itself. */
  readonly own?: readonly string[];
}

/** The rows that every filter of the query lets through. Throws Refusal for what is no column. */
export function filterRows<R extends Readonly<Record<string, unknown>>>(
  rows: readonly R[],
  query: Query,
  { pattern, own = [] }: Filtering,
): readonly R[] {
  let left = rows;
  for (const [name, texts] of query) {
    if (own.includes(name)) continue;
    const isList = name.endsWith('[]');
    const [column = '', operation = isList ? 'in' : 'eq', ...more] = name
      .replace(/\[\]$/, '')
      .split('.');
    const holds = OPERATIONS[operation];
    const kind = column in pattern ? kindOf(column, pattern[column]) : 'virtual';
    if (kind === 'virtual' || holds === undefined || more.length > 0) {
      throw new Refusal(500, `Unknown column or condition '${name}'`);
    }
    const wanted = (isList ? texts : texts.slice(-1)).map((text) => cast(text, kind, name));
    left = left.filter((row) => holds(stored(row[column], kind), wanted));
  }
  return left;
}
