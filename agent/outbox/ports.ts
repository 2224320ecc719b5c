// What the outbox needs from outside. Types only.
import type { Lane, Message } from '../core/messages.ts';
import type { StoredRecord } from '../core/records.ts';

export interface Change {
  readonly add: readonly Message[];
  readonly remove: readonly string[];
  readonly bury: readonly { readonly id: string; readonly why: string }[];
  readonly put: readonly StoredRecord[];
  readonly drop: readonly string[];
}

export interface Totals {
  readonly count: number;
  readonly bytes: number;
  readonly oldestMs: number | undefined;
}

export interface Store {
  /**
   * All of it or, when it throws, nothing; not yet on the card. A message whose id is known already
   * (waiting or dead) is not added again.
   */
  apply(change: Change): void;
  /** Resolves when all that was applied is on the card. Rejects: nobody knows; then `recover()`. */
  sync(): Promise<void>;
  /** After a sync, and before anything else is applied: now and then. Rejects as `sync()` does. */
  tidy(): Promise<void>;
  /** Throws while the card is not well; nothing may be applied before it has succeeded. */
  recover(): void;
  get(key: string): string | undefined;
  /** All records whose key begins so, in the order of keys. */
  list(prefix: string): StoredRecord[];
  /** In the order of lanes, then of arrival. */
  take(
    count: number,
    options: { readonly except: readonly string[]; readonly lanes: readonly Lane[] },
  ): Message[];
  totals(lane: Lane): Totals;
  /** The oldest ids of a lane that together free `bytes`. */
  oldest(lane: Lane, bytes: number): string[];
  /** Of messages with this share: their bytes, and the oldest ids that together free so many. */
  bytesOfShare(share: string): number;
  oldestOfShare(share: string, bytes: number): string[];
  /** The ids of a lane made before `atMs`. */
  olderThan(lane: Lane, atMs: number): string[];
  deadCount(): number;
  droppedCount(): number;
  /** Of those, with this share. */
  droppedOfShare(share: string): number;
  /** Counts what was dropped by policy; in the same commit as the next `apply`. */
  noteDropped(count: number, share?: string): void;
  /** Gives up the reserve; takes it again if the card has room: false if not. */
  releaseReserve(): void;
  restoreReserve(): boolean;
  close(): void;
}

export interface StoreLimits {
  readonly bytesMax: number;
  readonly deadMax: number;
  readonly sharesMax: number;
  readonly reserveBytes: number;
  /** Written beside the file, before it is taken into it. */
  readonly logBytesMax: number;
}

/** Says why a store cannot be opened: `busy` (another agent holds it) or the system's reason. */
export type OpenStore = () => Store;
