// Figures of the factory: one unit's content, writing beside dd, bmaptool and etcher-sdk on the same file, and
// many cards at once. Targets are files on this disk, and cards in memory that are as fast as an SD card.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCard } from '../../../image/card/device.ts';
import { recordSizes } from '../../../image/card/record.ts';
import type { Written } from '../../../image/card/ports.ts';
import { writeOpened } from '../../../image/card/writer.ts';
import { OperatorError } from '../../../image/core/errors.ts';
import type { Progress } from '../../../image/core/progress.ts';
import { run } from '../../../image/core/run.ts';
import { parseBmap, writeBmap } from '../../../image/release/bmap.ts';
import { assemble } from '../../../image/unit/assemble.ts';
import { openContent } from '../../../image/unit/content.ts';
import { makeKeys } from '../../../image/unit/keys.ts';
import { CARD_MIB_MIN, MIB } from '../../../image/unit/layout.ts';
import { makeTemplate } from '../../../image/unit/template.ts';
import type { Template } from '../../../image/unit/template.ts';
import { etcherWrite, fetchBmaptool, fetchEtcher } from './factory-others.ts';
import { median } from './figure.ts';
import type { Figure } from './figure.ts';
import { builtImage } from './image.ts';

const TRIES = 3;
const CONTENT_MS_MAX = 5_000;
/** Of what a card takes at its own speed, as dd with oflag=direct does. */
const OF_CARD_PERCENT_MIN = 95;
const CARD_BYTES_PER_MS = 40_000; // factory-card.ts
const CARD_BYTES = (CARD_MIB_MIN + 64) * MIB;
const ONE_CARD = fileURLToPath(new URL('factory-card.ts', import.meta.url));

interface Bench {
  readonly folder: string;
  readonly template: Template;
  /** The same release as an image, with its .bmap, for the others. */
  readonly image: string;
}

export async function factoryFigures(out: string, progress: Progress): Promise<Figure[]> {
  const { release } = await builtImage(out);
  // Beside the build, not in /tmp: that may be memory.
  await using folder = await mkdtempDisposable(join(out, 'bench-'));
  const image = join(folder.path, 'unit.img');
  const bench = await progress.step('template and image', async () => {
    const work = join(folder.path, 'work');
    await assemble({ release, image, work, epochSeconds: 1 });
    await writeBmap(image);
    const place = join(folder.path, 'template');
    const order = { release, folder: place, epochSeconds: 1, record: recordSizes({}) };
    return { folder: folder.path, image, template: await makeTemplate(order) };
  });
  const content = await progress.step('content', () => contentFigure(bench));
  const speed = await progress.step('beside others', () => speedFigures(bench));
  const many: Figure[] = [];
  for (const cards of [1, 4, 16]) {
    many.push(...(await progress.step(`${cards} at once`, () => manyFigures(bench, cards))));
  }
  return [content, ...speed, ...many];
}

const recordOf = (): Record<string, Buffer> =>
  Object.fromEntries(
    Object.entries(recordSizes({})).map(([name, bytes]) => [name, Buffer.alloc(bytes, 'x')]),
  );

async function contentFigure({ template }: Bench): Promise<Figure> {
  const times: number[] = [];
  const buffer = new Uint8Array(4 * MIB);
  for (let n = 0; n < TRIES; n += 1) {
    const started = performance.now();
    const order = { template, keys: await makeKeys(), record: recordOf(), cardBytes: CARD_BYTES };
    const content = await openContent(order);
    for (const { at, bytes } of content.extents) {
      for (let done = 0; done < bytes; done += buffer.length) {
        content.fill(at + done, buffer.subarray(0, Math.min(buffer.length, bytes - done)));
      }
    }
    await content.close();
    times.push(performance.now() - started);
  }
  return {
    ...{ what: "factory: one unit's content made", unit: 'ms', most: CONTENT_MS_MAX },
    measured: median(times),
    remark: `keys, header by cryptsetup, all of it encrypted; median of ${TRIES}`,
  };
}

interface Way {
  readonly name: string;
  /** Bytes per second. */
  readonly write: (target: string) => Promise<number>;
}

/** All ways take turns: what else this machine does hits them alike. */
async function speedFigures(bench: Bench): Promise<Figure[]> {
  let readRates: number[] = [];
  let cpuMs: number[] = [];
  const mapped = await mappedBytes(bench.image);
  const ours = async (target: string): Promise<number> => {
    const { written, cpu } = await writeOurs(bench, target);
    readRates = [...readRates, (written.bytes * 1000) / written.readMs];
    cpuMs = [...cpuMs, cpu];
    return (written.bytes * 1000) / written.writeMs;
  };
  const dd = async (target: string): Promise<number> => {
    const bytes = Math.floor(mapped / (4 * MIB)) * 4 * MIB;
    const options = ['bs=4M', `count=${bytes / (4 * MIB)}`, 'oflag=direct', 'conv=notrunc,fsync'];
    return timed(bytes, ['dd', `if=${bench.image}`, `of=${target}`, ...options]);
  };
  const bmaptool = await fetchBmaptool(bench.folder);
  const etcher = await fetchEtcher(bench.folder);
  const ways: Way[] = [
    { name: 'dd oflag=direct', write: dd },
    { name: 'flash', write: ours },
    ...(bmaptool === undefined
      ? []
      : [
          {
            name: 'bmaptool copy',
            write: (to: string) => timed(mapped, [...bmaptool, 'copy', bench.image, to]),
          },
        ]),
    ...(etcher === undefined
      ? []
      : [{ name: 'etcher-sdk', write: (to: string) => etcherWrite(etcher, bench.image, to) }]),
  ];
  // A file for each: bmaptool cuts its own to the image's length.
  const targets = new Map<string, string>();
  for (const [n, { name }] of ways.entries()) {
    targets.set(name, await makeTarget(join(bench.folder, `target-${n}`)));
  }
  const rates = new Map(ways.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < TRIES; round += 1) {
    for (const { name, write } of ways) rates.get(name)!.push(await write(targets.get(name)!));
  }
  const rate = (name: string): number => median(rates.get(name)!);
  const missing = [
    ...(bmaptool === undefined ? ['bmaptool not measured (apt-get download fails)'] : []),
    ...(etcher === undefined ? ['etcher-sdk not measured (npm cannot install it here)'] : []),
  ];
  const how = ['to files on this disk, no card is as fast; in turns', ...missing].join('; ');
  return [
    ...ways.map(({ name }): Figure => ({
      what: `factory: written a second, ${name}`,
      ...{ unit: 'bytes', measured: rate(name), remark: how },
    })),
    {
      ...{ what: 'factory: read back a second', unit: 'bytes', measured: median(readRates) },
      remark: 'its own pass, O_DIRECT, each piece compared, all of it hashed',
    },
    {
      ...{ what: 'factory: processor time of a card', unit: 'ms', measured: median(cpuMs) },
      remark: 'encryption, hashes of both passes, writes and reads',
    },
  ];
}

/** Written once over all of it: the first write to a new block costs the file system more. */
async function makeTarget(target: string): Promise<string> {
  const size = [`count=${Math.floor(CARD_BYTES / MIB)}`, 'bs=1M', 'oflag=direct'];
  await run(['dd', 'if=/dev/zero', `of=${target}`, ...size]);
  return target;
}

async function mappedBytes(image: string): Promise<number> {
  const bmap = parseBmap(await readFile(`${image}.bmap`, 'utf8'))!;
  const blocks = bmap.ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  return blocks * bmap.blockBytes;
}

async function timed(bytes: number, argv: readonly string[]): Promise<number> {
  const started = performance.now();
  await run(argv);
  return (bytes * 1000) / (performance.now() - started);
}

async function writeOurs(
  { template }: Bench,
  target: string,
): Promise<{ written: Written; cpu: number }> {
  const device = await openCard(target);
  const before = process.cpuUsage();
  const order = { template, keys: await makeKeys(), record: recordOf(), cardBytes: CARD_BYTES };
  let written: Written | undefined;
  await writeOpened(device, order, {
    progress: () => {},
    verified: () => Promise.resolve(),
    written: (result) => {
      written = result;
      return Promise.resolve();
    },
  });
  await device.close();
  const { user, system } = process.cpuUsage(before);
  return { written: written!, cpu: (user + system) / 1000 };
}

interface OneCard extends Written {
  readonly tookMs: number;
  readonly cpuMs: number;
}

/** Where the processor may be the slower one, it is measured too: the same cards, were they as fast as memory. */
async function manyFigures({ folder }: Bench, cards: number): Promise<Figure[]> {
  const template = join(folder, 'template');
  const rounds: Awaited<ReturnType<typeof writeMany>>[] = [];
  for (let round = 0; round < TRIES; round += 1) {
    rounds.push(await writeMany(template, { cards, pace: 'paced' }));
  }
  const all = rounds.flatMap((round) => round.all);
  const tookMs = median(rounds.map((round) => round.tookMs));
  const [cpuMs, each] = [all.map((one) => one.cpuMs), all.map((one) => one.tookMs)].map(median);
  const free = await writeMany(template, { cards, pace: 'unpaced' });
  const [taken, allowed] = [all, free.all].map(
    (ones) => (ratePerMs(ones) * 100) / CARD_BYTES_PER_MS,
  );
  const how =
    'cards in memory, paced to 40 MB/s writing and 80 MB/s reading; without hands and the making of keys';
  return [
    {
      ...{ what: `factory: cards an hour, ${cards} at once`, unit: 'hourly' },
      measured: (cards * 3_600_000) / tookMs,
      remark: `${how}; median of ${TRIES} rounds; a card took ${(each! / 1000).toFixed(1)} s, ${(cpuMs! / 1000).toFixed(1)} s of processor`,
    },
    {
      ...{ what: `factory: of a card's writing speed, ${cards} at once`, unit: 'percent' },
      ...{ least: OF_CARD_PERCENT_MIN, measured: taken! },
      remark: `the same cards, their median; as fast as memory they would reach ${allowed!.toFixed(0)} % on this machine`,
    },
  ];
}

/** Of the median card. */
const ratePerMs = (cards: readonly OneCard[]): number =>
  median(cards.map(({ bytes, writeMs }) => bytes / writeMs));

async function writeMany(
  template: string,
  { cards, pace }: { readonly cards: number; readonly pace: 'paced' | 'unpaced' },
): Promise<{ readonly all: readonly OneCard[]; readonly tookMs: number }> {
  const ready = await Promise.all(Array.from({ length: cards }, () => readyCard([template, pace])));
  const started = performance.now();
  const all = await Promise.all(ready.map((write) => write()));
  return { all, tookMs: performance.now() - started };
}

/** A process that has its card's memory; what is returned has it write. */
async function readyCard(words: readonly string[]): Promise<() => Promise<OneCard>> {
  const child = fork(ONE_CARD, words);
  const said = async (): Promise<unknown> => {
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (typeof message === 'object' || message === 'ready') return message;
    throw new OperatorError('card-ended', `The process that writes a card ended with ${message}`, {
      hint: 'What it said stands above',
    });
  };
  await said();
  return async () => {
    child.send('write');
    return (await said()) as OneCard;
  };
}
