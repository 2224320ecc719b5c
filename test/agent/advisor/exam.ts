// What the Device Advisor suite examines: a unit's real agent process against the cloud double, with its
// times shortened while bundling (the sources and their proportions are the product's; no shipped build
// knows of it), and the packets that the double saw, with their times.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Plugin } from 'esbuild';
import type { Cloud } from '../../bench/cloud/api.ts';
import { openCloud } from '../../bench/cloud/cloud.ts';
import { THING, Unit } from '../unit.ts';

/** Each constant's value in the exam, by its file: a twentieth or so, since CI cannot wait minutes. */
export const TIMES: Times = {
  'agent/link/limits.ts': {
    RESEND_MS: 500,
    START_MS_MAX: 100,
    STABLE_MS: 5_000,
    BACK_OFF_MS_MAX: 1_500,
    REFUSED_MS_MAX: 1_500,
    TICK_MS: 50,
  },
  'agent/core/retry.ts': { DELAY_MS_MIN: 50, BASE_MS: 100 },
  'agent/io/mqtt.ts': { CONNECT_MS_MAX: 600, KEEP_ALIVE_SECONDS: 2 },
};
/** What a pause may be in the exam, as nextDelayMs() has it with the values above. */
export const EXAM = { connectMs: 600, floorMs: 50, baseMs: 100, capMs: 1_500 } as const;

type Times = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Fails the build when a constant is not found: the exam must not silently become another. */
const shortTimes = (times: Times): Plugin => ({
  name: 'short-times',
  setup: (build) => {
    build.onLoad(
      { filter: /\/agent\/(link\/limits|core\/retry|io\/mqtt)\.ts$/ },
      async ({ path }) => {
        const values = Object.entries(times).find(([file]) => path.endsWith(`/${file}`))![1];
        let contents = await readFile(path, 'utf8');
        for (const [name, value] of Object.entries(values)) {
          const line = new RegExp(`^((?:export )?const ${name} =) [0-9_]+;$`, 'm');
          if (!line.test(contents)) throw new Error(`${path} has no constant ${name}`);
          contents = contents.replace(line, `$1 ${value};`);
        }
        return { contents, loader: 'ts' };
      },
    );
  },
});

interface Seen {
  readonly atMs: number;
  readonly line: string;
}

export class Exam implements AsyncDisposable {
  readonly cloud: Cloud;
  readonly unit: Unit;
  readonly #seen: Seen[];
  /** Packets before this one belong to an earlier case. */
  #from = 0;

  private constructor(cloud: Cloud, unit: Unit, seen: Seen[]) {
    this.cloud = cloud;
    this.unit = unit;
    this.#seen = seen;
  }

  /** `place` says where the unit finds the cloud, when something stands between. */
  static async open(
    place: (cloud: Cloud) => Promise<Cloud> = async (c) => c,
    times: Times = TIMES,
  ): Promise<Exam> {
    const seen: Seen[] = [];
    const cloud = await openCloud({
      hosts: ['localhost'],
      // The unit's times are shorter, and so is this one.
      limits: { connectIntervalMs: 10 },
      onLine: (line) => seen.push({ atMs: performance.now(), line }),
    });
    const unit = await Unit.prepare(await place(cloud), { plugins: [shortTimes(times)] });
    // Device Advisor's endpoint speaks MQTT; over HTTPS the unit would be content with publishing.
    cloud.inject({ at: 'accept', do: 'drop', port: 'https' });
    return new Exam(cloud, unit, seen);
  }

  /** A case begins with a unit that has just started, as AWS advises between cases. */
  async restart({ until = 'up' }: { readonly until?: 'up' | 'started' } = {}): Promise<void> {
    await this.unit.stop();
    this.fresh();
    await this.unit.start();
    if (until === 'up') await this.unit.untilUp(60_000);
  }

  fresh(): void {
    this.#from = this.#seen.length;
  }

  /** What the double saw in this case. */
  packets(pattern: RegExp): readonly Seen[] {
    return this.#seen.slice(this.#from).filter(({ line }) => pattern.test(line));
  }

  async until(holds: () => boolean, what: string, withinMs = 60_000): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (!holds()) {
      if (performance.now() > endMs) {
        const last = this.#seen.slice(this.#from).map(({ line }) => line);
        throw new Error(`Not within ${withinMs} ms: ${what}\n${last.slice(-25).join('\n')}`);
      }
      await sleep(10);
    }
  }

  /** Waits until so many packets of a kind were seen in this case. */
  async count(pattern: RegExp, count: number): Promise<readonly Seen[]> {
    await this.until(() => this.packets(pattern).length >= count, `${count} × ${pattern}`);
    return this.packets(pattern);
  }

  /** Nobody gets in, as on a network that is down; until it is called back. */
  async away(): Promise<() => void> {
    const faults = (['mqtt', 'alpn'] as const).map((port) =>
      this.cloud.inject({ at: 'accept', do: 'drop', port }),
    );
    this.cloud.disconnect(THING);
    await this.cloud.connected(THING, { is: false });
    return () => {
      for (const fault of faults) fault.undo();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unit.remove();
    await this.cloud.close();
  }
}

export const CONNECT = new RegExp(`→ CONNECT ${THING} `);
/** An ordinary command topic of the unit serves as AWS's TRIGGER_TOPIC. */
export const TRIGGER_TOPIC = `clock/v1/${THING}/command/trigger`;
