// What the link needs from outside. Types only; the connection is core/connection.ts.

export interface Outgoing {
  readonly id: string;
  readonly topic: string;
  readonly payload: Buffer;
}

/** Where messages wait. Nothing leaves it before it is settled or buried. */
export interface Source {
  /** The next `count` in the order of sending, without those of `except`. */
  take(
    count: number,
    options: { readonly except: readonly string[]; readonly eventsOnly: boolean },
  ): readonly Outgoing[];
  settle(id: string): void;
  bury(id: string, why: string): void;
}
