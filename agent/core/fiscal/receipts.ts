// Prints each receipt of a fiscal printer once and keeps the journal: what is printed stays known over a restart, and
// what an earlier process left behind is settled before anything else is printed. How one is printed its interface knows.
import type { ServiceHost } from '../interface.ts';
import type { OrderOutcome } from '../vocabulary.ts';
import { ended, journalOf, textOf } from './journal.ts';
import type { Ending, JobBase, Journal } from './journal.ts';
import { repeatOf } from './past.ts';
import type { Plan } from './plan.ts';

export interface Receipts<P extends Plan> {
  /** Never rejects. `signal` counts until the receipt is begun: after that it is brought to an end. */
  print(plan: P, signal: AbortSignal): Promise<OrderOutcome>;
  /** What was begun and not finished, once the printer is there. False: something is left. */
  settle(): Promise<boolean>;
}

/** Puts the job on the card; false: it is not there. */
export type Note<J extends JobBase> = (job: J) => Promise<boolean>;

interface Printing<P extends Plan, J extends JobBase> {
  readonly host: ServiceHost;
  /** A job as it was written; undefined: it is none. */
  readonly jobOf: (value: unknown) => J | undefined;
  /** Waits a while for a printer that is away. */
  readonly whenUp: () => Promise<unknown>;
  readonly isUp: () => boolean;
  readonly begin: (plan: P, note: Note<J>) => Promise<Ending<string | number>>;
  readonly recover: (job: J, note: Note<J>) => Promise<Ending<string | number>>;
}

const NAME = 'fiscal';

const no = (
  why: 'offline' | 'busy' | 'refused' | 'unknown' | 'expired',
  text: string,
): OrderOutcome => ({ ok: false, why, text });

export function createReceipts<P extends Plan, J extends JobBase>(
  printing: Printing<P, J>,
): Receipts<P> {
  const { host, jobOf, whenUp, isUp, begin, recover } = printing;
  /** Undefined: not read yet. */
  let journal: Journal<J> | undefined;

  const load = async (): Promise<Journal<J> | 'away' | 'damaged'> => {
    if (journal !== undefined) return journal;
    try {
      const text = await host.recall(NAME);
      journal = text === undefined ? { job: undefined, past: [] } : journalOf(text, jobOf);
    } catch {
      return 'away';
    }
    return journal ?? 'damaged';
  };
  const keep = async (now: Journal<J>): Promise<boolean> => {
    journal = now;
    try {
      await host.remember(NAME, textOf(now));
      return true;
    } catch {
      return false;
    }
  };
  const note: Note<J> = (job) => keep({ past: journal?.past ?? [], job });
  const finish = async (job: JobBase, ending: Ending<string | number>): Promise<void> => {
    await keep(ended(journal ?? { job: undefined, past: [] }, job, ending));
  };
  const settle = async (): Promise<boolean> => {
    const known = await load();
    if (typeof known === 'string') return false;
    const { job } = known;
    if (job === undefined) return true;
    if (!isUp()) return false;
    const ending = await recover(job, note);
    host.log.warning(`A receipt that was begun before is ${ending.is} now (${job.key})`);
    await finish(job, ending);
    return journal?.job === undefined;
  };
  const print = async (plan: P, signal: AbortSignal): Promise<OrderOutcome> => {
    await whenUp();
    const isSettled = await settle();
    const known = await load();
    if (known === 'away') return no('busy', 'the unit cannot read its notes now');
    if (known === 'damaged')
      return no(
        'refused',
        'the unit cannot read its notes of this printer: set the service up anew',
      );
    const repeat = repeatOf(known.past, plan);
    if (repeat !== undefined) return repeat;
    if (!isSettled && known.job?.key === plan.key)
      return no('unknown', 'this receipt was begun; it is looked at when the printer is back');
    if (!isSettled || !isUp()) return no('offline', 'the printer does not answer');
    if (signal.aborted) return no('expired', 'too late, nothing was printed');
    const ending = await begin(plan, note);
    await finish(plan, ending);
    host.count(ending.is === 'printed' ? 'receipts' : ending.is);
    return outcomeOf(ending);
  };
  return { print, settle };
}

function outcomeOf(ending: Ending<string | number>): OrderOutcome {
  switch (ending.is) {
    case 'printed':
      return { ok: true, body: { document: ending.document?.toString(), isRepeat: false } };
    case 'not-printed':
      return no(ending.why, ending.text);
    case 'unknown':
      return no('unknown', ending.text);
  }
}
