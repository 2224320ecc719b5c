// One card of `npm run bench:factory` in a process of its own: what flashing a card takes once its keys are made,
// with a card that is as fast as an SD card, or as memory, and kept in memory. Forked: says when it is ready, writes
// when it is told to, then says what that took.
//   fork(factory-card.ts, [TEMPLATE, 'paced' | 'unpaced'])
import { once } from 'node:events';
import { recordSizes } from '../../../image/card/record.ts';
import type { CardDevice, Written } from '../../../image/card/ports.ts';
import { writeOpened } from '../../../image/card/writer.ts';
import { makeKeys } from '../../../image/unit/keys.ts';
import { MIB } from '../../../image/unit/layout.ts';
import { readTemplate } from '../../../image/unit/template.ts';

/** A Pi 4's SD bus writes 40 to 45 MB/s (facts of others); readers on USB 3 read twice as fast. */
const WRITE_BYTES_PER_MS = 40_000;
const READ_BYTES_PER_MS = 80_000;
const CARD_BYTES = 8e9;
/** For what is on a card beside its two partitions: headers, tables, probes. */
const SPARE_BYTES = 64 * MIB;

/**
 * Takes one thing after the other, each (if paced) for as long as it has bytes, and is read in the pieces that it
 * was written in.
 * Its memory is there before it is measured: no card asks this machine for new pages while it is written.
 */
function memoryCard(memory: Buffer, isPaced: boolean): CardDevice {
  const pieces = new Map<number, Buffer>();
  let used = 0;
  let free = performance.now();
  const busy = async (bytes: number, perMs: number): Promise<void> => {
    if (!isPaced) return;
    free = Math.max(free, performance.now()) + bytes / perMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, free - performance.now())));
  };
  return {
    bytes: CARD_BYTES,
    async write(at, bytes) {
      const piece = pieces.get(at) ?? memory.subarray(used, (used += bytes.length));
      pieces.set(at, piece);
      piece.set(bytes);
      await busy(bytes.length, WRITE_BYTES_PER_MS);
    },
    async read(at, into) {
      into.set(pieces.get(at) ?? Buffer.alloc(into.length));
      await busy(into.length, READ_BYTES_PER_MS);
    },
    sync: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

const template = (await readTemplate(process.argv[2] ?? ''))!;
const record = Object.fromEntries(
  Object.entries(recordSizes({})).map(([name, bytes]) => [name, Buffer.alloc(bytes, 'x')]),
);
// Before the memory: a process that starts another (cryptsetup) pays once more for every page it has.
const keys = await makeKeys();
const card = memoryCard(
  Buffer.alloc(template.boot.bytes + template.system.bytes + SPARE_BYTES, 1),
  process.argv[3] === 'paced',
);
process.send!('ready');
await once(process, 'message');
const started = performance.now();
const cpu = process.cpuUsage();
let written: Written | undefined;
await writeOpened(
  card,
  { template, keys, record, cardBytes: CARD_BYTES },
  {
    progress: () => {},
    verified: () => Promise.resolve(),
    written: (result) => {
      written = result;
      return Promise.resolve();
    },
  },
);
const { user, system } = process.cpuUsage(cpu);
const tookMs = performance.now() - started;
process.send!({ tookMs, cpuMs: (user + system) / 1000, ...written }, () => process.disconnect());
