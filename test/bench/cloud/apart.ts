// The cloud in a process of its own that may be killed at any moment and started again: same ports, same
// authorities, everything it had said (keep.ts). What a test asks of it goes over the process's own channel.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Cloud, CloudOptions } from './api.ts';

const PROGRAM = fileURLToPath(new URL('apart-main.ts', import.meta.url));
/** Generous: a machine that builds at the same time takes seconds to start a process. */
const START_MS_MAX = 60_000;

/** What can be asked over a channel: its arguments and answers are plain data. */
const CALLS = [
  'publish',
  'messages',
  'waitingFor',
  'makeClaim',
  'addThing',
  'setCertificate',
  'connected',
  'disconnect',
  'view',
  'events',
] as const;
type CallName = (typeof CALLS)[number];
export const isCall = (name: string): name is CallName => CALLS.some((known) => known === name);

/** Where it is: the same in each of its lives. */
export type Whereabouts = Pick<Cloud, 'address' | 'hosts' | 'ports' | 'rootsPem'>;

export interface Asked {
  readonly id: number;
  readonly call: string;
  readonly args: readonly unknown[];
}
export type Told =
  | { readonly ready: Whereabouts }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string };

/** As `fork()` gives the options: plain data. */
export type ApartOptions = Pick<CloudOptions, 'hosts' | 'limits' | 'ports'> & {
  readonly keep: string;
};

export class CloudApart {
  readonly #options: ApartOptions;
  #child: ChildProcess | undefined;
  #where: Whereabouts | undefined;
  #asked = 0;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();

  constructor(options: ApartOptions) {
    this.#options = options;
  }

  /** Where it listens; known from its first start on. */
  get where(): Whereabouts {
    if (this.#where === undefined) throw new Error('The cloud has not been started');
    return this.#where;
  }

  /** Starts it, on the ports of its earlier lives; resolves when it listens. */
  async start(): Promise<void> {
    const options = { ...this.#options, ...(this.#where && { ports: this.#where.ports }) };
    const child = fork(PROGRAM, [JSON.stringify(options)], { serialization: 'advanced' });
    this.#child = child;
    const ready = Promise.withResolvers<Whereabouts>();
    child.on('message', (told: Told) => {
      if ('ready' in told) return ready.resolve(told.ready);
      const waiting = this.#waiting.get(told.id);
      this.#waiting.delete(told.id);
      return 'error' in told
        ? waiting?.reject(new Error(told.error))
        : waiting?.resolve(told.value);
    });
    child.once('exit', (code, signal) => {
      const gone = new Error(`The cloud's process has ended: ${signal ?? code}`);
      ready.reject(gone);
      for (const { reject } of this.#waiting.values()) reject(gone);
      this.#waiting.clear();
    });
    const tooLate = setTimeout(() => ready.reject(new Error('It does not start')), START_MS_MAX);
    this.#where = await ready.promise.finally(() => clearTimeout(tooLate));
  }

  /** Rejects when it dies before it has answered: then it may have been done or not. */
  async ask<Name extends CallName>(
    call: Name,
    ...args: Parameters<Cloud[Name]>
  ): Promise<Awaited<ReturnType<Cloud[Name]>>> {
    if (this.#child?.connected !== true) throw new Error('The cloud is not running');
    this.#asked += 1;
    const id = this.#asked;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    const asked: Asked = { id, call, args };
    this.#child.send(asked, () => {}); // A dead one's answer is refused at its exit.
    return (await answer.promise) as Awaited<ReturnType<Cloud[Name]>>;
  }

  /** SIGKILL, at once. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
