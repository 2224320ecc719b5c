// What of the cloud outlives its process: a file in SQLite, each change in it before anything tells of
// it. Made for `kill -9` of the process: the kernel has what was written. Not for a power cut of the
// machine that runs the bench, so nothing waits for a disk.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Shelf } from './mqtt/session.ts';
import type { Message } from './mqtt/wire.ts';

/** A part of the cloud that is kept as one JSON text, written when it has changed. */
export interface Section {
  readonly name: string;
  save(): unknown;
  /** With what `save()` gave in an earlier life. */
  load(saved: unknown): void;
}

/** What the broker keeps. */
export interface Kept {
  /** What has changed in any section is in the file. */
  commit(): void;
  /** What a client published. */
  keepMessage(message: Message): void;
  /** Of what clients published only the newest so many are needed. */
  forgetMessages(keptMax: number): void;
  /** Messages for one client until it has acknowledged them. */
  shelf(clientId: string): Shelf;
  clearShelf(clientId: string): void;
}

/** Nothing outlives the process. */
export const KEEPS_NOTHING: Kept = {
  commit: () => {},
  keepMessage: () => {},
  forgetMessages: () => {},
  shelf: () => ({ put: () => 0, drop: () => {} }),
  clearShelf: () => {},
};

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  CREATE TABLE IF NOT EXISTS section (name TEXT PRIMARY KEY, json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL,
    retain INTEGER NOT NULL, sender TEXT NOT NULL, at INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS shelf (
    seq INTEGER PRIMARY KEY, client TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
    qos INTEGER NOT NULL, retain INTEGER NOT NULL, sender TEXT NOT NULL, at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS shelf_client ON shelf (client, seq);
`;

interface Row {
  readonly seq: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: number;
  readonly sender: string;
  readonly at: number;
}

export interface Shelved {
  readonly key: number;
  readonly message: Message;
}

export class Keep implements Kept {
  readonly #db: DatabaseSync;
  readonly #sections: Section[] = [];
  readonly #written = new Map<string, string>();
  readonly #putMessage;
  readonly #putShelf;
  readonly #dropShelf;

  /** Opens `cloud.db` in the folder, or begins it. Throws when another process has it. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(join(folder, 'cloud.db'));
    this.#db = db;
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; ${SCHEMA} BEGIN IMMEDIATE; COMMIT;`);
    for (const { name, json } of db.prepare('SELECT name, json FROM section').all()) {
      this.#written.set(String(name), String(json));
    }
    const row = '(topic, payload, qos, retain, sender, at';
    this.#putMessage = db.prepare(`INSERT INTO message ${row}) VALUES (?, ?, ?, ?, ?, ?)`);
    this.#putShelf = db.prepare(`INSERT INTO shelf ${row}, client) VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#dropShelf = db.prepare('DELETE FROM shelf WHERE seq = ?');
  }

  /** Gives the part what it was in an earlier life, if there was one, and keeps it from now on. */
  add(section: Section): void {
    const json = this.#written.get(section.name);
    if (json !== undefined) section.load(JSON.parse(json));
    this.#sections.push(section);
  }

  commit(): void {
    if (!this.#db.isOpen) return; // The last connections end after the cloud.
    for (const section of this.#sections) {
      const { name } = section;
      const json = JSON.stringify(section.save());
      if (json === this.#written.get(name)) continue;
      this.#db.prepare('INSERT OR REPLACE INTO section VALUES (?, ?)').run(name, json);
      this.#written.set(name, json);
    }
  }

  keepMessage(message: Message): void {
    if (this.#db.isOpen) this.#putMessage.run(...columnsOf(message));
  }

  forgetMessages(keptMax: number): void {
    const sql = 'DELETE FROM message WHERE seq <= (SELECT MAX(seq) FROM message) - ?';
    this.#db.prepare(sql).run(keptMax);
  }

  /** What clients published in earlier lives, oldest first. */
  messages(): Message[] {
    const rows = this.#db.prepare('SELECT * FROM message ORDER BY seq').all();
    return (rows as unknown as Row[]).map((row) => messageOf(row));
  }

  shelf(clientId: string): Shelf {
    return {
      put: (message) => Number(this.#putShelf.run(...columnsOf(message), clientId).lastInsertRowid),
      drop: (key) => void this.#dropShelf.run(key),
    };
  }

  clearShelf(clientId: string): void {
    this.#db.prepare('DELETE FROM shelf WHERE client = ?').run(clientId);
  }

  /** What waits for a client, in the order of its arrival. */
  shelved(clientId: string): Shelved[] {
    const rows = this.#db
      .prepare('SELECT * FROM shelf WHERE client = ? ORDER BY seq')
      .all(clientId);
    return (rows as unknown as Row[]).map((row) => ({ key: row.seq, message: messageOf(row) }));
  }

  /** Writes nothing more: an end is as good as a kill. */
  close(): void {
    this.#db.close();
  }
}

function columnsOf({
  topic,
  payload,
  qos,
  retain,
  from,
  atMs,
}: Message): [string, Buffer, number, number, string, number] {
  return [topic, payload, qos, Number(retain), from, Math.trunc(atMs)];
}

function messageOf({ topic, payload, qos, retain, sender, at }: Row): Message {
  return {
    topic,
    payload: Buffer.from(payload),
    qos,
    retain: retain === 1,
    from: sender,
    atMs: at,
  };
}
