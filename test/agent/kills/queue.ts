// What is in a queue whose process has been killed, read from a copy: SQLite's own judgement of the file,
// and each row's form. The original stays as the kill left it.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LANES } from '../../../agent/core/messages.ts';
import { codeOf } from '../../../agent/core/errors.ts';

export interface Envelope {
  readonly id: string;
  readonly service: string;
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Queue {
  readonly waiting: readonly Envelope[];
  readonly dead: readonly string[];
  readonly recordKeys: readonly string[];
  readonly dropped: number;
}

/** Reads the queue in `folder`; throws when it is not what a queue must be. */
export async function readQueue(folder: string): Promise<Queue> {
  const copy = await mkdtemp(join(tmpdir(), 'queue-'));
  try {
    for (const name of ['outbox.db', 'outbox.db-wal']) {
      await copyFile(join(folder, name), join(copy, name)).catch((error: unknown) => {
        // Killed before its first commit.
        if (codeOf(error) !== 'ENOENT') throw error;
      });
    }
    const db = new DatabaseSync(join(copy, 'outbox.db'));
    try {
      return contents(db);
    } finally {
      db.close();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

function contents(db: DatabaseSync): Queue {
  assert.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
  const column = (sql: string): string[] =>
    db
      .prepare(sql)
      .all()
      .map((row) => String(row['it']));
  const rows = db.prepare('SELECT id, place, topic, payload FROM waiting ORDER BY place').all();
  const waiting = rows.map((row) => {
    const text = Buffer.from(row['payload'] as Uint8Array).toString();
    const said = readEnvelope(String(row['topic']), text);
    assert.equal(said.id, row['id']);
    const lane = Math.floor(Number(row['place']) / 2 ** 48);
    assert.ok(LANES[lane] !== undefined, `lane ${lane}`);
    return said;
  });
  const dead = column('SELECT id AS it FROM dead');
  const ids = new Set([...dead, ...waiting.map(({ id }) => id)]);
  assert.equal(ids.size, dead.length + waiting.length, 'an id waits or is dead, once');
  return {
    waiting,
    dead,
    recordKeys: column('SELECT key AS it FROM record'),
    dropped: Number(column("SELECT value AS it FROM counter WHERE name = 'dropped'")[0] ?? 0),
  };
}

/** A message as agent/README.md promises it; throws when it is not. */
export function readEnvelope(topic: string, text: string): Envelope {
  const [, , thing, direction, service] = topic.split('/');
  const said = JSON.parse(text) as Envelope & { readonly v: unknown; readonly at: string };
  assert.deepEqual(Object.keys(said), ['v', 'id', 'at', 'service', 'kind', 'body'], text);
  assert.match(topic, /^clock\/v1\/clockrpi-[0-9a-f]{32}\/(event|result)\/[a-z0-9-]+$/);
  assert.match(said.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(said.v, 1);
  assert.equal(said.service, service);
  assert.match(said.kind, /^[a-z.-]+$/);
  assert.ok(!Number.isNaN(Date.parse(said.at)), said.at);
  assert.equal(typeof said.body, 'object');
  if (direction === 'result') {
    assert.match(String(said.body['state']), /^(received|processing|processed|cancelled|error)$/);
    assert.equal(typeof said.body['command'], 'string', `${thing}: whose result is it?`);
  }
  return said;
}

/** A result after which nothing more is said of its command. */
export const isFinal = ({ body }: Envelope): boolean =>
  /^(processed|cancelled|error)$/.test(String(body['state']));
