// What a unit had not told yet, out of its queue's file (agent/io/sqlite.ts): every row that can be read, in a
// new file that the next card's agent takes as its own. Nothing is decided twice: ids and states stay, what may
// have been posted is looked for before it is posted, and what nobody can look for is left to a person.
import { existsSync } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue } from 'node:sqlite';
import { LANES } from '../../../agent/core/messages.ts';
import type { Lane } from '../../../agent/core/messages.ts';
import { keys, parseFiscal, parseRow, render } from '../../../agent/hotel/wire.ts';

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

/**
 * Copies all rows that can be read from `from` (with its log beside it) to the new file `to`.
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
    target.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA synchronous = FULL; BEGIN`);
    const torn: string[] = [];
    const tables = source
      .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL")
      .all();
    for (const { name, sql } of tables) {
      if (name === 'recovered') continue; // Of an earlier card of this unit.
      target.exec(String(sql));
      if (!copyTable(source, target, String(name))) torn.push(String(name));
    }
    target.exec('COMMIT');
    return { torn };
  } finally {
    source.close();
    target.close();
  }
}

/** From both ends: what lies between two unreadable places is lost, nothing else. */
function copyTable(source: DatabaseSync, target: DatabaseSync, name: string): boolean {
  const columns = source.prepare(`SELECT name, pk FROM pragma_table_info(?)`).all(name);
  const key = columns.find(({ pk }) => pk === 1)?.['name'] ?? 'rowid';
  const marks = columns.map(() => '?').join(', ');
  const insert = target.prepare(`INSERT OR IGNORE INTO "${name}" VALUES (${marks})`);
  for (const order of ['ASC', 'DESC']) {
    try {
      const rows = source.prepare(`SELECT * FROM "${name}" ORDER BY "${String(key)}" ${order}`);
      for (const row of rows.iterate()) {
        insert.run(...(Object.values(row) as SQLInputValue[]));
      }
      return order === 'ASC';
    } catch {
      // An unreadable page: the other end is left.
    }
  }
  return false;
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

function countsOf(db: DatabaseSync): QueueCounts {
  const waiting = LANES.map((lane, index): LaneCount => {
    const row = db
      .prepare('SELECT COUNT(*) AS n, MIN(at) AS at FROM waiting WHERE place BETWEEN ? AND ?')
      .get(index * LANE_SPAN, (index + 1) * LANE_SPAN - 1);
    const oldest = row?.['at'];
    return {
      ...{ lane, count: Number(row?.['n']) },
      oldestMs: typeof oldest === 'number' ? oldest : undefined,
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
