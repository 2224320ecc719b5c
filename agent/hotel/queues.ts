// What each service must still be told, on the card, in order; delivered when its third party is there. An order that
// a power cut interrupts is given again: these say how the house is, and saying so twice does no harm.
import { codeOf } from '../core/errors.ts';
import type { RecordChange, StoredRecord } from '../core/records.ts';
import { nextDelayMs } from '../core/retry.ts';
import type { Order, OrderKind, OrderOutcome } from '../core/vocabulary.ts';
import {
  BUSY_MS_MAX,
  OFFLINE_WHILE_UP_MAX,
  ORDER_MS_MAX,
  SAVE_AGAIN_MS,
  SERVICES_MAX,
  TODO_MAX,
} from './limits.ts';
import type { Needs } from './ports.ts';
import { isMovement, keys, parseService, parseStoredOrder, render, renderOrder } from './wire.ts';
import type { Message } from '../core/messages.ts';

export interface Queues {
  /** What a change of the house adds to the queues; not in memory before `added`. */
  plan(orders: readonly Order[], options: { readonly except?: string | undefined }): Plan;
  added(plan: Plan): void;
  /** Services whose queue is new: they get the whole house once. */
  greet(): Promise<void>;
  /** So many orders wait. */
  waiting(service: string): number;
  close(): void;
}

interface Plan {
  readonly change: Required<Pick<RecordChange, 'put' | 'remove'>>;
  readonly added: ReadonlyMap<string, readonly string[]>;
}

interface Queue {
  takes: readonly string[];
  /** Keys of records, in order. */
  todo: readonly string[];
  isAtIt: boolean;
  failures: number;
  /** Of the first order: how often it was "offline" to one that says it is up. */
  contradictions: number;
}

type QueueNeeds = Pick<
  Needs,
  'services' | 'records' | 'makeMessage' | 'log' | 'random' | 'onChange'
> & {
  readonly wait: (ms: number, signal: AbortSignal) => Promise<boolean>;
  /** Has the house ever been filled? */
  readonly isFilled: () => boolean;
};

export function createQueues(needs: QueueNeeds): Queues {
  const { services, records, log, wait } = needs;
  const stop = new AbortController();
  const { signal } = stop;
  const queues = new Map<string, Queue>();
  let seq = 0;
  let greeting: Promise<void> = Promise.resolve();

  const load = (): void => {
    for (const { key, value } of records.list(keys.services)) {
      const takes = parseService(value)?.takes;
      const service = key.slice(keys.services.length);
      if (takes !== undefined) queues.set(service, queueOf(takes));
    }
    for (const { key } of records.list(keys.todos)) {
      const [service, number] = key.slice(keys.todos.length).split('/');
      const queue = queues.get(service ?? '');
      seq = Math.max(seq, Number(number));
      if (queue !== undefined) queue.todo = [...queue.todo, key];
    }
  };

  const plan: Queues['plan'] = (orders, { except }) => {
    const put: StoredRecord[] = [];
    const remove: string[] = [];
    const after = new Map<string, readonly string[]>();
    for (const [service, queue] of queues) {
      const wanted = orders.filter(
        ({ kind }) => queue.takes.includes(kind) && !(service === except && kind === 'room.status'),
      );
      if (wanted.length === 0) continue;
      const isTooMuch = queue.todo.length + wanted.length > TODO_MAX;
      if (isTooMuch) log.warning(`hotel: ${service}: too much waits, it gets the whole house`);
      if (isTooMuch) remove.push(...queue.todo);
      const given: readonly Order[] = isTooMuch ? overflow(queue.takes, wanted) : wanted;
      const records = given.map((order) => {
        seq += 1;
        return { key: keys.todo(service, seq), value: renderOrder(order) };
      });
      put.push(...records);
      after.set(
        service,
        records.map(({ key }) => key),
      );
    }
    return { change: { put, remove }, added: after };
  };

  const added = (done: Plan): void => {
    const gone = new Set(done.change.remove);
    for (const [service, fresh] of done.added) {
      const queue = queues.get(service);
      if (queue === undefined) continue;
      // Meanwhile something may have been delivered.
      queue.todo = [...queue.todo.filter((key) => !gone.has(key)), ...fresh];
      deliver(service);
    }
  };

  /** Gives it what waits, one after the other, as long as it is there. One at a time. */
  const deliver = (service: string): void => {
    const queue = queues.get(service);
    if (queue === undefined || queue.isAtIt || signal.aborted) return;
    queue.isAtIt = true;
    const run = async (): Promise<void> => {
      while (!signal.aborted && queue.todo.length > 0 && isUp(service)) {
        if (!(await step(service, queue))) break;
      }
    };
    void run()
      .catch((error: unknown) => log.error(`hotel: ${service}: ${codeOf(error)}`))
      .finally(() => (queue.isAtIt = false));
  };
  const isUp = (service: string): boolean =>
    services.list().some(({ id, talk }) => id === service && talk.at === 'up');

  /** False: it waits for a change of the service. */
  const step = async (service: string, queue: Queue): Promise<boolean> => {
    const key = queue.todo[0]!;
    const text = records.get(key);
    // Replaced by the whole house.
    if (text === undefined) {
      queue.todo = queue.todo.filter((one) => one !== key);
      return true;
    }
    const order = parseStoredOrder(text);
    const outcome: OrderOutcome =
      order === undefined
        ? { ok: false, why: 'wrong', text: 'its record is damaged' }
        : await ordered(services, service, { order, signal });
    if (signal.aborted) return false;
    const isOffline = !outcome.ok && outcome.why === 'offline';
    if (isOffline && !isUp(service)) return false;
    if (isOffline) queue.contradictions += 1;
    const isLater = isOffline && queue.contradictions < OFFLINE_WHILE_UP_MAX;
    if (isLater || (!outcome.ok && outcome.why === 'busy')) {
      queue.failures += 1;
      const { failures } = queue;
      return wait(nextDelayMs({ failures, random: needs.random(), capMs: BUSY_MS_MAX }), signal);
    }
    [queue.failures, queue.contradictions] = [0, 0];
    const messages = outcome.ok ? [] : [dropped(service, order?.kind, outcome)];
    if (!outcome.ok) {
      log.warning(`hotel: ${service}: ${order?.kind ?? 'order'} dropped: ${outcome.why}`);
    }
    // Until it is off the card the next one waits: else a power cut would give them in another order.
    while (!(await settled(key, messages))) {
      if (!(await wait(SAVE_AGAIN_MS, signal))) return false;
    }
    queue.todo = queue.todo.filter((one) => one !== key);
    return true;
  };
  const settled = async (key: string, messages: readonly Message[]): Promise<boolean> =>
    records.change({ remove: [key], messages }).then(
      () => true,
      () => false,
    );
  const dropped = (
    service: string,
    kind: OrderKind | undefined,
    { why, text }: Exclude<OrderOutcome, { ok: true }>,
  ): Message =>
    needs.makeMessage({
      ...{ direction: 'event', lane: 'business', service, kind: 'order.dropped' },
      body: { order: kind ?? null, why, ...(text !== undefined && { text }) },
    });

  const greetAll = async (): Promise<void> => {
    if (!needs.isFilled() || signal.aborted) return;
    const put: StoredRecord[] = [];
    const fresh: { id: string; takes: readonly string[]; todo: readonly string[] }[] = [];
    for (const { id, takes: all } of services.list()) {
      const takes = all.filter(isMovement);
      const known = queues.get(id);
      const isFull = known === undefined && queues.size + fresh.length >= SERVICES_MAX;
      if (takes.length === 0 || isFull || String(known?.takes) === String(takes)) continue;
      put.push({ key: keys.service(id), value: render({ takes }) });
      const todo = takes.includes('resync') ? [keys.todo(id, (seq += 1))] : [];
      put.push(...todo.map((key) => ({ key, value: renderOrder({ kind: 'resync' }) })));
      fresh.push({ id, takes, todo });
    }
    if (put.length === 0) return;
    await records.change({ put });
    for (const { id, takes, todo } of fresh) {
      const known = queues.get(id) ?? queueOf(takes);
      known.takes = takes;
      // What waited stays in front: it is older than the house.
      known.todo = [...known.todo, ...todo];
      queues.set(id, known);
    }
  };
  const greet = async (): Promise<void> => {
    greeting = greeting.then(greetAll).catch((error: unknown) => {
      log.warning(`hotel: queues: ${codeOf(error)}`);
    });
    await greeting;
    for (const id of queues.keys()) deliver(id);
  };

  load();
  for (const id of queues.keys()) deliver(id);
  /** A service that was here and is no more was removed: what waits for it would never go. */
  const forget = async (service: string): Promise<void> => {
    const todo = records.list(keys.todosOf(service)).map(({ key }) => key);
    queues.delete(service);
    await records.change({ remove: [keys.service(service), ...todo] }).catch((error: unknown) => {
      log.warning(`hotel: queues: ${service}: ${codeOf(error)}`);
    });
  };
  // At the start they come one by one: not yet here is not removed.
  const seen = new Set(services.list().map(({ id }) => id));
  const unhear = services.onChange((service) => {
    if (services.list().some(({ id }) => id === service)) seen.add(service);
    else if (seen.delete(service)) void forget(service);
    void greet();
    deliver(service);
  });
  return {
    ...{ plan, added, greet },
    waiting: (service) => queues.get(service)?.todo.length ?? 0,
    close: () => {
      unhear();
      stop.abort();
    },
  };
}

const queueOf = (takes: readonly string[]): Queue => ({
  ...{ takes, todo: [], isAtIt: false, failures: 0, contradictions: 0 },
});

/** Instead of all that waits and what comes: the whole house. Who cannot take that gets the newest. */
const overflow = (takes: readonly string[], wanted: readonly Order[]): readonly Order[] =>
  takes.includes('resync') ? [{ kind: 'resync' }] : wanted.slice(-TODO_MAX);

/** A service that never answers is as one that may have done it. */
export async function ordered(
  services: Needs['services'],
  service: string,
  how: { readonly order: Order; readonly signal: AbortSignal; readonly msMax?: number },
): Promise<OrderOutcome> {
  const within = AbortSignal.any([how.signal, AbortSignal.timeout(how.msMax ?? ORDER_MS_MAX)]);
  try {
    return await services.order(service, how.order, within);
  } catch (error) {
    return { ok: false, why: 'unknown', text: codeOf(error) };
  }
}
