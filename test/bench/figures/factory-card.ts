// One card of `npm run bench:factory` in a process of its own: everything that flashing a card takes, with a card
// that is as fast as an SD card and kept in memory. Prints what it took as JSON.
//   node factory-card.ts TEMPLATE
import { recordSizes } from '../../../image/card/record.ts';
import type { CardDevice, Written } from '../../../image/card/ports.ts';
import { writeOpened } from '../../../image/card/writer.ts';
import { makeKeys } from '../../../image/unit/keys.ts';
import { readTemplate } from '../../../image/unit/template.ts';

/** A Pi 4's SD bus writes 40 to 45 MB/s (facts of others); readers on USB 3 read twice as fast. */
const WRITE_BYTES_PER_MS = 40_000;
const READ_BYTES_PER_MS = 80_000;
const CARD_BYTES = 8e9;

/** Takes one thing after the other, each for as long as it has bytes; keeps each write as one piece. */
function pacedCard(): CardDevice {
  const pieces = new Map<number, Buffer>();
  let free = performance.now();
  const busy = async (bytes: number, perMs: number): Promise<void> => {
    free = Math.max(free, performance.now()) + bytes / perMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, free - performance.now())));
  };
  return {
    bytes: CARD_BYTES,
    async write(at, bytes) {
      pieces.set(at, Buffer.from(bytes));
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
const started = performance.now();
const cpu = process.cpuUsage();
const record = Object.fromEntries(
  Object.entries(recordSizes({})).map(([name, bytes]) => [name, Buffer.alloc(bytes, 'x')]),
);
const keys = await makeKeys();
let written: Written | undefined;
await writeOpened(
  pacedCard(),
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
console.log(JSON.stringify({ tookMs, cpuMs: (user + system) / 1000, ...written }));
