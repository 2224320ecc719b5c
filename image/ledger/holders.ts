// Whose card a card is, by its own number (CID), and what the ledger tells when it is written over: the unit has no
// card then, whatever becomes of the one that is being written. Readers on USB tell no number: of their cards nothing
// is known.
import type { Actor } from './ports.ts';
import type { Tell } from './store.ts';
import type { Row, Statements } from './tables.ts';

/** SD Physical Layer Specification 5.2: the serial number within the CID, as hex digits. */
const NUMBER_AT = 18;
const NUMBER_DIGITS = 8;

/**
 * A CID that no other card has. Some makers give all their cards the number 0 or none, others one number to many: a
 * blank card with the number of a unit's card was either emptied by somebody or is another one, and from then on the
 * number says nothing.
 */
function tellsApart(sql: Statements, cid: string | null | undefined): cid is string {
  const digits = cid?.slice(NUMBER_AT, NUMBER_AT + NUMBER_DIGITS) ?? '';
  if (cid === null || cid === undefined || /^(0*|f*)$/.test(digits)) return false;
  const blank = sql.get(
    `SELECT 1 FROM flash JOIN event ON event.serial = flash.serial AND kind = 'flash.begun'
       AND json_extract(body, '$.flash') = flash.id
     WHERE cid = ? AND json_extract(body, '$.card.isBlank')
       AND EXISTS (SELECT 1 FROM flash AS before WHERE before.cid = flash.cid
         AND before.verified IS NOT NULL AND before.serial <> flash.serial AND before.rowid < flash.rowid)`,
    cid,
  );
  return blank === undefined;
}

/**
 * Units, retired ones too, whose newest card that could start has this number and was not told to be written over: the
 * unit's row with `flash`, which of its flashes that was; the oldest flash first. Ledgers of version 1 told it of none.
 */
function holdersOf(sql: Statements, cid: string): readonly Row[] {
  return sql.all(
    `SELECT unit.*, flash.id AS flash, flash.rowid AS nth FROM flash JOIN unit USING (serial)
     WHERE flash.cid = ? AND flash.verified IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM flash AS later WHERE later.serial = flash.serial
         AND later.verified IS NOT NULL AND later.rowid > flash.rowid)
       AND NOT EXISTS (SELECT 1 FROM event WHERE event.serial = flash.serial
         AND kind = 'card.overwritten' AND json_extract(body, '$.flash') = flash.id)
     ORDER BY flash.rowid`,
    cid,
  );
}

/** The row of the unit that has this card now: nothing was begun on it since. */
export function holderOf(sql: Statements, cid: string | undefined): Row | undefined {
  if (!tellsApart(sql, cid)) return undefined;
  const last = sql.get('SELECT max(rowid) AS nth FROM flash WHERE cid = ?', cid)?.['nth'];
  const holder = holdersOf(sql, cid).at(-1);
  return holder?.['nth'] === last && holder?.['state'] !== 'retired' ? holder : undefined;
}

/** Whether something was begun on the card of this unit since it could start. */
export function isWrittenOver(sql: Statements, serial: string): boolean {
  const newest = sql.get(
    `SELECT rowid AS nth, cid FROM flash WHERE serial = ? AND verified IS NOT NULL
     ORDER BY rowid DESC LIMIT 1`,
    serial,
  );
  const cid = newest?.['cid'] as string | null | undefined;
  if (newest === undefined || !tellsApart(sql, cid)) return false;
  const later = 'SELECT 1 FROM flash WHERE cid = ? AND rowid > ?';
  return sql.get(later, cid, newest['nth']!) !== undefined;
}

/** Tells of every other unit whose card this was that it has none any more: a flash of `into` begins on it. */
export function tellTaken(
  sql: Statements,
  tell: Tell,
  { cid, into, by }: { cid: string | undefined; into: string; by: Actor },
): void {
  for (const row of tellsApart(sql, cid) ? holdersOf(sql, cid) : []) {
    const serial = String(row['serial']);
    if (serial === into || row['state'] === 'retired') continue;
    tell({ kind: 'card.overwritten', serial, flash: String(row['flash']), into }, by);
  }
}

/** A flash is over: when it spoiled its own unit's card without making it one again, that is told. */
export function tellSpoiled(
  sql: Statements,
  tell: Tell,
  { flash, by }: { flash: string; by: Actor },
): void {
  const over = sql.get('SELECT serial, cid FROM flash WHERE id = ? AND verified IS NULL', flash);
  const cid = over?.['cid'] as string | null | undefined;
  if (over === undefined || !tellsApart(sql, cid)) return;
  const serial = String(over['serial']);
  const own = holdersOf(sql, cid).find((row) => row['serial'] === serial);
  if (own === undefined) return;
  tell({ kind: 'card.overwritten', serial, flash: String(own['flash']), into: serial }, by);
}
