// The ledger as flashers, labels and pages use it: what may happen to a unit, and that each step is on the disk
// before the next one. Everything it says of a unit follows from events (events.ts).
import { randomBytes, randomUUID } from 'node:crypto';
import { OperatorError } from '../core/errors.ts';
import { chosen, may, nextOf } from './choice.ts';
import { tellSpoiled, tellTaken } from './holders.ts';
import { ESCROW_CHARS_MAX, UNITS_MAX } from './limits.ts';
import { NAME_IS, ORDER_IS, isName, isOrder } from './names.ts';
import type { Actor, Flash, FlashEnd, FlashLedger, UnitEntry } from './ports.ts';
import { box, stationKey, unbox } from './seal.ts';
import { enter, hasGone, sweep } from './stations.ts';
import type { Station } from './stations.ts';
import { createStore, openStore } from './store.ts';
import type { Store, Tell } from './store.ts';
import type { Row } from './tables.ts';
import { entryOf, unitRow } from './view.ts';

export { orderUnknown } from './choice.ts';

export type UnitRecord = Readonly<Record<string, unknown>>;

/** Units that are alike: one line of an order. */
export interface UnitsWanted {
  readonly count: number;
  readonly order?: string;
  readonly name?: string;
  readonly accounts: UnitEntry['accounts'];
  readonly services: readonly string[];
  /** What their cards get, with its secrets; and the same encrypted to support's key (seal.ts). */
  readonly secret?: { readonly record: UnitRecord; readonly sealed: string | undefined };
}

export interface Ledger extends FlashLedger {
  readonly store: Store;
  /** Makes units with new serials, all or none. */
  make(wanted: readonly UnitsWanted[], by: Actor, file?: ImportedFile): readonly UnitEntry[];
  /** Throws what `begin` would throw of this order or serial; begins nothing. */
  check(request: {
    readonly order?: string | undefined;
    readonly serial?: string | undefined;
    readonly record?: UnitRecord | undefined;
  }): void;
  /** The unit of a serial. Throws OperatorError. */
  unit(serial: string): UnitEntry;
  close(): void;
}
/** The file that units were ordered with: recognised when it comes again. */
interface ImportedFile {
  readonly name: string;
  readonly sha256: string;
}

interface Options {
  readonly nowMs?: () => number;
  /** 32 hex digits, each time others. */
  readonly newSerial?: () => string;
}

/** Begins a ledger. `recipient` undefined: nothing is kept for support, and each row says so. */
export function createLedger(
  file: string,
  { recipient, by, ...options }: Options & { recipient: string | undefined; by: Actor },
): Ledger {
  const begun = { kind: 'ledger.begun', id: randomUUID(), recipient: recipient ?? null } as const;
  const store = createStore(file, { ...options, first: (tell) => tell(begun, by) });
  return ledgerOf(store, options);
}

/** Opens the ledger, and finds the flashes of stations that have gone. Throws OperatorError. */
export function openLedger(file: string, options: Options = {}): Ledger {
  const ledger = ledgerOf(openStore(file, options), options);
  try {
    recover(ledger.store);
    return ledger;
  } catch (error) {
    ledger.close();
    throw error;
  }
}

function ledgerOf(store: Store, { newSerial = () => randomBytes(16).toString('hex') }: Options) {
  const { sql } = store;
  let station: Station | undefined;
  const recipient = (): string | undefined =>
    (sql.get(`SELECT value FROM setting WHERE name = 'recipient'`)?.['value'] as string | null) ??
    undefined;
  const ledger: Ledger = {
    store,
    get recipient() {
      return recipient();
    },
    make: (wanted, by, file) =>
      store.write((tell) => {
        if (file !== undefined) tellImport(store, tell, { file, wanted, by });
        return wanted.flatMap((line) => makeLine(store, tell, { line, by, newSerial }));
      }),
    // Under the write lock: a ledger that cannot be written begins nothing either.
    check: ({ order, serial, record }) =>
      store.write(() => {
        const named = serial ?? (order === undefined ? undefined : nextOf(sql, order));
        if (named === undefined) return;
        const row = unitRow(sql, named);
        may(row);
        recordFor(store, row, record);
      }),
    unit: (serial) => store.read(() => entryOf(unitRow(sql, serial))),
    begin: (request) =>
      store.write((tell) => {
        if (station === undefined) {
          sweep(store.file);
          station = enter(store.file);
        }
        recoverWith(store, tell);
        const escrow = checkEscrow(request.escrow, recipient());
        const serial = chosen(store, tell, { ...request, newSerial });
        const record = recordFor(store, unitRow(sql, serial), request.record);
        const generation = Number(unitRow(sql, serial)['cards']) + 1;
        const flash = randomUUID();
        const { release, by } = request;
        const { node: _node, ...card } = request.card;
        const registration = checkRegistration(request.registration);
        const { holder } = station;
        // What is blank was no unit's, whatever its number.
        if (card.isBlank !== true) tellTaken(sql, tell, { card, into: serial, by });
        tell(
          {
            kind: 'flash.begun',
            serial,
            flash,
            generation,
            card,
            release,
            escrow,
            registration,
            holder,
          },
          by,
        );
        return { id: flash, unit: entryOf(unitRow(sql, serial)), generation, record };
      }),
    verified: (flash) =>
      store.write((tell) => {
        const by = mine(store, flash, ['begun']);
        tell({ kind: 'flash.verified', serial: flash.unit.serial, flash: flash.id }, by);
      }),
    end: (flash, how) =>
      store.write((tell) => {
        const by = mine(store, flash, how.result === 'done' ? ['verified'] : ['begun', 'verified']);
        tell(
          { kind: 'flash.ended', serial: flash.unit.serial, flash: flash.id, how: plain(how) },
          by,
        );
        tellSpoiled(sql, tell, { flash: flash.id, by });
        forgetBoxes(store);
      }),
    close: () => {
      station?.close();
      station = undefined;
      if (store.db.isOpen) store.close();
    },
  };
  return ledger;
}

function tellImport(
  { sql }: Store,
  tell: Tell,
  { file, wanted, by }: { file: ImportedFile; wanted: readonly UnitsWanted[]; by: Actor },
): void {
  // Judged before; another station may have been quicker.
  const known = wanted.find(
    ({ order = '' }) =>
      sql.get(`SELECT 1 FROM unit WHERE "order" = ? AND state <> 'retired'`, order) !== undefined,
  );
  if (known !== undefined) {
    throw new OperatorError('order-known', `${file.name} was imported meanwhile`, {
      hint: 'See "./build.sh unit history"',
    });
  }
  const units = wanted.reduce((sum, { count }) => sum + count, 0);
  tell({ kind: 'orders.imported', file: file.name, sha256: file.sha256, units }, by);
}

function makeLine(
  store: Store,
  tell: Tell,
  { line, by, newSerial }: { line: UnitsWanted; by: Actor; newSerial: () => string },
): readonly UnitEntry[] {
  if (!Number.isInteger(line.count) || line.count < 1 || line.count > UNITS_MAX) {
    throw new OperatorError('count', `Cannot make ${line.count} units at once`, {
      hint: `Give a whole number from 1 to ${UNITS_MAX}`,
    });
  }
  const { order: wantedOrder = 'x', name: wantedName = '' } = line;
  if (!isOrder(wantedOrder)) throw badName('order', ORDER_IS);
  if (!isName(wantedName)) throw badName('name', NAME_IS);
  const { sql } = store;
  const record = line.secret === undefined ? null : keepRecord(store, tell, { ...line.secret, by });
  return Array.from({ length: line.count }, () => {
    const serial = newSerial();
    const { order = null, name = null, accounts, services } = line;
    tell({ kind: 'unit.made', serial, order, name, accounts, services, record }, by);
    return entryOf(unitRow(sql, serial));
  });
}

const badName = (what: string, rule: string): OperatorError =>
  new OperatorError('bad-name', `This cannot be the ${what} of a unit`, { hint: `Give ${rule}` });

function keepRecord(
  { sql, file }: Store,
  tell: Tell,
  { record, sealed, by }: { record: UnitRecord; sealed: string | undefined; by: Actor },
): number {
  const last = sql.get('SELECT max(id) AS id FROM record')?.['id'];
  const id = Number(last ?? 0) + 1;
  tell({ kind: 'record.kept', record: id, sealed: sealed ?? null }, by);
  const bytes = box(JSON.stringify(record), stationKey(file), `record ${id}`);
  sql.run('INSERT INTO waiting VALUES (?, ?)', id, bytes);
  return id;
}

/** SHA-256 in hex: a token in its place would tell everybody what only the card may know. */
function checkRegistration(registration: string): string {
  if (/^[0-9a-f]{64}$/.test(registration)) return registration;
  throw new Error('registration is no SHA-256 of a token (registration.ts)');
}

function checkEscrow(escrow: string | undefined, recipient: string | undefined): string | null {
  if (escrow === undefined && recipient === undefined) return null;
  if (escrow === undefined) {
    throw new OperatorError('no-escrow', 'The recovery key was not encrypted to support', {
      hint: 'This ledger has a key of support: encrypt the recovery key to it (image/ledger/seal.ts)',
    });
  }
  const whole = escrow.startsWith('-----BEGIN AGE ENCRYPTED FILE-----');
  if (whole && escrow.length <= ESCROW_CHARS_MAX) return escrow;
  throw new OperatorError(
    'no-escrow',
    'What should be the encrypted recovery key is something else',
    {
      hint: 'It is an armoured file of age (image/ledger/seal.ts)',
    },
  );
}

/** What the card gets: from the box of waiting records, or as support opened it. */
function recordFor({ sql, file }: Store, row: Row, given: UnitRecord | undefined): UnitRecord {
  if (given !== undefined) return given;
  if (row['record'] === null) return { v: 1, accounts: [] };
  const id = Number(row['record']);
  const bytes = sql.get('SELECT box FROM waiting WHERE record = ?', id)?.['box'];
  const text =
    bytes instanceof Uint8Array ? unbox(bytes, stationKey(file), `record ${id}`) : undefined;
  if (text !== undefined) return JSON.parse(text) as UnitRecord;
  const isSealed = sql.get('SELECT 1 FROM record WHERE id = ? AND sealed IS NOT NULL', id);
  const serial = String(row['serial']);
  if (isSealed === undefined) {
    throw new OperatorError('record-lost', `What belongs on a card of ${serial} is kept nowhere`, {
      hint: 'This ledger has no key of support: order the unit again, with a new serial',
    });
  }
  throw new OperatorError('record-sealed', `What belongs on a card of ${serial} is sealed`, {
    hint: 'Support opens it: --identity FILE, or for a whole ledger ./build.sh unit unseal',
  });
}

/** That this flash is still ours; whose it was begun by. */
function mine({ sql }: Store, { id }: Flash, states: readonly string[]): Actor {
  const row = sql.get('SELECT state, operator, station FROM flash WHERE id = ?', id);
  if (row !== undefined && states.includes(String(row['state']))) {
    return { operator: String(row['operator']), station: String(row['station']) };
  }
  const state = row === undefined ? 'unknown' : String(row['state']);
  throw new OperatorError('flash-over', `This card's flash is no longer open (${state})`, {
    hint: 'Take the card out and begin again with another unit',
  });
}

/** Nothing but what the ports say: callers may carry more in their objects. */
function plain(how: FlashEnd): FlashEnd {
  if (how.result === 'bad') return { result: 'bad', code: how.code, reason: how.reason };
  const { sha256, bytes, writeMs, readMs } = how;
  return { result: 'done', sha256, bytes, writeMs, readMs };
}

/** States of units that wait for a card, or may come to: in SQL. */
export const WAITING = `('new', 'writing', 'uncertain', 'overwritten')`;

/** Records that no card waits for any more; support still has them. */
export function forgetBoxes({ sql }: Store): void {
  sql.run(
    `DELETE FROM waiting WHERE NOT EXISTS (
       SELECT 1 FROM unit WHERE unit.record = waiting.record AND state IN ${WAITING}
     )`,
  );
}

function recover(store: Store): void {
  const open = store.read(() => store.sql.get('SELECT 1 FROM flash WHERE ended IS NULL LIMIT 1'));
  if (open !== undefined) store.write((tell) => recoverWith(store, tell));
}

/** Flashes of stations that have gone: none of them is done. */
function recoverWith(store: Store, tell: Tell): void {
  const open = store.sql.all('SELECT DISTINCT holder FROM flash WHERE ended IS NULL');
  for (const holder of open.map((row) => String(row['holder']))) {
    if (!hasGone(store.file, holder)) continue;
    const lost = store.sql.all(
      'SELECT id, serial, operator, station FROM flash WHERE ended IS NULL AND holder = ?',
      holder,
    );
    for (const row of lost) {
      const by = { operator: String(row['operator']), station: String(row['station']) };
      const flash = String(row['id']);
      tell({ kind: 'flash.found', serial: String(row['serial']), flash }, by);
      tellSpoiled(store.sql, tell, { flash, by });
    }
  }
}
