// Whose card a card is, and what the ledger tells when it is written over: the unit has no card then, whatever becomes
// of the one that is being written. A finished unit's card tells its serial; which of the unit's cards it is, tells its
// own number (CID), which readers on USB do not pass on. Without either nothing is known.
import type { Actor, CardIdentity } from './ports.ts';
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

/** What a card says of itself. */
type Said = Pick<CardIdentity, 'cid' | 'unit'>;

interface Held {
  readonly row: Row;
  /** The flash that wrote the unit's card. */
  readonly flash: string;
  /** It is that card for certain; a unit that had several may have left this one behind. */
  readonly isCurrent: boolean;
}

/** The unit that has this card now, also when it is retired. */
export function holderOf(sql: Statements, card: Said): Held | undefined {
  return card.unit === undefined ? byNumber(sql, card.cid) : bySerial(sql, card.unit, card.cid);
}

function bySerial(sql: Statements, serial: string, cid: string | undefined): Held | undefined {
  const row = sql.get('SELECT * FROM unit WHERE serial = ?', serial);
  const flashes = sql.all(
    `SELECT id, cid FROM flash WHERE serial = ? AND verified IS NOT NULL ORDER BY rowid DESC`,
    serial,
  );
  const [newest] = flashes;
  if (row === undefined || newest === undefined) return undefined;
  const isThat = cid !== undefined && newest['cid'] === cid && tellsApart(sql, cid);
  const isTold = sql.get(
    `SELECT 1 FROM event WHERE serial = ? AND kind = 'card.overwritten'
       AND json_extract(body, '$.flash') = ?`,
    ...[serial, newest['id']!],
  );
  const isCurrent = isTold === undefined && (flashes.length === 1 || isThat);
  return { row, flash: String(newest['id']), isCurrent };
}

/** Of the unit whose number it is, if nothing was begun on it since. */
function byNumber(sql: Statements, cid: string | undefined): Held | undefined {
  if (!tellsApart(sql, cid)) return undefined;
  const last = sql.get('SELECT max(rowid) AS nth FROM flash WHERE cid = ?', cid)?.['nth'];
  const row = holdersOf(sql, cid).at(-1);
  if (row === undefined || row['nth'] !== last) return undefined;
  return { row, flash: String(row['flash']), isCurrent: true };
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
  { card, into, by }: { card: Said; into: string; by: Actor },
): void {
  for (const { serial, flash, state } of losersBy(sql, card)) {
    if (serial === into || state === 'retired') continue;
    tell({ kind: 'card.overwritten', serial, flash, into }, by);
  }
}

interface Loser {
  readonly serial: string;
  readonly flash: string;
  readonly state: string;
}

/** Units that lose their card when something is written over this one. */
function losersBy(sql: Statements, { cid, unit }: Said): readonly Loser[] {
  const loser = (row: Row, flash: string): Loser => ({
    ...{ serial: String(row['serial']), flash, state: String(row['state']) },
  });
  if (unit !== undefined) {
    const held = bySerial(sql, unit, cid);
    return held?.isCurrent === true ? [loser(held.row, held.flash)] : [];
  }
  if (!tellsApart(sql, cid)) return [];
  return holdersOf(sql, cid).map((row) => loser(row, String(row['flash'])));
}

/** A flash is over: when it spoiled its own unit's card without making it one again, that is told. */
export function tellSpoiled(
  sql: Statements,
  tell: Tell,
  { flash, by }: { flash: string; by: Actor },
): void {
  const over = sql.get(
    `SELECT flash.serial, cid, json_extract(body, '$.card.unit') AS unit FROM flash
     JOIN event ON event.serial = flash.serial AND kind = 'flash.begun'
       AND json_extract(body, '$.flash') = flash.id
     WHERE id = ? AND verified IS NULL`,
    flash,
  );
  if (over === undefined) return;
  const text = (name: string): string | undefined =>
    typeof over[name] === 'string' ? over[name] : undefined;
  const [serial, cid, unit] = [text('serial'), text('cid'), text('unit')];
  const said = { ...(cid === undefined ? {} : { cid }), ...(unit === undefined ? {} : { unit }) };
  const own = losersBy(sql, said).find((one) => one.serial === serial);
  if (own === undefined) return;
  tell({ kind: 'card.overwritten', serial: own.serial, flash: own.flash, into: own.serial }, by);
}
