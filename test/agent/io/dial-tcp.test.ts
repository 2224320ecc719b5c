// One connection for one request, against real sockets and without them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { rehearse } from '../../../agent/core/line/rehearsal.ts';
import type { DialTcp } from '../../../agent/core/line/ports.ts';
import { dialTcp } from '../../../agent/io/dial-tcp.ts';
import { behind } from '../../bench/systems/behind.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import { freePort } from '../../bench/ways/free-port.ts';
import { createEcho } from './third-party.ts';

const never = new AbortController().signal;
const msMax = 20_000;

async function listen(on: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
    on(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { where: { host: '127.0.0.1', port, msMax }, [Symbol.asyncDispose]: stop };
}

const WAYS: readonly [string, DialTcp | undefined][] = [
  ['dialTcp()', dialTcp],
  ['the rehearsal’s dialTcp()', undefined],
];
for (const [name, real] of WAYS) {
  test(`${name} writes, reads, finishes, and knows the end of both sides`, async () => {
    const echo = createEcho();
    await using system = await behind(echo, { at: 'tcp-server' });
    const { until } = standIn();
    const dial = real ?? rehearse(echo).dialTcp;
    const where = { host: system.host, port: system.port, msMax };
    const call = await dial(where, never);
    await call.write(Buffer.from('one'));
    assert.equal((await call.read(msMax))?.toString(), 'one');
    await assert.rejects(call.read(20), { code: 'timeout' });
    await call.write(Buffer.from('two'));
    await call.finish(msMax);
    await until('the end has come', () => echo.open.length === 0);
    assert.equal(echo.received(), 'onetwo');
    // The other way round: the other side ends.
    const next = await dial(where, never);
    await until('it is there', () => echo.open.length === 1);
    echo.open[0]!.send(Buffer.from('bye'));
    echo.open[0]!.end();
    assert.equal((await next.read(msMax))?.toString(), 'bye');
    assert.equal(await next.read(msMax), undefined);
    next.close();
  });

  test(`${name} is given up by its signal, before and after`, async () => {
    const echo = createEcho();
    await using system = await behind(echo, { at: 'tcp-server' });
    const dial = real ?? rehearse(echo).dialTcp;
    const where = { host: system.host, port: system.port, msMax };
    await assert.rejects(dial(where, AbortSignal.abort()), { code: 'aborted' });
    const stopped = new AbortController();
    const call = await dial(where, stopped.signal);
    const read = call.read(msMax);
    stopped.abort();
    await assert.rejects(read, { code: 'closed' });
    await assert.rejects(call.write(Buffer.from('x')), { code: 'down' });
  });
}

test('dialTcp() rejects with the system’s code where nobody is', async () => {
  const port = await freePort();
  await assert.rejects(dialTcp({ host: '127.0.0.1', port, msMax }, never), {
    code: 'ECONNREFUSED',
  });
});

test('dialTcp() rejects with `timeout` where nobody answers', async () => {
  const port = await freePort();
  const listener = spawn('socat', [`TCP-LISTEN:${port},bind=127.0.0.1,fork,backlog=0`, 'PIPE']);
  const { until } = standIn();
  const where = { host: '127.0.0.1', port };
  await until('it listens', async () =>
    dialTcp({ ...where, msMax }, never).then(
      (call) => call.close() === undefined,
      () => false,
    ),
  );
  listener.kill('SIGSTOP');
  // Its queue takes a few; the kernel drops what comes more.
  const tries = Array.from({ length: 8 }, async () => dialTcp({ ...where, msMax: 300 }, never));
  const codes: unknown[] = [];
  for (const one of await Promise.allSettled(tries)) {
    if (one.status === 'fulfilled') one.value.close();
    else codes.push((one.reason as { code: unknown }).code);
  }
  listener.kill('SIGKILL');
  await once(listener, 'close');
  assert.ok(codes.length > 0);
  assert.deepEqual(codes, Array(codes.length).fill('timeout'));
});

test('finish() waits until a slow printer has read all, within its time', async () => {
  let read = 0;
  await using other = await listen((socket) => {
    socket.pause();
    const sip = setInterval(() => {
      const chunk = socket.read() as Buffer | null;
      read += chunk?.length ?? 0;
    }, 5);
    // As printers do: it ends when it has read our end.
    socket.on('end', () => {
      clearInterval(sip);
      socket.end();
    });
  });
  const call = await dialTcp(other.where, never);
  await call.write(Buffer.alloc(300_000));
  await call.finish(msMax);
  assert.equal(read, 300_000);
});

test('finish() does not wait for ever for a side that never ends', async () => {
  await using other = await listen((socket) => void socket.resume());
  const call = await dialTcp(other.where, never);
  await call.write(Buffer.from('x'));
  await call.finish(50);
});

test('a call that nobody reads makes the other side wait', async () => {
  let sent = 0;
  await using other = await listen((socket) => {
    const push = (): void => {
      while (socket.write(Buffer.alloc(65_536))) sent += 65_536;
    };
    socket.on('drain', push);
    push();
  });
  const call = await dialTcp(other.where, never);
  const { until } = standIn();
  let before = -1;
  await until('it waits', () => {
    const isStill = sent === before && sent > 0;
    before = sent;
    return isStill;
  });
  // Ours is 256 KiB and what one read gives; the rest is in the kernel's buffers.
  const first = await call.read(msMax);
  assert.ok(first!.length < 1024 * 1024, String(first!.length));
  assert.ok((await call.read(msMax))!.length > 0);
  call.close();
});
