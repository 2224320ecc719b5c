// What happened, for a test that proves something and for one that waits. Bounded; knows no sockets.

export interface CallSeen {
  readonly atMs: number;
  readonly address: string;
  /** Named in the Authorization header, right or wrong. */
  readonly apiUser: string | undefined;
  readonly method: string;
  /** Without query; as it came. */
  readonly path: string;
  readonly query: string;
  readonly bodyBytes: number;
  /** The client sent back the session's cookie. */
  readonly sentCookie: boolean;
  /** Why it was refused, for people. */
  readonly why: string | undefined;
  /** Undefined as long as there is no answer: also for ever, when the connection was dropped. */
  readonly status: number | undefined;
  /** The trouble it met, such as `answer drop`. */
  readonly fault: string | undefined;
}

export interface Written {
  readonly atMs: number;
  readonly apiUser: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export interface EventFired {
  readonly atMs: number;
  readonly event: string;
  readonly account: 'pms' | 'pos';
  /** As it stands in the channel. */
  readonly text: string;
}

/** Generous on a busy machine; what a test waits for comes in milliseconds. */
const WITHIN_MS = 10_000;
const SECOND_MS = 1_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Journal {
  readonly calls: CallSeen[] = [];
  readonly polls: CallSeen[] = [];
  readonly written: Written[] = [];
  readonly events: EventFired[] = [];
  readonly #max: number;
  readonly #waiting = new Set<() => void>();

  constructor(historyMax: number) {
    this.#max = historyMax;
  }

  /** Keeps it and returns it; what becomes of it is written into it later. */
  see(list: 'calls' | 'polls', call: Mutable<CallSeen>): Mutable<CallSeen> {
    this.#keep(this[list], call);
    return call;
  }

  wrote(written: Written): void {
    this.#keep(this.written, written);
  }

  fired(event: EventFired): void {
    this.#keep(this.events, event);
  }

  /** Something has changed. */
  changed(): void {
    for (const look of this.#waiting) look();
  }

  callsPerSecondMax(apiUser?: string): number {
    const users = apiUser === undefined ? new Set(this.calls.map((one) => one.apiUser)) : [apiUser];
    let most = 0;
    for (const user of users) {
      const times = this.calls.filter((one) => one.apiUser === user).map(({ atMs }) => atMs);
      times.forEach((atMs, index) => {
        const first = times.findIndex((other) => other > atMs - SECOND_MS);
        most = Math.max(most, index - first + 1);
      });
    }
    return most;
  }

  /** Resolves when `holds` does; throws when it does not in time. */
  async until(holds: () => boolean, withinMs = WITHIN_MS): Promise<void> {
    if (holds()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = (): void => {
      if (holds()) resolve();
    };
    this.#waiting.add(look);
    const tooLate = setTimeout(() => {
      reject(new Error(`The PMS has not seen it within ${withinMs} ms: ${holds.toString()}`));
    }, withinMs);
    try {
      await promise;
    } finally {
      clearTimeout(tooLate);
      this.#waiting.delete(look);
    }
  }

  #keep<T>(list: T[], one: T): void {
    list.push(one);
    if (list.length > this.#max) list.shift();
    this.changed();
  }
}
