// What the cloud's hook is told of serials: which card of each may register (registration.ts), which no longer may.
// No secret is in it: a token's hash registers nothing.
import { csvLine } from './csv.ts';
import type { Ledger } from './ledger.ts';
import type { Announcement } from './registration.ts';

/** One serial; a reader needs no more than what Announcement has. */
interface Announced extends Announcement {
  /** Which card of the unit that is, from 1; a certificate of an earlier one is void. */
  readonly generation: number;
  /** Besides: a certificate of this serial that was made earlier is of an earlier card. */
  readonly since: string;
  /** Of earlier cards: none of them registers any more. */
  readonly superseded: readonly string[];
}

export interface Announcements {
  readonly v: 1;
  /** Of the ledger when it was written: what is older is out of date. */
  readonly events: number;
  readonly head: string;
  readonly units: readonly Announced[];
}

/** All serials that have a card that may start, and those that were retired. */
export function announce({ store }: Ledger): Announcements {
  return store.read(() => {
    const { sql } = store;
    const last = sql.get('SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1');
    const cards = sql.all(
      `SELECT serial, registration, generation, verified FROM flash
       WHERE verified IS NOT NULL ORDER BY serial, generation`,
    );
    const bySerial = Map.groupBy(cards, (row) => String(row['serial']));
    const told = sql.all(
      `SELECT serial, state, (SELECT max(at) FROM event WHERE event.serial = unit.serial
         AND kind = 'unit.retired') AS retired
       FROM unit WHERE cards > 0 OR state = 'retired' ORDER BY place`,
    );
    const units = told.map((row): Announced => {
      const serial = String(row['serial']);
      const all = bySerial.get(serial) ?? [];
      const isRetired = row['state'] === 'retired';
      const hashes = all.map((card) => String(card['registration']));
      const newest = all.at(-1);
      return {
        serial,
        registration: isRetired ? 'none' : (hashes.at(-1) ?? 'none'),
        generation: Number(newest?.['generation'] ?? 0),
        since: String(isRetired ? row['retired'] : newest?.['verified']),
        superseded: isRetired ? hashes : hashes.slice(0, -1),
      };
    });
    return { v: 1, events: Number(last?.['seq']), head: String(last?.['hash']), units };
  });
}

/** The same as a table; superseded ones with blanks between them. */
export const announcementsCsv = ({ units }: Announcements): string =>
  [
    ['serial', 'registration', 'generation', 'since', 'superseded'],
    ...units.map(({ serial, registration, generation, since, superseded }) => [
      ...[serial, registration, generation, since, superseded.join(' ')],
    ]),
  ]
    .map(csvLine)
    .join('\n');
