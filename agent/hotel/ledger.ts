// What systems in the hotel reported and what became of it: on the card before they are told that it is taken, and
// kept for a while so that a repeat is recognised. Who posts it is posting.ts.
import { codeOf } from '../core/errors.ts';
import type { Message } from '../core/messages.ts';
import {
  LEDGER_DONE_MAX,
  LEDGER_KEPT_MS,
  LEDGER_OPEN_EACH_MAX,
  LEDGER_OPEN_MAX,
  PRUNE_MS,
  SAVE_AGAIN_MS,
} from './limits.ts';
import type { Needs } from './ports.ts';
import { keys, parseRow, render } from './wire.ts';
import type { OpenRow, Row, What } from './wire.ts';

export interface Entry<R = OpenRow> {
  /** "<service>/<hash>" */
  readonly id: string;
  readonly row: R;
}

export interface Ledger {
  /** `repeat`: it is here already, whatever became of it. `full`: nothing was taken. */
  take(given: Taken): Promise<'new' | 'repeat' | 'full'>;
  /** Is it here, whatever became of it? */
  knows(id: string): boolean;
  /** What can be posted now, the oldest first. */
  next(is: readonly What['is'][], count: number): readonly Entry[];
  /** What a person must resolve, the oldest first. */
  open(): readonly Entry[];
  find(id: string): OpenRow | undefined;
  /** Was it begun by an earlier process? Then nobody here knows how far it came. */
  isInherited(id: string): boolean;
  /** Tried until the card takes it. False: stopped. */
  save(entries: readonly Entry<Row>[], messages?: readonly Message[]): Promise<boolean>;
  /** How many wait, and how many are for a person. */
  counts(): { readonly waiting: number; readonly open: number };
  close(): void;
}

export interface Taken {
  readonly service: string;
  /** By the first a repeat is recognised. */
  readonly ids: readonly string[];
  readonly what: readonly What[];
  /** Goes to the cloud with it. Without `what` the row says only that it did. */
  readonly messages?: readonly Message[];
}

type LedgerNeeds = Pick<Needs, 'records' | 'trustedWallMs' | 'log' | 'onChange'> & {
  readonly wait: (ms: number, signal: AbortSignal) => Promise<boolean>;
};

export function createLedger(needs: LedgerNeeds): Ledger {
  const { records, log, wait } = needs;
  const stop = new AbortController();
  const { signal } = stop;
  const open = new Map<string, OpenRow>();
  const inherited = new Set<string>();
  const coming = new Map<string, Promise<'new' | 'repeat' | 'full'>>();
  let seq = 0;
  for (const { key, value } of records.list(keys.ledger)) {
    const row = parseRow(value);
    const id = key.slice(keys.ledger.length);
    if (row === undefined) log.error(`hotel: ledger ${id} is damaged`);
    else seq = Math.max(seq, row.seq);
    if (row === undefined || !('what' in row)) continue;
    open.set(id, row);
    if (row.state === 'posting') inherited.add(id);
  }

  const isFull = (service: string, more: number): boolean => {
    const all = open.size + more;
    if (all <= LEDGER_OPEN_EACH_MAX) return false;
    const own = [...open.values()].filter((row) => row.service === service).length;
    return all > LEDGER_OPEN_MAX || own + more > LEDGER_OPEN_EACH_MAX;
  };
  const store = async ({ service, ids, what, messages = [] }: Taken) => {
    const known = records.get(keys.row(ids[0]!));
    if (known !== undefined) return 'repeat';
    if (isFull(service, what.length)) return 'full';
    const atMs = needs.trustedWallMs() ?? 0;
    const rows = ids.map((id, index): Entry<Row> => {
      const base = { v: 1, seq: (seq += 1), atMs, service } as const;
      const one = what[index];
      const row: Row =
        one === undefined ? { ...base, state: 'told' } : { ...base, state: 'stored', what: one };
      return { id, row };
    });
    const put = rows.map(({ id, row }) => ({ key: keys.row(id), value: render(row) }));
    await records.change({ put, messages });
    remember(rows);
    return 'new';
  };
  const remember = (entries: readonly Entry<Row>[]): void => {
    for (const { id, row } of entries) {
      if ('what' in row) open.set(id, row);
      else open.delete(id);
      if (row.state !== 'posting') inherited.delete(id);
    }
  };

  const take: Ledger['take'] = async (given) => {
    const id = given.ids[0]!;
    const before = coming.get(id);
    // The same at the same time: what becomes of the first is what becomes of both.
    if (before !== undefined) return (await before) === 'full' ? 'full' : 'repeat';
    const mine = store(given);
    coming.set(id, mine);
    return mine.finally(() => coming.delete(id));
  };

  const save: Ledger['save'] = async (entries, messages = []) => {
    const put = entries.map(({ id, row }) => ({ key: keys.row(id), value: render(row) }));
    for (;;) {
      try {
        if (signal.aborted) return false;
        await records.change({ put, messages });
        break;
      } catch (error) {
        log.warning(`hotel: ledger: not stored: ${codeOf(error)}`);
        if (!(await wait(SAVE_AGAIN_MS, signal))) return false;
      }
    }
    remember(entries);
    if (entries.some(({ row }) => row.state === 'unknown' || row.state === 'rejected')) {
      needs.onChange?.();
    }
    return true;
  };

  /** What is done is forgotten when no repeat of it comes any more; what is open, never. */
  const prune = (): void => {
    const wallMs = needs.trustedWallMs();
    if (wallMs === undefined) return;
    const done = records.list(keys.ledger).flatMap(({ key, value }) => {
      const row = parseRow(value);
      return row === undefined || 'what' in row ? [] : [{ key, row }];
    });
    const byAge = done.toSorted((a, b) => b.row.seq - a.row.seq);
    const old = byAge.filter(
      ({ row }, index) =>
        index >= LEDGER_DONE_MAX || (row.atMs > 0 && wallMs - row.atMs > LEDGER_KEPT_MS),
    );
    if (old.length === 0) return;
    records.change({ remove: old.map(({ key }) => key) }).catch((error: unknown) => {
      log.warning(`hotel: ledger: not pruned: ${codeOf(error)}`);
    });
  };
  const pruner = setInterval(prune, PRUNE_MS);
  pruner.unref();

  const sorted = (wanted: (row: OpenRow) => boolean): readonly Entry[] =>
    [...open]
      .filter(([, row]) => wanted(row))
      .map(([id, row]) => ({ id, row }))
      .toSorted((a, b) => a.row.seq - b.row.seq);
  const isDue = (row: OpenRow): boolean => row.state === 'stored' || row.state === 'posting';
  const isForPerson = (row: OpenRow): boolean => !isDue(row);
  return {
    ...{ take, save },
    knows: (id) => records.get(keys.row(id)) !== undefined,
    next: (is, count) => sorted((row) => is.includes(row.what.is) && isDue(row)).slice(0, count),
    open: () => sorted(isForPerson),
    find: (id) => open.get(id),
    isInherited: (id) => inherited.has(id),
    counts: () => {
      const waiting = [...open.values()].filter(isDue).length;
      return { waiting, open: open.size - waiting };
    },
    close: () => {
      clearInterval(pruner);
      stop.abort();
    },
  };
}
