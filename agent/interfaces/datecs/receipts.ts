// Plays receipts on a printer, as state.ts decides, and keeps the journal: what is printed stays known over a
// restart, and what an earlier process left behind is settled before anything else is printed.
import { repeatOf } from '../../core/fiscal/past.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { OrderOutcome } from '../../core/vocabulary.ts';
import type { Dialect } from './config.ts';
import { EMPTY, ended, journalOf, textOf } from './journal.ts';
import type { Journal } from './journal.ts';
import type { Ending } from './judge.ts';
import type { Plan } from './plan.ts';
import type { Printer } from './printer.ts';
import { begin, next, recover } from './state.ts';
import type { Effect, Event, Step } from './state.ts';
import { documentOf, transactionOf } from './wire.ts';

export interface Receipts {
  /** Never rejects. `signal` counts until the receipt is begun: after that it is brought to an end. */
  print(plan: Plan, signal: AbortSignal): Promise<OrderOutcome>;
  /** What was begun and not finished, once the printer is there. False: something is left. */
  settle(): Promise<boolean>;
}

const NAME = 'fiscal';
const no = (
  why: 'offline' | 'busy' | 'refused' | 'unknown' | 'expired',
  text: string,
): OrderOutcome => ({
  ok: false,
  why,
  text,
});

interface Timing {
  /** Ends early when the service stops. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly stopped: AbortSignal;
  /** How long a printer is waited for that is not there. */
  readonly absentMs: number;
}

export function createReceipts(
  {
    host,
    printer,
    dialect,
  }: { readonly host: ServiceHost; readonly printer: Printer; readonly dialect: Dialect },
  { sleep, stopped, absentMs }: Timing,
): Receipts {
  /** Undefined: not read yet. */
  let journal: Journal | undefined;

  const load = async (): Promise<Journal | 'away' | 'damaged'> => {
    if (journal !== undefined) return journal;
    try {
      const text = await host.recall(NAME);
      journal = text === undefined ? EMPTY : journalOf(text);
    } catch {
      return 'away';
    }
    return journal ?? 'damaged';
  };
  const keep = async (now: Journal): Promise<boolean> => {
    journal = now;
    try {
      await host.remember(NAME, textOf(now));
      return true;
    } catch {
      return false;
    }
  };
  const ask = async ({ command, isAction }: Extract<Effect, { do: 'ask' }>): Promise<Event> => {
    // An action that cannot go now is not kept for later: the printer is asked where it stands first.
    const isThere = printer.isUp || (!isAction && (await printer.whenUp(absentMs)));
    const answer = isThere ? await printer.ask(command, { isAction }) : undefined;
    const nowMs = host.clock.nowMs();
    if (answer?.ok !== true) return { on: 'lost', nowMs };
    const { reply, status } = answer;
    const transaction = transactionOf(reply.data, dialect);
    return { on: 'answer', status, transaction, document: documentOf(reply.data), nowMs };
  };
  const perform = async (effect: Exclude<Effect, { do: 'end' }>): Promise<Event> => {
    switch (effect.do) {
      case 'ask':
        return ask(effect);
      case 'note': {
        const isKept = await keep({ past: journal?.past ?? [], job: effect.job });
        return { on: 'noted', isKept };
      }
      case 'pause':
        await sleep(effect.delayMs);
        return { on: 'paused', nowMs: host.clock.nowMs() };
    }
  };
  const play = async (first: Step): Promise<Ending> => {
    let { state, effect } = first;
    while (effect.do !== 'end') {
      const event = await perform(effect);
      if (stopped.aborted)
        return { is: 'unknown', text: 'the service was stopped', isPending: true };
      ({ state, effect } = next(state, event));
    }
    return effect.ending;
  };
  const settle = async (): Promise<boolean> => {
    const known = await load();
    if (typeof known === 'string') return false;
    if (known.job === undefined) return true;
    if (!printer.isUp) return false;
    const { job } = known;
    const ending = await play(recover(job, dialect));
    host.log.warning(`A receipt that was begun before is ${ending.is} now (${job.key})`);
    await keep(ended(journal ?? EMPTY, job, ending));
    return journal?.job === undefined;
  };
  const print = async (plan: Plan, signal: AbortSignal): Promise<OrderOutcome> => {
    await printer.whenUp(absentMs);
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
    if (!isSettled || !printer.isUp) return no('offline', 'the printer does not answer');
    if (signal.aborted) return no('expired', 'too late, nothing was printed');
    const ending = await play(begin(plan, dialect));
    await keep(ended(journal ?? EMPTY, plan, ending));
    host.count(ending.is === 'printed' ? 'receipts' : ending.is);
    return outcomeOf(ending);
  };
  return { print, settle };
}

function outcomeOf(ending: Ending): OrderOutcome {
  switch (ending.is) {
    case 'printed':
      return { ok: true, body: { document: ending.document?.toString(), isRepeat: false } };
    case 'not-printed':
      return no(ending.why, ending.text);
    case 'unknown':
      return no('unknown', ending.text);
  }
}
