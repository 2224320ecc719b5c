// The outbox on the card, in SQLite (node:sqlite): tables and what is asked of them. When it is on the card
// is wal.ts's business. The file is locked for this process alone, which is also what keeps two agents of
// one unit from driving each other out of the cloud: the kernel gives the lock back whatever ends us.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { codeOf } from '../core/errors.ts';
import { LANES } from '../core/messages.ts';
import type { Lane, Message } from '../core/messages.ts';
import type { StoredRecord } from '../core/records.ts';
import { reserveAt } from './reserve.ts';
import type { Reserve } from './reserve.ts';
import type { Change, Store, StoreLimits, Totals } from '../outbox/ports.ts';
import { Wal } from './wal.ts';

/** SQLite result codes (sqlite.org/rescode.html): what an unreadable file says. */
const CORRUPT = new Set([11, 26]);
const BUSY = 5;

/** Also for what brings a queue out of a failed unit's card: that copies rows, and never another file's own SQL. */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS waiting (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    topic TEXT NOT NULL, payload BLOB NOT NULL, at INTEGER NOT NULL, share TEXT
  );
  CREATE TABLE IF NOT EXISTS dead (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, topic TEXT NOT NULL, payload BLOB NOT NULL,
    at INTEGER NOT NULL, why TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** Before the share's name in the counters. */
const OF_SHARE = 'dropped/';
/** A file that an agent without shares made; such an agent takes it as it is. */
const ADD_SHARE = 'ALTER TABLE waiting ADD COLUMN share TEXT';
/** Costs only those messages that have one. */
const SHARES = 'CREATE INDEX IF NOT EXISTS shares ON waiting (share) WHERE share IS NOT NULL';
const hasShare = (db: DatabaseSync): boolean =>
  db.prepare(`SELECT 1 FROM pragma_table_info('waiting') WHERE name = 'share'`).get() !== undefined;

/**
 * A message's place in the queue: its lane, then its number. As a rowid, so that a report lies in one page
 * with all that belongs to it. 48 bits of numbers last for longer than any unit.
 */
const LANE_SPAN = 2 ** 48;
const laneAt = (place: unknown): Lane => LANES[Math.floor(Number(place) / LANE_SPAN)]!;
const spanOf = (lane: Lane): [number, number] => {
  const from = LANES.indexOf(lane) * LANE_SPAN;
  return [from, from + LANE_SPAN - 1];
};

/**
 * Opens `outbox.db` in `folder`, making both if needed. A damaged file is set aside (one of them is
 * kept) and a new one begun. Throws with code `busy` if another process has it.
 */
export function openSqlite(folder: string, limits: StoreLimits): Store {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'outbox.db');
  try {
    return new SqliteStore(path, limits);
  } catch (error) {
    const { errcode = 0 } = error as { errcode?: number };
    if ((errcode & 0xff) === BUSY) {
      throw Object.assign(new Error('another agent runs here', { cause: error }), { code: 'busy' });
    }
    if (!CORRUPT.has(errcode & 0xff)) throw error;
    renameSync(path, `${path}.damaged`);
    for (const part of ['-wal', '-shm', '.log']) rmSync(path + part, { force: true });
    return new SqliteStore(path, limits);
  }
}

interface Row {
  readonly id: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly at: number;
}

class SqliteStore implements Store {
  readonly #wal: Wal;
  readonly #reserve: Reserve;
  readonly #deadMax: number;
  readonly #sharesMax: number;
  #seq = 0;
  #droppedOnCard = 0;
  /** Kept beside the table: the page asks for them with every view. */
  readonly #totals = new Map<Lane, { count: number; bytes: number }>();
  readonly #shares = new Map<string, number>();
  #dead = 0;
  #dropped = 0;
  /** By share. */
  readonly #droppedOf = new Map<string, number>();

  constructor(
    path: string,
    { bytesMax, logBytesMax, reserveBytes, deadMax, sharesMax }: StoreLimits,
  ) {
    this.#deadMax = deadMax;
    this.#sharesMax = sharesMax;
    this.#reserve = reserveAt(`${path}.reserve`, reserveBytes);
    const onOpen = (db: DatabaseSync): void => {
      db.exec(`BEGIN IMMEDIATE; ${SCHEMA}`);
      if (!hasShare(db)) db.exec(ADD_SHARE);
      db.exec(`${SHARES}; COMMIT`);
      this.#count(db);
    };
    this.#wal = new Wal(path, { bytesMax, logBytesMax, onOpen });
  }

  get #db(): DatabaseSync {
    return this.#wal.db;
  }

  async sync(): Promise<void> {
    await this.#wal.sync();
  }

  async tidy(): Promise<void> {
    await this.#wal.tidy();
  }

  recover(): void {
    this.#wal.recover();
  }

  close(): void {
    this.#wal.close();
  }

  apply({ add, remove, bury, put, drop }: Change): void {
    const db = this.#db;
    try {
      db.exec('BEGIN IMMEDIATE');
      // First what makes room.
      for (const { id, why } of bury) this.#bury(id, why);
      for (const id of remove) this.#forget(id);
      for (const key of drop) db.prepare('DELETE FROM record WHERE key = ?').run(key);
      for (const message of add) this.#insert(message);
      for (const { key, value } of put) {
        db.prepare('INSERT OR REPLACE INTO record VALUES (?, ?)').run(key, value);
      }
      if (this.#dropped !== this.#droppedOnCard) {
        const note = db.prepare('INSERT OR REPLACE INTO counter VALUES (?, ?)');
        note.run('dropped', this.#dropped);
        for (const [share, count] of this.#droppedOf) note.run(`${OF_SHARE}${share}`, count);
      }
      db.exec('COMMIT');
      this.#droppedOnCard = this.#dropped;
    } catch (error) {
      // A full disk rolls back by itself at times.
      if (db.isTransaction) db.exec('ROLLBACK');
      this.#count();
      throw Object.assign(new Error('not stored', { cause: error }), { code: whyOf(error) });
    }
  }

  #insert({ id, lane, topic, payload, atMs, share }: Message): void {
    const { changes } = this.#db
      .prepare(
        `INSERT OR IGNORE INTO waiting (place, id, topic, payload, at, share)
         SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM dead WHERE id = ?)`,
      )
      .run(
        spanOf(lane)[0] + this.#seq + 1,
        id,
        topic,
        payload,
        Math.trunc(atMs),
        share ?? null,
        id,
      );
    this.#seq += Number(changes);
    if (Number(changes) === 0) return;
    this.#add(lane, { count: 1, bytes: payload.length });
    if (share !== undefined) this.#addShare(share, payload.length);
  }

  #forget(id: string): void {
    const row = this.#db
      .prepare('DELETE FROM waiting WHERE id = ? RETURNING place, length(payload) AS bytes, share')
      .get(id);
    if (row === undefined) return;
    const bytes = Number(row['bytes']);
    this.#add(laneAt(row['place']), { count: -1, bytes: -bytes });
    if (row['share'] !== null) this.#addShare(String(row['share']), -bytes);
  }

  #bury(id: string, why: string): void {
    const { changes } = this.#db
      .prepare(
        `INSERT OR IGNORE INTO dead (id, topic, payload, at, why)
         SELECT id, topic, payload, at, ? FROM waiting WHERE id = ?`,
      )
      .run(why, id);
    this.#forget(id);
    const { changes: tooMany } = this.#db
      .prepare('DELETE FROM dead WHERE seq <= (SELECT MAX(seq) FROM dead) - ?')
      .run(this.#deadMax);
    this.#dead += Number(changes) - Number(tooMany);
  }

  #add(lane: Lane, change: { readonly count: number; readonly bytes: number }): void {
    const { count, bytes } = this.#totals.get(lane) ?? { count: 0, bytes: 0 };
    this.#totals.set(lane, { count: count + change.count, bytes: bytes + change.bytes });
  }

  #addShare(share: string, bytes: number): void {
    const after = this.bytesOfShare(share) + bytes;
    if (after === 0) this.#shares.delete(share);
    else this.#shares.set(share, after);
  }

  take(
    count: number,
    { except, lanes }: { readonly except: readonly string[]; readonly lanes: readonly Lane[] },
  ): Message[] {
    const known = JSON.stringify(except);
    const taken: Message[] = [];
    for (const lane of lanes) {
      const rows = this.#db
        .prepare(
          `SELECT id, topic, payload, at FROM waiting WHERE place BETWEEN ? AND ?
           AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY place LIMIT ?`,
        )
        .all(...spanOf(lane), known, count - taken.length) as unknown as readonly Row[];
      for (const { id, topic, payload, at } of rows) {
        const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
        taken.push({ id, lane, topic, payload: bytes, atMs: at });
      }
      if (taken.length === count) break;
    }
    return taken;
  }

  get(key: string): string | undefined {
    const row = this.#db.prepare('SELECT value FROM record WHERE key = ?').get(key);
    return row === undefined ? undefined : String(row['value']);
  }

  list(prefix: string): StoredRecord[] {
    // U+10FFFF sorts behind all that a key holds.
    return this.#db
      .prepare('SELECT key, value FROM record WHERE key >= ? AND key < ? ORDER BY key')
      .all(prefix, `${prefix}\u{10FFFF}`)
      .map((row) => ({ key: String(row['key']), value: String(row['value']) }));
  }

  totals(lane: Lane): Totals {
    const { count = 0, bytes = 0 } = this.#totals.get(lane) ?? {};
    const row = this.#db
      .prepare('SELECT at FROM waiting WHERE place BETWEEN ? AND ? ORDER BY place LIMIT 1')
      .get(...spanOf(lane));
    return { count, bytes, oldestMs: row === undefined ? undefined : Number(row['at']) };
  }

  oldest(lane: Lane, bytes: number): string[] {
    const rows = this.#db
      .prepare(
        `SELECT id, length(payload) AS bytes FROM waiting
         WHERE place BETWEEN ? AND ? ORDER BY place`,
      )
      .iterate(...spanOf(lane));
    return firstOf(rows, bytes);
  }

  bytesOfShare(share: string): number {
    return this.#shares.get(share) ?? 0;
  }

  oldestOfShare(share: string, bytes: number): string[] {
    const rows = this.#db
      .prepare('SELECT id, length(payload) AS bytes FROM waiting WHERE share = ? ORDER BY place')
      .iterate(share);
    return firstOf(rows, bytes);
  }

  olderThan(lane: Lane, atMs: number): string[] {
    return this.#db
      .prepare('SELECT id FROM waiting WHERE place BETWEEN ? AND ? AND at < ? ORDER BY place')
      .all(...spanOf(lane), Math.trunc(atMs))
      .map((row) => String(row['id']));
  }

  deadCount(): number {
    return this.#dead;
  }

  droppedCount(): number {
    return this.#dropped;
  }

  droppedOfShare(share: string): number {
    return this.#droppedOf.get(share) ?? 0;
  }

  noteDropped(count: number, share?: string): void {
    this.#dropped += count;
    if (share === undefined || count === 0) return;
    const isCounted = this.#droppedOf.has(share) || this.#droppedOf.size < this.#sharesMax;
    if (isCounted) this.#droppedOf.set(share, this.droppedOfShare(share) + count);
  }

  releaseReserve(): void {
    this.#reserve.release();
    this.#wal.isTight = true;
  }

  restoreReserve(): boolean {
    const isThere = this.#reserve.restore();
    this.#wal.isTight = !isThere;
    return isThere;
  }

  /** From the file: at the start, and after a transaction that did not come about. */
  #count(db = this.#db): void {
    this.#totals.clear();
    for (const lane of LANES) {
      const row = db
        .prepare(
          `SELECT COUNT(*) AS n, SUM(length(payload)) AS bytes, MAX(place) AS last FROM waiting
           WHERE place BETWEEN ? AND ?`,
        )
        .get(...spanOf(lane));
      this.#totals.set(lane, { count: Number(row?.['n']), bytes: Number(row?.['bytes']) });
      this.#seq = Math.max(this.#seq, Number(row?.['last']) % LANE_SPAN);
    }
    const one = (sql: string): number => Number(db.prepare(sql).get()?.['n'] ?? 0);
    this.#dead = one('SELECT COUNT(*) AS n FROM dead');
    this.#droppedOnCard = one(`SELECT value AS n FROM counter WHERE name = 'dropped'`);
    this.#dropped = Math.max(this.#dropped, this.#droppedOnCard);
    this.#countShares(db);
  }

  #countShares(db: DatabaseSync): void {
    this.#shares.clear();
    const shares = db
      .prepare(
        `SELECT share, SUM(length(payload)) AS bytes FROM waiting
         WHERE share IS NOT NULL GROUP BY share`,
      )
      .all();
    for (const row of shares) this.#shares.set(String(row['share']), Number(row['bytes']));
    const counters = db
      .prepare(`SELECT name, value FROM counter WHERE name LIKE '${OF_SHARE}%' ORDER BY value DESC`)
      .all();
    for (const row of counters.slice(0, this.#sharesMax)) {
      const share = String(row['name']).slice(OF_SHARE.length);
      this.#droppedOf.set(share, Math.max(this.droppedOfShare(share), Number(row['value'])));
    }
  }
}

/** Of messages in their order, those that together free so many bytes. */
function firstOf(rows: Iterable<Record<string, unknown>>, bytes: number): string[] {
  const ids: string[] = [];
  let freed = 0;
  for (const row of rows) {
    if (freed >= bytes) break;
    ids.push(String(row['id']));
    freed += Number(row['bytes']);
  }
  return ids;
}

/** SQLite's result (sqlite.org/rescode.html) as the system's own word for it. */
function whyOf(error: unknown): string {
  const { errcode = 0 } = error as { errcode?: number };
  const known: Readonly<Record<number, string>> = { 8: 'EROFS', 10: 'EIO', 13: 'ENOSPC' };
  return known[errcode & 0xff] ?? codeOf(error);
}
