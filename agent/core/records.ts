// Small values that must survive a power cut, in the same file and the same commit as the outbox: what
// was done and what the cloud will be told of it are on the card together or not at all. Types only;
// the one who keeps them is the outbox (outbox/run.ts).
import type { Message } from './messages.ts';

/** `key` is `space/name`; `value` a JSON text that its owner's wire.ts wrote and parses. */
export interface StoredRecord {
  readonly key: string;
  readonly value: string;
}

export interface RecordChange {
  readonly put?: readonly StoredRecord[];
  readonly remove?: readonly string[];
  /** Put into the outbox with it. A message whose id is known already is not added again. */
  readonly messages?: readonly Message[];
}

export interface Records {
  get(key: string): string | undefined;
  /** All whose key begins so, in the order of keys. */
  list(prefix: string): readonly StoredRecord[];
  /**
   * Resolves when all of it is on the card; rejects with a `code` and then nothing is. With code `disk` it
   * may be there all the same, as after a power cut just before the answer.
   */
  change(change: RecordChange): Promise<void>;
}
