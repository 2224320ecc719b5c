// A unit's commands over its real store, for tests: handlers by hand, a clock by hand, restarts.
import { rm } from 'node:fs/promises';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCommands } from '../../../agent/commands/run.ts';
import type { CommandsRunner } from '../../../agent/commands/run.ts';
import type { Command, CommandHandler, Outcome } from '../../../agent/core/commands.ts';
import { createLog } from '../../../agent/core/log.ts';
import { envelope, uuidV7 } from '../../../agent/core/messages.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';

const THING = 'clockrpi-1';
export const NOW_MS = Date.UTC(2026, 5, 1);

/** A command under way: what it is told, and how the test lets it end. */
export interface Job {
  readonly command: Command;
  readonly signal: AbortSignal;
  end(outcome: Outcome): void;
}

export interface Result {
  readonly command: string;
  readonly state: string;
  readonly why?: string;
  readonly body?: unknown;
}

export class Desk {
  readonly #folder = mkdtempSync(join(tmpdir(), 'commands-'));
  readonly begun: Job[] = [];
  #outbox: Outbox | undefined;
  #commands: CommandsRunner | undefined;
  isRepeatable = false;
  wallMs: number | undefined = NOW_MS;
  /** Added to the clock that never jumps. */
  aheadMs = 0;

  constructor() {
    this.start();
  }

  start(): void {
    const clock = {
      nowMs: () => performance.now() + this.aheadMs,
      wallMs: () => this.wallMs ?? 0,
    };
    const log = createLog(() => {});
    const outbox = createOutbox(() => openSqlite(this.#folder, STORE_LIMITS), {
      ...{ clock, log },
      onReady: () => {},
    });
    const lock: CommandHandler = {
      service: 'locks',
      kinds: ['key.encode'],
      isRepeatable: this.isRepeatable,
      run: async (command, signal) =>
        new Promise((end) => this.begun.push({ command, signal, end })),
    };
    const broken: CommandHandler = {
      ...{ service: 'broken', kinds: ['fall'], isRepeatable: false },
      run: async () => Promise.reject(new Error('fell')),
    };
    this.#outbox = outbox;
    this.#commands = createCommands({
      ...{ thing: THING, clock, log, handlers: () => [lock, broken], records: outbox.records },
      trustedWallMs: () => this.wallMs,
      makeMessage: (said) => {
        const id = uuidV7(NOW_MS, crypto.getRandomValues(new Uint8Array(10)));
        return envelope({ ...said, id, thing: THING, atMs: NOW_MS });
      },
    });
  }

  get commands(): CommandsRunner {
    return this.#commands!;
  }

  /** As a power cut: nothing that is under way ends. */
  cut(): void {
    this.#commands?.close();
    this.#outbox?.close();
  }

  async raw(topic: string, payload: string | Buffer): Promise<void> {
    await this.commands.remote.receive({
      topic: `clock/v1/${THING}/${topic}`,
      payload: Buffer.from(payload),
    });
  }

  async send(id: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { service = 'locks', ...rest } = more;
    const message = { v: 1, id, kind: 'key.encode', body: { room: '101' }, ...rest };
    await this.raw(`command/${String(service)}`, JSON.stringify(message));
  }

  /** All results that wait for the cloud, in their order. */
  results(): Result[] {
    const waiting = this.#outbox!.take(10_000, { except: [], eventsOnly: false });
    return waiting.map(({ payload }) => {
      const { body } = JSON.parse(payload.toString()) as { body: Result };
      return body;
    });
  }

  /** Ids of the commands on the card. */
  records(): string[] {
    const all = this.#outbox!.records.list('commands/');
    return all.map(({ key }) => key.slice('commands/'.length));
  }

  statesOf(id: string): string[] {
    const own = this.results().filter(({ command }) => command === id);
    return own.map(({ state, why }) => (why === undefined ? state : `${state} ${why}`));
  }

  async until(is: () => boolean): Promise<void> {
    const endMs = performance.now() + 20_000;
    while (!is()) {
      if (performance.now() > endMs) throw new Error(`Still ${JSON.stringify(this.results())}`);
      await sleep(2);
    }
  }

  async untilLast(id: string, state: string): Promise<void> {
    await this.until(() => this.statesOf(id).at(-1) === state);
  }

  async untilBegun(count: number): Promise<Job> {
    await this.until(() => this.begun.length >= count);
    return this.begun[count - 1]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
