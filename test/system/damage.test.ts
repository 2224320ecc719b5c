// Damaged cards: one flipped bit in each place (CI draws some), and random ones in the long set. The unit must say
// what is wrong or start all the same; it never opens a shell, and never hangs once a kernel runs that is whole.
import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { OperatorError } from '../../image/core/errors.ts';
import { run } from '../../image/core/run.ts';
import { MIB } from '../../image/unit/layout.ts';
import { IMAGE, LONG, STEP_MS_MAX, Unit, drawn, partition, seeded } from './units.ts';

/** How a start with a damaged card may end. */
type Outcome =
  | { readonly ended: 'stopped'; readonly line: string }
  | { readonly ended: 'started' }
  /** Kernel or initramfs are broken: the kernel says so and starts anew, as on a board. */
  | { readonly ended: 'panicked'; readonly line: string }
  /** The firmware (here: the emulator) finds nothing to start, or what it starts says nothing. */
  | { readonly ended: 'refused'; readonly line: string }
  /** Neither: what a kernel with one wrong instruction may do, if it does not notice (an oops panics), before systemd's watchdog. */
  | { readonly ended: 'hung'; readonly line: string };

const random = seeded('damage');
/** Of the places, where not all are tried: each is a boot. */
const SAMPLE = 4;
const RANDOM_FLIPS = 16;
const SHELL = /^(\(initramfs\)|.*[#$] $|BusyBox v.*built-in shell)/;
/** A kernel that is broken in its first bytes cannot print; a board would show nothing either. */
const SILENT_MS_MAX = 90_000;

async function flip(card: string, offset: number): Promise<void> {
  const file = await open(card, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte[0]! ^= 1 << Math.floor(random() * 8);
  await file.write(byte, 0, 1, offset);
  await file.close();
}

async function startDamaged(unit: Unit): Promise<Outcome> {
  try {
    await using board = await unit.start();
    const { machine } = board;
    const ending = /clock: STOPPED|clock: [0-9.]+ done$|Kernel panic|^emulator: .*/;
    const after = 1; // the emulator's own first line
    const line = await Promise.race([
      machine.waitFor(ending, STEP_MS_MAX, { after }),
      machine
        .waitFor(/./, SILENT_MS_MAX, { after })
        .then(() => new Promise<never>(() => {}))
        .catch(() => 'emulator: nothing on the console'),
    ]);
    await machine.kill(); // a prompt has no line end: it becomes a line when the console ends
    assert.ok(!machine.console.some((text) => SHELL.test(text)), 'no shell');
    if (line.includes('STOPPED')) return { ended: 'stopped', line };
    if (line.includes('Kernel panic')) return { ended: 'panicked', line };
    if (line.startsWith('emulator:')) return { ended: 'refused', line };
    return { ended: 'started' };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return { ended: error.code === 'console-timeout' ? 'hung' : 'refused', line: error.message };
  }
}

/** Flips one bit in a fresh card and says how its start ends. */
async function damaged(where: (card: string) => Promise<readonly number[]>): Promise<Outcome> {
  await using unit = await Unit.make();
  for (const offset of await where(unit.card)) await flip(unit.card, offset);
  return await startDamaged(unit);
}

const within = async (card: string, number: number, offset: number): Promise<number> =>
  (await partition(card, number))!.start + offset;

/** Where a boot file's first bytes lie on the card: found by looking for them. */
async function bootFile(card: string, name: string): Promise<number> {
  const { start, bytes } = (await partition(card, 1))!;
  const env = { MTOOLS_SKIP_CHECK: '1' };
  const copy = join(card, '..', 'boot-file');
  await run(['mcopy', '-n', '-o', '-i', `${card}@@${start}`, `::${name}`, copy], { env });
  const [file, found] = [await open(card, 'r'), await open(copy, 'r')];
  const sought = Buffer.alloc(512);
  await found.read(sought, 0, 512, 0);
  const boot = (await file.read(Buffer.alloc(bytes), 0, bytes, start)).buffer;
  await Promise.all([file.close(), found.close()]);
  const at = boot.indexOf(sought);
  assert.ok(at > 0, `${name} lies on the boot partition`);
  return start + at;
}

function assertStopped(outcome: Outcome, code: string): void {
  assert.ok(outcome.ended === 'stopped', JSON.stringify(outcome));
  assert.match(outcome.line, new RegExp(`STOPPED \\(${code}\\) at [a-z-]+: .*[.]`));
}

const PLACES: Readonly<Record<string, () => Promise<void>>> = {
  'a bit in root.erofs: "slot-damaged"': async () => {
    // The middle of the system partition is in the middle of its one large file.
    const outcome = await damaged(async (card) => [
      await within(card, 2, Math.floor((await partition(card, 2))!.bytes * (0.4 + random() * 0.2))),
    ]);
    assertStopped(outcome, 'slot-damaged');
  },
  'a bit in one of the two LUKS headers: the unit starts by the other': async () => {
    const outcome = await damaged(async (card) => [await within(card, 2, 4096 + 100)]);
    assert.equal(outcome.ended, 'started');
  },
  'a bit in both LUKS headers: "system-damaged"': async () => {
    const outcome = await damaged(async (card) => [
      await within(card, 2, 4096 + 100),
      await within(card, 2, 16_384 + 4096 + 100),
    ]);
    assertStopped(outcome, 'system-damaged');
  },
  'a bit in the key slot: "wrong-key"': async () => {
    const outcome = await damaged(async (card) => [await within(card, 2, 32_768 + 1000)]);
    assertStopped(outcome, 'wrong-key');
  },
  'a bit in another board\'s device tree: "boot-damaged"': async () => {
    const outcome = await damaged(async (card) => [
      (await bootFile(card, 'a/bcm2711-rpi-4-b.dtb')) + 5000,
    ]);
    assertStopped(outcome, 'boot-damaged');
  },
  'a bit in the kernel or the initramfs: such a card does not start': async () => {
    for (const name of ['a/vmlinuz', 'a/initrd.img']) {
      const outcome = await damaged(async (card) => [
        (await bootFile(card, name)) + 2 * MIB + Math.floor(random() * MIB),
      ]);
      assert.notEqual(outcome.ended, 'started', name);
    }
  },
  'both LUKS headers of the state, after the first boot: "state-damaged", never formatted':
    async () => {
      await using unit = await Unit.make();
      {
        await using board = await unit.start();
        await board.step('done');
      }
      for (const offset of [4096 + 100, 16_384 + 4096 + 100]) {
        await flip(unit.card, await within(unit.card, 3, offset));
      }
      assertStopped(await startDamaged(unit), 'state-damaged');
    },
  'a card that is too small: "card-too-small"': async () => {
    await using unit = await Unit.make(IMAGE, 1024 * MIB);
    assertStopped(await startDamaged(unit), 'card-too-small');
  },
};
const places = Object.entries(PLACES);
for (const [name, run] of LONG ? places : drawn(places, SAMPLE, random)) test(name, run);

if (LONG) {
  test(`${RANDOM_FLIPS} bits anywhere: each start ends with words or a running unit`, async (t) => {
    for (let index = 0; index < RANDOM_FLIPS; index += 1) {
      const number = index % 2 === 0 ? 1 : 2;
      const part = random();
      await t.test(`partition ${number}, ${(part * 100).toFixed(2)} %`, async () => {
        const outcome = await damaged(async (card) => {
          const { bytes } = (await partition(card, number))!;
          // The boot partition is filled to a quarter; flips beyond it harm nothing.
          return [await within(card, number, Math.floor(bytes * part * (number === 1 ? 0.25 : 1)))];
        });
        t.diagnostic(JSON.stringify(outcome));
        // Kernel and initramfs lie on the first.
        assert.ok(number === 1 || outcome.ended !== 'hung', JSON.stringify(outcome));
      });
    }
  });
}
