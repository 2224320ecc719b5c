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
  DELETIONS_MAX,
  MAKE_ROOM_BYTES,
  PAYLOAD_BYTES_MAX,
  PENDING_BYTES_MAX,
  PENDING_MAX,
  POLICIES,
  RECORD_BYTES_MAX,
  RECOVER_MS,
  SETTLE_MS_MAX,
  SWEEP_MS,
  TOPIC_BYTES_MAX,
} from './limits.ts';
import { admitted, bytesOf, countInBatch, excessOfShares, merged } from './change.ts';
import { closedOutbox, notStored } from './closed.ts';
import { Gone } from './gone.ts';
import { Pace } from './pace.ts';
import { lanesOf } from './turns.ts';
import type { OpenStore, Store } from './ports.ts';
import type { Appended, Card, Outbox, Pending } from './shapes.ts';
import { Trouble } from './trouble.ts';
import { countsOf } from './view.ts';

interface Needs {
  readonly clock: Clock;
  readonly log: Log;
  /** A commit has brought something new. */
  readonly onReady: () => void;
  /** The card makes trouble, or no longer does. */
  readonly onTrouble?: () => void;
}

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
  readonly #pending: Pending[] = [];
  #pendingBytes = 0;
  /** Applied, and not yet acknowledged: on the way to the card. */
  #coming: Pending[] = [];
  readonly #gone = new Gone();
  #soon: NodeJS.Immediate | undefined;
  #gap: NodeJS.Timeout | undefined;
  #later: NodeJS.Timeout | undefined;
  readonly #pace = new Pace();
  readonly #sweeper: NodeJS.Timeout;
  #tight = false;
  /** Of giving out. */
  #turn = 0;
  #isClosed = false;

  constructor(store: Store, needs: Needs) {
    this.#store = store;
    this.#clock = needs.clock;
    this.#log = needs.log;
    this.#onReady = needs.onReady;
    this.#onTrouble = needs.onTrouble ?? ((): void => {});
    this.#tight = !store.restoreReserve();
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
    const bytes = bytesOf(change);
    const isTooMuch = this.#pendingBytes > 0 && this.#pendingBytes + bytes > PENDING_BYTES_MAX;
    if (isTooMuch || this.#pending.length >= PENDING_MAX) return { ok: false, why: 'busy' };
    if (this.#tight && change.messages.some(({ lane }) => !POLICIES[lane].essential)) {
      return { ok: false, why: 'disk-full' };
    }
    return new Promise((done) => {
      this.#pending.push({ change, bytes, done });
      this.#pendingBytes += bytes;
      this.#commitSoon();
    });
  }

  take(
    count: number,
    { except, eventsOnly }: { readonly except: readonly string[]; readonly eventsOnly: boolean },
  ): readonly Message[] {
    try {
      const coming = this.#card.is === 'busy' ? this.#card.ids : [];
      this.#turn += 1;
      const lanes = lanesOf(this.#turn).filter((lane) => !eventsOnly || lane !== 'work');
      return this.#store.take(count, { except: [...except, ...this.#gone.ids, ...coming], lanes });
    } catch (error) {
      this.#log.error(`outbox: cannot be read: ${codeOf(error)}`);
      return [];
    }
  }

  settle(id: string): void {
    this.#gone.settle(id);
    if (this.#gone.settled >= DELETIONS_MAX) this.#delete();
    else this.#deleteSoon();
  }

  bury(id: string, why: string): void {
    this.#gone.bury(id, why);
    this.#deleteSoon();
  }

  forget(lanes: readonly Lane[]): void {
    for (const lane of lanes) this.#drop(this.#store.oldest(lane, Infinity));
    this.#deleteSoon();
  }

  view(): OutboxView {
    try {
      const { settled } = this.#gone;
      const counts = countsOf(this.#store, { settled, wallMs: this.#clock.wallMs() });
      const problem = undefined;
      return { at: 'open', problem, ...counts, trouble: this.#troubleNow(), tight: this.#tight };
    } catch (error) {
      return closedOutbox(codeOf(error)).view();
    }
  }

  droppedOf(share: string): number {
    return this.#store.droppedOfShare(share);
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
    const pending = this.#takePending(this.#pending.length);
    if (this.#card.is === 'unsure') this.#answer(pending, { ok: false, why: 'disk' });
    else {
      this.#gone.isDue = true;
      this.#take(pending);
    }
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    clearTimeout(this.#later);
    this.#stopTimers();
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

  /** What else arrives in this turn of the loop shares the commit; on a busy day what arrives soon, too. */
  #commitSoon(): void {
    if (this.#card.is === 'busy' || this.#soon !== undefined) return;
    const isWork = this.#pending.some(({ change }) =>
      change.messages.some(({ lane }) => lane === 'work'),
    );
    const waiting = { count: this.#pending.length, bytes: this.#pendingBytes, isWork };
    const restMs = this.#pace.restMs(waiting, this.#clock.nowMs());
    if (restMs > 0) this.#gap ??= setTimeout(() => this.#commit(), restMs);
    else this.#soon = setImmediate(() => this.#commit());
  }

  #deleteSoon(afterMs = SETTLE_MS_MAX): void {
    this.#later ??= setTimeout(() => this.#delete(), afterMs);
  }

  #delete(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#gone.isDue = true;
    this.#commit();
  }

  #stopTimers(): void {
    clearImmediate(this.#soon);
    clearTimeout(this.#gap);
    [this.#soon, this.#gap] = [undefined, undefined];
  }

  #commit(): void {
    this.#stopTimers();
    if (this.#isClosed || this.#card.is === 'busy') return;
    if (this.#card.is === 'unsure' && !this.#recover(this.#card.againMs)) return;
    const came = this.#take(this.#takePending(countInBatch(this.#pending)));
    if (came === 'nothing') return;
    const ids = this.#coming.flatMap(({ change }) => change.messages.map(({ id }) => id));
    const sinceMs = this.#clock.nowMs();
    this.#pace.began(sinceMs);
    this.#card = { is: 'busy', sinceMs, ids };
    (came === 'applied' ? this.#finish(sinceMs) : this.#shorten()).then(
      () => this.#next({ is: 'ready' }),
      (error: unknown) => this.#fail(error, sinceMs),
    );
  }

  #takePending(count: number): readonly Pending[] {
    const taken = this.#pending.splice(0, count);
    for (const { bytes } of taken) this.#pendingBytes -= bytes;
    return taken;
  }

  /** Applies a batch and what is settled. */
  #take(batch: readonly Pending[]): 'applied' | 'nothing' | 'full' {
    const { taken, refused } = this.#admit(batch);
    this.#answer(refused, { ok: false, why: 'full' });
    const gone = this.#gone.take();
    if (taken.length + gone.remove.length + gone.bury.length === 0) return 'nothing';
    try {
      this.#store.apply({ ...merged(taken.map(({ change }) => change)), ...gone });
    } catch (error) {
      return this.#notTaken(taken, error);
    }
    this.#gone.deleted(gone);
    this.#coming = [...this.#coming, ...taken];
    return 'applied';
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

  /** What the log has goes into the file, so that deletions find room in the log. */
  async #shorten(): Promise<void> {
    await this.#store.sync();
    if (!this.#isClosed) await this.#store.tidy();
  }

  #next(card: Card): void {
    this.#card = card;
    if (this.#isClosed) return;
    if (this.#pending.length > 0 || this.#gone.isDue) this.#commitSoon();
    else if (!this.#gone.isEmpty) this.#deleteSoon();
  }

  /** An fsync failed: whoever waits is refused, and may find all the same that it was taken. */
  #fail(error: unknown, sinceMs: number): void {
    this.#card = { is: 'unsure', againMs: this.#clock.nowMs() + RECOVER_MS };
    if (this.#isClosed) return;
    this.#log.error(`outbox: not on the card: ${codeOf(error)}`);
    this.#met(codeOf(error), this.#clock.nowMs() - sinceMs);
    this.#answer(this.#coming.splice(0), { ok: false, why: 'disk' });
    this.#deleteSoon(RECOVER_MS);
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
      this.#answer(this.#takePending(this.#pending.length), { ok: false, why: 'disk' });
      this.#deleteSoon(RECOVER_MS);
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
    for (const [lane, tooMuch] of excess) this.#drop(this.#store.oldest(lane, tooMuch));
    const held = (share: string): number => this.#store.bytesOfShare(share);
    for (const [share, tooMuch] of excessOfShares(taken, held)) {
      this.#drop(this.#store.oldestOfShare(share, tooMuch), share);
    }
    return { taken, refused };
  }

  #drop(found: readonly string[], share?: string): void {
    const ids = found.filter((id) => !this.#gone.has(id));
    this.#store.noteDropped(ids.length, share);
    for (const id of ids) this.#gone.settle(id);
    this.#gone.isDue ||= ids.length > 0;
  }

  /** A full card: the reserve is given up, so that at least deletions fit; the rest is refused. */
  #notTaken(taken: readonly Pending[], error: unknown): 'nothing' | 'full' {
    const isFull = /full|ENOSPC/i.test(codeOf(error) + String(error));
    if (isFull) {
      for (const lane of LANES.filter((one) => !POLICIES[one].essential)) {
        this.#drop(this.#store.oldest(lane, MAKE_ROOM_BYTES));
      }
      this.#store.releaseReserve();
      if (!this.#tight) {
        this.#log.error('outbox: the card is full; only what must not be lost is taken');
      }
      this.#tight = true;
    } else this.#log.error(`outbox: not stored: ${codeOf(error)}`);
    this.#met(codeOf(error));
    this.#answer(taken, { ok: false, why: isFull ? 'disk-full' : 'disk' });
    // Deletions are tried again, without what did not fit; by themselves they have little hope.
    if (!this.#gone.isEmpty) {
      this.#deleteSoon(taken.length === 0 ? SWEEP_MS : SETTLE_MS_MAX);
    }
    return isFull ? 'full' : 'nothing';
  }

  /** Drops what is too old, and looks whether a full card has room again. */
  #sweep(): void {
    try {
      for (const lane of LANES) {
        const { ageMsMax } = POLICIES[lane];
        if (ageMsMax === undefined) continue;
        const old = this.#store.olderThan(lane, this.#clock.wallMs() - ageMsMax);
        const ids = old.filter((id) => !this.#gone.has(id));
        if (ids.length > 0) this.#store.noteDropped(ids.length);
        for (const id of ids) this.#gone.settle(id);
      }
      if (!this.#gone.isEmpty) this.#deleteSoon();
      if (this.#tight && this.#store.restoreReserve()) {
        this.#tight = false;
        this.#log.info('outbox: the card has room again');
      }
    } catch (error) {
      this.#log.error(`outbox: ${codeOf(error)}`);
    }
  }
}
