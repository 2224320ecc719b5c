// Figures of the cloud link, each beside what else one would take, in the same run: durable events
// taken on and delivered, what they cost the card, the agent's memory at work, and a town whose power
// comes back.
import { spawn } from 'node:child_process';
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Progress } from '../../../image/core/progress.ts';
import { toolEnvironment } from '../../../image/core/run.ts';
import { THING, Unit } from '../../agent/unit.ts';
import { openCloud } from '../cloud/cloud.ts';
import { median } from './figure.ts';
import type { Figure } from './figure.ts';
import type { Result, Target } from './link/result.ts';
import { storm } from './link/storm.ts';

const CONTENDER = fileURLToPath(new URL('link/contender.ts', import.meta.url));
const ACCEPTED = 20_000;
const ACCEPTED_BY_LEVEL = 5_000;
const TRICKLED = 500;
const DELIVERED = 1_000;
const LEAST = { acceptedPerSecond: 2_000 } as const;
/** Half again as much as measured. */
const MOST = { writtenPerThousand: 7_500_000 } as const;
const STORM_UNITS = 1_000;
/** Greengrass publishes ten minutes after five of warming up; --long does so, too. */
const LONG = { warmMs: 300_000, measureMs: 600_000, everyMs: 10_000 };
const SHORT = { warmMs: 20_000, measureMs: 40_000, everyMs: 5_000 };

export async function linkFigures(
  progress: Progress,
  { long }: { readonly long: boolean },
): Promise<Figure[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-bench-'));
  return [
    ...(await accepted(folder.path, progress)),
    ...(await written(folder.path, progress)),
    ...(await delivered(folder.path, progress)),
    await memory(progress, long ? LONG : SHORT),
    ...(await progress.step('a storm of units', async () => storm(STORM_UNITS))),
  ];
}

async function accepted(folder: string, progress: Progress): Promise<Figure[]> {
  const rate = async (name: string, count: number): Promise<number> => {
    const { done, seconds } = await progress.step(`${name}: events taken on`, async () =>
      contend(['accept', name, join(folder, `accept-${name}`), String(count)]),
    );
    return done / seconds;
  };
  const ours = await rate('ours', ACCEPTED);
  const level = await rate('classic-level', ACCEPTED_BY_LEVEL);
  return [
    {
      ...{ what: 'link: durable events accepted', unit: 'rate', measured: ours },
      least: LEAST.acceptedPerSecond,
      remark: `64 sources, each event on the disk before its acknowledgement; classic-level with sync: ${level.toFixed(0)}/s`,
    },
  ];
}

async function written(folder: string, progress: Progress): Promise<Figure[]> {
  const trickle = async (name: string): Promise<Result & { readonly perThousand: number }> => {
    const result = await progress.step(`${name}: bytes written`, async () =>
      contend(['trickle', name, join(folder, `trickle-${name}`), String(TRICKLED)]),
    );
    return { ...result, perThousand: (result.writtenBytes / TRICKLED) * 1_000 };
  };
  const ours = await trickle('ours');
  const level = await trickle('classic-level');
  const { meanMs = 0, worstMs = 0, perThousand: measured } = ours;
  return [
    {
      ...{ what: 'link: written to the card per 1,000 events', unit: 'bytes', measured },
      most: MOST.writtenPerThousand,
      remark:
        `of 300 bytes at 50 a second, each settled 100 ms later; acknowledged after ${meanMs.toFixed(0)} ms, ` +
        `at worst ${worstMs.toFixed(0)}; classic-level with sync: ${(level.perThousand / 1e6).toFixed(1)} MB; ` +
        'without the file system’s journal, see agent/README.md',
    },
  ];
}

async function delivered(folder: string, progress: Progress): Promise<Figure[]> {
  await using cloud = await openCloud({ hosts: ['localhost'] });
  const rate = async (name: string, thing: string): Promise<Result> => {
    const { ports, rootsPem } = cloud;
    const target: Target = { thing, host: 'localhost', ports, rootsPem, ...cloud.addThing(thing) };
    const argv = ['deliver', name, join(folder, `deliver-${thing}`), String(DELIVERED)];
    return progress.step(`${name}: events delivered`, async () => contend(argv, target));
  };
  const ours = await rate('ours', 'bench-ours');
  const plain = await rate('mqtt.js', 'bench-plain');
  const ids = cloud
    .messages('clock/v1/bench-ours/event/+')
    .map(({ payload }) => payload.toString());
  const missing = DELIVERED - new Set(ids).size;
  const lost = DELIVERED - plain.done;
  return [
    {
      ...{ what: 'link: events delivered', unit: 'rate', measured: ours.done / ours.seconds },
      remark: `a backlog of 1,000, ${missing} missing; AWS discards beyond 100/s. Plain mqtt.js: ${(plain.done / plain.seconds).toFixed(0)}/s, and ${lost} of 1,000 never acknowledged`,
    },
  ];
}

/** The agent as the unit runs it, connected, with two commands a second to answer. */
async function memory(progress: Progress, times: typeof LONG): Promise<Figure> {
  await using cloud = await openCloud({ hosts: ['localhost'] });
  const unit = await Unit.prepare(cloud);
  try {
    // Once to provision itself: the life of a unit begins after that.
    await unit.start();
    await unit.untilUp(60_000);
    await unit.stop();
    await unit.start();
    await unit.untilUp(60_000);
    const { pid } = unit.running;
    return await progress.step('memory at two messages a second', async (step) => {
      const samples: number[] = [];
      const began = performance.now();
      for (let n = 0; performance.now() - began < times.warmMs + times.measureMs; n += 1) {
        const body = { v: 1, id: `bench-${n}`, service: 'bench', kind: 'nothing', body: {} };
        cloud.publish(`clock/v1/${THING}/command/bench`, body);
        await sleep(500);
        const sinceMs = performance.now() - began;
        step.fraction(sinceMs / (times.warmMs + times.measureMs));
        const isDue = sinceMs > times.warmMs + samples.length * times.everyMs;
        if (isDue) samples.push(await pssBytes(pid));
      }
      const what = 'link: memory (PSS) at two messages a second';
      const bare = await pssOfBareNode();
      return {
        ...{ what, unit: 'bytes', measured: median(samples), most: 80e6 },
        remark: `median of ${samples.length} over ${times.measureMs / 1_000} s after ${times.warmMs / 1_000} s; bare Node: ${(bare / 1e6).toFixed(1)} MB; Greengrass lite publishes 14.7 MB, written in C`,
      };
    });
  } finally {
    await unit.remove();
  }
}

async function pssBytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) * 1024;
}

async function pssOfBareNode(): Promise<number> {
  const code = "require('node:http').createServer().listen(0, '127.0.0.1')";
  const child = spawn(process.execPath, ['--eval', code], { stdio: 'ignore' });
  try {
    await sleep(2_000);
    return await pssBytes(child.pid!);
  } finally {
    child.kill('SIGKILL');
  }
}

async function contend(argv: readonly string[], input: object = {}): Promise<Result> {
  const child = spawn(process.execPath, [CONTENDER, ...argv], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: toolEnvironment(),
  });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  child.stdin.end(JSON.stringify(input));
  const [out, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if ((await ended) !== 0) throw new Error(`contender ${argv.join(' ')}: ${problems}`);
  return JSON.parse(out) as Result;
}
