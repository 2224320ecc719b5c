// A unit of the test bench: a root that stays over restarts, set up for the bench's cloud, with a claim.
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Plugin } from 'esbuild';
import { bundleAgent } from '../../image/release/bundle.ts';
import type { Cloud, Credentials } from '../bench/cloud/api.ts';
import { LOOPBACK, SERIAL, launch, prepareRoot } from './running.ts';
import type { LaunchOptions, Running } from './running.ts';

export const THING = `clockrpi-${SERIAL}`;

export interface UnitStatus {
  readonly notices: readonly string[];
  readonly provisioning: {
    readonly step: string;
    readonly failures: number;
    readonly refused: boolean;
    readonly problem: { readonly why: string } | null;
  };
  readonly link: {
    readonly at: string;
    readonly port: number;
    readonly publishOnly: boolean;
    readonly failures: number;
    readonly refused: boolean;
    readonly problem: { readonly why: string } | null;
  };
  readonly pairing: {
    readonly accounts: readonly { readonly kind: string; readonly accountId: number }[];
    readonly problem: string | null;
  };
  readonly pms: {
    readonly accounts: readonly {
      readonly kind: string;
      readonly reached: {
        readonly hotel: string;
        readonly timeZone: string;
        readonly businessDate: string;
      } | null;
      readonly problem: { readonly why: string; readonly text: string } | null;
    }[];
    readonly bannedSeconds: number;
  };
  readonly outbox: {
    readonly at: string;
    readonly problem: string | null;
    readonly waiting: number;
    readonly dead: number;
    readonly tight: boolean;
    readonly trouble: string | null;
  };
  readonly services: readonly { readonly id: string; readonly process: string }[];
  readonly results: readonly { readonly id: string; readonly state: string }[];
}

/** The cloud it is set up for, in this process or another. */
export type Bench = Pick<Cloud, 'ports' | 'rootsPem'> & {
  makeClaim(): Credentials | Promise<Credentials>;
};

export class Unit {
  readonly root: string;
  readonly #bundle: string;
  readonly #how: LaunchOptions;
  #running: Running | undefined;

  private constructor(root: string, bundle: string, how: LaunchOptions) {
    this.#how = how;
    this.root = root;
    this.#bundle = bundle;
  }

  /** `cloud` is where it is set up for; without `claim` it has none. */
  static async prepare(
    cloud: Bench,
    {
      claim = true,
      plugins = [],
      how = {},
      clockPort,
      proxy,
    }: {
      readonly claim?: boolean;
      readonly plugins?: readonly Plugin[];
      readonly how?: LaunchOptions;
      /** Of the double of Clock's API. */
      readonly clockPort?: number;
      /** The network's, for its endpoints. */
      readonly proxy?: object;
    } = {},
  ): Promise<Unit> {
    const { ports, rootsPem } = cloud;
    const aws = { host: 'localhost', ports };
    const clock = { ...LOOPBACK.clock, ...(clockPort !== undefined && { port: clockPort }) };
    const override = JSON.stringify({ ...LOOPBACK, clock, aws, proxy, rootsPem });
    const root = await prepareRoot({ override });
    const { launcher } = await bundleAgent({ outDir: root, minify: true, plugins });
    const unit = new Unit(root, launcher, how);
    if (claim) await unit.putClaim(cloud);
    return unit;
  }

  get folder(): string {
    return join(this.root, 'var/lib/clock/agent');
  }

  get running(): Running {
    if (this.#running === undefined) throw new Error('The unit is not running');
    return this.#running;
  }

  async putClaim(cloud: Bench): Promise<void> {
    const { certPem, keyPem } = await cloud.makeClaim();
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await writeFile(join(this.folder, 'claim.crt'), certPem);
    await writeFile(join(this.folder, 'claim.key'), keyPem, { mode: 0o600 });
  }

  async start(): Promise<void> {
    this.#running = await launch(this.root, this.#bundle, this.#how);
  }

  async stop(): Promise<void> {
    await this.#running?.close();
    this.#running = undefined;
  }

  async pull(): Promise<void> {
    await this.#running?.pull();
    this.#running = undefined;
  }

  async status(): Promise<UnitStatus> {
    return (await (await fetch(`${this.running.url}api/status`)).json()) as UnitStatus;
  }

  /** Waits until the status is as wanted. */
  async until(is: (status: UnitStatus) => boolean, withinMs = 30_000): Promise<UnitStatus> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      // One that is replaced ends by itself, and nobody answers until the next one does.
      const status = await this.status().catch(() => undefined);
      if (status !== undefined && is(status)) return status;
      if (performance.now() > endMs) {
        const { provisioning, link, outbox } = status ?? {};
        throw new Error(`Still ${JSON.stringify({ provisioning, link, outbox })}`);
      }
      await sleep(50);
    }
  }

  async untilUp(withinMs?: number): Promise<UnitStatus> {
    return this.until(({ link }) => link.at === 'up', withinMs);
  }

  /** Waits for a line of its log. */
  async said(pattern: RegExp, withinMs = 20_000): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (!this.running.lines.some((line) => pattern.test(line))) {
      if (performance.now() > endMs) {
        throw new Error(`Never said ${pattern}; but\n${this.running.lines.slice(-15).join('\n')}`);
      }
      await sleep(2);
    }
  }

  async files(): Promise<string[]> {
    return (await readdir(this.folder)).toSorted();
  }

  /** What it knows of its certificates, as it lies on the card. */
  async saved(): Promise<{
    readonly certificateId: string;
    readonly next?: { readonly at: string };
  }> {
    const text = await readFile(join(this.folder, 'provisioning.json'), 'utf8');
    return JSON.parse(text) as { certificateId: string };
  }

  async certificateId(): Promise<string> {
    return (await this.saved()).certificateId;
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.root, { recursive: true, force: true });
  }
}
