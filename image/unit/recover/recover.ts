// `./build.sh recover`: what a unit's card still knows that nobody was told, out of its state partition by the
// recovery key, or out of the record that its first boot has not taken yet. Never writes to the card. What comes
// out is one file for the unit's next card, and a report.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, link, lstat, open, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OperatorError } from '../../core/errors.ts';
import type { Progress } from '../../core/progress.ts';
import { SERIAL } from '../../core/serial.ts';
import { STATE_AT, STATE_LABEL, SYSTEM_AT, SYSTEM_LABEL } from '../layout.ts';
import { decrypted, unlock } from '../read/keyslot.ts';
import { readLuks } from '../read/luks.ts';
import type { LuksHeader } from '../read/luks.ts';
import { Damaged, section } from '../read/source.ts';
import type { Source } from '../read/source.ts';
import { readTable } from '../read/table.ts';
import type { Table } from '../read/table.ts';
import { carriedOn } from './carried.ts';
import type { Carried } from './carried.ts';
import { copyState, privateFolder } from './copy.ts';
import { StateFiles } from './files.ts';
import { forgiving } from './forgiving.ts';
import { prepare, salvage } from './queue.ts';
import type { QueueCounts } from './queue.ts';

const QUEUE = '/agent/outbox.db';

export interface RecoverOptions {
  readonly card: Source;
  /** Passphrases that may open it, for the serial that the card says, if it says one. */
  readonly keysOf: (serial: string | undefined) => Promise<readonly Buffer[]>;
  /** As a person read it off the label, or its first digits: for a card that does not say it. */
  readonly serial?: string | undefined;
  /** The file to make; must not exist. */
  readonly out: (serial: string) => string;
  readonly nowMs: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface Recovery {
  readonly serial: string;
  /** undefined: there was no queue to be read; `lost` says why. */
  readonly file: string | undefined;
  readonly queue: QueueCounts | undefined;
  readonly badBlocks: readonly number[];
  /** It was not shut down in order, and its journal was replayed. */
  readonly repaired: boolean;
  /** What it shows may be older than what it once knew. */
  readonly isDoubted: boolean;
  /** One sentence each. */
  readonly lost: readonly string[];
  /** Its first boot has not taken its record: what the unit's card before it had not told lies there. */
  readonly isUntouched?: boolean;
}

/** Throws OperatorError when nothing can be recovered, saying why. */
export async function recover(options: RecoverOptions): Promise<Recovery> {
  const { card, progress, signal } = options;
  const table = readTable(await card.read(0, 512).catch(() => Buffer.alloc(512)));
  const carried = await progress.step('record', async () => carriedOn(card, table));
  if (carried.is === 'queue') return untouched(options, carried);
  const { state, header } = await findState(card, { table, carried });
  const serial = SERIAL.test(header.subsystem) ? header.subsystem : options.serial;
  refuseOther(serial, options.serial);
  const keys = await options.keysOf(serial);
  const volumeKey = await progress.step('open', async () => openWith(state, header, keys));
  const plain = forgiving(decrypted(state, header, volumeKey), signal);
  const copy = await progress
    .step('copy', async (step) =>
      copyState(plain, {
        signal,
        onDone: (done) => {
          step.fraction(done);
          if (plain.bad.size > 0) step.note(`${plain.bad.size} blocks cannot be read`);
        },
      }),
    )
    .catch(unreadable);
  try {
    const files = new StateFiles(copy, { bad: plain.bad, signal });
    if (!copy.isInMemory) sayOnDisk(options, copy.folder);
    const inside = (await files.text('/serial'))?.trim() ?? '';
    const told = SERIAL.test(inside) ? inside : undefined;
    const whose = told ?? (SERIAL.test(serial ?? '') ? serial : undefined);
    if (whose === undefined) throw noSerial();
    refuseOther(whose, options.serial);
    // Outside it stands in the clear: whoever had the card may have written another unit's there.
    if (SERIAL.test(serial ?? '') && whose !== serial) throw twoSerials(whose, serial!);
    const isDoubted = plain.bad.size > 0 || copy.isDamaged;
    const of = { ...options, files, folder: copy.folder, serial: whose };
    const came = await progress.step('queue', async () => bringOut(of, isDoubted));
    const damage = copy.isDamaged ? ['Parts of its file system were beyond repair'] : [];
    return {
      ...{ serial: whose, badBlocks: [...plain.bad], repaired: copy.repaired },
      ...came,
      lost: [...damage, ...came.lost],
    };
  } finally {
    await copy.close();
  }
}

/** As it was packed, but for what its last card was noted with. */
async function untouched(
  options: RecoverOptions,
  { serial, recoveryKey, queue }: Extract<Carried, { is: 'queue' }>,
): Promise<Recovery> {
  if (!SERIAL.test(serial)) throw noSerial();
  refuseOther(serial, options.serial);
  // Anybody can write such a card, for any serial; only one that was flashed for it holds the key that is kept of it.
  const keys = await options.keysOf(serial);
  if (!keys.some((key) => recoveryKey !== undefined && key.equals(recoveryKey)))
    throw refusedKey(keys);
  await using place = await privateFolder(2 * queue.length);
  if (!place.isInMemory) sayOnDisk(options, place.path);
  const at = join(place.path, 'outbox.db');
  await writeFile(at, queue, { mode: 0o600 });
  const isDoubted = doubtOf(at);
  const came = await fromQueue({ ...options, folder: place.path, serial }, { at, isDoubted });
  return { ...came, serial, badBlocks: [], repaired: false, isUntouched: true };
}

const sayOnDisk = ({ progress }: RecoverOptions, folder: string): void =>
  progress.say(`! no room in memory: until this has ended its secrets lie in ${folder}`);

async function findState(
  card: Source,
  { table, carried }: { readonly table: Table; readonly carried: Carried },
): Promise<{ state: Source; header: LuksHeader }> {
  const entry = table.partitions.find(({ number }) => number === 3);
  const places = [
    ...(entry === undefined ? [] : [section(card, entry.start, entry.bytes)]),
    section(card, STATE_AT, card.bytes),
  ];
  let damaged: readonly [string, string] | undefined;
  for (const state of places) {
    const { header, first: copy } = await readLuks(state);
    if (header?.label === STATE_LABEL) return { state, header };
    if (entry === undefined || copy.ok) continue;
    damaged = [`its header is unreadable (${copy.why})`, READER];
  }
  const [reason, hint] = damaged ?? (await whyNone(card, { table, carried }));
  const message = `Nothing to recover from the state partition: ${reason}`;
  throw new OperatorError('no-state', message, { hint });
}

const READER =
  'Nothing was written. Another card reader may read more; else: ./build.sh reflash without --from';

/** Nobody may take a strange or a dead card for one that lost nothing. */
async function whyNone(
  card: Source,
  { table, carried }: { readonly table: Table; readonly carried: Carried },
): Promise<[reason: string, hint: string]> {
  if (carried.is === 'unreadable') {
    const why = `what the card's record carries over cannot be read (${carried.why})`;
    return [`there is none, and ${why}`, READER];
  }
  const { header } = await readLuks(section(card, SYSTEM_AT, card.bytes));
  const isOurs = header?.label === SYSTEM_LABEL;
  const hasState = table.partitions.some(({ number }) => number === 3);
  if (isOurs && hasState) return ['what lies in its place is none of ours', READER];
  if (isOurs && !table.signed) return ['neither its table nor its header can be read', READER];
  if (isOurs) {
    const reason = 'there is none: this card has never started, so nothing was queued on it';
    return [reason, 'Nothing is lost by ./build.sh reflash without --from'];
  }
  const reason = 'nothing of a Clock card can be read here';
  return [reason, `Is it the right card ("./build.sh inspect" says what it is)? ${READER}`];
}

async function openWith(
  state: Source,
  header: LuksHeader,
  keys: readonly Buffer[],
): Promise<Buffer> {
  for (const key of keys) {
    const found = await unlock(state, header, key).catch(unreadable);
    if (found !== undefined) return found.volumeKey;
  }
  throw refusedKey(keys);
}

function refusedKey(keys: readonly Buffer[]): OperatorError {
  const message =
    keys.length === 0
      ? 'There is no key for this card'
      : 'The recovery key does not open this card';
  return new OperatorError('key-refused', message, {
    hint: 'Is it the ledger that wrote this card, and support’s identity of that time? Or give --key FILE',
  });
}

function unreadable(error: unknown): never {
  if (!(error instanceof Damaged)) throw error;
  throw new OperatorError('card-not-readable', `The state partition: ${error.message}`, {
    hint: 'Another card reader may read more; else what was queued is lost: ./build.sh reflash without --from',
    cause: error,
  });
}

const noSerial = (): OperatorError =>
  new OperatorError('no-serial', 'The card does not say whose it is', {
    hint: 'Its serial could not be read. It stands on the unit’s label: give it with --serial',
  });

/** What a person read off a label is not passed over: it may be the wrong card that lies here. */
function refuseOther(serial: string | undefined, named: string | undefined): void {
  if (serial === undefined || named === undefined || serial.startsWith(named)) return;
  throw new OperatorError('other-unit', `The card is of unit ${serial}, not of ${named}`, {
    hint: 'Look at the unit’s label: is it the right card? It says by itself whose it is; leave --serial away',
  });
}

const twoSerials = (inside: string, outside: string): OperatorError =>
  new OperatorError('other-unit', `The card is of unit ${inside}, and was taken for ${outside}`, {
    hint: 'Look at the unit’s label. Where its header names another unit, somebody has changed the card',
  });

type Came = Pick<Recovery, 'file' | 'queue' | 'isDoubted' | 'lost'>;

async function bringOut(
  of: RecoverOptions & {
    readonly files: StateFiles;
    readonly folder: string;
    readonly serial: string;
  },
  isDoubted: boolean,
): Promise<Came> {
  const { files, folder } = of;
  const lost: string[] = [];
  const names = await files.list('/agent');
  if (names.has('outbox.db.damaged')) {
    lost.push('An older queue lies there that the unit itself found damaged and set aside');
  }
  const at = join(folder, 'outbox.db');
  const queue = await files.take(QUEUE, at);
  if (queue === undefined) {
    const why = names.size === 0 ? 'its agent has never run' : 'its file is not there';
    return { file: undefined, queue: undefined, isDoubted, lost: [...lost, `No queue: ${why}`] };
  }
  const logs = [
    await files.take(`${QUEUE}-wal`, `${at}-wal`),
    await files.take(`${QUEUE}.log`, `${at}.log`),
  ];
  const bad = [queue, ...logs].reduce((sum, taken) => sum + (taken?.badBlocks ?? 0), 0);
  if (bad > 0) lost.push(`${bad} blocks of the queue itself could not be read`);
  const came = await fromQueue(of, { at, isDoubted });
  return { ...came, lost: [...lost, ...came.lost] };
}

/** Makes the file for the next card of the queue `at`. */
async function fromQueue(
  of: RecoverOptions & { readonly folder: string; readonly serial: string },
  { at, isDoubted }: { readonly at: string; readonly isDoubted: boolean },
): Promise<Came> {
  const made = join(of.folder, 'recovered.db');
  const salvaged = await salvage(at, made).catch(() => undefined);
  if (salvaged === undefined) {
    return { file: undefined, queue: undefined, isDoubted, lost: ['The queue is unreadable'] };
  }
  const lost = salvaged.torn.map((table) => `Of the table "${table}" only parts could be read`);
  const isTorn = isDoubted || salvaged.torn.length > 0;
  const queue = prepare(made, { isDoubted: isTorn });
  mark(made, { v: 1, serial: of.serial, atMs: of.nowMs, isDoubted: isTorn });
  const out = of.out(of.serial);
  await publish(made, out);
  return { file: out, queue, isDoubted: isTorn, lost };
}

export interface Mark {
  readonly v: 1;
  readonly serial: string;
  readonly atMs: number;
  readonly isDoubted: boolean;
}

/** Whose it is, and later that it went with a card. */
export function mark(file: string, about: Mark): void {
  const db = new DatabaseSync(file);
  try {
    db.exec('CREATE TABLE recovered (about TEXT NOT NULL, wentWith TEXT)');
    db.prepare('INSERT INTO recovered (about) VALUES (?)').run(JSON.stringify(about));
  } finally {
    db.close();
  }
}

/** Whether the card that this came out of was damaged: also when it does not say so. */
function doubtOf(file: string): boolean {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const about = db.prepare('SELECT about FROM recovered').get()?.['about'];
    return (JSON.parse(String(about)) as Mark).isDoubted;
  } catch {
    return true;
  } finally {
    db.close();
  }
}

/** Whole under its name, or not there; never over another one, nor through a name that somebody else put there. */
async function publish(from: string, to: string): Promise<void> {
  const part = `${to}.${randomUUID()}.part`;
  try {
    await copyFile(from, part, constants.COPYFILE_EXCL);
    await chmod(part, 0o600);
    for (const path of [part, dirname(to)]) {
      const handle = await open(path, 'r');
      await handle.sync();
      await handle.close();
    }
    await link(part, to);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    const bytes = (await lstat(to)).size;
    throw new OperatorError('file-there', `${to} is there already (${bytes} bytes)`, {
      hint: 'Give another name with --out',
      cause,
    });
  } finally {
    await rm(part, { force: true });
  }
}
