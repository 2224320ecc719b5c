// The emulated board with a real QEMU and a program of a few instructions instead of a kernel.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, readlink, rm, stat, truncate } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BOARD_SERIAL, Machine, makeCard } from '../../../image/emulator/machine.ts';
import { PSCI, bareCard, bareFiles, printer } from './bare.ts';

/** QEMU starts in 0.3 s on a quiet machine; this is for a busy one. */
const SOON_MS = 30_000;

const folder = await mkdtemp(join(tmpdir(), 'clock-machine-'));
const card = join(folder, 'card');
const machines: Machine[] = [];
after(async () => {
  for (const machine of machines) await machine.kill(); // also after a failed test
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function start(signal?: AbortSignal): Promise<Machine> {
  const httpPort = await freePort();
  const work = join(folder, 'work');
  const machine = await Machine.start({
    ...{ board: 'virt', card, boardSerial: BOARD_SERIAL, work, httpPort, signal },
  });
  machines.push(machine);
  return machine;
}

/** Whether any process has our card open. */
async function cardIsOpen(): Promise<boolean> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const to = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (to === card) return true;
    }
  }
  return false;
}

test('a board shows its console and loses its power', async () => {
  await bareCard(card, bareFiles(printer('first line\nhello from the board\n')));
  const machine = await start();
  assert.equal(await machine.waitFor(/hello/, SOON_MS), 'hello from the board');
  assert.equal(await machine.waitFor(/first/, SOON_MS), 'first line'); // also one already seen
  assert.ok(await cardIsOpen());
  await machine.kill();
  assert.equal(await machine.ended, 'cut');
  assert.ok(!(await cardIsOpen()));
  const log = await readFile(join(folder, 'work/console.log'), 'utf8');
  assert.match(log, /^\d{4}-\d\d-\d\dT[\d:.]+Z hello from the board$/m);
});

test('waitFor() rejects with the last lines, after its time or when the board ends', async () => {
  const machine = await start();
  await machine.waitFor(/hello/, SOON_MS);
  await assert.rejects(machine.waitFor(/nobody says this/, 200), {
    code: 'console-timeout',
    message: /within 0\.2 s.*hello from the board/s,
  });
  const waiting = assert.rejects(machine.waitFor(/hello/, SOON_MS, { after: machine.mark() }), {
    code: 'machine-ended',
  });
  await machine.powerOff();
  await waiting;
  assert.equal(await machine.ended, 'off');
});

test('a guest that reboots is started again, but not for ever', async () => {
  await bareCard(card, bareFiles(printer('again\n', PSCI.reset)));
  const machine = await start();
  assert.equal(await machine.ended, 'failed');
  assert.equal(machine.starts, 11);
  assert.equal(machine.console.filter((line) => line === 'again').length, 11);
  assert.match(machine.console.at(-1)!, /restarted more than 10 times/);
});

test('a guest that switches itself off stays off', async () => {
  await bareCard(card, bareFiles(printer('bye\n', PSCI.off)));
  const machine = await start();
  assert.equal(await machine.ended, 'guest-off');
  assert.equal(machine.starts, 1);
});

test('a signal pulls the plug', async () => {
  await bareCard(card, bareFiles(printer('waiting\n')));
  const abort = new AbortController();
  const machine = await start(abort.signal);
  abort.abort();
  assert.equal(await machine.ended, 'cut');
  await machine.kill();
  assert.ok(!(await cardIsOpen()));
});

test('no QEMU outlives the process that started it, even when that is killed', async () => {
  const code = `
    const { Machine } = await import(${JSON.stringify(
      join(import.meta.dirname, '../../../image/emulator/machine.ts'),
    )});
    const machine = await Machine.start(${JSON.stringify({
      ...{ board: 'virt', card, boardSerial: BOARD_SERIAL, httpPort: await freePort() },
      work: join(folder, 'orphan'),
    })});
    await machine.waitFor(/waiting/, ${SOON_MS});
    console.log('up');`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(parent.stdout, 'data');
  assert.ok(await cardIsOpen());
  parent.kill('SIGKILL');
  await once(parent, 'close');
  for (let tries = 0; tries < 50 && (await cardIsOpen()); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(!(await cardIsOpen()));
});

test('two emulated boards never write the same card', async () => {
  const machine = await start();
  await assert.rejects(start(), { code: 'emulator-start', message: /in use/ });
  await machine.kill();
});

test('a card that is not there, or that QEMU would refuse, is named', async () => {
  await truncate(card, 3_000_000);
  await assert.rejects(start(), { code: 'card-size' });
  await rm(card);
  await assert.rejects(start(), { code: 'no-card' });
});

test('makeCard() makes a sparse copy of a power of two, and refuses what does not fit', async () => {
  const image = join(folder, 'image');
  await bareCard(image, { 'config.txt': '' });
  await makeCard(image, card);
  const { size, blocks } = await stat(card);
  assert.equal(size, 2 ** 31);
  assert.ok(blocks * 512 < 40 * 2 ** 20, `${blocks} blocks`);
  const small = join(folder, 'small');
  // As large as README's cards for trying.
  const large = `${image}.large`;
  await truncate(image, 4 * 2 ** 30 - 512);
  await makeCard(image, large);
  assert.equal((await stat(large)).size, 4 * 2 ** 30);
  await rm(large);
  await assert.rejects(makeCard(image, small, 2 ** 20), { code: 'card-too-small' });
  await assert.rejects(makeCard(image, small, 3 * 2 ** 30), { code: 'card-too-small' });
  assert.ok(!existsSync(small));
});
