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
  RECOVER_MS,
  SWEEP_MS,
  TOPIC_BYTES_MAX,
} from './limits.ts';
import { admitted, merged } from './change.ts';
import { closedOutbox, notStored } from './closed.ts';
import type { OpenStore, Store } from './ports.ts';
import { Trouble } from './trouble.ts';

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

interface Needs {
  readonly clock: Clock;
  readonly log: Log;
  /** A commit has brought something new. */
  readonly onReady: () => void;
  /** The card makes trouble, or no longer does. */
  readonly onTrouble?: () => void;
}

/** Whether a commit may begin. */
type Card =
  | { readonly is: 'ready' }
  /** The kernel is at it since then; what comes meanwhile shares the next commit. */
  | { readonly is: 'busy'; readonly sinceMs: number; readonly ids: readonly string[] }
  /** An fsync has failed: nobody knows what is on the card. */
  | { readonly is: 'unsure'; readonly againMs: number };

/** Never throws. */
export function createOutbox(open: OpenStore, needs: Needs): Outbox {
  const { log } = needs;
  try {
    return new OpenOutbox(open(), needs);
  } catch (error) {
    const problem = codeOf(error);
    log.error(`outbox: cannot be opened: ${problem}`);
    return closedOutbox(problem);
  }
}

class OpenOutbox implements Outbox {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onReady: () => void;
  readonly #onTrouble: () => void;
  #card: Card = { is: 'ready' };
  readonly #trouble = new Trouble();
  /** Which trouble others were last told of. */
  #told: string | undefined;
  #pending: Pending[] = [];
  /** Applied, and not yet acknowledged: on the way to the card. */
  #coming: Pending[] = [];
  /** Settled, but not yet off the card: losing that only sends it once more. */
  readonly #settled = new Set<string>();
  readonly #buried = new Map<string, string>();
  #soon: NodeJS.Immediate | undefined;
  #later: NodeJS.Timeout | undefined;
  readonly #sweeper: NodeJS.Timeout;
  #tight = false;
  #isClosed = false;

  constructor(store: Store, needs: Needs) {
    this.#store = store;
    this.#clock = needs.clock;
    this.#log = needs.log;
    this.#onReady = needs.onReady;
    this.#onTrouble = needs.onTrouble ?? ((): void => {});
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
      const coming = this.#card.is === 'busy' ? this.#card.ids : [];
      const lanes = LANES.filter((lane) => !eventsOnly || lane !== 'work');
      return this.#store.take(count, { except: [...except, ...gone, ...coming], lanes });
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
        trouble: this.#troubleNow(),
        tight: this.#tight,
      };
    } catch (error) {
      return closedOutbox(codeOf(error)).view();
    }
  }

  #troubleNow(): OutboxView['trouble'] {
    const nowMs = this.#clock.nowMs();
    const waitsMs = this.#card.is === 'busy' ? nowMs - this.#card.sinceMs : 0;
    return this.#trouble.now(nowMs, { waitsMs, stays: this.#card.is === 'unsure' });
  }

  #met(why: string | undefined, ms = 0): void {
    const before = this.#told;
    this.#trouble.met(why, { ms, nowMs: this.#clock.nowMs() });
    this.#told = this.#troubleNow()?.why;
    if (this.#told !== before) setImmediate(this.#onTrouble);
  }

  /** Waits for the card as long as it takes: what was given to it shall be there. */
  close(): void {
    if (this.#isClosed) return;
    const pending = this.#pending.splice(0);
    if (this.#card.is === 'unsure') this.#answer(pending, { ok: false, why: 'disk' });
    else this.#take(pending);
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    clearImmediate(this.#soon);
    clearTimeout(this.#later);
    try {
      // Unsure, the log must be read again before it is given up; else the next start does it.
      if (this.#card.is === 'unsure') this.#store.recover();
      this.#store.close();
      this.#answer(this.#coming, { ok: true });
    } catch (error) {
      this.#log.error(`outbox: closed on a bad card: ${codeOf(error)}`);
      this.#answer(this.#coming, { ok: false, why: 'disk' });
    }
  }

  #answer(taken: readonly Pending[], appended: Appended): void {
    for (const { done } of taken) done(appended);
  }

  #commit(): void {
    clearImmediate(this.#soon);
    clearTimeout(this.#later);
    [this.#soon, this.#later] = [undefined, undefined];
    if (this.#isClosed || this.#card.is === 'busy') return;
    if (this.#card.is === 'unsure' && !this.#recover(this.#card.againMs)) return;
    if (!this.#take(this.#pending.splice(0, BATCH_MAX))) return;
    const ids = this.#coming.flatMap(({ change }) => change.messages.map(({ id }) => id));
    const sinceMs = this.#clock.nowMs();
    this.#card = { is: 'busy', sinceMs, ids };
    this.#finish(sinceMs).then(
      () => this.#next({ is: 'ready' }),
      (error: unknown) => this.#fail(error, sinceMs),
    );
  }

  /** Applies a batch and what is settled; false: nothing was, and nothing is under way. */
  #take(batch: readonly Pending[]): boolean {
    const { taken, refused } = this.#admit(batch);
    this.#answer(refused, { ok: false, why: 'full' });
    const gone = [...this.#settled];
    const dead = [...this.#buried].map(([id, why]) => ({ id, why }));
    if (taken.length + gone.length + dead.length === 0) return false;
    try {
      const changes = merged(taken.map(({ change }) => change));
      this.#store.apply({ ...changes, remove: gone, bury: dead });
    } catch (error) {
      this.#notTaken(taken, error);
      return false;
    }
    for (const id of gone) this.#settled.delete(id);
    for (const { id } of dead) this.#buried.delete(id);
    this.#coming = [...this.#coming, ...taken];
    return true;
  }

  /** Acknowledges when all is on the card; then the log is taken into the file, if it is time. */
  async #finish(sinceMs: number): Promise<void> {
    await this.#store.sync();
    if (this.#isClosed) return;
    this.#met(undefined, this.#clock.nowMs() - sinceMs);
    const taken = this.#coming.splice(0);
    this.#card = { is: 'busy', sinceMs: this.#clock.nowMs(), ids: [] };
    this.#answer(taken, { ok: true });
    if (taken.some(({ change }) => change.messages.length > 0)) this.#onReady();
    await this.#store.tidy();
  }

  #next(card: Card): void {
    this.#card = card;
    if (this.#isClosed) return;
    if (this.#pending.length > 0) this.#soon ??= setImmediate(() => this.#commit());
    else if (this.#settled.size + this.#buried.size > 0) {
      this.#later ??= setTimeout(() => this.#commit(), COMMIT_MS_MAX);
    }
  }

  /** An fsync failed: whoever waits is refused, and may find all the same that it was taken. */
  #fail(error: unknown, sinceMs: number): void {
    this.#card = { is: 'unsure', againMs: this.#clock.nowMs() + RECOVER_MS };
    if (this.#isClosed) return;
    this.#log.error(`outbox: not on the card: ${codeOf(error)}`);
    this.#met(codeOf(error), this.#clock.nowMs() - sinceMs);
    this.#answer(this.#coming.splice(0), { ok: false, why: 'disk' });
    this.#later ??= setTimeout(() => this.#commit(), RECOVER_MS);
  }

  /** Tried now and then only: it waits for the card. */
  #recover(againMs: number): boolean {
    const nowMs = this.#clock.nowMs();
    try {
      if (nowMs < againMs) throw new Error('not yet');
      this.#store.recover();
    } catch (error) {
      if (nowMs >= againMs) {
        this.#card = { is: 'unsure', againMs: nowMs + RECOVER_MS };
        this.#met(codeOf(error));
      }
      this.#answer(this.#pending.splice(0), { ok: false, why: 'disk' });
      this.#later ??= setTimeout(() => this.#commit(), RECOVER_MS);
      return false;
    }
    this.#log.info('outbox: the card is well again');
    this.#card = { is: 'ready' };
    this.#met(undefined);
    return true;
  }

  /** By each lane's cap: room is made, or the message stays with its source. */
  #admit(batch: readonly Pending[]): { taken: readonly Pending[]; refused: readonly Pending[] } {
    const bytes = new Map(LANES.map((lane) => [lane, this.#store.totals(lane).bytes]));
    const { taken, refused, excess } = admitted(batch, bytes);
    for (const [lane, tooMuch] of excess) this.#drop(lane, tooMuch);
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
    this.#met(codeOf(error));
    this.#answer(taken, { ok: false, why: isFull ? 'disk-full' : 'disk' });
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
