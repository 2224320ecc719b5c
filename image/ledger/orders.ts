// A file of orders: which units to make, for whom, with which accounts and services. Judges every field by the
// agent's own formats, names all that is wrong by line and column, and never quotes a value: it may be a key.
import { INTERFACES } from '../../agent/interfaces.ts';
import { KINDS, parseUnitRecord } from '../../agent/pairing/wire.ts';
import type { Kind } from '../../agent/pairing/wire.ts';
import { judgeServices } from '../../agent/services/config.ts';
import { readCsv } from './csv.ts';
import type { CsvRow } from './csv.ts';
import { ORDER_PROBLEMS_MAX, UNITS_MAX } from './limits.ts';
import type { UnitsWanted } from './ledger.ts';
import { NAME_IS, ORDER_IS, isName, isOrder } from './names.ts';

/** One line of an order; `record` is what its cards get, with its secrets. */
export interface OrderLine extends Omit<UnitsWanted, 'secret'> {
  readonly line: number;
  readonly order: string;
  readonly record: Readonly<Record<string, unknown>>;
}

interface OrderProblem {
  readonly line: number;
  /** The column's name; `-` where the line itself is wrong. */
  readonly field: string;
  readonly problem: string;
}

export type Orders =
  | { readonly ok: true; readonly lines: readonly OrderLine[] }
  | { readonly ok: false; readonly problems: readonly OrderProblem[] };

export interface OrderSurroundings {
  /** Text of a file that stands beside the orders; undefined: there is none. */
  readonly beside: (name: string) => string | undefined;
  /** Orders that are in the ledger already. */
  readonly known: ReadonlySet<string>;
}

const FIELDS = {
  host: 'host',
  subscriptionId: 'subscription_id',
  accountId: 'account_id',
  apiUser: 'api_user',
  apiKey: 'api_key',
} as const;
type Field = keyof typeof FIELDS;
const NUMBERS: ReadonlySet<string> = new Set(['subscriptionId', 'accountId']);

const column = (kind: Kind, field: Field): string => `${kind}_${FIELDS[field]}`;
const accountColumns = KINDS.flatMap((kind) =>
  (Object.keys(FIELDS) as Field[]).map((field) => column(kind, field)),
);
/** All columns there are; `order` and `count` must be there. */
const COLUMNS = ['order', 'count', 'name', ...accountColumns, 'services'];
const NEEDED = ['order', 'count'];
/** Many times what there is: a spreadsheet may have empty columns behind its last one. */
const HEAD_CELLS_MAX = 1_000;

const SERVICES_FILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.json$/;

type Add = (field: string, problem: string) => void;

/** Reads a file of orders: all of it, or all that is wrong with it. */
export async function readOrders(bytes: Uint8Array, around: OrderSurroundings): Promise<Orders> {
  const csv = readCsv(bytes);
  if (!csv.ok) return bad([{ line: csv.line, field: '-', problem: csv.why }]);
  const [head, ...rows] = csv.rows;
  if (head === undefined) return bad([{ line: 1, field: '-', problem: 'the file is empty' }]);
  const names = head.cells.map((cell) => cell.toLowerCase().replaceAll(/[\s-]+/g, '_'));
  const written = (name: string): string => head.cells[names.indexOf(name)]?.slice(0, 40) || name;
  const wrongHead = headProblems(names);
  if (wrongHead.length === 0 && rows.length === 0)
    wrongHead.push({ field: '-', problem: 'there is no order below the first line' });
  // Columns that nobody knows hide nothing of the others.
  const problems: OrderProblem[] = [...unknownColumns(names), ...wrongHead].map(
    ({ field, problem }) => ({ line: head.line, field: written(field) || '-', problem }),
  );
  if (wrongHead.length > 0) return bad(problems);
  const lines: OrderLine[] = [];
  for (const row of rows) {
    const before = problems.length;
    const add: Add = (field, problem) =>
      problems.push({ line: row.line, field: written(field), problem });
    const read = await readLine(row, { names, add, around });
    if (problems.length === before) lines.push(read);
    if (problems.length > ORDER_PROBLEMS_MAX) {
      const rest = 'below this line nothing was looked at: mend what is above first';
      return bad([...problems, { line: row.line, field: '-', problem: rest }]);
    }
  }
  const count = lines.reduce((sum, line) => sum + line.count, 0);
  if (problems.length === 0 && count > UNITS_MAX) {
    return bad([{ line: 1, field: 'count', problem: `${count} units, more than ${UNITS_MAX}` }]);
  }
  return problems.length === 0 ? { ok: true, lines } : bad(problems);
}

const bad = (problems: readonly OrderProblem[]): Orders => ({ ok: false, problems });

interface HeadProblem {
  readonly field: string;
  readonly problem: string;
}

function unknownColumns(names: readonly string[]): readonly HeadProblem[] {
  const unknown = names.filter((name) => !COLUMNS.includes(name));
  if (names.length > HEAD_CELLS_MAX || unknown.length === names.length) return [];
  return unknown.map((field) => ({
    field,
    problem: `no such column; there are: ${COLUMNS.join(', ')}`,
  }));
}

/** What is wrong with the first line so that no other one can be read. */
function headProblems(names: readonly string[]): HeadProblem[] {
  // Each is compared with all: a file of millions would be compared for hours.
  if (names.length > HEAD_CELLS_MAX)
    return [{ field: '-', problem: `has ${names.length} columns` }];
  // A line of an order, with its key: the names were left away.
  if (!names.some((name) => COLUMNS.includes(name)))
    return [{ field: '-', problem: `names no column; there are: ${COLUMNS.join(', ')}` }];
  return [
    ...names
      .filter((name, index) => COLUMNS.includes(name) && names.indexOf(name) !== index)
      .map((name) => ({ field: name, problem: 'this column is there twice' })),
    ...NEEDED.filter((name) => !names.includes(name)).map((name) => ({
      field: name,
      problem: 'this column is missing',
    })),
  ];
}

interface LineContext {
  readonly names: readonly string[];
  readonly add: Add;
  readonly around: OrderSurroundings;
}

async function readLine(row: CsvRow, { names, add, around }: LineContext): Promise<OrderLine> {
  const extra = row.cells.slice(names.length).filter((cell) => cell !== '');
  if (extra.length > 0) {
    add('-', `has ${row.cells.length} cells, the first line has ${names.length}`);
  }
  const cell = (name: string): string => row.cells[names.indexOf(name)] ?? '';
  const order = cell('order');
  if (!isOrder(order)) add('order', ORDER_IS);
  else if (around.known.has(order)) {
    const way = `./build.sh unit retire --order ${order} --why TEXT`;
    add('order', `is in the ledger already. To order it anew, retire what waits: ${way}`);
  }
  const count = cell('count');
  const isCount = /^\d{1,5}$/.test(count) && Number(count) >= 1 && Number(count) <= UNITS_MAX;
  if (!isCount) add('count', `a whole number from 1 to ${UNITS_MAX}`);
  const name = cell('name');
  if (!isName(name)) add('name', NAME_IS);
  const accounts = KINDS.flatMap((kind) => readAccount(kind, { cell, add }) ?? []);
  const services = await readServices(cell('services'), { add, beside: around.beside });
  const record = {
    ...{ v: 1, accounts },
    ...(Object.keys(services).length === 0 ? {} : { services }),
  };
  return {
    ...{ line: row.line, order, count: Number(count), record },
    ...(name === '' ? {} : { name }),
    services: Object.keys(services),
    accounts: accounts.map(({ kind, host, subscriptionId, accountId }) => ({
      ...{ kind, host, subscriptionId, accountId },
    })),
  };
}

interface AccountRead {
  readonly kind: Kind;
  readonly host: string;
  readonly subscriptionId: number;
  readonly accountId: number;
  readonly apiUser: string;
  readonly apiKey: string;
}

/** Stands in for the other fields while one is judged by the agent's format. */
const FINE = { host: 'a', subscriptionId: 1, accountId: 1, apiUser: 'a', apiKey: 'a' };

function readAccount(
  kind: Kind,
  { cell, add }: { cell: (name: string) => string; add: Add },
): AccountRead | undefined {
  const fields = Object.keys(FIELDS) as Field[];
  if (fields.every((field) => cell(column(kind, field)) === '')) return undefined;
  const values: Partial<Record<Field, string | number>> = {};
  for (const field of fields) {
    const text = cell(column(kind, field));
    const isNumber = NUMBERS.has(field);
    values[field] = isNumber ? Number(text) : text;
    if (text === '') add(column(kind, field), `missing; an account needs all five fields`);
    else if (isNumber && !/^\d{1,15}$/.test(text)) add(column(kind, field), 'not a whole number');
    else {
      const account = { kind, ...FINE, [field]: values[field] };
      const parsed = parseUnitRecord(JSON.stringify({ v: 1, accounts: [account] }));
      if (!parsed.ok) add(column(kind, field), parsed.why.replace(/^accounts\.0\.\w+: /, ''));
    }
  }
  return { kind, ...values } as AccountRead;
}

async function readServices(
  text: string,
  { add, beside }: { add: Add; beside: (name: string) => string | undefined },
): Promise<Readonly<Record<string, unknown>>> {
  const refuse = (problem: string): Record<string, never> => {
    add('services', problem);
    return {};
  };
  if (text === '') return {};
  const isText = text.startsWith('{');
  if (!isText && !SERVICES_FILE.test(text)) {
    return refuse('{ … } as JSON, or the name of a .json file beside this one');
  }
  const json = isText ? text : beside(text);
  if (json === undefined) return refuse(`there is no file ${text} beside this one`);
  let services: unknown;
  try {
    services = JSON.parse(json);
  } catch {
    return refuse(isText ? 'not JSON; are its quotes doubled?' : `${text} is not JSON`);
  }
  const { services: judged, refused } = judgeServices({ services });
  const problems = Object.entries(refused).map(([path, why]) => `${path}: ${why}`);
  for (const [id, { interface: name, settings }] of judged) {
    const load = Object.hasOwn(INTERFACES, name) ? INTERFACES[name] : undefined;
    if (load === undefined) {
      problems.push(`services.${id}.interface: one of ${Object.keys(INTERFACES).join(', ')}`);
      continue;
    }
    const parsed = (await load()).parse(settings);
    if (parsed.ok) continue;
    for (const { field, problem } of parsed.problems) {
      problems.push(`services.${id}.settings.${field}: ${problem}`);
    }
  }
  for (const problem of problems) add('services', isText ? problem : `${text}: ${problem}`);
  return problems.length > 0 ? {} : (services as Readonly<Record<string, unknown>>);
}
