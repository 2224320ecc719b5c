// SQLite's file and its log (WAL), and when each is on the card; locked for this process alone. What is
// in the file is the store's business (sqlite.ts).
//
// A card takes seconds for an fsync at times, and SQLite's own would hold up everything else: the page, the
// keep-alive. So SQLite writes without (synchronous=OFF), and we do what it would do, in its order
// (sqlite.org/wal.html), beside the event loop: the log is on the card before anything is acknowledged;
// the log goes into the file only when all of it is on the card; the log begins anew only when the file
// is. Opening, closing and what follows a failed fsync are SQLite's own business (synchronous=FULL).
import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { codeOf } from '../core/errors.ts';

/**
 * A commit changes two or three pages. Of 1 KiB they are a block of the card or two, of 4 KiB three or
 * four; a report still fits in one with its envelope (measured: README.md, "On the card").
 */
const PAGE_BYTES = 1_024;
/** sqlite.org/fileformat2.html#walformat: before each page in the log. */
const FRAME_HEADER_BYTES = 24;
/** Of the file system. */
const BLOCK_BYTES = 4_096;
/** sqlite.org/fileformat2.html#walformat: without a header there is no log. */
const WAL_HEADER_BYTES = 32;

interface WalOptions {
  /** With the file in every way it can be used; whenever it is opened. Throws if it is of no use. */
  readonly onOpen: (db: DatabaseSync) => void;
  /** Of the file. */
  readonly bytesMax: number;
  /** Of the log, before it is taken into the file. */
  readonly logBytesMax: number;
}

const onCard = { log: promisify(fdatasync), file: promisify(fsync) };

export class Wal {
  #db: DatabaseSync;
  readonly #path: string;
  readonly #options: WalOptions;
  /**
   * Our own ways to the file and its log. That of the file is closed last of all: whoever closes any
   * way to a file gives up this process's locks on it (fcntl(2)).
   */
  readonly #file: number;
  #log: number;
  /** An fsync of ours under way: until then its file stays open. */
  #underWay: Promise<void> | undefined;
  /** The card is full: the file may not grow, and the log is short, so that deletions find room. */
  #isTight = false;

  constructor(path: string, options: WalOptions) {
    this.#path = path;
    this.#options = options;
    this.#db = this.#open();
    this.#file = openSync(path, 'r');
    this.#log = this.#openLog();
  }

  /** Another one after `recover()`. */
  get db(): DatabaseSync {
    return this.#db;
  }

  /** All that the log holds is in the file, and on the card, when this returns. */
  #open(): DatabaseSync {
    // Left by a recovery that was cut short: there the log is.
    const kept = `${this.#path}.log`;
    if (existsSync(kept)) renameSync(kept, `${this.#path}-wal`);
    // Two names of one file: then renaming does nothing (rename(2)).
    rmSync(kept, { force: true });
    const db = new DatabaseSync(this.#path);
    try {
      db.exec(`
        PRAGMA page_size = ${PAGE_BYTES};
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = 0;
        PRAGMA cache_size = -512;
      `);
      this.#bound(db);
      this.#options.onOpen(db);
      db.exec('PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = OFF');
    } catch (error) {
      db.close();
      throw error;
    }
    return db;
  }

  /**
   * As long as it will become: overwritten in place it costs the file system no journal, and a full card
   * does not stop it.
   */
  #openLog(): number {
    const log = openSync(`${this.#path}-wal`, 'r+');
    try {
      // Block by block: of one large write Linux keeps one large page, and counts all of it each time.
      const block = Buffer.alloc(BLOCK_BYTES);
      for (let at = fstatSync(log).size; at < this.#options.logBytesMax; at += BLOCK_BYTES) {
        writeSync(log, block, 0, BLOCK_BYTES, at);
      }
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC') throw error;
    }
    fsyncSync(log);
    return log;
  }

  set isTight(isTight: boolean) {
    this.#isTight = isTight;
    this.#bound(this.#db);
  }

  #bound(db: DatabaseSync): void {
    // Never less than there are (sqlite.org/pragma.html#pragma_max_page_count).
    const pagesMax = this.#isTight ? 1 : Math.floor(this.#options.bytesMax / PAGE_BYTES);
    db.exec(`PRAGMA max_page_count = ${pagesMax}`);
  }

  async sync(): Promise<void> {
    await this.#wait(onCard.log(this.#log));
  }

  async tidy(): Promise<void> {
    const { log } = this.#checkpoint('NOOP');
    const logBytes = log * (PAGE_BYTES + FRAME_HEADER_BYTES);
    if (log === 0 || (!this.#isTight && logBytes < this.#options.logBytesMax)) return;
    try {
      const { log: all, checkpointed } = this.#checkpoint('PASSIVE');
      if (checkpointed < all) return;
    } catch {
      return; // A full card, say. The log has it all.
    }
    await this.#wait(onCard.file(this.#file));
    // From here on nobody may take the log for one: its new frames may be on the card before its new
    // header is, and the old frames behind an old header would undo what the file has. (SQLite's own
    // guard is an fsync; ticket ff5be73dee.)
    writeSync(this.#log, Buffer.alloc(WAL_HEADER_BYTES), 0, WAL_HEADER_BYTES, 0);
    await this.#wait(onCard.log(this.#log));
  }

  async #wait(done: Promise<void>): Promise<void> {
    this.#underWay = done;
    try {
      await done;
    } finally {
      this.#underWay = undefined;
    }
  }

  #checkpoint(how: 'NOOP' | 'PASSIVE'): { readonly log: number; readonly checkpointed: number } {
    const row = this.#db.prepare(`PRAGMA wal_checkpoint(${how})`).get();
    return { log: Number(row?.['log']), checkpointed: Number(row?.['checkpointed']) };
  }

  /**
   * After a failed fsync the kernel believes that all is well, and is wrong. So the log is read again as
   * after a power cut, into the file, by SQLite itself.
   */
  recover(): void {
    const probe = openSync(`${this.#path}.probe`, 'w', 0o600);
    try {
      writeSync(probe, Buffer.alloc(PAGE_BYTES));
      fsyncSync(probe);
    } finally {
      closeSync(probe);
      rmSync(`${this.#path}.probe`, { force: true });
    }
    // Closed already: the last try came no further.
    if (this.#db.isOpen) {
      this.#db.exec('PRAGMA synchronous = FULL');
      this.#keepLog();
      this.#db.close();
    }
    this.#db = this.#open();
    const log = this.#openLog();
    closeSync(this.#log);
    this.#log = log;
  }

  /** Closing removes the log, which may know more than the file. */
  #keepLog(): void {
    rmSync(`${this.#path}.log`, { force: true });
    linkSync(`${this.#path}-wal`, `${this.#path}.log`);
  }

  /** All that was applied is on the card when this returns, or it throws. */
  close(): void {
    let isOnCard = false;
    try {
      fsyncSync(this.#log);
      fsyncSync(this.#file);
      this.#db.exec('PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)');
      isOnCard = true;
    } finally {
      if (!isOnCard) this.#keepLog();
      if (this.#underWay === undefined) {
        closeSync(this.#log);
        closeSync(this.#file);
      }
      this.#db.close();
    }
  }
}
