// Whether a ledger is what it says: its chain of events unbroken, its tables what follows from them. Changes nothing.
import { DatabaseSync } from 'node:sqlite';
import { walk } from './chain.ts';
import type { ChainEvent } from './chain.ts';
import type { Told } from './events.ts';
import { PROBLEMS_MAX } from './limits.ts';
import { DERIVED, DERIVED_SCHEMA, schemaChanges } from './schema.ts';
import { guarded } from './store.ts';
import type { Store } from './store.ts';
import { apply, statementsOf } from './tables.ts';
import type { Row, Statements } from './tables.ts';

export interface Verdict {
  readonly events: number;
  /** Of the last event: noted elsewhere, it shows later whether the chain is still the same. */
  readonly head: string;
  readonly units: number;
  /** In words; none: all is well. */
  readonly problems: readonly string[];
}

/** `heads`: hashes that were noted earlier and must be in the chain. */
export function verifyStore(
  store: Store,
  { heads = [] }: { heads?: readonly string[] } = {},
): Verdict {
  return store.read(() => {
    const { sql } = store;
    const problems: string[] = [];
    const add = (problem: string): void => {
      if (problems.length < PROBLEMS_MAX) problems.push(problem);
    };
    const changes = schemaChanges(store.db);
    for (const change of changes) add(`Its schema: ${change}`);
    // What is no table of ours is not read: a view may have no end.
    if (changes.some((change) => / (table|view) /.test(` ${change}`)))
      return { events: 0, head: '', units: 0, problems };
    for (const problem of pages(store)) add(problem);
    const events = sql.all('SELECT * FROM event ORDER BY seq') as unknown as ChainEvent[];
    for (const problem of walk(events)) add(problem);
    for (const head of heads) {
      if (events.some(({ hash }) => hash.startsWith(head))) continue;
      add(
        `No event has the hash ${head}: events were removed since it was noted, or all written anew`,
      );
    }
    for (const problem of replay(sql, events)) add(problem);
    return {
      events: events.length,
      head: events.at(-1)?.hash ?? '',
      units: Number(sql.get('SELECT count(*) AS n FROM unit')?.['n']),
      problems,
    };
  });
}

function* pages({ db, file }: Store): Generator<string> {
  const found = guarded(file, () => db.prepare('PRAGMA integrity_check(10)').all());
  for (const row of found) {
    const said = String(Object.values(row)[0]);
    if (said !== 'ok') yield `The file is damaged: ${said}`;
  }
}

/** Applies all events to empty tables and names the rows that differ. */
function* replay(sql: Statements, events: readonly ChainEvent[]): Generator<string> {
  const db = new DatabaseSync(':memory:');
  try {
    db.exec(DERIVED_SCHEMA);
    const fresh = statementsOf(db);
    db.exec('BEGIN');
    for (const event of events) {
      const problem = applied(fresh, event);
      if (problem !== undefined) yield problem;
    }
    for (const [table, key] of Object.entries(DERIVED)) {
      yield* compared(table, key, [fresh, sql]);
    }
  } finally {
    db.close();
  }
}

function applied(fresh: Statements, event: ChainEvent): string | undefined {
  try {
    const { seq, at, kind } = event;
    const rest = JSON.parse(event.body) as object;
    apply(fresh, { ...rest, kind, seq, at, by: JSON.parse(event.by) } as Told);
    return undefined;
  } catch (error) {
    return `Event ${event.seq} (${event.kind}) makes no sense: ${(error as Error).message}`;
  }
}

function* compared(
  table: string,
  key: string,
  [fresh, kept]: readonly [Statements, Statements],
): Generator<string> {
  const rows = (of: Statements): Map<string, Row> =>
    new Map(of.all(`SELECT * FROM "${table}"`).map((row) => [String(row[key]), row]));
  const [told, lying] = [rows(fresh), rows(kept)];
  for (const name of new Set([...told.keys(), ...lying.keys()])) {
    const [a, b] = [told.get(name), lying.get(name)];
    if (a === undefined) yield `No event tells of ${table} ${name}`;
    else if (b === undefined) yield `The row of ${table} ${name} was removed`;
    else {
      for (const [column, value] of Object.entries(a)) {
        if (value === b[column]) continue;
        yield `${table} ${name}: ${column} is ${String(b[column])}, the events say ${String(value)}`;
      }
    }
  }
}
