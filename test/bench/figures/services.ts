// Figures of interface services: a unit with ten of them at work, as processes, beside what nobody does faster or
// smaller in the same run: a bare record on the same disk, a bare echo, a bare Node.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '../../../image/core/progress.ts';
import { COMMIT_GAP_MS } from '../../../agent/outbox/limits.ts';
import { percentile } from './figure.ts';
import type { Figure } from './figure.ts';
import { openHotel } from './services/hotel.ts';
import type { Hotel } from './services/hotel.ts';
import { memoryOf, memoryOfBareNode } from './services/memory.ts';
import type { Memory } from './services/memory.ts';
import { bareDisk, echo, post } from './services/postings.ts';

const ROOMS = 2_000;
/** Clock lets itself be asked four times a second: each guest is a call. */
const GUESTS = 40;
const PER_SECOND = 20;
const SHORT = { settleMs: 10_000, steady: 200, flat: 500, resyncs: 3 };
const LONG = { settleMs: 60_000, steady: 6_000, flat: 5_000, resyncs: 10 };
/** A Pi's memory. The rest of the system needs some of it, too. */
const BOARD_BYTES = 1e9;
/** A till's queue of a busy evening is worked off at this rate; what is beside it is what the card is spared. */
const LEAST = { postingsPerSecond: 15 } as const;
/** Half of the board's: the system has the other. */
const MOST = { unitBytes: 0.5 * BOARD_BYTES, p99Ms: 250 } as const;

export async function serviceFigures(
  progress: Progress,
  { long }: { readonly long: boolean },
): Promise<Figure[]> {
  const times = long ? LONG : SHORT;
  await using hotel = await progress.step('a unit with ten services', async () =>
    openHotel({ rooms: ROOMS, guests: GUESTS }),
  );
  const memory = await progress.step('memory at rest', async () => {
    await sleep(times.settleMs);
    return atRest(hotel);
  });
  const resync = await progress.step('resync', async () => resyncs(hotel, times.resyncs));
  const steady = await progress.step('postings at 20 a second', async () =>
    latency(hotel, times.steady),
  );
  const flat = await progress.step('postings one after the other', async () =>
    rate(hotel, { count: times.flat, first: times.steady + 1 }),
  );
  const worked = await afterWork(hotel);
  const { violations } = hotel.vendor;
  if (violations.length > 0) throw new Error(`Against FIAS: ${violations.join('; ')}`);
  return [...flat, ...steady, ...resync, ...memory, worked];
}

async function rate(
  { unit, vendor }: Hotel,
  how: { readonly count: number; readonly first: number },
): Promise<Figure[]> {
  const before = await bareDisk(unit.root);
  const began = performance.now();
  await post(vendor, { ...how, everyMs: 0 });
  const measured = (how.count / (performance.now() - began)) * 1_000;
  return [
    {
      ...{ what: 'services: postings through FIAS', unit: 'rate', measured },
      least: LEAST.postingsPerSecond,
      remark:
        `one after the other, each answered when it is on the disk; the unit spares its card and commits ` +
        `${(1_000 / COMMIT_GAP_MS).toFixed(0)} times a second at most. Bare on this disk: a record and fdatasync ` +
        `${before.append.toFixed(0)}/s, a row in SQLite ${before.sqlite.toFixed(0)}/s`,
    },
  ];
}

async function latency({ vendor }: Hotel, count: number): Promise<Figure[]> {
  const how = { count, everyMs: 1_000 / PER_SECOND };
  const bare = await echo(how);
  const times = await post(vendor, { ...how, first: 1 });
  const figure = (share: 0.5 | 0.99): Figure => ({
    what: `services: answer to a posting, p${share * 100}`,
    ...{ unit: 'ms', measured: percentile(times, share) },
    ...(share === 0.99 && { most: MOST.p99Ms }),
    remark: `at ${PER_SECOND} a second, ${count} of them; a bare echo: ${percentile(bare, share).toFixed(2)} ms`,
  });
  return [figure(0.5), figure(0.99)];
}

async function resyncs({ vendor }: Hotel, count: number): Promise<Figure[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const from = vendor.heard.length;
    const began = performance.now();
    await vendor.resync();
    times.push(performance.now() - began);
    const rooms = vendor.heard.slice(from).filter(({ id }) => id === 'GI' || id === 'GO').length;
    if (rooms < ROOMS) throw new Error(`A resync told of ${rooms} rooms`);
  }
  const measured = percentile(times, 0.5);
  return [
    {
      ...{ what: 'services: resync of 2,000 rooms', unit: 'ms', measured },
      remark: `from DR to DE, ${GUESTS} occupied; median of ${count}`,
    },
  ];
}

const UNIT_FILE = new URL(
  '../../../stage-clock/01-agent/files/usr/lib/systemd/system/clock-service@.service',
  import.meta.url,
);

/** The flags and the environment that a service runs with. Throws when the unit's own would be others. */
async function asStarted(pid: number): Promise<{
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}> {
  const words = async (name: string): Promise<readonly string[]> =>
    (await readFile(`/proc/${pid}/${name}`, 'utf8')).split('\0').filter(Boolean);
  const [, ...argv] = await words('cmdline');
  const env = (await words('environ')).map((pair): [string, string] => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  const flags = argv.slice(
    0,
    argv.findIndex((word) => !word.startsWith('--')),
  );
  const file = await readFile(UNIT_FILE, 'utf8');
  const wanted = /^ExecStart=\S+ (.*) \S+agent\.js service %i$/m.exec(file)?.[1];
  const pairs = /^Environment=(.*)$/m.exec(file)?.[1]?.split(' ') ?? [];
  const has = new Set(env.map((pair) => pair.join('=')));
  if (wanted !== flags.join(' ') || !pairs.every((pair) => has.has(pair))) {
    throw new Error(`Services run otherwise than on the unit: ${flags.join(' ')}`);
  }
  return { flags, env: Object.fromEntries(env) };
}

async function atRest(hotel: Hotel): Promise<Figure[]> {
  const pids = await hotel.pids();
  const { flags, env } = await asStarted(pids.get('fias')!);
  const bare = await memoryOfBareNode(flags, env);
  const remark = (memory: Memory): string =>
    `PSS, ${mb(memory.residentBytes)} resident; bare Node: ${mb(bare.proportionalBytes)}, ${mb(bare.residentBytes)}`;
  const each: Figure[] = [];
  for (const [name, pid] of pids) {
    const memory = await memoryOf(pid);
    each.push({
      ...{ what: `services: memory of ${name}`, unit: 'bytes' },
      ...{ measured: memory.proportionalBytes, remark: remark(memory) },
    });
  }
  return [...each, await whole(hotel, 'services: agent and ten services')];
}

async function afterWork(hotel: Hotel): Promise<Figure> {
  return whole(hotel, 'services: agent and ten services after work');
}

async function whole(hotel: Hotel, what: string): Promise<Figure> {
  const agent = await memoryOf(hotel.unit.running.pid);
  let measured = agent.proportionalBytes;
  for (const pid of (await hotel.pids()).values())
    measured += (await memoryOf(pid)).proportionalBytes;
  return {
    ...{ what, unit: 'bytes', measured, most: MOST.unitBytes },
    remark: `sum of PSS, the agent ${mb(agent.proportionalBytes)} of it; x86-64, a Pi has 1 GB`,
  };
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
