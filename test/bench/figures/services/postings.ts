// Postings of a FIAS vendor, one after the other as FIAS demands: how many a second, how long each answer takes, and
// the same of what nobody can do faster: a bare echo, a bare record on the same disk.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VendorSystem } from '../../../../agent/interfaces/fias/counterpart.ts';
import { filled } from '../../../../agent/interfaces/fias/wire.ts';
import { roomName } from './hotel.ts';

/** A record of a stored posting has about so many bytes. */
const RECORD_BYTES = 300;
/** Bare things are measured this often. */
const TRIES = 300;

/** Milliseconds of each. `everyMs` 0: the next as soon as the one before is answered. */
export async function post(
  vendor: VendorSystem,
  how: { readonly count: number; readonly first: number; readonly everyMs: number },
): Promise<readonly number[]> {
  return timed(how, async (n) => {
    const number = how.first + n;
    const time = new Date(Date.UTC(2026, 3, 1) + number * 1_000).toISOString().slice(11, 19);
    const answer = await vendor.ask(
      'PS',
      [
        ['RN', roomName(number % 10)],
        ['PT', 'C'],
        ['TA', `${100 + (number % 900)}`],
        ['P#', `${number}`],
        ['DA', '260401'],
        ['TI', time.replaceAll(':', '')],
      ],
      'PA',
    );
    const status = filled(answer, 'AS');
    if (status !== 'OK') throw new Error(`Posting ${number} was answered ${status}`);
  });
}

/** A posting's record and its answer's bytes to a bare server in another process' stead, and back. */
export async function echo(how: {
  readonly count: number;
  readonly everyMs: number;
}): Promise<readonly number[]> {
  const server = createServer((socket) => socket.setNoDelay(true).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  const record = Buffer.alloc(80, 'x');
  const times = await timed(how, async () => {
    const back = once(socket, 'data');
    socket.write(record);
    await back;
  });
  socket.destroy();
  server.close();
  return times;
}

/** Records a second with each on the disk before the next: a file that grows, and SQLite with synchronous=FULL. */
export async function bareDisk(
  folder: string,
): Promise<{ readonly append: number; readonly sqlite: number }> {
  const text = createHash('sha256').update('record').digest('hex').repeat(5).slice(0, RECORD_BYTES);
  const file = openSync(join(folder, 'bare.log'), 'a');
  const append = await rate(() => {
    writeSync(file, text);
    fdatasyncSync(file);
  });
  closeSync(file);
  const database = new DatabaseSync(join(folder, 'bare.db'));
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r (value TEXT)');
  const insert = database.prepare('INSERT INTO r VALUES (?)');
  const sqlite = await rate(() => void insert.run(text));
  database.close();
  return { append, sqlite };
}

async function rate(write: () => void): Promise<number> {
  const began = performance.now();
  for (let n = 0; n < TRIES; n += 1) write();
  return (TRIES / (performance.now() - began)) * 1_000;
}

async function timed(
  { count, everyMs }: { readonly count: number; readonly everyMs: number },
  act: (n: number) => Promise<void>,
): Promise<readonly number[]> {
  const times: number[] = [];
  const began = performance.now();
  for (let n = 0; n < count; n += 1) {
    // By the clock and not after the one before: else one that takes long makes the rate lower.
    const dueMs = began + n * everyMs;
    if (everyMs > 0) await sleep(Math.max(0, dueMs - performance.now()));
    const from = performance.now();
    await act(n);
    times.push(performance.now() - from);
  }
  return times;
}
