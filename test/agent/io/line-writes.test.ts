// Writes of a line: order, bounds, and a side that takes nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { WAITING_BYTES_MAX, WRITE_MS_MAX } from '../../../agent/core/line/limits.ts';
import { createOpenLine } from '../../../agent/io/line.ts';
import { createWrites } from '../../../agent/io/line-writes.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import { openHeard } from './third-party.ts';

/** A kernel that takes what it is told to. */
function createKernel() {
  const pieces: { readonly text: string; readonly taken: () => void; readonly gone: () => void }[] =
    [];
  return {
    pieces,
    put: async (piece: Uint8Array): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const text = Buffer.from(piece).toString();
      pieces.push({ text, taken: resolve, gone: () => reject(new Error('EPIPE')) });
      return promise;
    },
  };
}

/** Lets what is settled be heard of. */
const turn = async (): Promise<void> => new Promise((done) => setImmediate(done));

test('createWrites() hands over one piece at a time, in order, copies of what it was given', async () => {
  const kernel = createKernel();
  const writes = createWrites(kernel.put, { pieceBytes: 4, slow: () => {} });
  const bytes = Buffer.from('abcdef');
  const done: string[] = [];
  const both = [
    writes.write(bytes).then(() => done.push('first')),
    writes.write(Buffer.from('gh')).then(() => done.push('second')),
  ];
  bytes.fill('x');
  for (const expected of ['abcd', 'ef', 'gh']) {
    await turn();
    assert.equal(kernel.pieces.at(-1)!.text, expected);
    kernel.pieces.at(-1)!.taken();
  }
  await Promise.all(both);
  assert.deepEqual(done, ['first', 'second']);
  await writes.write(Buffer.alloc(0));
});

test('createWrites() is slow when a piece is not taken in time, not when many are', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const kernel = createKernel();
  let slow = 0;
  const writes = createWrites(kernel.put, { pieceBytes: 1, slow: () => (slow += 1) });
  const first = writes.write(Buffer.from('abc'));
  const second = writes.write(Buffer.from('d'));
  first.catch(() => {});
  second.catch(() => {});
  for (let piece = 0; piece < 2; piece += 1) {
    await turn();
    t.mock.timers.tick(WRITE_MS_MAX - 1);
    assert.equal(slow, 0);
    kernel.pieces.at(-1)!.taken();
  }
  await turn();
  t.mock.timers.tick(WRITE_MS_MAX);
  await assert.rejects(first, { code: 'slow' });
  await assert.rejects(second, { code: 'slow' });
  await assert.rejects(writes.write(Buffer.from('e')), { code: 'slow' });
  assert.deepEqual([slow, kernel.pieces.length], [1, 3]);
});

test('createWrites() is slow when too much waits, but takes one large write', async () => {
  const kernel = createKernel();
  let slow = 0;
  const writes = createWrites(kernel.put, { pieceBytes: 1_024, slow: () => (slow += 1) });
  const large = writes.write(Buffer.alloc(WAITING_BYTES_MAX + 1));
  await turn();
  assert.equal(slow, 0);
  await assert.rejects(writes.write(Buffer.alloc(1)), { code: 'slow' });
  await assert.rejects(large, { code: 'slow' });
  assert.equal(slow, 1);
});

test('createWrites() rejects with `down` when the connection is gone', async () => {
  for (const end of ['stop', 'error'] as const) {
    const kernel = createKernel();
    const writes = createWrites(kernel.put, { pieceBytes: 9, slow: () => assert.fail() });
    const waiting = [writes.write(Buffer.from('a')), writes.write(Buffer.from('b'))];
    if (end === 'stop') writes.stop();
    else kernel.pieces[0]!.gone();
    for (const one of waiting) await assert.rejects(one, { code: 'down' });
    await assert.rejects(writes.write(Buffer.from('c')), { code: 'down' });
  }
});

// Ten seconds of nothing.
if (process.env['CLOCK_TEST_LONG'] === '1')
  test('a line closes a connection whose other side reads nothing, and comes back', async () => {
    const sockets: Socket[] = [];
    const other = createServer((socket) => {
      sockets.push(socket.pause());
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { until } = standIn();
    const reconnect = { firstSeconds: 0.1, maxSeconds: 0.1 };
    await using heard = openHeard(createOpenLine(Math.random), {
      ...{ kind: 'tcp-client', host: '127.0.0.1', port, reconnect },
    });
    const { line, said } = heard;
    await until('up', () => said.length === 1);
    // More than the kernel's buffers of both ends.
    const write = line.write(Buffer.alloc(64 * 1024 * 1024));
    await assert.rejects(write, { code: 'slow' });
    await until('up again', () => said.join() === 'up,lost takes nothing,up');
    other.close();
    for (const socket of sockets) socket.destroy();
  });
