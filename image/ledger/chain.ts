// The chain of events: each carries the hash of itself and of the one before it, so that one that was changed,
// removed or moved shows. Pure. It does not prove who wrote them: whoever may write the file may write a new
// chain, which is why a head that was noted elsewhere (a backup, a piece of paper) can be asked for.
import { createHash } from 'node:crypto';

/** As it lies in the ledger; `body` and `by` are JSON. */
export interface ChainEvent {
  readonly seq: number;
  readonly at: string;
  readonly kind: string;
  readonly by: string;
  readonly body: string;
  readonly prev: string;
  readonly hash: string;
}

/** What the first event follows. */
export const ORIGIN = '0'.repeat(64);

/** SHA-256 over the fields, one a line: JSON and the others hold no line end of their own. */
export function hashOf({ prev, seq, at, kind, by, body }: Omit<ChainEvent, 'hash'>): string {
  return createHash('sha256').update([prev, seq, at, kind, by, body].join('\n')).digest('hex');
}

/** Follows the chain and returns what is wrong with it, in words; at most `problemsMax`. */
export function* walk(events: Iterable<ChainEvent>): Generator<string> {
  let last: Pick<ChainEvent, 'seq' | 'hash'> = { seq: 0, hash: ORIGIN };
  for (const event of events) {
    const { seq, prev, hash } = event;
    if (seq !== last.seq + 1) {
      const first = last.seq + 1;
      const which = seq - 1 === first ? `Event ${first} is` : `Events ${first} to ${seq - 1} are`;
      yield `${which} missing`;
    }
    if (hashOf(event) !== hash) yield `Event ${seq} (${event.kind}) was changed`;
    else if (prev !== last.hash && seq === last.seq + 1) {
      yield seq === 1
        ? `Event 1 (${event.kind}) follows something that is not there`
        : `Event ${last.seq} was changed, or event ${seq} moved: ${seq} follows another one`;
    }
    last = event;
  }
}
