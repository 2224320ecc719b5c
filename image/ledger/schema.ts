// The ledger's tables. `event` is the truth and never changes; `unit`, `flash`, `record` and `setting` follow from
// it (tables.ts) and are compared with it by `unit verify`; `waiting` holds what the next card needs and support
// alone may read later, under the station's key (seal.ts).
import { DatabaseSync } from 'node:sqlite';

export const APPLICATION_ID = 0x636c6b31; // "clk1": file(1) and we tell it from other databases.
/** 2 has the same tables and tells of cards that were written over, which a program of version 1 does not know. */
export const VERSION = 2;
export const VERSION_MIN = 1;

/** Tables that follow from the events, with what names a row of each. */
export const DERIVED = {
  setting: 'name',
  record: 'id',
  unit: 'serial',
  flash: 'id',
  import: 'sha256',
} as const;

const refuse = (table: string, what: string): string => `
  CREATE TRIGGER ${table}_no_${what.toLowerCase()} BEFORE ${what} ON ${table}
  BEGIN SELECT RAISE(ABORT, 'the ledger''s events are never changed'); END;`;

export const DERIVED_SCHEMA = `
  CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID;
  CREATE TABLE record (id INTEGER PRIMARY KEY, sealed TEXT) STRICT;
  CREATE TABLE import (sha256 TEXT PRIMARY KEY, file TEXT NOT NULL, at TEXT NOT NULL) STRICT;
  CREATE TABLE unit (
    place INTEGER PRIMARY KEY, serial TEXT NOT NULL UNIQUE, made TEXT NOT NULL,
    "order" TEXT, name TEXT, accounts TEXT NOT NULL, services TEXT NOT NULL,
    record INTEGER REFERENCES record, state TEXT NOT NULL, cards INTEGER NOT NULL DEFAULT 0,
    release TEXT, mac TEXT, labelled INTEGER NOT NULL DEFAULT 0, why TEXT
  ) STRICT;
  CREATE INDEX unit_order ON unit ("order", state);
  CREATE INDEX unit_record ON unit (record, state);
  CREATE TABLE flash (
    id TEXT PRIMARY KEY, serial TEXT NOT NULL REFERENCES unit (serial), generation INTEGER NOT NULL,
    unit_was TEXT NOT NULL, state TEXT NOT NULL, holder TEXT NOT NULL,
    operator TEXT NOT NULL, station TEXT NOT NULL, release TEXT NOT NULL,
    cid TEXT, model TEXT NOT NULL, device TEXT NOT NULL, card_bytes INTEGER NOT NULL,
    escrow TEXT, registration TEXT NOT NULL, begun TEXT NOT NULL, verified TEXT, ended TEXT,
    sha256 TEXT, bytes INTEGER, write_ms REAL, read_ms REAL, code TEXT, reason TEXT
  ) STRICT;
  CREATE INDEX flash_serial ON flash (serial);
  CREATE INDEX flash_open ON flash (state) WHERE ended IS NULL;
`;

export const SCHEMA = `
  CREATE TABLE event (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, by TEXT NOT NULL, body TEXT NOT NULL,
    prev TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    serial TEXT GENERATED ALWAYS AS (json_extract(body, '$.serial')) VIRTUAL
  ) STRICT;
  CREATE INDEX event_serial ON event (serial);
  ${refuse('event', 'UPDATE')} ${refuse('event', 'DELETE')}
  ${DERIVED_SCHEMA}
  CREATE TABLE waiting (record INTEGER PRIMARY KEY, box BLOB NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${VERSION};
`;

/** By kind and name, the SQL of everything that a database has: tables, indexes, triggers, views. */
function schemaOf(db: DatabaseSync): ReadonlyMap<string, string> {
  const rows = db
    .prepare('SELECT type, name, tbl_name AS "on", sql, rootpage FROM sqlite_schema')
    .all();
  return new Map(
    rows.map(({ type, name, on, sql, rootpage }) => [
      `${String(type)} ${String(name)}`,
      // A table or index without pages is none.
      JSON.stringify([on, sql, type === 'trigger' || Number(rootpage) > 0]),
    ]),
  );
}

/** In words, what somebody has added to a ledger's tables, changed or removed: triggers and views do things by themselves. */
export function schemaChanges(db: DatabaseSync): readonly string[] {
  const fresh = new DatabaseSync(':memory:');
  try {
    fresh.exec(SCHEMA);
    const [ours, there] = [schemaOf(fresh), schemaOf(db)];
    // What was added first: it may be why another one is gone.
    const names = new Set([...there.keys(), ...ours.keys()]);
    return [...names].flatMap((name) => {
      if (ours.get(name) === there.get(name)) return [];
      if (!ours.has(name)) return [`${name} is none of the ledger's`];
      return [`the ledger's ${name} was ${there.has(name) ? 'changed' : 'removed'}`];
    });
  } finally {
    fresh.close();
  }
}
