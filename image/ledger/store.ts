// The ledger's file: opening it, telling events, one transaction at a time, each on the disk when it returns.
// Two stations may have it open: whoever comes second waits. Knows nothing of what events mean.
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { OperatorError } from '../core/errors.ts';
import { refusedByDisk, saying } from '../core/files.ts';
import { ORIGIN, hashOf } from './chain.ts';
import type { LedgerEvent, Told } from './events.ts';
import { BUSY_MS_MAX, EVENT_CHARS_MAX } from './limits.ts';
import { dropDraft, giveLike, makeFolder, placeNew, refuseNetwork } from './place.ts';
import type { Actor } from './ports.ts';
import { APPLICATION_ID, SCHEMA, VERSION, VERSION_MIN, schemaChanges } from './schema.ts';
import { apply, statementsOf } from './tables.ts';
import type { Statements } from './tables.ts';

export interface Store {
  readonly file: string;
  readonly db: DatabaseSync;
  readonly sql: Statements;
  /** One transaction, whole and on the disk, or not at all. Waits for other stations. */
  write<T>(work: (tell: Tell) => T): T;
  /** One consistent view. */
  read<T>(work: () => T): T;
  close(): void;
}
/** Adds an event and does to the tables what it means. */
export type Tell = (event: LedgerEvent, by: Actor) => Told;

interface Options {
  readonly nowMs?: () => number;
  /** `any`: for whoever looks what was done to it (verify.ts); whatever else opens it trusts its schema. */
  readonly schema?: 'ours' | 'any';
  /** What messages call it where that is not its name: a draft of it. */
  readonly called?: string;
}

/** Makes a ledger with what `first` tells, whole or not at all. Throws OperatorError, also when there is one. */
export function createStore(
  file: string,
  { first, ...options }: Options & { readonly first: (tell: Tell) => void },
): Store {
  guarded(file, () => {
    makeFolder(dirname(file));
    checkPlace(file);
    if (isFile(file)) throw exists(file);
    const draft = `${file}.${randomUUID()}.part`;
    try {
      saying(file, () => {
        // Ours alone before there is anything in it.
        fs.closeSync(fs.openSync(draft, 'wx', 0o600));
        giveLike(draft, dirname(file));
        fill(draft, { first, ...options, called: file });
        placeNew(draft, file);
      });
    } catch (error) {
      const { cause } = error as { cause?: NodeJS.ErrnoException };
      throw cause?.code === 'EEXIST' ? exists(file) : error;
    } finally {
      dropDraft(draft);
    }
  });
  return openStore(file, options);
}

function fill(draft: string, { first, ...options }: Options & { first: (tell: Tell) => void }) {
  const db = connect(draft);
  try {
    db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
    storeOf(draft, db, options).write(first);
  } finally {
    db.close();
  }
}

function exists(file: string): OperatorError {
  if (!isLedger(file)) {
    return new OperatorError('not-a-ledger', `${file} is there already, and is no ledger`, {
      hint: 'Name another file with --ledger FILE, or with CLOCK_LEDGER',
    });
  }
  return new OperatorError('ledger-exists', `There is a ledger already: ${file}`, {
    hint: 'Use it, or name another file with --ledger FILE',
  });
}

/** By its first bytes (sqlite.org/fileformat.html): it is not opened. */
function isLedger(file: string): boolean {
  const head = Buffer.alloc(72);
  const handle = fs.openSync(file, 'r');
  try {
    fs.readSync(handle, head, 0, head.length, 0);
  } finally {
    fs.closeSync(handle);
  }
  return (
    head.toString('latin1', 0, 15) === 'SQLite format 3' && head.readUInt32BE(68) === APPLICATION_ID
  );
}

/** False: nothing is there. Throws when something else than a file is. */
export function isFile(file: string): boolean {
  const found = fs.statSync(file, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return found !== undefined;
  const what = found.isDirectory() ? 'a folder, not a ledger' : 'no file, and so no ledger';
  throw new OperatorError('not-a-ledger', `${file} is ${what}`, {
    hint: 'Name the file in it with --ledger FILE, or with CLOCK_LEDGER',
  });
}

/** Opens a ledger that is there. Throws OperatorError. */
export function openStore(file: string, options: Options = {}): Store {
  const { called = file } = options;
  return guarded(called, () => {
    if (!isFile(file)) {
      throw new OperatorError('ledger-missing', `There is no ledger ${file}`, {
        hint: 'Begin one with "./build.sh unit init --recipient age1…", or name it with --ledger FILE',
      });
    }
    // By its own name: beside another one of it lie neither its log nor its key, nor who else works with it.
    const real = fs.realpathSync(file);
    checkPlace(real);
    const { ino, nlink } = fs.statSync(real);
    if (nlink > 1) throw twice(file);
    const db = connect(real);
    try {
      // `unit restore` holds the old file until the other one is in its place: whoever waited has the old one.
      if (fs.statSync(real).ino !== ino) throw moved(file);
      const version = checkVersion(called, db);
      setUp(db);
      const [change] = options.schema === 'any' ? [] : schemaChanges(db);
      if (change !== undefined) throw changed(called, change);
      // From now on no older program opens it. Whoever only looks leaves it as it is.
      if (options.schema !== 'any' && version < VERSION)
        db.exec(`PRAGMA user_version = ${VERSION}`);
      return storeOf(real, db, options);
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

const moved = (file: string): OperatorError =>
  new OperatorError('ledger-moved', `${file} was replaced by a backup just now`, {
    hint: 'Start again',
  });

const gone = (file: string): OperatorError =>
  new OperatorError('ledger-moved', `${file} was moved or replaced while it was in use`, {
    hint: 'Put the right one back ("./build.sh unit verify" tells whether it is), then start again',
  });

const twice = (file: string): OperatorError =>
  new OperatorError('ledger-twice', `${file} has a second name (a hard link)`, {
    hint: 'Remove the other one: stations that use two names of one ledger spoil it',
  });

const changed = (file: string, change: string): OperatorError =>
  new OperatorError('ledger-changed', `${file} was changed by somebody: ${change}`, {
    hint: 'Find out who; "./build.sh unit verify" says more. Bring the last good backup back',
  });

function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_MS_MAX, enableForeignKeyConstraints: true });
  db.exec('PRAGMA trusted_schema = OFF');
  return db;
}

/** Only once it is known to be a ledger: this changes the file. */
function setUp(db: DatabaseSync): void {
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
}

function checkPlace(file: string): void {
  const folder = fs.realpathSync(dirname(file));
  refuseNetwork(folder, fs.readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** The ledger's version, one that this program knows. Throws OperatorError. */
function checkVersion(file: string, db: DatabaseSync): number {
  const value = (name: string): number =>
    Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
  if (value('application_id') !== APPLICATION_ID) {
    throw new OperatorError('not-a-ledger', `${file} is no ledger`, {
      hint: 'Look at the name given with --ledger or CLOCK_LEDGER',
    });
  }
  const version = value('user_version');
  if (version >= VERSION_MIN && version <= VERSION) return version;
  throw new OperatorError(
    'ledger-newer',
    `${file} was written by another version of this program`,
    {
      hint: 'Use the newest version on all stations',
    },
  );
}

function storeOf(
  file: string,
  db: DatabaseSync,
  { nowMs = Date.now, called = file }: Options,
): Store {
  const sql = statementsOf(db);
  const opened = fs.statSync(file);
  const isThere = (): boolean => {
    const now = fs.statSync(file, { throwIfNoEntry: false });
    return now?.ino === opened.ino && now.dev === opened.dev;
  };
  const transaction = <T>(how: 'DEFERRED' | 'IMMEDIATE', work: () => T): T =>
    guarded(called, () => {
      db.exec(`BEGIN ${how}`);
      try {
        const result = work();
        // Else it would be told to a file that nobody finds again.
        if (how === 'IMMEDIATE' && !isThere()) throw gone(file);
        db.exec('COMMIT');
        return result;
      } finally {
        // A full disk rolls back by itself at times.
        if (db.isTransaction) db.exec('ROLLBACK');
      }
    });
  const tell: Tell = (event, by) => {
    const last = sql.get('SELECT seq, at, hash FROM event ORDER BY seq DESC LIMIT 1');
    const { kind, ...rest } = event;
    const body = JSON.stringify(rest);
    if (body.length > EVENT_CHARS_MAX) throw new Error(`An event of ${body.length} characters`);
    // A clock that was set back must not make what comes later the older: the cloud goes by this (registration.ts).
    const at = laterText(new Date(nowMs()).toISOString(), String(last?.['at'] ?? ''));
    const seq = Number(last?.['seq'] ?? 0) + 1;
    const entry = {
      ...{
        seq,
        at,
        kind,
        by: JSON.stringify({ operator: by.operator, station: by.station }),
        body,
      },
      prev: last === undefined ? ORIGIN : String(last['hash']),
    };
    sql.run(
      'INSERT INTO event (seq, at, kind, by, body, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
      ...[seq, at, kind, entry.by, body, entry.prev, hashOf(entry)],
    );
    const told = { ...event, seq, at, by } as Told;
    apply(sql, told);
    return told;
  };
  return {
    ...{ file, db, sql },
    write: (work) => transaction('IMMEDIATE', () => work(tell)),
    read: (work) => transaction('DEFERRED', work),
    close: () => db.close(),
  };
}

/** SQLite's primary result codes (sqlite.org/rescode.html) that are no defect of ours. */
const REASONS: Readonly<Record<number, readonly [code: string, what: string, hint: string]>> = {
  5: [
    'ledger-busy',
    'is held by another station',
    'Try again; is one of them stopped in a debugger?',
  ],
  8: ['ledger-read-only', 'cannot be written', 'Look at the rights of the file and of its folder'],
  10: [
    'ledger-disk',
    'cannot be read or written',
    'Look at the disk ("dmesg"); then: ./build.sh unit verify',
  ],
  11: [
    'ledger-damaged',
    'is damaged',
    'Keep it, and bring the last backup back: ./build.sh unit restore',
  ],
  13: ['ledger-disk-full', 'has no room left on its disk', 'Free space ("df -h" shows where)'],
  14: ['ledger-not-open', 'cannot be opened', 'Look at the rights of the file and of its folder'],
  26: ['not-a-ledger', 'is no ledger', 'Look at the name given with --ledger or CLOCK_LEDGER'],
};

/** Of two times in ISO 8601, UTC. */
const laterText = (a: string, b: string): string => (a < b ? b : a);

const [IO_ERROR, FULL] = [10, 13];
/** What SQLite maps for WAL at once, and cannot on a disk that has less left. */
const SHM_BYTES = 32 * 1024;

/** A disk without room for the shared memory of WAL gives an I/O error. */
function primaryOf(errcode: number, file: string): number {
  const primary = errcode & 0xff;
  if (primary !== IO_ERROR) return primary;
  try {
    const { bavail, bsize } = fs.statfsSync(dirname(file));
    return bavail * bsize < SHM_BYTES ? FULL : primary;
  } catch {
    return primary;
  }
}

const [READ_ONLY, NOT_OPEN] = [8, 14];

/** Why SQLite could not open or write it: it does not tell a closed disk from missing rights. */
function refusal(file: string): OperatorError | undefined {
  const { R_OK, W_OK, X_OK } = fs.constants;
  try {
    fs.accessSync(file, R_OK | W_OK);
    fs.accessSync(dirname(file), W_OK | X_OK);
    return undefined;
  } catch (error) {
    return refusedByDisk(error);
  }
}

/** Says what SQLite's errors mean for a person, and the file system's. */
export function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { errcode } = cause as { errcode?: number };
    if (errcode === undefined) throw refusedByDisk(cause) ?? cause;
    const primary = primaryOf(errcode, file);
    const refused = [READ_ONLY, NOT_OPEN].includes(primary) ? refusal(file) : undefined;
    if (refused !== undefined) throw refused;
    const reason = REASONS[primary];
    if (reason === undefined) throw cause;
    const [code, what, hint] = reason;
    const said = (cause as Error).message;
    throw new OperatorError(code, `The ledger ${file} ${what} (${said})`, { hint, cause });
  }
}
