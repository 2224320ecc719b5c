// Rows of the ledger as units and orders, and how a unit is named: by its serial, its host name or the first digits of it.
import { OperatorError } from '../core/errors.ts';
import { SERIAL } from '../core/serial.ts';
import type { UnitEntry } from './ports.ts';
import type { Row, Statements } from './tables.ts';

/** Fewer digits would often mean several. */
const DIGITS_MIN = 4;
/** Several that begin alike are named, as many as a person compares. */
const NAMED_MAX = 4;

/**
 * The digits of a serial as it was typed, read from a label or scanned from its code: without `http://clockrpi-…` and
 * `.local/`, and without the blanks between groups. Hyphens only where they leave a whole serial: an order's name may
 * have some.
 */
export function digitsOf(named: string): string {
  const bare = named
    .toLowerCase()
    .replaceAll(/\s+/g, '')
    .replace(/^https?:\/\//, '')
    .replace(/\/$/, '')
    .replace(/^clockrpi-/, '')
    .replace(/\.local$/, '');
  const joined = bare.replaceAll('-', '');
  return SERIAL.test(joined) ? joined : bare;
}

/** The row of a serial, in any form that `digitsOf` knows, or of the only one that begins so. Throws OperatorError. */
export function unitRow(sql: Statements, named: string): Row {
  const digits = digitsOf(named);
  const wrong = (message: string, hint: string): OperatorError =>
    new OperatorError('unit-unknown', message, { hint });
  if (!/^[0-9a-f]{4,32}$/.test(digits)) {
    throw wrong(
      `"${named}" is no serial`,
      `A serial has 32 digits 0-9 and a-f; the first ${DIGITS_MIN} or more will do`,
    );
  }
  const exact = sql.get('SELECT * FROM unit WHERE serial = ?', digits);
  if (exact !== undefined) return exact;
  const found = sql.all(
    'SELECT * FROM unit WHERE serial >= ? AND serial < ? LIMIT ?',
    ...[digits, `${digits}g`, NAMED_MAX + 1],
  );
  if (found.length === 0) throw wrong(`There is no unit ${named}`, 'See "./build.sh unit list"');
  if (found.length === 1) return found[0]!;
  const some = found.slice(0, NAMED_MAX).map((row) => String(row['serial']));
  const more = found.length > NAMED_MAX ? ' and more' : '';
  throw wrong(
    `Several serials begin with ${digits}`,
    `Give more digits: ${some.join(', ')}${more}`,
  );
}

/** For an order whose units are all retired; undefined: it has others, or none at all. */
export function orderRetired(sql: Statements, order: string): OperatorError | undefined {
  const states = sql.all('SELECT DISTINCT state FROM unit WHERE "order" = ?', order);
  if (states.length !== 1 || states[0]!['state'] !== 'retired') return undefined;
  return new OperatorError('order-retired', `All units of order ${order} are retired`, {
    hint: `New ones: import its file again, or ./build.sh unit new --order ${order}`,
  });
}

export function entryOf(row: Row): UnitEntry {
  const text = (name: string): string | undefined =>
    typeof row[name] === 'string' ? row[name] : undefined;
  const [order, name, release, mac] = [text('order'), text('name'), text('release'), text('mac')];
  return {
    serial: String(row['serial']),
    ...(order === undefined ? {} : { order }),
    ...(name === undefined ? {} : { name }),
    accounts: JSON.parse(String(row['accounts'])) as UnitEntry['accounts'],
    services: JSON.parse(String(row['services'])) as readonly string[],
    state: row['state'] as UnitEntry['state'],
    cards: Number(row['cards']),
    ...(release === undefined ? {} : { release }),
    ...(mac === undefined ? {} : { mac }),
    labelled: Number(row['labelled']) > 0,
  };
}
