// `./build.sh reflash`: another card for a unit that had one. Same serial and pairing, keys of its own; what the
// last card had not told goes with it. The cloud lets it in by its registration token, and shuts the last one out.
import { copyFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import * as v from 'valibot';
import { OperatorError } from '../core/errors.ts';
import { SERIAL } from '../core/serial.ts';
import { oneLine } from '../core/terminal.ts';
import { openLedger } from '../ledger/ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { readIdentities } from '../ledger/seal.ts';
import type { CardIdentity, UnitEntry } from '../ledger/ports.ts';
import { cardHolder, openRecord } from '../ledger/units.ts';
import type { CardHolder } from '../ledger/units.ts';
import { privateFolder } from '../unit/recover/copy.ts';
import { salvage } from '../unit/recover/queue.ts';
import { mark } from '../unit/recover/recover.ts';
import type { Mark } from '../unit/recover/recover.ts';
import { RECORD_BYTES_MAX } from '../unit/template.ts';
import { cardAt } from './find.ts';
import { prepareFlasher } from './prepare.ts';
import { confirm, withContent } from './question.ts';
import type { Found } from './question.ts';
import type { Around, FlashRequest } from './run.ts';
import { cardScreen } from './screen.ts';

export interface ReflashRequest extends Pick<
  FlashRequest,
  'yes' | 'claim' | 'endpoints' | 'release' | 'releases' | 'signer' | 'file' | 'by'
> {
  readonly serial: string;
  readonly device: string;
  /** What `recover` made of the last card. */
  readonly from: string | undefined;
  /** Support's identity file: opens what belongs on the unit's cards. */
  readonly identity: string | undefined;
}

/** The room on a card is as large as a multiple of this: templates can be used again. */
const CARRIED_STEP_BYTES = 64 * 1024;

/** Returns the exit code. Throws OperatorError. */
export async function runReflash(request: ReflashRequest, around: Around): Promise<number> {
  const { print, signal } = around;
  const ledger = openLedger(request.file);
  try {
    const unit = ledger.unit(request.serial);
    const { serial, cards, state } = unit;
    const carried =
      request.from === undefined ? undefined : await carriedFrom(request.from, serial);
    const record = await recordOf(ledger, serial, request.identity);
    ledger.check({ serial, record });
    const card = await cardAt(request.device, signal);
    const files = carried === undefined ? {} : { 'carried.db.gz': carried };
    const again = { serial, record, files };
    const flasher = await prepareFlasher({ ...request, again }, { ...around, ledger });
    const holder = (of: CardIdentity): CardHolder | undefined => cardHolder(ledger, of);
    const [found] = (await withContent([card])) as [Found];
    await confirm({ yes: request.yes, station: false, unit }, [found], { ...around, holder });
    const held = holder(found.card);
    const isOwn = held?.unit.serial === serial;
    const isGone = state === 'overwritten' || (isOwn && held.isCurrent);
    const screen = cardScreen(process.stderr);
    const view = await flasher
      .flash(found.card, { order: undefined, show: screen.show, shown: found.holds })
      .finally(() => screen.close());
    if (view.phase !== 'done') {
      print(notDone(ledger.unit(serial), { isOwn: isOwn && view.phase === 'bad' }));
      signal.throwIfAborted();
      return 1;
    }
    if (request.from !== undefined)
      noteCarried(request.from, `${card.device}, ${request.by.operator}`);
    print(after({ serial, cards, state }, { from: request.from, isGone }));
    return 0;
  } finally {
    ledger.close();
  }
}

/** What the ledger says of a unit whose new card is none. `isOwn`: one of its cards was lost with that. */
function notDone({ serial, state }: UnitEntry, { isOwn }: { readonly isOwn: boolean }): string {
  switch (state) {
    case 'uncertain':
      return `The unit is uncertain now; "./build.sh unit show ${serial}" says what to do.`;
    case 'done':
      if (isOwn)
        return 'What lay there was a card of this unit: if it was its newest, the unit has none now. Reflash it again.';
      return 'In the ledger nothing has changed for the unit: its card before this one counts. Reflash it again.';
    case 'overwritten':
      return 'The unit has no card now: what was on its last one is lost. Reflash it again.';
    case 'new':
    case 'writing':
    case 'retired':
      return 'Nothing has changed for the unit: it still waits for this card.';
  }
}

/** `isGone`: what was on the last card is no more; that card may be another unit's by now, or this one. */
function after(
  { serial, cards, state }: Pick<UnitEntry, 'serial' | 'cards' | 'state'>,
  { from, isGone }: { readonly from: string | undefined; readonly isGone: boolean },
): string {
  const done = `Card for ${serial} is finished.`;
  const next =
    'Next: tell the cloud with "./build.sh unit export", before the unit is switched on; else it is refused until then.';
  if (cards === 0 && state !== 'uncertain')
    return `${done}\nIt is this unit’s first card: nothing is lost.`;
  if (cards === 0 && from === undefined) {
    return [
      done,
      'The ledger was restored and knows no other card of this unit. If there is one, it is shut out of the cloud',
      'when this one connects, and whatever it had not told yet is lost: destroy it.',
      next,
    ].join('\n');
  }
  return [
    done,
    from === undefined
      ? 'LOST: whatever the last card had not told yet (no --from was given).'
      : `With it goes what waited on the last card. Delete ${from}: it holds the keys of the hotel’s account.`,
    next,
    isGone
      ? 'What was on the last card is shut out of the cloud when this one connects.'
      : 'The last card is shut out of the cloud when this one connects. Destroy it: never put it into a unit again.',
  ].join('\n');
}

/** Without an identity the ledger has it only for a first card that was not finished. */
async function recordOf(
  ledger: Ledger,
  serial: string,
  identity: string | undefined,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (identity === undefined) return undefined;
  return openRecord(ledger, serial, await readIdentities(identity));
}

/** The queue as the first boot unpacks it. Throws OperatorError when it is another unit's, or went already. */
async function carriedFrom(file: string, serial: string): Promise<Uint8Array> {
  const { about, wentWith } = readMark(file);
  if (about.serial !== serial) {
    throw new OperatorError('other-unit', `${file} is of unit ${about.serial}`, {
      hint: `Recover the card of ${serial}`,
    });
  }
  if (wentWith !== undefined) {
    throw new OperatorError('carried-already', `${file} went with a card already: ${wentWith}`, {
      hint: 'Recover that card: it knows more by now, or has it still. Only if it cannot be read: the card before it',
    });
  }
  const packed = gzipSync(await onlyRows(file, about), { level: 9 });
  const bytes = Math.ceil(packed.length / CARRIED_STEP_BYTES) * CARRIED_STEP_BYTES;
  if (bytes <= RECORD_BYTES_MAX)
    return Buffer.concat([packed, Buffer.alloc(bytes - packed.length)]);
  throw new OperatorError('too-much', `${file} is too large for a card's record (${bytes} bytes)`, {
    hint: 'Keep the file; reflash without --from, and have what it holds resolved by hand',
  });
}

/** Made anew: the file has been elsewhere, and the unit's agent opens what is packed. */
async function onlyRows(file: string, about: Mark): Promise<Buffer> {
  await using place = await privateFolder(2 * (await stat(file)).size);
  const [copy, made] = ['copy.db', 'made.db'].map((name) => join(place.path, name)) as [
    string,
    string,
  ];
  await copyFile(file, copy);
  const { torn } = await salvage(copy, made);
  if (torn.length > 0) throw notRecovered(file);
  mark(made, about);
  return await readFile(made);
}

interface Marked {
  readonly about: Mark;
  readonly wentWith: string | undefined;
}

function readMark(file: string): Marked {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    const row = db.prepare('SELECT about, wentWith FROM recovered').get();
    const about = v.parse(aMark, JSON.parse(String(row?.['about'])));
    const wentWith = row?.['wentWith'];
    return { about, wentWith: typeof wentWith === 'string' ? oneLine(wentWith) : undefined };
  } catch (cause) {
    throw notRecovered(file, cause);
  } finally {
    db?.close();
  }
}

const aMark: v.GenericSchema<unknown, Mark> = v.object({
  v: v.literal(1),
  serial: v.pipe(v.string(), v.regex(SERIAL)),
  atMs: v.number(),
  isDoubted: v.boolean(),
});

const notRecovered = (file: string, cause?: unknown): OperatorError =>
  new OperatorError('not-recovered', `${file} is nothing that recover made`, {
    hint: 'Give the file that ./build.sh recover named',
    cause,
  });

/** A cut before it is no harm: told twice, its ids are known, and charges are looked for first. */
function noteCarried(file: string, card: string): void {
  const db = new DatabaseSync(file);
  try {
    db.prepare('UPDATE recovered SET wentWith = ?').run(card);
  } finally {
    db.close();
  }
}
