// A hotel's side beside the double of Clock's API: real records on a card, services that a test scripts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message } from '../../../agent/core/messages.ts';
import { envelope, uuidV7 } from '../../../agent/core/messages.ts';
import type { RecordChange, Records } from '../../../agent/core/records.ts';
import type { ServiceInfo, Services } from '../../../agent/core/services.ts';
import type { Order, OrderOutcome } from '../../../agent/core/vocabulary.ts';
import { createHotel } from '../../../agent/hotel/run.ts';
import type { Hotel } from '../../../agent/hotel/run.ts';
import type { Pms } from '../../../agent/hotel/ports.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';
import { createBan } from '../../../agent/pms/ban.ts';
import { createCalls } from '../../../agent/pms/calls.ts';
import type { Api } from '../../../agent/pms/ports.ts';
import { createUser } from '../../../agent/pms/user.ts';
import { accountOf, besideClock } from '../pms/world.ts';
import type { Beside } from '../pms/world.ts';
import type { PmsOptions } from '../../bench/pms/api.ts';

/** Services as a test wants them: up or down, with answers of its own. */
export class FakeServices implements Services {
  readonly given: { readonly service: string; readonly order: Order }[] = [];
  readonly #all = new Map<string, ServiceInfo>();
  readonly #looks = new Set<(service: string) => void>();
  /** What an order comes to; default: done. */
  answer: (service: string, order: Order) => OrderOutcome | Promise<OrderOutcome> = () => ({
    ok: true,
  });

  set(id: string, info: Partial<Omit<ServiceInfo, 'id'>> = {}): ServiceInfo {
    const known = this.#all.get(id);
    const one: ServiceInfo = {
      ...{ id, interface: 'fake', takes: [], emits: [], targets: [] },
      talk: { at: 'up', with: 'a test' },
      ...known,
      ...info,
    };
    this.#all.set(id, one);
    for (const look of this.#looks) look(id);
    return one;
  }
  remove(id: string): void {
    this.#all.delete(id);
    for (const look of this.#looks) look(id);
  }
  down(id: string): void {
    this.set(id, { talk: { at: 'down', why: 'test' } });
  }
  up(id: string): void {
    this.set(id, { talk: { at: 'up', with: 'a test' } });
  }
  list(): readonly ServiceInfo[] {
    return [...this.#all.values()];
  }
  async order(service: string, order: Order): Promise<OrderOutcome> {
    if (this.#all.get(service)?.talk.at !== 'up') return { ok: false, why: 'offline' };
    this.given.push({ service, order });
    return this.answer(service, order);
  }
  onChange(look: (service: string) => void): () => void {
    this.#looks.add(look);
    return () => this.#looks.delete(look);
  }
  orders(service: string): readonly Order[] {
    return this.given.filter((one) => one.service === service).map(({ order }) => order);
  }
}

export const MOVES = [
  ...(['room.checked-in', 'room.checked-out', 'room.moved', 'guest.changed'] as const),
  ...(['room.status', 'resync'] as const),
];

/** One process of the agent: what is in memory goes with `kill`, what is on the card stays. */
export interface Life {
  readonly hotel: Hotel;
  readonly services: FakeServices;
  readonly outbox: Outbox;
  /** Everything the cloud would be sent. */
  readonly told: Message[];
  kill(): void;
}

/** Asked before each change of the records; the third kind happens, and nobody is told of it. */
export type Spoil = (change: RecordChange) => 'go' | 'die-before' | 'die-after';

export class World implements AsyncDisposable {
  readonly beside: Beside;
  readonly folder: string;
  trustedMs: () => number | undefined;
  isOnline = true;
  /** Said just now. */
  hellos = 0;
  looks = 0;
  life: Life | undefined;

  readonly #api: Api;

  constructor(beside: Beside, api: Api, folder: string) {
    this.#api = api;
    this.beside = beside;
    this.folder = folder;
    this.trustedMs = () => this.beside.clock.wallMs();
  }

  get pms() {
    return this.beside.pms;
  }

  /** A process begins. Services are told to it before it looks. */
  start(prepare: (services: FakeServices) => void = () => {}, spoil: Spoil = () => 'go'): Life {
    const { clock, log } = this.beside;
    const outbox = createOutbox(() => openSqlite(this.folder, STORE_LIMITS), {
      ...{ clock, log, onReady: () => {} },
    });
    const services = new FakeServices();
    prepare(services);
    const told: Message[] = [];
    let isDead = false;
    const die = (): void => {
      isDead = true;
      ended.abort();
    };
    const never = new Promise<never>(() => {});
    const records: Records = {
      get: (key) => outbox.records.get(key),
      list: (prefix) => outbox.records.list(prefix),
      change: async (change) => {
        const fate = isDead ? 'die-before' : spoil(change);
        if (fate !== 'go') die();
        if (fate === 'die-before') return never;
        await outbox.records.change(change);
        if (fate === 'die-after' || isDead) return never;
        told.push(...(change.messages ?? []));
        return undefined;
      },
    };
    const ended = new AbortController();
    const calls = createCalls(this.#api, ended.signal, async (...[, signal]) => {
      return !signal.aborted;
    });
    const offline = new Proxy(calls, { get: () => unreachable });
    const pms: Pms = {
      get calls() {
        return callsNow();
      },
      root: () => ({ timeZone: 'Europe/Sofia', businessDay: today() }),
      keepHello: () => {
        this.hellos += 1;
        return () => (this.hellos -= 1);
      },
      lookAgain: () => (this.looks += 1),
    };
    const today = (): string => this.today();
    const callsNow = () => (isDead || !this.isOnline ? offline : calls);
    let seq = 0;
    const hotel = createHotel({
      ...{ services, records, clock, log, random: () => 0.5, pms: () => pms },
      trustedWallMs: () => this.trustedMs(),
      makeMessage: (said) => {
        const random = Buffer.alloc(10);
        random.writeUInt32BE((seq += 1), 6);
        const atMs = clock.wallMs();
        return envelope({ ...said, thing: 'clockrpi-0', atMs, id: uuidV7(atMs, random) });
      },
      // Time passes at once, but others come first.
      wait: async (ms, signal) =>
        new Promise((done) => {
          setTimeout(() => done(!signal.aborted), Math.min(5, ms));
        }),
    });
    hotel.sync(true);
    const kill = (): void => {
      die();
      hotel.close();
      outbox.close();
    };
    this.life = { hotel, services, outbox, told, kill };
    return this.life;
  }

  today(): string {
    return new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Sofia' }).format(this.pms.nowMs());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.life?.kill();
    await this.beside[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }
}

/** One may make four calls a second: a test has no time for that. */
const USERS = 16;

async function manyUsers({ needs, pms }: Beside): Promise<Api> {
  const ban = createBan(needs);
  const users = Array.from({ length: USERS }, () =>
    createUser(accountOf(pms.addUser('pms')), { ...needs, ban }),
  );
  // Each has fetched its challenge before a test begins.
  await Promise.all(
    users.map(async (one) => one.call({ api: 'pms_api', method: 'GET', priority: 'read' })),
  );
  let turn = 0;
  return { call: async (call) => users[(turn += 1) % USERS]!.call(call) };
}

const unreachable = new Proxy(
  {},
  { get: () => async () => ({ ok: false, why: 'unreachable', code: 'ENETUNREACH' }) },
);
export async function openWorld(options: PmsOptions = {}): Promise<World> {
  const limits = { callsPerSecondMax: 10_000, ...options.limits };
  const beside = await besideClock({ ...options, limits });
  return new World(beside, await manyUsers(beside), await mkdtemp(join(tmpdir(), 'hotel-')));
}

/** Until it holds; a machine may be slow. */
export async function until(holds: () => boolean, what = 'it'): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`${what} did not come to be`);
    await new Promise((done) => {
      setTimeout(done, 5);
    });
  }
}

/** As Clock's channel would. */
export async function wake({ hotel }: Life, event: string, id?: number): Promise<void> {
  const consumer = hotel.consumers().find((one) => one.event === event)!;
  const why = id === undefined ? ({ by: 'start' } as const) : ({ by: 'event', id } as const);
  await consumer.wake(why, new AbortController().signal);
}
