// Posts what the ledger holds to Clock: charges by their reference, so that none is there twice; calls in small
// batches that are never sent again. What nobody can know is for a person.
import { codeOf } from '../core/errors.ts';
import type { Message } from '../core/messages.ts';
import { nextDelayMs } from '../core/retry.ts';
import { priceOf } from './articles.ts';
import type { Ledger, Entry } from './ledger.ts';
import { CALLS_AT_ONCE, LOOK_MS, POST_BACK_OFF_MS_MAX } from './limits.ts';
import type { Needs, Pms, PostedCharge, Refusal, ReportedCall } from './ports.ts';
import { referenceOf } from './wire.ts';
import type { Call, OpenRow, Row } from './wire.ts';

export interface Posting {
  /** There is something to post, or the way is free again. */
  kick(): void;
  /** Why nothing goes at the moment, as a code. */
  problem(): string | undefined;
  close(): void;
}

type PostingNeeds = Pick<Needs, 'pms' | 'records' | 'makeMessage' | 'log' | 'random'> & {
  readonly ledger: Ledger;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<boolean>;
};

/** What one try came to: the rows as they are now, or nothing was done and it must wait. */
type Step =
  | { readonly is: 'done'; readonly entries: readonly Entry<Row>[] }
  | { readonly is: 'later'; readonly why: string };

export function createPosting(needs: PostingNeeds): Posting {
  const { ledger, wait, log } = needs;
  const stop = new AbortController();
  const { signal } = stop;
  const failed = (error: unknown): void => log.error(`hotel: posting: ${codeOf(error)}`);
  let problem: string | undefined;

  const lane = (
    count: number,
    is: readonly ('charge' | 'article' | 'call')[],
    step: (pms: Pms, entries: readonly Entry[]) => Promise<Step>,
  ): (() => void) => {
    let isAtIt = false;
    let nap = new AbortController();
    const run = async (): Promise<void> => {
      let failures = 0;
      for (;;) {
        const entries = ledger.next(is, count);
        const pms = needs.pms();
        if (signal.aborted || pms === undefined || entries.length === 0) return;
        const came = await step(pms, entries);
        if (signal.aborted) return;
        if (came.is === 'done') {
          if (!(await ledger.save(came.entries, came.entries.flatMap(told)))) return;
          [failures, problem] = [0, undefined];
          continue;
        }
        failures += 1;
        if (problem !== came.why) log.warning(`hotel: not posted: ${came.why}`);
        problem = came.why;
        const capMs = POST_BACK_OFF_MS_MAX;
        nap = new AbortController();
        const either = AbortSignal.any([signal, nap.signal]);
        await wait(nextDelayMs({ failures, random: needs.random(), capMs }), either);
      }
    };
    return () => {
      nap.abort();
      if (isAtIt || signal.aborted) return;
      isAtIt = true;
      void run()
        .catch(failed)
        .finally(() => {
          isAtIt = false;
          // Something came between the last look and now.
          if (needs.pms() !== undefined && ledger.next(is, 1).length > 0) again();
        });
    };
  };
  const again = (): void => {
    setImmediate(() => kick());
  };

  /** What the cloud is told of a row that a person must resolve. */
  const told = ({ id, row }: Entry<Row>): Message[] => {
    if (row.state !== 'unknown' && row.state !== 'rejected') return [];
    const { what, service, text } = row;
    log.warning(`hotel: ${what.is} ${id}: ${row.state}`);
    return [
      needs.makeMessage({
        ...{ direction: 'event', lane: 'business', service, kind: `charge.${row.state}` },
        body: { key: id, why: text, ...shown(what) },
      }),
    ];
  };

  /** undefined: Clock could not be asked. */
  const found = async (pms: Pms, booking: number, reference: string) => {
    const seen = await pms.calls.charges.ofBooking(booking);
    if (!seen.ok) return undefined;
    return { charge: seen.value.find((one) => one.print_text === reference) };
  };

  /**
   * It was begun once: is it there? After a crash the write may still be on its way, therefore several looks; a person
   * who says "again" comes later than any write.
   */
  const sought = async (pms: Pms, booking: number, id: string) => {
    const looks = ledger.isInherited(id) ? LOOK_MS : LOOK_MS.slice(0, 1);
    let last: Awaited<ReturnType<typeof found>>;
    for (const ms of looks) {
      if (ms > 0 && !(await wait(ms, signal))) return undefined;
      last = await found(pms, booking, referenceOf(id));
      if (last?.charge !== undefined) return last;
    }
    return last;
  };

  const postCharge = async (pms: Pms, [entry]: readonly Entry[]): Promise<Step> => {
    const { id, row } = entry!;
    const { what } = row;
    if (what.is === 'call') return { is: 'later', why: 'not a charge' };
    const priced = await priceOf(pms, needs.records, { id, what });
    if (!priced.ok) {
      return priced.why === 'unpriced'
        ? { is: 'done', entries: [{ id, row: closed(row, 'rejected', priced.text) }] }
        : { is: 'later', why: priced.text };
    }
    const isBegun = row.state === 'posting' || (row.state === 'stored' && row.seek === true);
    if (isBegun) {
      const seen = await sought(pms, what.booking, id);
      if (seen === undefined) return { is: 'later', why: 'not known whether it was posted' };
      if (seen.charge !== undefined) return posted(entry!, seen.charge.id);
    }
    if (!(await ledger.save([{ id, row: begun(row) }]))) return { is: 'later', why: 'closed' };
    return judged(pms, entry!, priced.charge);
  };
  const judged = async (pms: Pms, entry: Entry, charge: PostedCharge): Promise<Step> => {
    const { id, row } = entry;
    const booking = row.what.is === 'call' ? 0 : row.what.booking;
    const reply = await pms.calls.charges.post(booking, charge);
    if (reply.ok) return posted(entry, reply.value.id);
    // The agent stops: the next one finds it begun, and looks for it.
    if (signal.aborted) return { is: 'later', why: 'closed' };
    if (reply.why === 'unknown') {
      return { is: 'done', entries: [{ id, row: closed(row, 'unknown', words(reply)) }] };
    }
    if (reply.why !== 'rejected') return { is: 'later', why: words(reply) };
    // It says no with the same number (500) as something that broke after it was written.
    const seen = await found(pms, booking, charge.reference);
    if (seen?.charge !== undefined) return posted(entry, seen.charge.id);
    const state = seen === undefined ? 'unknown' : 'rejected';
    return { is: 'done', entries: [{ id, row: closed(row, state, words(reply)) }] };
  };

  const reportCalls = async (pms: Pms, entries: readonly Entry[]): Promise<Step> => {
    const lost = entries.filter(({ row }) => row.state === 'posting');
    // Nobody can look for a call: one that was begun is for a person, before anything else.
    if (lost.some(({ id }) => ledger.isInherited(id))) {
      return {
        is: 'done',
        entries: lost.map(({ id, row }) => ({ id, row: closed(row, 'unknown', 'restarted') })),
      };
    }
    const fresh = entries.map(({ id, row }) => ({ id, row: begun(row) }));
    if (!(await ledger.save(fresh))) return { is: 'later', why: 'closed' };
    const calls = entries.flatMap(({ row }) => (row.what.is === 'call' ? reported(row.what) : []));
    const reply = await pms.calls.phone.report(calls);
    if (reply.ok) return { is: 'done', entries: fresh.map(({ id, row }) => ended(id, row)) };
    if (signal.aborted) return { is: 'later', why: 'closed' };
    const isUnknown =
      reply.why === 'unknown' || (reply.why === 'rejected' && (reply.status ?? 0) >= 500);
    if (isUnknown || reply.why === 'rejected') {
      const state = isUnknown ? 'unknown' : 'rejected';
      const text = `${words(reply)}${calls.length > 1 ? ` (${calls.length} calls at once)` : ''}`;
      return {
        is: 'done',
        entries: fresh.map(({ id, row }) => ({ id, row: closed(row, state, text) })),
      };
    }
    // Nothing was done: as if it had not been begun.
    await ledger.save(
      entries.map(({ id, row }) => ({ id, row: { ...row, state: 'stored' } as Row })),
    );
    return { is: 'later', why: words(reply) };
  };

  const lanes = [
    lane(1, ['charge', 'article'], postCharge),
    lane(CALLS_AT_ONCE, ['call'], reportCalls),
  ];
  const kick = (): void => {
    for (const one of lanes) one();
  };
  return { kick, problem: () => problem, close: () => stop.abort() };
}

const base = ({ seq, atMs, service }: Row) => ({ v: 1, seq, atMs, service }) as const;
const begun = (row: OpenRow): OpenRow => ({ ...base(row), state: 'posting', what: row.what });
const closed = (row: OpenRow, state: 'unknown' | 'rejected', text: string): Row => ({
  ...base(row),
  ...{ state, text, what: row.what },
});
/** Guests' data goes with it: what remains recognises a repeat. */
const ended = (id: string, row: OpenRow): Entry<Row> => ({
  id,
  row: { ...base(row), state: 'posted' },
});
const posted = ({ id, row }: Entry, charge: number): Step => ({
  is: 'done',
  entries: [{ id, row: { ...base(row), state: 'posted', charge } }],
});

/** Without a guest's number: only what a person needs to find it. */
function shown(what: OpenRow['what']): Record<string, unknown> {
  switch (what.is) {
    case 'charge': {
      const { is, room, booking, text, price, quantity, at } = what;
      return { is, room, booking, text, price, quantity, at };
    }
    case 'article': {
      const { is, room, booking, article, quantity, at } = what;
      return { is, room, booking, article, quantity, at };
    }
    case 'call': {
      const { is, extension, at, seconds, impulses, price } = what;
      return { is, extension, at, seconds, impulses, price };
    }
  }
}

export const words = ({ why, text }: Refusal): string => (text === undefined ? why : text);

const two = (value: number): string => String(value).padStart(2, '0');

/** Clock's form of a call; what a duration of more than 99 hours is, no exchange knows. */
function reported(call: Call): ReportedCall {
  const { seconds } = call;
  const parts = seconds === undefined ? [] : [seconds / 3_600, (seconds / 60) % 60, seconds % 60];
  const duration = parts.map((part) => two(Math.min(99, Math.floor(part)))).join(':');
  return {
    ...{ at: call.at.replace('T', ' '), line: call.extension },
    ...(seconds !== undefined && { duration }),
    ...(call.dialled !== undefined && { dialled: call.dialled }),
    ...(call.impulses !== undefined && { impulses: call.impulses }),
    ...(call.price !== undefined && { price: call.price }),
  };
}
