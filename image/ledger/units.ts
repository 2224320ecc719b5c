// What people do with units besides writing their cards: look, settle, retire, note. Each change is an event.
import { randomBytes } from 'node:crypto';
import { OperatorError } from '../core/errors.ts';
import type { ChainEvent } from './chain.ts';
import type { LedgerEvent } from './events.ts';
import { WAITING, forgetBoxes, orderUnknown } from './ledger.ts';
import type { Ledger, UnitRecord } from './ledger.ts';
import { holderOf, isWrittenOver } from './holders.ts';
import type { Actor, CardIdentity, UnitEntry } from './ports.ts';
import { box, stationKey, unbox, unseal } from './seal.ts';
import type { Row } from './tables.ts';
import { entryOf, orderRetired, unitRow } from './view.ts';

/** One card of a unit, as its row tells it. */
export interface FlashRow {
  readonly id: string;
  readonly serial: string;
  readonly generation: number;
  readonly state: 'begun' | 'verified' | 'done' | 'bad' | 'lost';
  readonly operator: string;
  readonly station: string;
  readonly release: string;
  readonly cid: string | null;
  readonly model: string;
  readonly device: string;
  readonly card_bytes: number;
  /** Encrypted to support's key, armoured; null: kept nowhere. */
  readonly escrow: string | null;
  readonly registration: string;
  readonly begun: string;
  readonly verified: string | null;
  readonly ended: string | null;
  readonly sha256: string | null;
  readonly bytes: number | null;
  readonly write_ms: number | null;
  readonly read_ms: number | null;
  readonly code: string | null;
  readonly reason: string | null;
}

export interface UnitDetails {
  readonly unit: UnitEntry;
  readonly made: string;
  /** Why it was retired. */
  readonly why: string | undefined;
  /** Oldest first. */
  readonly flashes: readonly FlashRow[];
  readonly events: readonly ChainEvent[];
}

/** Units in the order in which they were made. */
export function listUnits(
  { store }: Ledger,
  { order, state }: { order?: string | undefined; state?: string | undefined } = {},
): readonly UnitEntry[] {
  return store.read(() =>
    store.sql
      .all(
        `SELECT * FROM unit WHERE (?1 IS NULL OR "order" = ?1) AND (?2 IS NULL OR state = ?2)
         ORDER BY place`,
        ...[order ?? null, state ?? null],
      )
      .map(entryOf),
  );
}

/** All that the ledger knows of a unit. Throws OperatorError. */
export function unitDetails({ store }: Ledger, named: string): UnitDetails {
  return store.read(() => {
    const row = unitRow(store.sql, named);
    const serial = String(row['serial']);
    const where = (sql: string): readonly Row[] => store.sql.all(sql, serial);
    return {
      unit: entryOf(row),
      made: String(row['made']),
      why: typeof row['why'] === 'string' ? row['why'] : undefined,
      flashes: where(
        'SELECT * FROM flash WHERE serial = ? ORDER BY begun, generation',
      ) as unknown as FlashRow[],
      events: where('SELECT * FROM event WHERE serial = ? ORDER BY seq') as unknown as ChainEvent[],
    };
  });
}

/** Whose card a card is. */
export interface CardHolder {
  readonly unit: UnitEntry;
  /** It is the one that the unit runs with, for certain. */
  readonly isCurrent: boolean;
}

/** The unit, not retired, whose card this is as it says itself or by its number; undefined: nothing is known of it. */
export function cardHolder(
  { store }: Ledger,
  card: Pick<CardIdentity, 'cid' | 'unit'>,
): CardHolder | undefined {
  return store.read(() => {
    const held = holderOf(store.sql, card);
    if (held === undefined || held.row['state'] === 'retired') return undefined;
    return { unit: entryOf(held.row), isCurrent: held.isCurrent };
  });
}

/** The last ones told, oldest first. */
export function newestEvents({ store }: Ledger, count: number): readonly ChainEvent[] {
  const rows = store.sql.all('SELECT * FROM event ORDER BY seq DESC LIMIT ?', count);
  return (rows as unknown as ChainEvent[]).toReversed();
}

/** An event as data. */
export const parsedEvent = ({ seq, at, kind, by, body, hash }: ChainEvent): object => ({
  ...{ seq, at, kind, hash },
  by: JSON.parse(by) as unknown,
  ...(JSON.parse(body) as object),
});

/** Does one thing to a unit if it may; returns it as it is then. */
function change(
  { store }: Ledger,
  named: string,
  { by, event }: { by: Actor; event: (unit: UnitEntry) => LedgerEvent },
): UnitEntry {
  return store.write((tell) => {
    const unit = entryOf(unitRow(store.sql, named));
    tell(event(unit), by);
    forgetBoxes(store);
    return entryOf(unitRow(store.sql, unit.serial));
  });
}

/**
 * Its card was looked at and is whole: an uncertain unit is done. Throws OperatorError; also when something was begun on
 * that card since, so that it was another one that was looked at, and when the ledger knows of none.
 */
export function settleUnit(ledger: Ledger, named: string, by: Actor): UnitEntry {
  const event = ({ serial, state, cards }: UnitEntry): LedgerEvent => {
    if (state === 'overwritten' || isWrittenOver(ledger.store.sql, serial)) {
      throw new OperatorError('card-overwritten', `The card of ${serial} was written over`, {
        hint: `Write it another one (./build.sh reflash ${serial} DEVICE), or: ./build.sh unit replace ${serial}`,
      });
    }
    if (state === 'uncertain' && cards === 0) {
      // Since a restore. Without its token's hash the cloud could not be told of that card either (export.ts).
      throw new OperatorError('card-unknown', `Nothing is known of a card of ${serial}`, {
        hint: `Make a new unit in its place (./build.sh unit replace ${serial}), or: ./build.sh reflash ${serial} DEVICE`,
      });
    }
    if (state === 'uncertain') return { kind: 'unit.settled', serial };
    throw new OperatorError('unit-certain', `${serial} is not uncertain, it is ${state}`, {
      hint: `See "./build.sh unit show ${serial}"`,
    });
  };
  return change(ledger, named, { by, event });
}

/** It gets no card any more, and the cloud is told not to let it in (export.ts). Throws OperatorError. */
export function retireUnit(
  ledger: Ledger,
  named: string,
  { by, why }: { by: Actor; why: string },
): UnitEntry {
  const event = ({ serial, state }: UnitEntry): LedgerEvent => {
    if (state !== 'writing' && state !== 'retired') return { kind: 'unit.retired', serial, why };
    throw notNow(serial, state);
  };
  return change(ledger, named, { by, event });
}

/** Retires those of an order that never had a card: it was cancelled, or its file was wrong. Throws OperatorError. */
export function retireWaiting(
  ledger: Ledger,
  order: string,
  { by, why }: { by: Actor; why: string },
): { readonly retired: number; readonly kept: number } {
  const { store } = ledger;
  return store.write((tell) => {
    const all = store.sql
      .all(`SELECT * FROM unit WHERE "order" = ? AND state <> 'retired' ORDER BY place`, order)
      .map(entryOf);
    if (all.length === 0) throw orderRetired(store.sql, order) ?? orderUnknown(order);
    const waiting = all.filter(({ state }) => state === 'new');
    for (const { serial } of waiting) tell({ kind: 'unit.retired', serial, why }, by);
    forgetBoxes(store);
    return { retired: waiting.length, kept: all.length - waiting.length };
  });
}

/**
 * Retires a unit, or all uncertain ones of an order, and makes new ones in their place, for the same accounts and
 * with the same services. Returns the new ones; the old ones' reason names them, behind `why`. Throws OperatorError.
 */
export function replaceUnits(
  { store }: Ledger,
  which: { readonly serial: string } | { readonly order: string },
  {
    by,
    why,
    newSerial = () => randomBytes(16).toString('hex'),
  }: { by: Actor; why?: string | undefined; newSerial?: () => string },
): readonly UnitEntry[] {
  return store.write((tell) => {
    const rows =
      'serial' in which
        ? [unitRow(store.sql, which.serial)]
        : store.sql.all(
            `SELECT * FROM unit WHERE "order" = ? AND state = 'uncertain' ORDER BY place`,
            which.order,
          );
    return rows.map((row) => {
      const { serial, state, order, name, accounts, services } = entryOf(row);
      if (state === 'writing' || state === 'retired') throw notNow(serial, state);
      const next = newSerial();
      const reason = `${why === undefined ? '' : `${why}; `}replaced by ${next}`;
      const record = row['record'] === null ? null : Number(row['record']);
      tell({ kind: 'unit.retired', serial, why: reason }, by);
      const same = { order: order ?? null, name: name ?? null, accounts, services, record };
      tell({ kind: 'unit.made', serial: next, ...same }, by);
      return entryOf(unitRow(store.sql, next));
    });
  });
}

function notNow(serial: string, state: 'writing' | 'retired'): OperatorError {
  const busy = state === 'writing';
  return new OperatorError(
    busy ? 'unit-busy' : 'unit-retired',
    busy ? `A card for ${serial} is being written` : `${serial} is retired already`,
    { hint: busy ? 'Wait until it is finished' : `See "./build.sh unit show ${serial}"` },
  );
}

/** Its label was printed. */
export function noteLabel(
  ledger: Ledger,
  named: string,
  { by, format }: { by: Actor; format: string },
): UnitEntry {
  return change(ledger, named, {
    by,
    event: ({ serial }) => ({ kind: 'unit.labelled', serial, format }),
  });
}

/** The board that goes with it, as scanned from its box; a board goes with one unit. Throws OperatorError. */
export function noteMac(
  ledger: Ledger,
  named: string,
  { by, mac }: { by: Actor; mac: string },
): UnitEntry {
  const plain = mac.toLowerCase().replaceAll(/[^0-9a-f]/g, '');
  if (!/^[0-9a-fA-F]{2}([:-]?[0-9a-fA-F]{2}){5}$/.test(mac)) {
    throw new OperatorError('mac', `"${mac}" is no MAC address`, {
      hint: 'It has twelve digits 0-9 and a-f, e.g. dc:a6:32:01:02:03',
    });
  }
  const written = plain.match(/../g)!.join(':');
  const event = ({ serial }: UnitEntry): LedgerEvent => {
    const other = ledger.store.sql.get(
      `SELECT serial FROM unit WHERE mac = ? AND state <> 'retired' AND serial <> ?`,
      ...[written, serial],
    )?.['serial'];
    if (other === undefined) return { kind: 'unit.mac', serial, mac: written };
    throw new OperatorError('mac-taken', `The board ${written} goes with ${String(other)}`, {
      hint: 'Scan the box again. Has that unit got another board, note that one first (unit mac); is it no more, retire it',
    });
  };
  return change(ledger, named, { by, event });
}

/** Support's key from now on; what was sealed to an older one stays so. */
export function setRecipient({ store }: Ledger, recipient: string | undefined, by: Actor): void {
  store.write((tell) => tell({ kind: 'recipient.set', recipient: recipient ?? null }, by));
}

/** A unit's record, opened with support's identity, for its next card. Throws OperatorError. */
export async function openRecord(
  ledger: Ledger,
  named: string,
  identities: readonly string[],
): Promise<UnitRecord> {
  const row = ledger.store.read(() => unitRow(ledger.store.sql, named));
  if (row['record'] === null) return { v: 1, accounts: [] };
  const sealed = ledger.store.sql.get(
    'SELECT sealed FROM record WHERE id = ?',
    Number(row['record']),
  );
  if (typeof sealed?.['sealed'] === 'string') {
    return JSON.parse(await unseal(sealed['sealed'], identities)) as UnitRecord;
  }
  throw new OperatorError(
    'record-lost',
    `What belongs on a card of ${String(row['serial'])} is kept nowhere`,
    { hint: 'This ledger has no key of support: order the unit again, with a new serial' },
  );
}

/**
 * Opens what cards still wait for with support's identity, and keeps it under this station's key: after a restore
 * on another machine. Returns how many records were opened. Throws OperatorError, then nothing was.
 */
export async function unsealWaiting(
  { store }: Ledger,
  identities: readonly string[],
): Promise<number> {
  const wanted = store.read(() =>
    store.sql.all(
      `SELECT id, sealed, box FROM record LEFT JOIN waiting ON record = id
       WHERE sealed IS NOT NULL AND EXISTS (
         SELECT 1 FROM unit WHERE unit.record = id AND state IN ${WAITING})`,
    ),
  );
  const key = stationKey(store.file);
  const opened: [number, Buffer][] = [];
  for (const row of wanted) {
    const what = `record ${Number(row['id'])}`;
    const { box: bytes } = row;
    if (bytes instanceof Uint8Array && unbox(bytes, key, what) !== undefined) continue;
    opened.push([
      Number(row['id']),
      box(await unseal(String(row['sealed']), identities), key, what),
    ]);
  }
  store.write(() => {
    for (const [id, bytes] of opened) {
      store.sql.run('INSERT OR REPLACE INTO waiting VALUES (?, ?)', id, bytes);
    }
    forgetBoxes(store);
  });
  return opened.length;
}

/** When a file with this content was imported; undefined when none was, or all units of its orders are retired. */
export function importedAt({ store }: Ledger, sha256: string): string | undefined {
  return store.read(() => {
    const file = store.sql.get(
      `SELECT seq, at, body ->> 'units' AS units FROM event
       WHERE kind = 'orders.imported' AND body ->> 'sha256' = ? ORDER BY seq DESC LIMIT 1`,
      sha256,
    );
    if (file === undefined) return undefined;
    // What it made was told next, in one transaction with it; what came in the place of those has their order.
    const left = store.sql.get(
      `SELECT 1 FROM unit WHERE state <> 'retired' AND "order" IN (
         SELECT body ->> 'order' FROM event WHERE kind = 'unit.made' AND seq > ? ORDER BY seq LIMIT ?)`,
      ...[Number(file['seq']), Number(file['units'])],
    );
    return left === undefined ? undefined : String(file['at']);
  });
}

/** An order as it stands: units that were ordered (without those retired), and those finished. */
export interface OrderTotal {
  readonly name: string;
  readonly wanted: number;
  readonly done: number;
}

/** Orders with units left first, of each kind the newest first. */
export function listOrders({ store }: Ledger): readonly OrderTotal[] {
  const rows = store.sql.all(
    `SELECT "order" AS name, count(*) AS wanted, sum(state = 'done') AS done FROM unit
     WHERE "order" IS NOT NULL AND state <> 'retired' GROUP BY "order"
     ORDER BY done >= wanted, max(rowid) DESC`,
  );
  return rows.map((row) => ({
    name: String(row['name']),
    wanted: Number(row['wanted']),
    done: Number(row['done']),
  }));
}
