// Stands an exchange's interface and its counterpart on both ends of a real line, over TCP either way and serially.
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { Counterpart, Interface } from '../../../agent/core/interface.ts';
import { rehearse } from '../../../agent/core/line/rehearsal.ts';
import type { LineSettings } from '../../../agent/core/line/config.ts';
import type { Order, OrderOutcome } from '../../../agent/core/vocabulary.ts';
import { behind } from '../../bench/systems/behind.ts';
import type { Behind } from '../../bench/systems/behind.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import type { StandIn } from '../../bench/systems/stand-in.ts';

export type Place = 'tcp-server' | 'tcp-client' | 'pty';
export const PLACES: readonly Place[] = ['tcp-server', 'tcp-client', 'pty'];
/** Soon: a test waits for it. */
const RECONNECT = { firstSeconds: 0.1, maxSeconds: 0.1 };

export interface Stage extends AsyncDisposable {
  readonly system: Behind;
  readonly stand: StandIn;
  readonly line: LineSettings;
  order(order: Order, signal?: AbortSignal): Promise<OrderOutcome>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** `at`: where the counterpart is. Resolves when the interface says that the exchange answers. */
export async function stageOf<S extends { readonly line: LineSettings }>(
  exchange: Interface<S>,
  settings: S,
  { counterpart, at }: { readonly counterpart: Counterpart; readonly at: Place },
): Promise<Stage> {
  const port = at === 'tcp-client' ? await freePort() : 0;
  const system = await behind(counterpart, at === 'tcp-client' ? { at, port } : { at });
  const line = lineTo(system, at, port);
  const stand = standIn();
  const running = exchange.start({ ...settings, line }, stand.host);
  await stand.until('the exchange answers', () => stand.talks.at(-1)?.at === 'up');
  return {
    ...{ system, stand, line },
    order: async (order, signal = new AbortController().signal) => running.handle(order, signal),
    [Symbol.asyncDispose]: async () => {
      await running.close();
      await system[Symbol.asyncDispose]();
    },
  };
}

function lineTo(system: Behind, at: Place, port: number): LineSettings {
  const reconnect = RECONNECT;
  switch (at) {
    case 'tcp-server':
      return { kind: 'tcp-client', host: system.host, port: system.port, reconnect };
    case 'tcp-client':
      return { kind: 'tcp-server', port, from: ['127.0.0.1'], second: 'replace' };
    case 'pty':
      return {
        ...{ kind: 'serial', device: system.device, baud: 9_600, dataBits: 8, parity: 'none' },
        ...{ stopBits: 1, flow: 'none', reconnect },
      };
  }
}

export interface Rehearsed extends AsyncDisposable {
  readonly stand: StandIn;
  order(order: Order, signal?: AbortSignal): Promise<OrderOutcome>;
  /** What the promise gives, and the milliseconds it took. */
  passing<T>(promise: Promise<T>): Promise<{ readonly value: T; readonly ms: number }>;
  pass(ms: number): Promise<void>;
}
const TICK_MS = 50;
/** Turns of the event loop in which a message goes there and its answer back. */
const TURNS = 8;

/** The same without sockets, and with time that passes when the test says so. */
export async function rehearsalOf<S extends { readonly line: LineSettings }>(
  t: TestContext,
  exchange: Interface<S>,
  { settings, counterpart }: { readonly settings: S; readonly counterpart: Counterpart },
): Promise<Rehearsed> {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const stand = standIn({ host: rehearse(counterpart) });
  const running = exchange.start(settings, stand.host);
  const tick = async (): Promise<void> => {
    for (let index = 0; index < TURNS; index += 1) await turn();
    t.mock.timers.tick(TICK_MS);
  };
  const passing: Rehearsed['passing'] = async (promise) => {
    let ms = 0;
    const over = { isDone: false };
    const end = promise.finally(() => (over.isDone = true));
    end.catch(() => {});
    while (!over.isDone) {
      await tick();
      ms += TICK_MS;
    }
    return { value: await end, ms };
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += TICK_MS) await tick();
  };
  await pass(1_000);
  return {
    ...{ stand, passing, pass },
    order: async (order, signal = new AbortController().signal) => running.handle(order, signal),
    [Symbol.asyncDispose]: async () => {
      await running.close();
      counterpart.close();
      t.mock.timers.reset();
    },
  };
}
