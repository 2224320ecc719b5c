// The troubles that a double makes on demand, and how often each has come; what they are is its own.

/** `after`: not the first so many times; `times`: then so often. */
interface Scripted {
  readonly at: string;
  readonly after?: number;
  readonly times?: number;
}

export interface Injected {
  /** How often it has happened. */
  readonly hits: number;
  undo(): void;
}

interface Entry<F> {
  readonly fault: F;
  occasions: number;
  hits: number;
}

/** More at once would be a test nobody understands. */
const FAULTS_MAX = 100;

export class Book<F extends Scripted, Occasion> {
  readonly #entries = new Set<Entry<F>>();
  readonly #concerns: (fault: F, occasion: Occasion) => boolean;

  constructor(concerns: (fault: F, occasion: Occasion) => boolean) {
    this.#concerns = concerns;
  }

  inject(fault: F): Injected {
    if (this.#entries.size >= FAULTS_MAX) throw new Error(`More than ${FAULTS_MAX} faults at once`);
    const entry: Entry<F> = { fault, occasions: 0, hits: 0 };
    this.#entries.add(entry);
    const entries = this.#entries;
    return {
      get hits() {
        return entry.hits;
      },
      undo: () => entries.delete(entry),
    };
  }

  /** The first fault that happens on this occasion; each call is one occasion. */
  take<A extends F['at']>(at: A, occasion: Occasion): Extract<F, { readonly at: A }> | undefined {
    for (const entry of this.#entries) {
      const { fault } = entry;
      if (fault.at !== at || !this.#concerns(fault, occasion)) continue;
      entry.occasions += 1;
      if (entry.occasions <= (fault.after ?? 0)) continue;
      if (entry.hits >= (fault.times ?? Number.POSITIVE_INFINITY)) continue;
      entry.hits += 1;
      return fault as Extract<F, { readonly at: A }>;
    }
    return undefined;
  }

  list(): readonly { readonly fault: F; readonly hits: number }[] {
    return [...this.#entries].map(({ fault, hits }) => ({ fault, hits }));
  }
}
