// Which unit a card is for: the one that is named, the next of an order, or one that belongs to nobody.
// All of it happens under the ledger's write lock: no two stations get the same.
import { OperatorError } from '../core/errors.ts';
import type { Actor } from './ports.ts';
import type { Tell } from './store.ts';
import type { Row, Statements } from './tables.ts';
import { orderRetired, unitRow } from './view.ts';

/** The serial of the unit that gets this card. Throws OperatorError. */
export function chosen(
  { sql }: { readonly sql: Statements },
  tell: Tell,
  want: { order?: string; serial?: string; by: Actor; newSerial: () => string },
): string {
  const { order, serial, by } = want;
  if (serial !== undefined) return may(unitRow(sql, serial));
  if (order !== undefined) return nextOf(sql, order);
  const waiting = nobodys(sql);
  if (waiting !== undefined) return waiting;
  const made = want.newSerial();
  const nobody = { order: null, name: null, accounts: [], services: [], record: null };
  tell({ kind: 'unit.made', serial: made, ...nobody }, by);
  return made;
}

/**
 * The oldest unit that waits for a card and is like one that would be made now: one whose card was bad, as a rule.
 * A label or a MAC makes it somebody's.
 */
function nobodys(sql: Statements): string | undefined {
  const next = sql.get(
    `SELECT serial FROM unit WHERE "order" IS NULL AND state = 'new' AND name IS NULL
       AND accounts = '[]' AND services = '[]' AND record IS NULL AND labelled = 0 AND mac IS NULL
     ORDER BY place LIMIT 1`,
  );
  return next === undefined ? undefined : String(next['serial']);
}

/** The next unit of an order that waits for a card. Throws OperatorError. */
export function nextOf(sql: Statements, order: string): string {
  const next = sql.get(
    `SELECT serial FROM unit WHERE "order" = ? AND state = 'new' ORDER BY place LIMIT 1`,
    order,
  );
  if (next !== undefined) return String(next['serial']);
  const states = sql.all(
    `SELECT state, count(*) AS units FROM unit WHERE "order" = ? AND state <> 'retired' GROUP BY state`,
    order,
  );
  if (states.length === 0) throw orderRetired(sql, order) ?? orderUnknown(order);
  const told = states.map((row) => `${Number(row['units'])} ${String(row['state'])}`).join(', ');
  throw new OperatorError('order-finished', `No unit of order ${order} waits for a card: ${told}`, {
    hint: `See "./build.sh unit list --order ${order}"`,
  });
}

/** For an order that the ledger does not have. */
export const orderUnknown = (order: string): OperatorError =>
  new OperatorError('order-unknown', `There is no order ${order}`, {
    hint: 'See "./build.sh unit list"; orders come with "./build.sh unit import FILE.csv"',
  });

/** Its serial, when it may get a card. Throws OperatorError. */
export function may(row: Row): string {
  const serial = String(row['serial']);
  if (row['state'] !== 'writing' && row['state'] !== 'retired') return serial;
  const retired = row['state'] === 'retired';
  throw new OperatorError(
    retired ? 'unit-retired' : 'unit-busy',
    retired ? `${serial} is retired` : `A card for ${serial} is being written`,
    {
      hint: retired
        ? 'Make a new one: ./build.sh unit new, or import it again'
        : `See "./build.sh unit show ${serial}"`,
    },
  );
}
