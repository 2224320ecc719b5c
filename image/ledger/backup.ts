// Copies of a ledger that is in use, and one brought back. A copy is one file; like the ledger it holds no secret in
// clear, and the key of its waiting records is not in it: on another machine support opens them (unit unseal).
import * as fs from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { OperatorError } from '../core/errors.ts';
import { refusedByDisk, saying, syncFolder } from '../core/files.ts';
import { dropDraft, giveLike, makeFolder, placeNew } from './place.ts';
import type { Actor } from './ports.ts';
import { APPLICATION_ID } from './schema.ts';
import { guarded, isFile, openStore } from './store.ts';
import type { Store } from './store.ts';
import { verifyStore } from './verify.ts';
import type { Verdict } from './verify.ts';

export interface BackedUp {
  readonly file: string;
  readonly verdict: Verdict;
  /** False: the very same copy was there. */
  readonly isNew: boolean;
}

/** Whole and consistent while stations work; never over another file. A folder gets a name by head. */
export function backUp(store: Store, target: string): BackedUp {
  const isFolder =
    target.endsWith('/') || fs.statSync(target, { throwIfNoEntry: false })?.isDirectory() === true;
  const last = store.sql.get('SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1');
  const name = `ledger-${String(last?.['seq'])}-${String(last?.['hash']).slice(0, 8)}.db`;
  const file = resolve(isFolder ? join(target, name) : target);
  if (!isFolder && extname(file) === '' && !fs.existsSync(file)) {
    throw new OperatorError('backup-place', `There is no folder ${target}`, {
      hint: 'Is the stick there? A new folder ends with /, and a file has an ending, such as .db',
    });
  }
  makeFolder(dirname(file));
  // Made and looked at on the ledger's own disk: the copy may go to a stick or onto the network.
  const draft = `${store.file}.${randomUUID()}.part`;
  try {
    const verdict = saying(store.file, () => {
      // VACUUM INTO takes an empty file, and leaves its mode.
      fs.closeSync(fs.openSync(draft, 'wx', 0o600));
      guarded(store.file, () => store.db.prepare('VACUUM INTO ?').run(draft));
      return checked(draft, { called: store.file });
    });
    return saying(file, () => {
      const isNew = !isSame(draft, file);
      if (isNew) copyTo(draft, file);
      return { file, verdict, isNew };
    });
  } finally {
    dropDraft(draft);
  }
}

/** Byte for byte: the same ledger makes the same copy. */
function isSame(draft: string, file: string): boolean {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() !== true || found.size !== fs.statSync(draft).size) return false;
  return fs.readFileSync(draft).equals(fs.readFileSync(file));
}

/** Whole or not at all, and never over another file. */
function copyTo(from: string, file: string): void {
  const draft = `${file}.${randomUUID()}.part`;
  try {
    fs.copyFileSync(from, draft, fs.constants.COPYFILE_EXCL);
    sync(draft);
    giveLike(draft, dirname(file));
    placeNew(draft, file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new OperatorError('backup-exists', `${file} is there already, and is another one`, {
      hint: 'Name another file, or a folder; or move that one away',
      cause,
    });
  } finally {
    fs.rmSync(draft, { force: true });
  }
}

function sync(file: string): void {
  const handle = fs.openSync(file, 'r+');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

/**
 * That a file is a whole ledger; its journal is left out of WAL, so that it stays one file. For words: whose place it is
 * in, what it is a copy of.
 */
function checked(
  file: string,
  { called, of = called }: { readonly called: string; readonly of?: string },
): Verdict {
  const store = openStore(file, { schema: 'any', called });
  let verdict: Verdict;
  try {
    verdict = verifyStore(store);
    store.db.exec('PRAGMA journal_mode = DELETE');
  } finally {
    store.close();
  }
  if (verdict.problems.length === 0) return verdict;
  throw new OperatorError('ledger-not-whole', `${of} is not whole: ${verdict.problems[0]!}`, {
    hint: 'Look at all of it with ./build.sh unit verify --ledger FILE; try an older backup',
  });
}

export interface Restored {
  readonly verdict: Verdict;
  /** Where the ledger that was there is now. */
  readonly aside: string | undefined;
  /** Units without a card that may have got one since the backup: none is given to a card by itself. */
  readonly gap: boolean;
}

/**
 * Puts a backup in the ledger's place; what is there is kept beside it. One that knows more than the backup is
 * replaced only with `force`. Throws OperatorError; then nothing has changed.
 */
export function restore(
  backup: string,
  named: string,
  { by, force, nowMs = Date.now }: { by: Actor; force: boolean; nowMs?: () => number },
): Restored {
  if (!saying(backup, () => isDatabase(backup))) throw noBackup(backup);
  makeFolder(dirname(named));
  // Not over a link to it: what that leads to would stay, and be nobody's.
  const file = fs.existsSync(named) ? fs.realpathSync(named) : named;
  const draft = `${file}.${randomUUID()}.part`;
  try {
    copyIn(backup, draft, file);
    return saying(file, () => {
      const there = isFile(file) ? holdAlone(file) : undefined;
      try {
        const relation = relate(draft, there);
        if (relation === 'newer' && !force) throw newer(file);
        // Nothing is lost for certain only if the ledger that was there is part of the backup.
        const gap = relation !== 'older';
        const verdict = tellRestored(draft, { from: basename(backup), file, gap, by, nowMs });
        giveLike(draft, dirname(file));
        const aside = there === undefined ? undefined : moveAside(file, nowMs());
        putInPlace(draft, file, aside);
        return { verdict, aside, gap };
      } finally {
        there?.close();
      }
    });
  } finally {
    dropDraft(draft);
  }
}

const WRITTEN = 'Give the file that "./build.sh unit backup" wrote';

/** What is the backup's own fault, by the code that its copy is refused with. */
const FAULTS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  'ledger-damaged': ['is damaged', 'Try an older backup'],
  'not-a-ledger': ['is no backup of a ledger', WRITTEN],
  'ledger-newer': [
    'was written by another version of this program',
    'Use the newest version on all stations',
  ],
};

/** The backup beside the ledger, looked at: what is wrong with it is said of it, what the disk refuses of the ledger. */
function copyIn(backup: string, draft: string, file: string): void {
  try {
    fs.copyFileSync(backup, draft, fs.constants.COPYFILE_EXCL);
    fs.chmodSync(draft, 0o600);
    checked(draft, { called: file, of: backup });
  } catch (error) {
    // Either end may fail: one that cannot be read is the backup.
    const isRead = (error as NodeJS.ErrnoException).code === 'EIO';
    const cause = refusedByDisk(error, isRead ? backup : file) ?? error;
    const fault = cause instanceof OperatorError ? FAULTS[cause.code] : undefined;
    if (fault === undefined) throw cause;
    const [what, hint] = fault;
    throw new OperatorError((cause as OperatorError).code, `${backup} ${what}`, { hint, cause });
  }
}

/** By its first bytes (sqlite.org/fileformat.html): whatever else was named is not copied first. */
function isDatabase(file: string): boolean {
  const magic = Buffer.from('SQLite format 3\0');
  const head = Buffer.alloc(magic.length);
  const handle = fs.openSync(file, 'r');
  try {
    fs.readSync(handle, head, 0, head.length, 0);
  } finally {
    fs.closeSync(handle);
  }
  return head.equals(magic);
}

const noBackup = (file: string): OperatorError =>
  new OperatorError('not-a-ledger', `${file} is no backup of a ledger`, {
    hint: WRITTEN,
  });

/** The ledger that is there, held so that no station works with it meanwhile. */
function holdAlone(file: string): { readonly db: DatabaseSync | undefined; close(): void } {
  const db = guarded(file, () => new DatabaseSync(file, { timeout: 0 }));
  const DAMAGED = new Set([11, 26]);
  try {
    const [id] = Object.values(db.prepare('PRAGMA application_id').get() ?? {});
    // A database, but none of ours.
    if (id !== APPLICATION_ID) throw foreign(file);
    // Leaving WAL works only for the last one who has it open; all is then in one file.
    db.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; SELECT 1 FROM event LIMIT 1');
    return { db, close: () => db.close() };
  } catch (error) {
    db.close();
    const { errcode = 0 } = error as { errcode?: number };
    if (DAMAGED.has(errcode & 0xff)) return { db: undefined, close: () => {} };
    if (error instanceof OperatorError) throw error;
    // "no such table".
    if (errcode === 1) throw foreign(file);
    return guarded(file, () => {
      throw error;
    });
  }
}

const foreign = (file: string): OperatorError =>
  new OperatorError('not-a-ledger', `${file} is a database of something else`, {
    hint: 'Look at the name given with --ledger or CLOCK_LEDGER',
  });

/** What the ledger that is there is to the backup; `newer`: it knows what the backup does not. */
function relate(
  draft: string,
  there: { readonly db: DatabaseSync | undefined } | undefined,
): 'none' | 'older' | 'newer' | 'damaged' {
  if (there === undefined) return 'none';
  if (there.db === undefined) return 'damaged';
  const head = there.db.prepare('SELECT hash FROM event ORDER BY seq DESC LIMIT 1').get();
  if (head === undefined) return 'older';
  const db = new DatabaseSync(draft);
  try {
    const known = db.prepare('SELECT 1 FROM event WHERE hash = ?').get(String(head['hash']));
    return known === undefined ? 'newer' : 'older';
  } finally {
    db.close();
  }
}

const newer = (file: string): OperatorError =>
  new OperatorError('ledger-newer', `${file} knows more than this backup`, {
    hint: 'It would be lost: look at "./build.sh unit history". To do it all the same: --force',
  });

function tellRestored(
  draft: string,
  {
    from,
    file,
    gap,
    by,
    nowMs,
  }: { from: string; file: string; gap: boolean; by: Actor; nowMs: () => number },
): Verdict {
  const store = openStore(draft, { nowMs, called: file });
  try {
    store.write((tell) => tell({ kind: 'ledger.restored', file: from, gap }, by));
    const verdict = verifyStore(store);
    store.db.exec('PRAGMA journal_mode = DELETE');
    return verdict;
  } finally {
    store.close();
    sync(draft);
  }
}

/** Until it is there, the one that was moved aside is the ledger. */
function putInPlace(draft: string, file: string, aside: string | undefined): void {
  try {
    fs.renameSync(draft, file);
  } catch (error) {
    if (aside !== undefined) moveParts(aside, file);
    throw error;
  }
  syncFolder(dirname(file));
}

function moveAside(file: string, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const aside = `${file}.before-${stamp}`;
  moveParts(file, aside);
  return aside;
}

function moveParts(from: string, to: string): void {
  for (const part of ['-wal', '-shm', '']) {
    if (fs.existsSync(from + part)) fs.renameSync(from + part, to + part);
  }
}
