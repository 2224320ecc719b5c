// Lines over TCP: who may connect, second clients, taken ports, the pace of tries, dead peers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { LineSettings } from '../../../agent/core/line/config.ts';
import { ACCEPTS_MAX } from '../../../agent/core/line/limits.ts';
import { pauseMs } from '../../../agent/core/line/pause.ts';
import { createOpenLine } from '../../../agent/io/line.ts';
import { listed } from '../../../agent/io/line-listen.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import { freePort } from '../../bench/ways/free-port.ts';
import { randomFrom, testSeed } from '../random.ts';
import { openHeard } from './third-party.ts';

const open = createOpenLine(Math.random);
const server = (port: number, second: 'replace' | 'refuse'): LineSettings => ({
  ...{ kind: 'tcp-server', port, from: ['127.0.0.1'], second },
});

/** Connects as soon as somebody listens; who is turned away may see the reset before the connection. */
async function client(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    const code = await new Promise<string | undefined>((done) => {
      socket.once('connect', () => done(undefined));
      socket.on('error', (error: NodeJS.ErrnoException) => done(error.code));
    });
    if (code !== 'ECONNREFUSED') return socket;
    await new Promise((done) => setTimeout(done, 10));
  }
}

async function gone(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((done) => socket.once('close', () => done()));
}

test('a listener lets a second client take the place of the first, and says so', async () => {
  const port = await freePort();
  const { until } = standIn();
  await using heard = openHeard(open, server(port, 'replace'));
  const { line, said, text } = heard;
  const first = await client(port);
  await until('the first is in', () => said.length === 1);
  const second = await client(port);
  await gone(first.resume());
  await until('the second is in', () => said.at(-1) === 'up' && said.length === 4);
  assert.match(said[1]!, /^note 127\.0\.0\.1:\d+ takes the place of 127\.0\.0\.1:\d+$/);
  assert.deepEqual(said[2], 'lost another client took its place');
  second.write('from the second');
  await until('it is heard', () => text() === 'from the second');
  await line.write(Buffer.from('to the second'));
  const [chunk] = (await once(second, 'data')) as [Buffer];
  assert.equal(chunk.toString(), 'to the second');
  second.destroy();
});

test('a listener turns a second client away where the settings say so, and says so', async () => {
  const port = await freePort();
  const { until } = standIn();
  await using heard = openHeard(open, server(port, 'refuse'));
  const { said, text } = heard;
  const first = await client(port);
  await until('the first is in', () => said.length === 1);
  const second = await client(port);
  await gone(second);
  await until('it is noted', () => said.length === 2);
  assert.match(
    said[1]!,
    /^note turned away: 127\.0\.0\.1 came while 127\.0\.0\.1:\d+ is connected$/,
  );
  first.write('still here');
  await until('the first is heard', () => text() === 'still here');
  // Gone is gone: the next one is welcome.
  first.destroy();
  await until('the first is gone', () => said.at(-1)!.startsWith('lost'));
  const third = await client(port);
  await until('the third is in', () => said.filter((one) => one === 'up').length === 2);
  third.destroy();
});

test('a listener turns away who is not on its list, and notes a flood once', async () => {
  const port = await freePort();
  const { until } = standIn();
  await using heard = openHeard(open, server(port, 'replace'));
  const { said } = heard;
  for (let count = 0; count < 20; count += 1) await gone(await client(port, '127.0.0.2'));
  await until('it is noted', () => said.length > 0);
  assert.deepEqual(said, ['note turned away: 127.0.0.2 is not on the list']);
  const listedOne = await client(port);
  await until('who is on the list is in', () => said.at(-1) === 'up');
  listedOne.destroy();
});

test('a listener bears somebody on its list who connects in a loop', async () => {
  const port = await freePort();
  const { until } = standIn();
  await using heard = openHeard(open, server(port, 'replace'));
  const { said } = heard;
  for (let count = 0; count < ACCEPTS_MAX + 5; count += 1) (await client(port)).destroy();
  await until('it is noted', () => said.some((one) => one.includes('connects too often')));
  assert.equal(said.filter((one) => one === 'up').length, ACCEPTS_MAX);
});

test('listed() knows networks, and IPv4 addresses in the clothes of IPv6', () => {
  const isListed = listed(['10.1.0.0/16', '192.168.1.7', 'fd00:1::/32', '2001:db8::5']);
  const yes = ['10.1.2.3', '::ffff:10.1.2.3', '192.168.1.7', '::FFFF:192.168.1.7', 'fd00:1::9'];
  for (const one of [...yes, '2001:db8::5', '2001:DB8:0:0:0:0:0:5']) assert.ok(isListed(one), one);
  const no = ['10.2.0.1', '::ffff:10.2.0.1', '192.168.1.8', '2001:db8::6', 'fe80::1%eth0', ''];
  for (const one of no) assert.ok(!isListed(one), one);
});

test('a listener whose port is taken says so, and listens once it is free', async () => {
  const other = createServer().listen(0);
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { until } = standIn();
  await using heard = openHeard(open, server(port, 'replace'));
  const { said } = heard;
  await until('it is said', () => said.includes('down EADDRINUSE'));
  other.close();
  const socket = await client(port);
  await until('the client is in', () => said.at(-1) === 'up');
  socket.destroy();
});

test('pauseMs() doubles from the first pause to the longest, a half to the whole of it', () => {
  const random = randomFrom(testSeed());
  const [firstSeconds, maxSeconds] = [1, 60];
  for (let failures = 1; failures < 100; failures += 1) {
    const whole = Math.min(60_000, 1_000 * 2 ** (failures - 1));
    for (let round = 0; round < 20; round += 1) {
      const pause = pauseMs({ failures, random: random(), firstSeconds, maxSeconds });
      assert.ok(pause >= whole / 2 && pause <= whole, `${failures}: ${pause}`);
    }
  }
  const short = { failures: 9, random: 0.9, firstSeconds: 5, maxSeconds: 1 };
  assert.ok(pauseMs(short) <= 5_000);
});

test('a client whose other side accepts and hangs up tries ever more slowly', async () => {
  let from = performance.now();
  const pauses: number[] = [];
  const other = createServer((socket) => {
    socket.on('error', () => {});
    pauses.push(performance.now() - from);
    from = performance.now();
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { until } = standIn();
  const reconnect = { firstSeconds: 0.1, maxSeconds: 0.8 };
  await using heard = openHeard(
    createOpenLine(() => 0.5),
    {
      ...{ kind: 'tcp-client', host: '127.0.0.1', port, reconnect },
    },
  );
  await until('five tries', () => pauses.length >= 5);
  await heard.line.close();
  // 75, 150, 300, 600 ms with this chance; never sooner, on a slow machine later.
  for (const [index, least] of [70, 145, 295, 595].entries())
    assert.ok(pauses[index + 1]! >= least, String(pauses));
  other.close();
});

test('a client that finds nobody says why each time', async () => {
  const port = await freePort();
  const { until } = standIn();
  const reconnect = { firstSeconds: 0.1, maxSeconds: 0.1 };
  await using heard = openHeard(open, { kind: 'tcp-client', host: '127.0.0.1', port, reconnect });
  const { said } = heard;
  await until('three tries', () => said.length === 3);
  assert.deepEqual(said.slice(0, 3), Array(3).fill('down ECONNREFUSED'));
});
