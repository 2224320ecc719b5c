// How much waits, is set aside, was dropped: the queue in numbers.
import type { OutboxView } from '../core/cloud.ts';
import { LANES } from '../core/messages.ts';
import type { Store } from './ports.ts';

type Counts = Pick<OutboxView, 'waiting' | 'waitingBytes' | 'oldestMsAgo' | 'dead' | 'dropped'>;

/** `settled`: so many still lie in the store and no longer wait. Throws when it cannot be read. */
export function countsOf(
  store: Store,
  { settled, wallMs }: { readonly settled: number; readonly wallMs: number },
): Counts {
  const totals = LANES.map((lane) => store.totals(lane));
  const oldest = totals.flatMap(({ oldestMs }) => oldestMs ?? []);
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  return {
    waiting: Math.max(0, sum(totals.map(({ count }) => count)) - settled),
    waitingBytes: sum(totals.map(({ bytes }) => bytes)),
    oldestMsAgo: oldest.length === 0 ? undefined : Math.max(0, wallMs - Math.min(...oldest)),
    dead: store.deadCount(),
    dropped: store.droppedCount(),
  };
}
