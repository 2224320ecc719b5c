// The image itself on the emulated board: the first boot, killed at its steps, also of a card that support wrote; what
// it leaves on the card; power cuts at any moment; the start after them; another board.
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTheSystem, stateFiles, systemNames } from './card-look.ts';
import { reflashed } from './reflashed.ts';
import {
  IMAGE,
  LONG,
  Unit,
  boardKeys,
  drawn,
  partition,
  seeded,
  transportKey,
  volumeKey,
} from './units.ts';

/** The steps of a first boot that write, and the ones before and after them. */
const STEPS = [
  ...['find-card', 'make-partition', 'open-system', 'open-state', 'format-state', 'fill-state'],
  ...['seal', 'complete', 'drop-transport-key', 'grow-system', 'check-root', 'mount-root'],
];
/** CI kills at this many of them, drawn by the seed, and on the card that holds the most. */
const SAMPLE = 1;
const KINDS = LONG ? (['of an image', 'of a reflash'] as const) : (['of a reflash'] as const);
/** Formatting takes the longest of the steps: 4 s. */
const KILL_MS_MAX = 3_000;
/** Of the unit that has started, at any moment of a start or after it: one more than these. */
const CUTS = LONG ? 10 : 1;
/** From the page on: checks run, the clock is written, the unit settles. */
const RUN_MS_MAX = 20_000;
/** From power-on: the boot script takes 35 s, the page comes after 70 s. */
const CUT_MS_MAX = 70_000 + RUN_MS_MAX;

const random = seeded('boot');
const moment = seeded('power');
const points = LONG ? STEPS : drawn(STEPS, SAMPLE, random);
const transport = await transportKey(IMAGE);
const unit = await Unit.make();
after(() => unit[Symbol.asyncDispose]());
const again = await reflashed();
after(() => again.factory[Symbol.asyncDispose]());
let serial = '';

test('before its first boot a card gives its record to whoever has the transport key', async () => {
  const { card, transport: key, secrets } = again;
  const read = await inTheSystem(card, { keys: [key], bytes: secrets });
  assert.deepEqual(read, Object.keys(secrets).toSorted());
});

for (const kind of KINDS) {
  for (const point of points) {
    const waitMs = Math.round(random() * KILL_MS_MAX);
    test(`a first boot ${kind} killed ${waitMs} ms after "${point}" is followed by a good start`, async () => {
      const isImage = kind === 'of an image';
      await using cut = await Unit.make(isImage ? IMAGE : again.card, again.bytes);
      {
        await using board = await cut.start();
        await board.step(point);
        await sleep(waitMs);
      }
      const name = `${point}-${waitMs}`;
      if (!isImage) {
        const now = await again.waitingOn(cut.card, `${name}-cut`);
        assert.deepEqual(now, again.ids, 'what was carried over is not lost if it ends here');
      }
      await using board = await cut.start();
      await board.step('done');
      await board.machine.kill();
      await assertSealed(cut.card, isImage ? transport : again.transport);
      if (!isImage) await assertRecordTaken(cut.card, name);
    });
  }
}

test('the first boot ends with the page', async () => {
  await using board = await unit.start();
  ({ serial } = await board.page());
  assert.match(serial, /^[0-9a-f]{32}$/);
  await sleep(moment() * RUN_MS_MAX);
});

test('cut off then, it leaves a card that fills, is sealed, and has no transport key', async () => {
  await assertSealed(unit.card);
});

for (let cut = 0; cut < CUTS; cut += 1) {
  const cutMs = Math.round(moment() * CUT_MS_MAX);
  test(`cut off ${cutMs} ms after power-on, it has not stopped before`, async () => {
    await using board = await unit.start();
    await sleep(cutMs);
    assert.ok(!board.machine.console.some((line) => line.includes('STOPPED')));
  });
}

test('the start after that is opened by the board, finds its state sound and keeps the serial', async () => {
  await using board = await unit.start();
  assert.equal((await board.page()).serial, serial);
  const { console } = board.machine;
  assert.ok(console.includes('clock: system partition opened by key source board'));
  assert.ok(console.includes('clock: state partition clean, opened by key source board'));
});

test('another unit of the same image has a state key and a serial of its own', async () => {
  await using other = await Unit.make();
  await using board = await other.start();
  await board.step('done');
  await board.machine.kill();
  await assertSealed(other.card);
  const [own, others] = [unit.card, other.card].map((card) => volumeKey(card, 3, boardKeys()));
  assert.notEqual(await own, await others);
});

test('on another board the card does not open, and the console says so', async () => {
  await using board = await unit.start({ boardSerial: '00000000c10c0002' });
  assert.match(await board.stopped(), /wrong-key.*another board/);
});

/** What a finished first boot leaves, read from outside by sfdisk, mtools and cryptsetup. */
async function assertSealed(card: string, key = transport): Promise<void> {
  const state = await partition(card, 3);
  assert.ok(state !== undefined, 'there is a state partition');
  assert.equal(state.start + state.bytes, (await stat(card)).size, 'it fills the card');
  for (const number of [2, 3]) {
    assert.equal(await volumeKey(card, number, [key]), undefined, 'the transport key is out');
    assert.notEqual(await volumeKey(card, number, boardKeys()), undefined, 'the board opens it');
  }
  await assert.rejects(transportKey(card), /clock\.key/, 'and its file is gone');
}

/** The record has arrived once and whole, is nowhere else, and support's key opens both partitions. */
async function assertRecordTaken(card: string, name: string): Promise<void> {
  const { factory, record, secrets, ids } = again;
  const keys = boardKeys();
  const state = await stateFiles(card, keys);
  for (const [file, content] of Object.entries(record)) {
    const isOurs = file === 'recovery.key' || file === 'carried.db.gz';
    const taken = state[file] ?? state[`agent/${file}`];
    assert.deepEqual(taken, isOurs ? undefined : content, file);
  }
  assert.deepEqual(await again.waitingOn(card, name), ids, 'what was carried over, once');
  assert.deepEqual(await inTheSystem(card, { keys, bytes: secrets }), []);
  const names = await systemNames(card, keys);
  assert.ok(!names.some((one) => one.startsWith('unit')), names.join(' '));
  for (const number of [2, 3]) {
    const key = await volumeKey(card, number, [secrets['recovery.key']!]);
    assert.notEqual(key, undefined, `the recovery key opens p${number}`);
  }
  assert.match(await factory.build(['inspect', card]), new RegExp(again.serial));
}
