// What every line keeps, whatever it is made of: one contract over TCP both ways, a kernel terminal, a printer's
// file and the rehearsal without sockets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LineSettings } from '../../../agent/core/line/config.ts';
import type { OpenLine } from '../../../agent/core/line/ports.ts';
import { rehearse } from '../../../agent/core/line/rehearsal.ts';
import { createOpenLine } from '../../../agent/io/line.ts';
import { behind } from '../../bench/systems/behind.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import { freePort } from '../../bench/ways/free-port.ts';
import { createEcho, openHeard } from './third-party.ts';
import type { Echo } from './third-party.ts';

const reconnect = { firstSeconds: 0.1, maxSeconds: 0.2 };

interface Setup extends AsyncDisposable {
  readonly open: OpenLine;
  readonly settings: LineSettings;
  readonly cable: { unplug(): Promise<void>; plug(): Promise<void> };
}

const KINDS: Readonly<Record<string, (echo: Echo) => Promise<Setup>>> = {
  'a TCP client': async (echo) => {
    const system = await behind(echo, { at: 'tcp-server' });
    const { host, port } = system;
    return {
      open: createOpenLine(Math.random),
      settings: { kind: 'tcp-client', host, port, reconnect },
      cable: system,
      [Symbol.asyncDispose]: async () => system[Symbol.asyncDispose](),
    };
  },
  'a TCP server': async (echo) => {
    const port = await freePort();
    const system = await behind(echo, { at: 'tcp-client', port });
    return {
      open: createOpenLine(Math.random),
      settings: { kind: 'tcp-server', port, from: ['127.0.0.1'], second: 'replace' },
      cable: system,
      [Symbol.asyncDispose]: async () => system[Symbol.asyncDispose](),
    };
  },
  'a serial port': async (echo) => {
    const system = await behind(echo, { at: 'pty' });
    const { device } = system;
    const bits = { baud: 9_600, dataBits: 8, parity: 'none', stopBits: 1, flow: 'none' } as const;
    return {
      open: createOpenLine(Math.random),
      settings: { kind: 'serial', device, ...bits, reconnect },
      cable: system,
      [Symbol.asyncDispose]: async () => system[Symbol.asyncDispose](),
    };
  },
  // A kernel terminal in place of /dev/usb/lp0: a file that never blocks, read and written.
  'a USB printer': async (echo) => {
    const system = await behind(echo, { at: 'pty' });
    return {
      open: createOpenLine(Math.random),
      settings: { kind: 'usb-printer', device: system.device, reconnect },
      cable: system,
      [Symbol.asyncDispose]: async () => system[Symbol.asyncDispose](),
    };
  },
  'a rehearsal': async (echo) => ({
    open: rehearse(echo).openLine,
    settings: { kind: 'tcp-client', host: 'simulator', port: 1, reconnect },
    cable: { unplug: async () => {}, plug: async () => {} },
    [Symbol.asyncDispose]: async () => {},
  }),
};

for (const [name, setUp] of Object.entries(KINDS)) {
  test(`${name}: bytes arrive in order both ways, however many writes wait`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said, text } = heard;
    await until('up', () => said.includes('up'));
    const parts = Array.from({ length: 200 }, (_value, index) => `${index};`.repeat(index % 30));
    await Promise.all(parts.map(async (part) => line.write(Buffer.from(part))));
    await until('all is back', () => text().length >= parts.join('').length);
    assert.equal(text(), parts.join(''));
    assert.equal(echo.received(), parts.join(''));
    await line.close();
  });

  test(`${name}: drop() says so once, later, and the next connection comes by itself`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said, text } = heard;
    await until('up', () => said.includes('up'));
    line.drop('because');
    assert.ok(!said.includes('lost because'));
    await assert.rejects(line.write(Buffer.from('x')), { code: 'down' });
    await until('up again', () => said.at(-1) === 'up' && said.includes('lost because'));
    assert.equal(said.filter((one) => one.startsWith('lost')).length, 1);
    await line.write(Buffer.from('again'));
    await until('it works again', () => text() === 'again');
    await line.close();
  });

  test(`${name}: after close() nothing is heard, and close() may be called twice`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said, text } = heard;
    await until('up', () => said.includes('up'));
    echo.open[0]!.send(Buffer.from('late'));
    await Promise.all([line.close(), line.close()]);
    const before = [said.join(), text()];
    await assert.rejects(line.write(Buffer.from('x')), { code: 'down' });
    await new Promise((done) => setTimeout(done, 20));
    assert.deepEqual([said.join(), text()], before);
  });

  test(`${name}: the last bytes before close() arrive`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said } = heard;
    await until('up', () => said.includes('up'));
    // Bytes from the other side are on their way, unread, when the end comes.
    echo.open[0]!.send(Buffer.alloc(2_000, 0x20));
    await line.write(Buffer.from('goodbye'));
    await line.close();
    await until('they arrived', () => echo.received() === 'goodbye');
  });
}

for (const [name, setUp] of Object.entries(KINDS)) {
  // Nothing to pull there.
  if (name === 'a rehearsal') continue;
  test(`${name}: a cable that is pulled and put back is noticed both times`, async () => {
    const echo = createEcho();
    await using setup = await setUp(echo);
    const { cable } = setup;
    const { until } = standIn();
    await using heard = openHeard(setup.open, setup.settings);
    const { line, said, text } = heard;
    for (let round = 1; round <= 3; round += 1) {
      await until('up', () => said.filter((one) => one === 'up').length === round);
      await line.write(Buffer.from(`round ${round}`));
      await until('it works', () => text().endsWith(`round ${round}`));
      await cable.unplug();
      await until('noticed', () => said.filter((one) => one.startsWith('lost')).length === round);
      await assert.rejects(line.write(Buffer.from('x')), { code: 'down' });
      await cable.plug();
    }
    await line.close();
  });
}
