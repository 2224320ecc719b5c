// What each event means for the tables: the ledger applies it as it tells it, `verify` applies all of them again
// to empty tables and compares. Judges nothing: whether an event may happen is ledger.ts's business.
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { LedgerEvent, Told } from './events.ts';

/** Statements of one database, prepared once each. */
export interface Statements {
  run(sql: string, ...values: SQLInputValue[]): void;
  get(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all(sql: string, ...values: SQLInputValue[]): Row[];
}
export type Row = Readonly<Record<string, SQLOutputValue>>;

export function statementsOf(db: DatabaseSync): Statements {
  const known = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  const of = (sql: string) => {
    const statement = known.get(sql) ?? db.prepare(sql);
    known.set(sql, statement);
    return statement;
  };
  return {
    run: (sql, ...values) => void of(sql).run(...values),
    get: (sql, ...values) => of(sql).get(...values),
    all: (sql, ...values) => of(sql).all(...values),
  };
}

type Of<K extends LedgerEvent['kind']> = Extract<Told, { kind: K }>;

export function apply(db: Statements, event: Told): void {
  switch (event.kind) {
    case 'ledger.begun':
    case 'recipient.set':
      db.run(`INSERT OR REPLACE INTO setting VALUES ('recipient', ?)`, event.recipient);
      return;
    case 'ledger.restored':
      if (!event.gap) return;
      db.run(`UPDATE unit SET state = 'uncertain' WHERE state = 'new'`);
      // A card that was being written then may have been finished since: its unit is not new again.
      db.run(`UPDATE flash SET unit_was = 'uncertain' WHERE unit_was = 'new' AND ended IS NULL`);
      return;
    case 'orders.imported':
      // The same file again, once all that it made was retired.
      db.run('INSERT OR REPLACE INTO import VALUES (?, ?, ?)', event.sha256, event.file, event.at);
      return;
    case 'record.kept':
      db.run('INSERT INTO record VALUES (?, ?)', event.record, event.sealed);
      return;
    case 'unit.made':
      made(db, event);
      return;
    case 'flash.begun':
      begun(db, event);
      return;
    case 'flash.verified':
      db.run(
        `UPDATE flash SET state = 'verified', verified = ? WHERE id = ?`,
        event.at,
        event.flash,
      );
      db.run('UPDATE unit SET cards = cards + 1 WHERE serial = ?', event.serial);
      return;
    case 'flash.ended':
      ended(db, event);
      return;
    case 'flash.found':
      leave(db, event, false);
      db.run(
        `UPDATE flash SET state = 'lost', ended = ?, code = 'station-gone',
         reason = 'The station stopped before the card was finished' WHERE id = ?`,
        event.at,
        event.flash,
      );
      return;
    case 'card.overwritten':
      db.run(
        `UPDATE unit SET state = 'overwritten' WHERE serial = ? AND state IN ('done', 'uncertain')`,
        event.serial,
      );
      // Another card of it is being written: when that fails, there is none to go back to.
      db.run(
        `UPDATE flash SET unit_was = 'overwritten'
         WHERE serial = ? AND ended IS NULL AND unit_was IN ('done', 'uncertain')`,
        event.serial,
      );
      return;
    case 'unit.settled':
      db.run(`UPDATE unit SET state = 'done' WHERE serial = ?`, event.serial);
      return;
    case 'unit.retired':
      db.run(
        `UPDATE unit SET state = 'retired', why = ? WHERE serial = ?`,
        event.why,
        event.serial,
      );
      return;
    case 'unit.labelled':
      db.run('UPDATE unit SET labelled = labelled + 1 WHERE serial = ?', event.serial);
      return;
    case 'unit.mac':
      db.run('UPDATE unit SET mac = ? WHERE serial = ?', event.mac, event.serial);
      return;
  }
}

function made(db: Statements, event: Of<'unit.made'>): void {
  db.run(
    `INSERT INTO unit (serial, made, "order", name, accounts, services, record, state)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'new')`,
    ...[event.serial, event.at, event.order, event.name],
    ...[JSON.stringify(event.accounts), JSON.stringify(event.services), event.record],
  );
}

function begun(db: Statements, event: Of<'flash.begun'>): void {
  const { card, by } = event;
  db.run(
    `INSERT INTO flash (id, serial, generation, unit_was, state, holder, operator, station, release,
       cid, model, device, card_bytes, escrow, registration, begun)
     SELECT ?, serial, ?, state, 'begun', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM unit WHERE serial = ?`,
    ...[event.flash, event.generation, event.holder, by.operator, by.station, event.release],
    ...[card.cid ?? null, card.model, card.device, card.bytes, event.escrow, event.registration],
    ...[event.at, event.serial],
  );
  db.run(
    `UPDATE unit SET state = 'writing', release = ? WHERE serial = ?`,
    ...[event.release, event.serial],
  );
}

function ended(db: Statements, event: Of<'flash.ended'>): void {
  const { how } = event;
  leave(db, event, how.result === 'done');
  if (how.result === 'bad') {
    db.run(
      `UPDATE flash SET state = 'bad', ended = ?, code = ?, reason = ? WHERE id = ?`,
      ...[event.at, how.code, how.reason, event.flash],
    );
    return;
  }
  db.run(
    `UPDATE flash SET state = 'done', ended = ?, sha256 = ?, bytes = ?, write_ms = ?, read_ms = ?
     WHERE id = ?`,
    ...[event.at, how.sha256, how.bytes, how.writeMs, how.readMs, event.flash],
  );
}

/**
 * The unit leaves a flash. Not done: a card that was not verified cannot start, and the unit is what it was before;
 * one that was may start, and nobody knows.
 */
function leave(
  db: Statements,
  { serial, flash }: Of<'flash.ended' | 'flash.found'>,
  done: boolean,
) {
  db.run(
    `UPDATE unit SET state = (
       SELECT CASE WHEN ? = 1 THEN 'done' WHEN verified IS NULL THEN unit_was ELSE 'uncertain' END
       FROM flash WHERE id = ?
     ) WHERE serial = ? AND state = 'writing'`,
    ...[done ? 1 : 0, flash, serial],
  );
}
