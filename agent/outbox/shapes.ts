// The types that the outbox's parts and its users share.
import type { OutboxView } from '../core/cloud.ts';
import type { Lane, Message } from '../core/messages.ts';
import type { RecordChange, Records } from '../core/records.ts';

export type Appended =
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
  /** So many of this share went, ever, because it had too much. */
  droppedOf(share: string): number;
  close(): void;
}

/** Taken on as a whole or not at all. */
export interface Pending {
  readonly change: Required<RecordChange>;
  readonly bytes: number;
  readonly done: (appended: Appended) => void;
}

/** Whether a commit may begin. */
export type Card =
  | { readonly is: 'ready' }
  /** The kernel is at it since then; what comes meanwhile shares the next commit. */
  | { readonly is: 'busy'; readonly sinceMs: number; readonly ids: readonly string[] }
  /** An fsync has failed: nobody knows what is on the card. */
  | { readonly is: 'unsure'; readonly againMs: number };
