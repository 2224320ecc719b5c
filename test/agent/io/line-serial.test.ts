// Serial ports over kernel terminals: pulled while they speak, held by another program, not there yet.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LineSettings } from '../../../agent/core/line/config.ts';
import { createOpenLine } from '../../../agent/io/line.ts';
import { behind } from '../../bench/systems/behind.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import { createEcho, openHeard } from './third-party.ts';

const open = createOpenLine(Math.random);
const serial = (device: string, also: Partial<LineSettings> = {}): LineSettings =>
  ({
    ...{ kind: 'serial', device, baud: 9_600, dataBits: 8, parity: 'none', stopBits: 1 },
    ...({ flow: 'none', reconnect: { firstSeconds: 0.1, maxSeconds: 0.2 }, ...also } as object),
  }) as LineSettings;

test('a serial port that is pulled while it speaks is noticed at once, and costs nothing after', async () => {
  const { until } = standIn();
  for (let round = 0; round < 10; round += 1) {
    const echo = createEcho();
    await using port = await behind(echo, { at: 'pty' });
    const slow = { reconnect: { firstSeconds: 60, maxSeconds: 60 } };
    await using heard = openHeard(open, serial(port.device, slow));
    const { said, text } = heard;
    await until('up', () => said.includes('up'));
    const stream = setInterval(() => echo.open[0]?.send(Buffer.alloc(3_000, 0x41)), 1);
    await until('it speaks', () => text().length > 20_000);
    await port.unplug();
    clearInterval(stream);
    await until('noticed', () => said.some((one) => one.startsWith('lost')));
    // Reading in circles takes all of the time, on two cores, for ever.
    await until('nothing is done any more', async () => {
      const before = process.cpuUsage();
      await sleep(50);
      const { user, system } = process.cpuUsage(before);
      return user + system < 30_000;
    });
  }
});

test('a serial port that another program holds is said to be busy, and taken when it is free', async () => {
  const echo = createEcho();
  await using port = await behind(echo, { at: 'pty' });
  const { until } = standIn();
  await using first = openHeard(open, serial(port.device));
  await until('the first has it', () => first.said.includes('up'));
  await using second = openHeard(open, serial(port.device));
  await until('the second is told', () => second.said.includes('down EBUSY'));
  await first.line.close();
  await until('the second has it', () => second.said.includes('up'));
});

test('a serial port that is not there is opened within a second or so of its coming', async () => {
  const echo = createEcho();
  await using port = await behind(echo, { at: 'pty' });
  await port.unplug();
  const { until } = standIn();
  const slow = { reconnect: { firstSeconds: 600, maxSeconds: 600 } };
  await using heard = openHeard(open, serial(port.device, slow));
  await until('it is said', () => heard.said.includes('down ENOENT'));
  await port.plug();
  await until('up', () => heard.said.at(-1) === 'up');
});

test('a serial port is set as configured', async () => {
  const echo = createEcho();
  await using port = await behind(echo, { at: 'pty' });
  const { until } = standIn();
  const also = {
    baud: 19_200,
    dataBits: 7,
    parity: 'even',
    stopBits: 2,
    flow: 'hardware',
  } as const;
  await using heard = openHeard(open, serial(port.device, also));
  await until('up', () => heard.said.includes('up'));
  const stty = spawn('stty', ['--file', port.device, '--all']);
  const chunks: Buffer[] = [];
  stty.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stty, 'close');
  const text = Buffer.concat(chunks).toString();
  // A kernel terminal has eight bits and no parity whatever is asked for; the rest it keeps.
  for (const word of ['speed 19200 baud', ' cstopb', ' crtscts', '-icanon', '-echo ', '-ixon'])
    assert.ok(text.includes(word), `${word} in ${text}`);
});

test('a write to a terminal that nobody empties waits, and close() does not', async () => {
  // socat without its reader: stopped, it takes nothing.
  const { until } = standIn();
  const link = join(tmpdir(), `tty-${process.pid}`);
  const socat = spawn('socat', [`pty,raw,echo=0,link=${link}`, 'PIPE']);
  await using heard = openHeard(open, serial(link));
  await until('up', () => heard.said.includes('up'));
  socat.kill('SIGSTOP');
  let isTaken = false;
  const write = heard.line.write(Buffer.alloc(300_000)).then(
    () => (isTaken = true),
    (error: { code: string }) => error.code,
  );
  const fromMs = performance.now();
  await sleep(50);
  assert.equal(isTaken, false);
  await heard.line.close();
  assert.equal(await write, 'down');
  assert.ok(performance.now() - fromMs < 5_000);
  socat.kill('SIGKILL');
  await once(socat, 'close');
  await rm(link, { force: true });
});
