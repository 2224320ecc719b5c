// What the system tests share: fresh cards of the image under test, boards to boot them on, what can
// be read off a card from outside. Knows no test.
import { createServer } from 'node:net';
import { mkdtemp, mkdtempDisposable, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../image/core/run.ts';
import { waitForPage } from '../../image/emulator/boot.ts';
import type { Board } from '../../image/emulator/boards.ts';
import { BOARD_SERIAL, Machine, makeCard } from '../../image/emulator/machine.ts';
import { MIB, SECTOR_BYTES } from '../../image/unit/layout.ts';

/** On a quiet machine a step of the boot script takes seconds; CI may be ten times slower. */
export const STEP_MS_MAX = 6 * 60_000;
/** A first boot takes 80 s on virt and 2 min on raspi3b; see above. */
const PAGE_MS_MAX = 15 * 60_000;
const LAST_LINES = 20;
export const LONG = process.env['CLOCK_TEST_LONG'] === '1';

const given = process.env['CLOCK_TEST_IMAGE'];
if (given === undefined) throw new Error('Run this by ./build.sh test: it needs CLOCK_TEST_IMAGE');
/** The image under test, byte for byte as a factory writes it. */
export const IMAGE: string = given;

/** A sequence of numbers in [0, 1) that a seed repeats (mulberry32). */
export function seeded(name: string): () => number {
  const seed = Number(process.env['CLOCK_TEST_SEED'] ?? 0);
  let state = Buffer.from(name).reduce((sum, byte) => sum * 31 + byte, seed) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many of them, drawn by the numbers of `random`, in an order of its own. */
export function drawn<T>(all: readonly T[], count: number, random: () => number): T[] {
  return all
    .map((one) => ({ one, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ one }) => one);
}

interface Place {
  readonly board?: Board;
  readonly boardSerial?: string;
}

/** A card of the image under test in a folder of its own, and boards to put it into. */
export class Unit {
  readonly folder: string;
  readonly card: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.card = join(folder, 'card');
  }

  /**
   * `from`: the image or the card it is a copy of; default: the image under test.
   * `bytes`: the card's size, a power of two.
   */
  static async make(from = IMAGE, bytes?: number): Promise<Unit> {
    const unit = new Unit(await mkdtemp(join(tmpdir(), 'clock-unit-')));
    await makeCard(from, unit.card, bytes);
    return unit;
  }

  /** Switches a board on; the page, when it comes, is at `url`. */
  async start({ board = 'virt', boardSerial = BOARD_SERIAL }: Place = {}): Promise<Running> {
    const httpPort = await freePort();
    const { card, folder } = this;
    const machine = await Machine.start({ board, card, boardSerial, work: folder, httpPort });
    return new Running(machine, `http://127.0.0.1:${httpPort}/`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

interface Status {
  readonly serial: string;
}

/** A board that is on; disposing pulls the plug. */
export class Running {
  readonly machine: Machine;
  readonly url: string;

  constructor(machine: Machine, url: string) {
    this.machine = machine;
    this.url = url;
  }

  /** Resolves when the boot script reaches this step; rejects when it stops before. */
  async step(name: string): Promise<void> {
    const pattern = new RegExp(`clock: STOPPED|clock: [0-9.]+ ${name}$`);
    const line = await this.machine.waitFor(pattern, STEP_MS_MAX);
    if (line.includes('STOPPED')) throw new Error(`It stopped instead: ${line}`);
  }

  /** Resolves with the reason when the boot script gives up; rejects when it goes through. */
  async stopped(): Promise<string> {
    const line = await this.machine.waitFor(/clock: STOPPED|clock: [0-9.]+ done$/, STEP_MS_MAX);
    if (line.includes('STOPPED')) return line;
    throw new Error('It started instead of stopping');
  }

  /** Resolves with what the unit says of itself when its page answers. */
  async page(): Promise<Status> {
    await this.step('done');
    await waitForPage(this.url, { timeoutMs: PAGE_MS_MAX }).catch((cause: unknown) => {
      // Its log goes with the card.
      const last = this.machine.console.slice(-LAST_LINES).join('\n');
      throw new Error(`No page. The console’s end:\n${last}`, { cause });
    });
    return (await (await fetch(`${this.url}api/status`)).json()) as Status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine.kill();
  }
}

/** Polls until it is so; rejects when the board that is on stops before, or the time is up. */
export async function untilOn(
  board: () => Machine | undefined,
  { what, is, ms }: { what: string; is: () => boolean | Promise<boolean>; ms: number },
): Promise<void> {
  const endMs = performance.now() + ms;
  while (!(await is())) {
    const stop = board()?.console.find((line) => line.includes('clock: STOPPED'));
    if (stop !== undefined) throw new Error(`The unit stopped: ${stop}`);
    if (performance.now() > endMs) throw new Error(`Not within ${ms} ms: ${what}`);
    await sleep(500);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Partition `number` of a card as sfdisk sees it: first byte and length. */
export async function partition(
  card: string,
  number: number,
): Promise<{ readonly start: number; readonly bytes: number } | undefined> {
  const { stdout } = await run(['sfdisk', '--json', card]);
  const table = JSON.parse(stdout) as {
    partitiontable: { partitions: { node: string; start: number; size: number }[] };
  };
  const found = table.partitiontable.partitions.find(({ node }) => node === `${card}${number}`);
  if (found === undefined) return undefined;
  return { start: found.start * SECTOR_BYTES, bytes: found.size * SECTOR_BYTES };
}

/** The transport key of an image that has not been started. */
export async function transportKey(image: string): Promise<Buffer> {
  const part = (await partition(image, 1))!;
  const env = { MTOOLS_SKIP_CHECK: '1' };
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-key-'));
  const key = join(folder.path, 'key');
  await run(['mcopy', '-n', '-i', `${image}@@${part.start}`, '::clock.key', key], { env });
  return await readFile(key);
}

/** The card identities that QEMU's SD card tells: 7.2 leaves the check byte empty, later ones fill it. */
const CARD_IDS = ['aa585951454d552101deadbeef006200', 'aa585951454d552101deadbeef006219'];

/** What key source "board" makes of this board and an emulated card (key-sources/board). */
export function boardKeys(boardSerial = BOARD_SERIAL): Buffer[] {
  return CARD_IDS.map((id) => Buffer.from(`clock-board-v1:${boardSerial}:${id}`));
}

/** LUKS2 keeps both headers and all key slots in its first 16 MiB. */
const LUKS_HEADER_BYTES = 16 * MIB;

/** The volume key that cryptsetup finds with one of these keys in partition `number`, or undefined. */
export async function volumeKey(
  card: string,
  number: number,
  keys: readonly Buffer[],
): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'clock-luks-'));
  try {
    const header = join(folder, 'header');
    const { start } = (await partition(card, number))!;
    const file = await open(card, 'r');
    const { buffer } = await file.read(Buffer.alloc(LUKS_HEADER_BYTES + MIB), { position: start });
    await file.close();
    await writeFile(header, buffer);
    for (const [index, key] of keys.entries()) {
      const [from, to] = [join(folder, `${index}.key`), join(folder, `${index}.volume`)];
      await writeFile(from, key);
      const { code } = await run(
        [
          ...['cryptsetup', 'luksDump', '--dump-volume-key', '--batch-mode'],
          ...['--key-file', from, '--volume-key-file', to, header],
        ],
        { accept: [2] }, // no key slot fits
      );
      if (code === 0) return (await readFile(to)).toString('hex');
    }
    return undefined;
  } finally {
    await rm(folder, { recursive: true });
  }
}
