// What a unit had not told yet, out of its queue's file (agent/io/sqlite.ts): every row that can be read, in a
// new file that the next card's agent takes as its own. Nothing is decided twice: ids and states stay, what may
// have been posted is looked for before it is posted, and what nobody can look for is left to a person.
import { existsSync } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { LANES } from '../../../agent/core/messages.ts';
import type { Lane } from '../../../agent/core/messages.ts';
import { keys, parseFiscal, parseRow, render } from '../../../agent/hotel/wire.ts';
import { SCHEMA } from '../../../agent/io/sqlite.ts';

/** As agent/io/wal.ts makes it: a page of this size can only be set in an empty file. */
const PAGE_BYTES = 1_024;
const LANE_SPAN = 2 ** 48; // agent/io/sqlite.ts
const PACKAGES = 'packages/';
const DOUBT = 'recovered from a damaged card';

interface LaneCount {
  readonly lane: Lane;
  readonly count: number;
  readonly oldestMs: number | undefined;
}

/** A charge, call or receipt of which a person must say what became of it. */
interface OpenItem {
  readonly key: string;
  readonly state: string;
  readonly text: string;
}

export interface QueueCounts {
  readonly waiting: readonly LaneCount[];
  readonly dead: number;
  /** Of the hotel's charges and calls: not yet posted; begun, to be looked for; for a person. */
  readonly charges: { readonly stored: number; readonly begun: number };
  readonly open: readonly OpenItem[];
  readonly accounts: readonly string[];
  /** Interface packages that were installed: their files do not come along. */
  readonly packages: readonly string[];
}

/** What came of reading the old file. */
export interface Salvaged {
  /** Tables that could be read in part only. */
  readonly torn: readonly string[];
}

/** What the agent keeps, the most precious first. */
const TABLES = ['record', 'waiting', 'dead', 'counter'] as const;
/** The agent's own file has up to 96 MiB (agent/outbox/limits.ts); pages that point to each other could give more. */
const BYTES_MAX = 128 * 1024 * 1024;
/** So many rows fill 96 MiB if each is shorter than any of ours. */
const ROWS_MAX = 4_000_000;

/**
 * Copies all rows that can be read from `from` (with its log beside it) to the new file `to`, into the agent's own
 * tables: whoever had the card may have written anything into its schema, SQL that writes files included.
 * Throws SQLite's error when not even its first page is one.
 */
export async function salvage(from: string, to: string): Promise<Salvaged> {
  // As agent/io/wal.ts: left by a recovery that was cut short, there the log is.
  if (existsSync(`${from}.log`)) await rename(`${from}.log`, `${from}-wal`);
  await rm(to, { force: true });
  const source = new DatabaseSync(from);
  const target = new DatabaseSync(to);
  try {
    await chmod(to, 0o600);
    source.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
    target.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA synchronous = FULL`);
    target.exec(`PRAGMA max_page_count = ${BYTES_MAX / PAGE_BYTES}; BEGIN; ${SCHEMA}`);
    const torn = TABLES.filter((name) => !copyTable(source, target, name));
    target.exec('COMMIT');
    return { torn };
  } finally {
    source.close();
    target.close();
  }
}

/** From both ends: what lies between two unreadable places is lost, nothing else. */
function copyTable(source: DatabaseSync, target: DatabaseSync, name: string): boolean {
  // Without pages of its own it is a view or a virtual table: none of ours.
  const isTable = source
    .prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? AND rootpage > 0`)
    .get(name);
  if (isTable === undefined) return false;
  // Neither of these lists columns that are computed.
  const columnsIn = (db: DatabaseSync): readonly Row[] =>
    db.prepare('SELECT name, pk FROM pragma_table_info(?)').all(name);
  const there = columnsIn(source);
  const key = String(there.find(({ pk }) => pk === 1)?.['name'] ?? 'rowid');
  const columns = columnsIn(target)
    .map((column) => String(column['name']))
    // One that an older agent did not have stays empty.
    .filter((column) => there.some((one) => one['name'] === column));
  const list = columns.map(quoted).join(', ');
  try {
    const marks = columns.map(() => '?').join(', ');
    const insert = target.prepare(`INSERT OR IGNORE INTO ${name} (${list}) VALUES (${marks})`);
    const select = (order: string): string =>
      `SELECT ${list} FROM ${name} ORDER BY ${quoted(key)} ${order} LIMIT ${ROWS_MAX}`;
    for (const order of ['ASC', 'DESC']) {
      if (copyRows(source, { insert, select: select(order) })) return order === 'ASC';
    }
  } catch {
    // Columns that ours never had.
  }
  return false;
}

type Row = Readonly<Record<string, SQLOutputValue>>;
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Whether all of them could be read, and were not more than there can be. */
function copyRows(
  source: DatabaseSync,
  { insert, select }: { readonly insert: StatementSync; readonly select: string },
): boolean {
  let rows = 0;
  try {
    for (const row of source.prepare(select).iterate()) {
      insert.run(...(Object.values(row) as SQLInputValue[]));
      rows += 1;
    }
    return rows < ROWS_MAX;
  } catch {
    // An unreadable page: the other end is left.
    return false;
  }
}

/**
 * Makes rows ready for another card. `isDoubted`: the card was damaged, so it may have shown an older state
 * than it once had. Returns what is in it.
 */
export function prepare(file: string, { isDoubted }: { readonly isDoubted: boolean }): QueueCounts {
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA synchronous = FULL; BEGIN');
    const put = db.prepare('UPDATE record SET value = ? WHERE key = ?');
    for (const { key, value } of recordsOf(db, keys.ledger)) {
      const row = parseRow(value);
      if (row?.state !== 'stored') continue;
      // Nobody can look for a call; for a charge, the agent can.
      const next =
        row.what.is !== 'call'
          ? { ...row, seek: true }
          : isDoubted
            ? { ...row, state: 'unknown', text: DOUBT }
            : row;
      if (next !== row) put.run(render(next), key);
    }
    for (const { key, value } of isDoubted ? recordsOf(db, keys.fiscals) : []) {
      const { state, atMs } = parseFiscal(value) ?? {};
      if (state === 'asked') put.run(render({ atMs, state: 'unknown', text: DOUBT }), key);
    }
    const counts = countsOf(db);
    db.prepare('DELETE FROM record WHERE key >= ? AND key < ?').run(
      PACKAGES,
      `${PACKAGES}\u{10FFFF}`,
    );
    db.exec('COMMIT; VACUUM');
    return counts;
  } finally {
    db.close();
  }
}

function recordsOf(db: DatabaseSync, prefix: string): { key: string; value: string }[] {
  return db
    .prepare('SELECT key, value FROM record WHERE key >= ? AND key < ? ORDER BY key')
    .all(prefix, `${prefix}\u{10FFFF}`)
    .map(({ key, value }) => ({ key: String(key), value: String(value) }));
}

/** A time that a Date can hold: the card may say anything. */
const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Math.abs(value) <= 8.64e15;

function countsOf(db: DatabaseSync): QueueCounts {
  const waiting = LANES.map((lane, index): LaneCount => {
    const row = db
      .prepare('SELECT COUNT(*) AS n, MIN(at) AS at FROM waiting WHERE place BETWEEN ? AND ?')
      .get(index * LANE_SPAN, (index + 1) * LANE_SPAN - 1);
    const oldest = row?.['at'];
    return {
      ...{ lane, count: Number(row?.['n']) },
      oldestMs: isTime(oldest) ? oldest : undefined,
    };
  });
  const dead = Number(db.prepare('SELECT COUNT(*) AS n FROM dead').get()?.['n']);
  const rows = recordsOf(db, keys.ledger).map(({ key, value }) => ({ key, row: parseRow(value) }));
  const of = (state: string): number => rows.filter(({ row }) => row?.state === state).length;
  const open = rows.flatMap(({ key, row }): OpenItem[] =>
    row?.state === 'unknown' || row?.state === 'rejected'
      ? [{ key: key.slice(keys.ledger.length), state: row.state, text: row.text }]
      : [],
  );
  const receipts = recordsOf(db, keys.fiscals).flatMap(({ key, value }): OpenItem[] => {
    const record = parseFiscal(value);
    if (record?.state === 'printing') {
      return [
        {
          key: `fiscal ${key.slice(keys.fiscals.length)}`,
          state: 'unknown',
          text: 'was being printed',
        },
      ];
    }
    const isOpen = record?.state === 'unknown' || record?.state === 'failed';
    return isOpen
      ? [
          {
            key: `fiscal ${key.slice(keys.fiscals.length)}`,
            state: record.state,
            text: record.text,
          },
        ]
      : [];
  });
  return {
    waiting,
    dead,
    charges: { stored: of('stored'), begun: of('posting') },
    open: [...open, ...receipts],
    accounts: recordsOf(db, 'pairing/').map(({ key }) => key.slice('pairing/'.length)),
    packages: recordsOf(db, PACKAGES).map(({ key }) => key.slice(PACKAGES.length)),
  };
}
