// The image itself on the emulated board: first boot killed midway, sealed, page, sealed to its board.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { waitForPage } from '../../image/emulator/boot.ts';
import { BOARD_SERIAL, Machine, makeCard } from '../../image/emulator/machine.ts';

const STEPS = [
  'make-partition',
  'open-system',
  'format-state',
  'fill-state',
  'seal',
  'complete',
  'drop-transport-key',
  'grow-system',
  'check-root',
];
const STEP_MS_MAX = 8 * 60_000;
const PAGE_MS_MAX = 15 * 60_000;
const HTTP_PORT = 18_100;
const URL_BASE = `http://127.0.0.1:${HTTP_PORT}/`;

const image = process.env['CLOCK_TEST_IMAGE'];
if (image === undefined) throw new Error('Run this by ./build.sh test: it needs CLOCK_TEST_IMAGE');
const folder = await mkdtemp(join(tmpdir(), 'clock-boot-'));
const card = join(folder, 'card');
after(() => rm(folder, { recursive: true, force: true }));

const start = (boardSerial: string): Promise<Machine> =>
  Machine.start({ board: 'virt', card, boardSerial, work: folder, httpPort: HTTP_PORT });

/** All kill points in the long set, a seeded one in CI. */
function killPoints(): string[] {
  if (process.env['CLOCK_TEST_LONG'] === '1') return STEPS;
  const seed = Number(process.env['CLOCK_TEST_SEED'] ?? 0);
  return [STEPS[seed % STEPS.length]!];
}

let serial = '';

test('a first boot that loses power is followed by a good start', async (t) => {
  await makeCard(image, card);
  for (const point of killPoints()) {
    await t.test(`killed at ${point}`, async () => {
      const machine = await start(BOARD_SERIAL);
      await machine.waitFor(new RegExp(`clock: [0-9.]+ (${point}|done)$`), STEP_MS_MAX);
      await machine.kill();
    });
  }
  const machine = await start(BOARD_SERIAL);
  try {
    await waitForPage(URL_BASE, { timeoutMs: PAGE_MS_MAX });
    const status = (await (await fetch(`${URL_BASE}api/status`)).json()) as { serial: string };
    serial = status.serial;
    assert.match(serial, /^[0-9a-f]{32}$/);
    assert.ok(!machine.console.some((line) => line.includes('STOPPED')));
  } finally {
    await machine.kill();
  }
});

test('the serial is kept over a restart, and the card is opened by the board', async () => {
  const machine = await start(BOARD_SERIAL);
  try {
    await machine.waitFor(/opened by key source board/, STEP_MS_MAX);
    await waitForPage(URL_BASE, { timeoutMs: PAGE_MS_MAX });
    const status = (await (await fetch(`${URL_BASE}api/status`)).json()) as { serial: string };
    assert.equal(status.serial, serial);
  } finally {
    await machine.kill();
  }
});

test('on another board the card does not open, and the console says so', async () => {
  const machine = await start('00000000c10c0002');
  try {
    const line = await machine.waitFor(/clock: STOPPED/, STEP_MS_MAX);
    assert.match(line, /wrong-key/);
  } finally {
    await machine.kill();
  }
});
