// Which of those who began a flash still run. Each open ledger holds the kernel's lock on a small file of its own
// beside the ledger; the kernel gives it back whatever ends the process, also in another container. All of it
// happens under the ledger's write lock: a file that is there is locked, or its process has gone.
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { giveLike, makeFolder } from './place.ts';

export interface Station {
  readonly holder: string;
  close(): void;
}

/** As `enter` names them; what else a ledger says is no file of ours. */
const HOLDER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const folderOf = (ledger: string): string => `${ledger}.stations`;
const fileOf = (ledger: string, holder: string): string => join(folderOf(ledger), holder);

/** Takes a lock of its own; under the ledger's write lock. */
export function enter(ledger: string): Station {
  const holder = randomUUID();
  const file = fileOf(ledger, holder);
  makeFolder(dirname(file));
  fs.closeSync(fs.openSync(file, 'wx', 0o600));
  giveLike(file, dirname(file));
  const lock = locked(file)!;
  return {
    holder,
    close: () => {
      fs.rmSync(file, { force: true });
      lock.close();
    },
  };
}

/** Whether this holder's process has gone; forgets its file. Under the ledger's write lock. */
export function hasGone(ledger: string, holder: string): boolean {
  if (!HOLDER.test(holder)) return true;
  const file = fileOf(ledger, holder);
  if (!fs.existsSync(file)) return true;
  const lock = locked(file);
  if (lock === undefined) return false;
  fs.rmSync(file, { force: true });
  lock.close();
  return true;
}

/** Files of processes that have gone; under the ledger's write lock. */
export function sweep(ledger: string): void {
  for (const name of fs.existsSync(folderOf(ledger)) ? fs.readdirSync(folderOf(ledger)) : []) {
    hasGone(ledger, name);
  }
}

/** SQLite takes the kernel's lock for us (Node has no call for it); the file stays empty. */
function locked(file: string): DatabaseSync | undefined {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    const BUSY = 5;
    if ((((error as { errcode?: number }).errcode ?? 0) & 0xff) === BUSY) return undefined;
    throw error;
  }
}
