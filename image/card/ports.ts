// What writes and shows cards needs from outside, and what it says of each card. Types only.
import type { CardIdentity } from '../ledger/ports.ts';
import type { CardOrder } from '../unit/content.ts';

/**
 * An opened card. Offsets and lengths are multiples of 4 KiB, buffers page-aligned where the card is opened with
 * O_DIRECT. Rejects with the system's error (EIO, ENXIO when it was pulled out, …).
 */
export interface CardDevice {
  readonly bytes: number;
  write(at: number, bytes: Uint8Array): Promise<void>;
  read(at: number, into: Uint8Array): Promise<void>;
  /** Until everything written is on the card. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What is to be on one card, made while it is written: never whole in memory or on a disk. */
export interface CardContent {
  /** Ranges to write, ascending, in multiples of 4 KiB; what lies between them stays as it is. */
  readonly extents: readonly { readonly at: number; readonly bytes: number }[];
  /** Fills `into` with the content from `at` on. The same call gives the same bytes. */
  fill(at: number, into: Uint8Array): void;
}

/** Of everything that was written and read back; the hash is of what was read. */
export interface Written {
  readonly sha256: string;
  readonly bytes: number;
  readonly writeMs: number;
  readonly readMs: number;
}

/** What happens while one card is written. */
export interface WriteHooks {
  readonly progress: (phase: 'writing' | 'reading', bytes: number, of: number) => void;
  /** All but the first block is read back: the card starts from no board until this resolves. */
  readonly verified: () => Promise<void>;
  /** The card is whole; when this rejects, it is made one that starts from no board. */
  readonly written: (result: Written) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** Writes one card and reads it back (write.ts), wherever that runs. Rejects when the card is bad. */
export type WriteCard = (
  card: CardIdentity,
  order: CardOrder & { readonly cardBytes: number },
  hooks: WriteHooks,
) => Promise<void>;

/** One card during a flash, as a terminal or a page shows it. */
export interface CardView {
  readonly card: CardIdentity;
  /** `untouched`: it did not come to writing, and the card is as it was. */
  readonly phase: 'preparing' | 'writing' | 'reading' | 'finishing' | 'done' | 'bad' | 'untouched';
  /** 0…1 of the phase. */
  readonly done: number;
  readonly bytesPerSecond: number;
  /** Until the card is finished, both passes; undefined until it can be told. */
  readonly secondsLeft?: number;
  readonly serial?: string;
  readonly reason?: { readonly code: string; readonly text: string; readonly hint: string };
}
