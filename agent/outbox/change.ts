// Several changes as one, and which of them the lanes have room for. Pure.
import type { Lane } from '../core/messages.ts';
import type { RecordChange } from '../core/records.ts';
import { BATCH_BYTES_MAX, BATCH_MAX, POLICIES, SHARE_BYTES_MAX } from './limits.ts';
import type { Change } from './ports.ts';

/** Of several changes to one record the last one counts. */
export function merged(
  changes: readonly Required<RecordChange>[],
): Pick<Change, 'add' | 'put' | 'drop'> {
  const values = new Map<string, string | undefined>();
  for (const { remove, put } of changes) {
    for (const key of remove) values.set(key, undefined);
    for (const { key, value } of put) values.set(key, value);
  }
  const put = [...values].flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }]));
  const drop = [...values].flatMap(([key, value]) => (value === undefined ? [key] : []));
  return { add: changes.flatMap(({ messages }) => messages), put, drop };
}

interface Sized {
  readonly bytes: number;
}

/** What a change brings to the card, but for what SQLite adds. */
export function bytesOf({ put, messages }: Required<RecordChange>): number {
  const values = put.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
  return messages.reduce((sum, { payload }) => sum + payload.length, values);
}

/** How many of those that wait share the next commit. */
export function countInBatch(pending: readonly Sized[]): number {
  let [count, bytes] = [0, 0];
  for (const one of pending.slice(0, BATCH_MAX)) {
    bytes += one.bytes;
    if (count > 0 && bytes > BATCH_BYTES_MAX) break;
    count += 1;
  }
  return count;
}

interface Admitted<Asked> {
  readonly taken: readonly Asked[];
  readonly refused: readonly Asked[];
  /** So much must then be dropped. */
  readonly excess: ReadonlyMap<Lane, number>;
}

/** `bytes`: what each lane holds. */
export function admitted<Asked extends { readonly change: Required<RecordChange> }>(
  batch: readonly Asked[],
  bytes: ReadonlyMap<Lane, number>,
): Admitted<Asked> {
  const taken: Asked[] = [];
  const refused: Asked[] = [];
  let totals = bytes;
  for (const asked of batch) {
    const after = new Map(totals);
    for (const { lane, payload } of asked.change.messages) {
      after.set(lane, after.get(lane)! + payload.length);
    }
    const isFull = asked.change.messages.some(
      ({ lane }) =>
        POLICIES[lane].whenFull === 'refuse' && after.get(lane)! > POLICIES[lane].bytesMax,
    );
    (isFull ? refused : taken).push(asked);
    if (!isFull) totals = after;
  }
  const excess = [...totals].flatMap(([lane, total]): [Lane, number][] => {
    const { bytesMax, whenFull } = POLICIES[lane];
    return whenFull === 'drop-oldest' && total > bytesMax ? [[lane, total - bytesMax]] : [];
  });
  return { taken, refused, excess: new Map(excess) };
}

/** What is then too much of each share; `held`: what it has already. */
export function excessOfShares(
  taken: readonly { readonly change: Required<RecordChange> }[],
  held: (share: string) => number,
): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const { share, payload } of taken.flatMap(({ change }) => change.messages)) {
    if (share === undefined) continue;
    totals.set(share, (totals.get(share) ?? held(share)) + payload.length);
  }
  const excess = [...totals].map(([share, bytes]) => [share, bytes - SHARE_BYTES_MAX] as const);
  return new Map(excess.filter(([, bytes]) => bytes > 0));
}
