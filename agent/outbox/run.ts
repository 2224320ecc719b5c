// What must reach the cloud: taken on in groups, acknowledged when on the card, given out in the order
// of the lanes, kept until settled. Keeps every lane within its policy (limits.ts).
import type { OutboxView } from '../core/cloud.ts';
import { LANES } from '../core/messages.ts';
import type { Lane, Message } from '../core/messages.ts';
import type { RecordChange, Records } from '../core/records.ts';
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import {
  BATCH_MAX,
  COMMIT_MS_MAX,
  MAKE_ROOM_BYTES,
  PAYLOAD_BYTES_MAX,
  PENDING_MAX,
  POLICIES,
  RECORD_BYTES_MAX,
  SWEEP_MS,
  TOPIC_BYTES_MAX,
} from './limits.ts';
import type { OpenStore, Store } from './ports.ts';

type Appended =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** The source keeps the message and asks again later, except `too-large`. */
      readonly why: 'too-large' | 'full' | 'busy' | 'disk-full' | 'disk' | 'closed';
    };

export interface Outbox {
  /** Resolves when the message is on the card, or says why it is not taken. Never rejects. */
  append(message: Message): Promise<Appended>;
  readonly records: Records;
  take(
    count: number,
    options: { readonly except: readonly string[]; readonly eventsOnly: boolean },
  ): readonly Message[];
  settle(id: string): void;
  bury(id: string, why: string): void;
  /** Gives up what waits in these lanes; off the card with the next change. */
  forget(lanes: readonly Lane[]): void;
  view(): OutboxView;
  close(): void;
}

/** Taken on as a whole or not at all. */
interface Pending {
  readonly change: Required<RecordChange>;
  readonly done: (appended: Appended) => void;
}

/** `onReady` is called after a commit that brought something new. Never throws. */
export function createOutbox(
  open: OpenStore,
  {
    clock,
    log,
    onReady,
  }: { readonly clock: Clock; readonly log: Log; readonly onReady: () => void },
): Outbox {
  try {
    return new OpenOutbox(open(), { clock, log, onReady });
  } catch (error) {
    const problem = codeOf(error);
    log.error(`outbox: cannot be opened: ${problem}`);
    return closedOutbox(problem);
  }
}

function closedOutbox(problem: string): Outbox {
  const nothing = { waiting: 0, waitingBytes: 0, oldestMsAgo: undefined, dead: 0, dropped: 0 };
  return {
    append: async () => ({ ok: false, why: 'closed' }),
    records: {
      get: () => undefined,
      list: () => [],
      change: async () => Promise.reject(notStored('closed')),
    },
    take: () => [],
    settle: () => {},
    bury: () => {},
    forget: () => {},
    view: () => ({ at: 'closed', problem, ...nothing, tight: false }),
    close: () => {},
  };
}

const notStored = (code: string): Error => Object.assign(new Error(code), { code });

class OpenOutbox implements Outbox {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onReady: () => void;
  #pending: Pending[] = [];
  /** Settled, but not yet off the card: losing that only sends it once more. */
  readonly #settled = new Set<string>();
  readonly #buried = new Map<string, string>();
  #soon: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;
  readonly #sweeper: NodeJS.Timeout;
  #tight = false;
  #isClosed = false;

  constructor(
    store: Store,
    needs: { readonly clock: Clock; readonly log: Log; readonly onReady: () => void },
  ) {
    this.#store = store;
    this.#clock = needs.clock;
    this.#log = needs.log;
    this.#onReady = needs.onReady;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweep();
  }

  async append(message: Message): Promise<Appended> {
    return this.#add({ put: [], remove: [], messages: [message] });
  }

  readonly records: Records = {
    get: (key) => this.#store.get(key),
    list: (prefix) => this.#store.list(prefix),
    change: async ({ put = [], remove = [], messages = [] }) => {
      const appended = await this.#add({ put, remove, messages });
      if (!appended.ok) throw notStored(appended.why);
    },
  };

  async #add(change: Required<RecordChange>): Promise<Appended> {
    const isTooLarge =
      change.put.some(({ value }) => Buffer.byteLength(value) > RECORD_BYTES_MAX) ||
      change.messages.some(
        ({ payload, topic }) =>
          payload.length > PAYLOAD_BYTES_MAX || Buffer.byteLength(topic) > TOPIC_BYTES_MAX,
      );
    if (isTooLarge) return { ok: false, why: 'too-large' };
    if (this.#isClosed) return { ok: false, why: 'closed' };
    if (this.#pending.length >= PENDING_MAX) return { ok: false, why: 'busy' };
    if (this.#tight && change.messages.some(({ lane }) => !POLICIES[lane].essential)) {
      return { ok: false, why: 'disk-full' };
    }
    return new Promise((done) => {
      this.#pending.push({ change, done });
      // What else arrives in this turn of the loop shares the commit.
      this.#soon ??= setImmediate(() => this.#commit());
    });
  }

  take(
    count: number,
    { except, eventsOnly }: { readonly except: readonly string[]; readonly eventsOnly: boolean },
  ): readonly Message[] {
    try {
      const gone = [...this.#settled, ...this.#buried.keys()];
      const lanes = LANES.filter((lane) => !eventsOnly || lane !== 'work');
      return this.#store.take(count, { except: [...except, ...gone], lanes });
    } catch (error) {
      this.#log.error(`outbox: cannot be read: ${codeOf(error)}`);
      return [];
    }
  }

  settle(id: string): void {
    this.#settled.add(id);
    if (this.#settled.size >= BATCH_MAX) this.#commit();
    else this.#later ??= setTimeout(() => this.#commit(), COMMIT_MS_MAX);
  }

  bury(id: string, why: string): void {
    this.#buried.set(id, why);
    this.#later ??= setTimeout(() => this.#commit(), COMMIT_MS_MAX);
  }

  forget(lanes: readonly Lane[]): void {
    for (const lane of lanes) this.#drop(lane, Infinity);
    this.#later ??= setTimeout(() => this.#commit(), COMMIT_MS_MAX);
  }

  view(): OutboxView {
    try {
      const totals = LANES.map((lane) => this.#store.totals(lane));
      const oldest = totals.flatMap(({ oldestMs }) => oldestMs ?? []);
      const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
      return {
        at: 'open',
        problem: undefined,
        waiting: Math.max(0, sum(totals.map(({ count }) => count)) - this.#settled.size),
        waitingBytes: sum(totals.map(({ bytes }) => bytes)),
        oldestMsAgo:
          oldest.length === 0 ? undefined : Math.max(0, this.#clock.wallMs() - Math.min(...oldest)),
        dead: this.#store.deadCount(),
        dropped: this.#store.droppedCount(),
        tight: this.#tight,
      };
    } catch (error) {
      return closedOutbox(codeOf(error)).view();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#commit();
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    for (const { done } of this.#pending) done({ ok: false, why: 'closed' });
    this.#store.close();
  }

  #commit(): void {
    clearImmediate(this.#soon);
    clearTimeout(this.#later);
    [this.#soon, this.#later] = [undefined, undefined];
    if (this.#isClosed) return;
    const batch = this.#pending.splice(0, BATCH_MAX);
    if (this.#pending.length > 0) this.#soon = setImmediate(() => this.#commit());
    const { taken, refused } = this.#admit(batch);
    for (const { done } of refused) done({ ok: false, why: 'full' });
    const gone = [...this.#settled];
    const dead = [...this.#buried].map(([id, why]) => ({ id, why }));
    if (taken.length + gone.length + dead.length === 0) return;
    const changes = taken.map(({ change }) => change);
    try {
      this.#store.apply({
        add: changes.flatMap(({ messages }) => messages),
        remove: gone,
        bury: dead,
        ...lastOf(changes),
      });
    } catch (error) {
      this.#notTaken(taken, error);
      return;
    }
    for (const id of gone) this.#settled.delete(id);
    for (const { id } of dead) this.#buried.delete(id);
    for (const { done } of taken) done({ ok: true });
    if (changes.some(({ messages }) => messages.length > 0)) this.#onReady();
  }

  /** By each lane's cap: room is made, or the message stays with its source. */
  #admit(batch: readonly Pending[]): { taken: Pending[]; refused: Pending[] } {
    const taken: Pending[] = [];
    const refused: Pending[] = [];
    const bytes = new Map(LANES.map((lane) => [lane, this.#store.totals(lane).bytes]));
    for (const pending of batch) {
      const after = new Map(bytes);
      for (const { lane, payload } of pending.change.messages) {
        after.set(lane, after.get(lane)! + payload.length);
      }
      const isFull = pending.change.messages.some(
        ({ lane }) =>
          POLICIES[lane].whenFull === 'refuse' && after.get(lane)! > POLICIES[lane].bytesMax,
      );
      (isFull ? refused : taken).push(pending);
      if (!isFull) for (const [lane, total] of after) bytes.set(lane, total);
    }
    for (const [lane, total] of bytes) {
      const { bytesMax, whenFull } = POLICIES[lane];
      if (whenFull === 'drop-oldest' && total > bytesMax) this.#drop(lane, total - bytesMax);
    }
    return { taken, refused };
  }

  #drop(lane: Lane, bytes: number): void {
    const ids = this.#store.oldest(lane, bytes);
    this.#store.noteDropped(ids.length);
    for (const id of ids) this.#settled.add(id);
  }

  /** A full card: the reserve is given up, so that at least deletions fit; the rest is refused. */
  #notTaken(taken: readonly Pending[], error: unknown): void {
    const isFull = /full|ENOSPC/i.test(codeOf(error) + String(error));
    const wasTight = this.#tight;
    if (isFull)
      for (const lane of LANES.filter((one) => !POLICIES[one].essential)) {
        this.#drop(lane, MAKE_ROOM_BYTES);
      }
    if (isFull && !wasTight) {
      this.#tight = true;
      this.#store.releaseReserve();
      this.#log.error('outbox: the card is full; only what must not be lost is taken');
    } else if (!isFull) this.#log.error(`outbox: not stored: ${codeOf(error)}`);
    for (const { done } of taken) done({ ok: false, why: isFull ? 'disk-full' : 'disk' });
    // Deletions are tried again, without what did not fit.
    if (this.#settled.size + this.#buried.size > 0) {
      const delayMs = wasTight ? SWEEP_MS : COMMIT_MS_MAX;
      this.#later ??= setTimeout(() => this.#commit(), delayMs);
    }
  }

  /** Drops what is too old, and looks whether a full card has room again. */
  #sweep(): void {
    try {
      for (const lane of LANES) {
        const { ageMsMax } = POLICIES[lane];
        if (ageMsMax === undefined) continue;
        const ids = this.#store.olderThan(lane, this.#clock.wallMs() - ageMsMax);
        if (ids.length > 0) this.#store.noteDropped(ids.length);
        for (const id of ids) this.#settled.add(id);
      }
      if (this.#settled.size > 0) this.#later ??= setTimeout(() => this.#commit(), COMMIT_MS_MAX);
      if (this.#tight && this.#store.restoreReserve()) {
        this.#tight = false;
        this.#log.info('outbox: the card has room again');
      }
    } catch (error) {
      this.#log.error(`outbox: ${codeOf(error)}`);
    }
  }
}

/** Of several changes to one record in a commit the last one counts. */
function lastOf(changes: readonly Required<RecordChange>[]): {
  readonly put: { readonly key: string; readonly value: string }[];
  readonly drop: string[];
} {
  const values = new Map<string, string | undefined>();
  for (const { remove, put } of changes) {
    for (const key of remove) values.set(key, undefined);
    for (const { key, value } of put) values.set(key, value);
  }
  const put = [...values].flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
  const drop = [...values].flatMap(([key, value]) => (value === undefined ? [key] : []));
  return { put, drop };
}
