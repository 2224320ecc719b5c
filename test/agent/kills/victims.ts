// Who is killed in a kill series, and the flow between them: the cloud in a process of its own, the agent's
// bundle as a unit runs it, and a source that reports events over the agent's own outbox and link.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CloudApart } from '../../bench/cloud/apart.ts';
import { THING, Unit } from '../unit.ts';
import type { Ledger } from './ledger.ts';
import { readQueue } from './queue.ts';
import type { SourceOptions } from './source.ts';

const SOURCE = fileURLToPath(new URL('source.ts', import.meta.url));
const SOURCE_THING = `clockrpi-${'5'.repeat(32)}`;
/** Fifty a second. */
const EVERY_MS = 20;
/** AWS brings 10 stored messages a second: a backlog of minutes would make a test of hours. */
const LIMITS = { storedPerSecondMax: 100, historyMax: 10_000_000 };
/** So much of the flow is made up for: timers are late by themselves. */
const BEHIND_MS_MAX = 100;
const POLL_MS = 200;

export class Bench {
  readonly cloud: CloudApart;
  readonly unit: Unit;
  readonly #folder: string;
  readonly #ledger: Ledger;
  readonly #source: SourceOptions;
  #reporting: ChildProcess | undefined;
  #reported = Promise.resolve();
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;
  #seen = 0;

  private constructor(parts: {
    readonly cloud: CloudApart;
    readonly unit: Unit;
    readonly folder: string;
    readonly ledger: Ledger;
    readonly source: SourceOptions;
  }) {
    this.cloud = parts.cloud;
    this.unit = parts.unit;
    this.#folder = parts.folder;
    this.#ledger = parts.ledger;
    this.#source = parts.source;
  }

  /** All are up and connected; nothing flows yet. */
  static async open(ledger: Ledger): Promise<Bench> {
    const folder = await mkdtemp(join(tmpdir(), 'kills-'));
    const cloud = new CloudApart({
      ...{ keep: join(folder, 'cloud'), hosts: ['localhost'], limits: LIMITS },
    });
    await cloud.start();
    const { ports, rootsPem } = cloud.where;
    const makeClaim = async (): ReturnType<typeof cloud.ask<'makeClaim'>> => cloud.ask('makeClaim');
    const unit = await Unit.prepare({ ports, rootsPem, makeClaim });
    const { certPem, keyPem } = await cloud.ask('addThing', SOURCE_THING);
    const place = { host: 'localhost', ports, roots: [rootsPem] };
    const source = {
      ...{ folder: join(folder, 'source'), thing: SOURCE_THING, place },
      ...{ certPem, keyPem, everyMs: EVERY_MS },
    };
    const bench = new Bench({ cloud, unit, folder, ledger, source });
    await Promise.all([unit.start(), bench.startSource()]);
    // Its session is there, subscribed: from now on nothing that is sent to it may be lost.
    await unit.untilUp(60_000);
    return bench;
  }

  /** Commands to the unit, fifty a second while the cloud lives; each is tried until it is confirmed. */
  send(): void {
    this.#sending ??= this.#send();
  }

  async #send(): Promise<void> {
    const { signal } = this.#stop;
    let dueMs = performance.now();
    for (let n = 1; !signal.aborted; n += 1) {
      const id = `c-${n}`;
      this.#ledger.commandsAsked.add(id);
      // Every tenth is for the unit itself; the others for a service that it does not have.
      const service = n % 10 === 0 ? 'unit' : 'locks';
      const kind = service === 'unit' ? 'ping' : 'key.encode';
      const command = { v: 1, id, at: new Date().toISOString(), service, kind, body: {} };
      while (!this.#ledger.commandsSent.has(id) && !signal.aborted) {
        try {
          await this.cloud.ask('publish', `clock/v1/${THING}/command/${service}`, command);
          this.#ledger.commandsSent.add(id);
        } catch {
          await sleep(EVERY_MS); // The cloud is dead, and may have it or not.
        }
      }
      // What a dead cloud kept back is not made up for: it would come faster than AWS lets it.
      dueMs = Math.max(dueMs + EVERY_MS, performance.now() - BEHIND_MS_MAX);
      await sleep(Math.max(0, dueMs - performance.now()));
    }
  }

  async stopSending(): Promise<void> {
    this.#stop.abort();
    await this.#sending;
  }

  async startSource(): Promise<void> {
    const options = { ...this.#source, everyMs: this.#stop.signal.aborted ? 1e9 : EVERY_MS };
    const child = spawn(process.execPath, [SOURCE, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#reporting = child;
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === 'ready') resolve();
        if (line.startsWith('?')) this.#ledger.eventsAsked.add(line.slice(1));
        if (line.startsWith('+')) this.#ledger.eventsTaken.add(line.slice(1));
      }
    });
    // 'close' comes after the last of what it said.
    this.#reported = new Promise((done) => child.once('close', () => done()));
    child.once('exit', () => reject(new Error('the source ended')));
    await ready;
  }

  /** SIGKILL; then its queue is judged. */
  async killSource(): Promise<void> {
    this.#reporting?.kill('SIGKILL');
    await this.#reported;
  }

  async checkSource(): Promise<void> {
    await this.poll();
    this.#ledger.checkSource(await readQueue(this.#source.folder));
  }

  async checkUnit(): Promise<void> {
    // First what the broker holds, then what arrived: what moved in between is in both.
    const sent = [...this.#ledger.commandsSent];
    const unacknowledged = await this.cloud.ask('waitingFor', THING);
    await this.poll();
    this.#ledger.checkUnit(await readQueue(this.unit.folder), { sent, unacknowledged });
  }

  /** Brings the books up to date with what the cloud has got. */
  async poll(): Promise<void> {
    for (const message of await this.cloud.ask('messages', 'clock/v1/#', { after: this.#seen })) {
      this.#ledger.arrived(message);
      this.#seen += 1;
    }
  }

  /** Until it is true of the books; throws when it takes too long. */
  async until(
    holds: () => boolean,
    { withinMs, what }: { withinMs: number; what: () => string },
  ): Promise<void> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      await this.poll();
      if (holds()) return;
      if (performance.now() > endMs)
        throw new Error(`It did not come in ${withinMs} ms: ${what()}`);
      await sleep(POLL_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopSending();
    await this.killSource();
    await this.unit.pull().catch(() => {});
    await this.unit.remove();
    await this.cloud.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
