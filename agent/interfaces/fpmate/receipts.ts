// Plays receipts on the printer, as state.ts decides, and keeps what must be known after a restart: the receipt that
// was sent and not answered, and the last ones printed.
import type { ServiceHost } from '../../core/interface.ts';
import { REMEMBER_BYTES_MAX } from '../../core/interface.ts';
import { pastOf, repeatOf, rowOf, withPast, withoutPast } from '../../core/fiscal/past.ts';
import type { Past } from '../../core/fiscal/past.ts';
import type { OrderOutcome } from '../../core/vocabulary.ts';
import { PAST_MAX } from './limits.ts';
import type { Plan } from './plan.ts';
import { begin, next, recover } from './state.ts';
import type { Ending, Event, Effect, Job, Step } from './state.ts';
import type { Answer } from './wire.ts';

/** One request and what came of it; `isSent`: the printer may have acted on it. */
export type Posted =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly isSent: boolean };

export interface Receipts {
  /** Never rejects. `signal` counts until the document is sent. */
  print(plan: Plan, signal: AbortSignal): Promise<OrderOutcome>;
  /** What was sent and never answered, once the printer is there. False: something is left. */
  settle(): Promise<boolean>;
}

interface Needs {
  readonly host: ServiceHost;
  readonly askStatus: () => Promise<Posted>;
  readonly post: (document: string) => Promise<Posted>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly stopped: AbortSignal;
}

interface Journal {
  readonly job: Job | undefined;
  readonly past: readonly Past[];
}
const EMPTY: Journal = { job: undefined, past: [] };
const NAME = 'fiscal';

const no = (
  why: 'offline' | 'busy' | 'refused' | 'unknown' | 'expired',
  text: string,
): OrderOutcome => ({ ok: false, why, text });

export function createReceipts({ host, askStatus, post, sleep, stopped }: Needs): Receipts {
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
  const eventOf = (posted: Posted): Event =>
    posted.ok ? { on: 'answer', answer: posted.answer } : { on: 'lost', isSent: posted.isSent };
  const perform = async (effect: Exclude<Effect, { do: 'end' }>): Promise<Event> => {
    switch (effect.do) {
      case 'ask':
        return eventOf(await askStatus());
      case 'note':
        return { on: 'noted', isKept: await keep({ past: journal?.past ?? [], job: effect.job }) };
      case 'print':
        return eventOf(await post(effect.document));
      case 'pause':
        await sleep(effect.delayMs);
        return { on: 'paused' };
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
  const finish = async (job: Pick<Job, 'key' | 'digest'>, ending: Ending): Promise<void> => {
    const { key, digest } = job;
    const past = journal?.past ?? [];
    // The job stays, if it was noted: the printer is asked before anything else is printed.
    if (ending.is === 'unknown' && ending.isPending) return;
    if (ending.is === 'not-printed') await keep({ job: undefined, past: withoutPast(past, key) });
    else {
      const document = ending.is === 'printed' ? ending.document : undefined;
      await keep({
        job: undefined,
        past: withPast(past, { key, digest, is: ending.is, document }, PAST_MAX),
      });
    }
  };
  const settle = async (): Promise<boolean> => {
    const known = await load();
    if (typeof known === 'string') return false;
    if (known.job === undefined) return true;
    const ending = await play(recover(known.job));
    host.log.warning(`A receipt that was sent before is ${ending.is} now (${known.job.key})`);
    await finish(known.job, ending);
    return journal?.job === undefined;
  };
  const print = async (plan: Plan, signal: AbortSignal): Promise<OrderOutcome> => {
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
      return no('unknown', 'this receipt was sent; the printer is asked when it is back');
    if (!isSettled) return no('offline', 'the printer does not answer');
    if (signal.aborted) return no('expired', 'too late, nothing was printed');
    const ending = await play(begin(plan));
    await finish(plan, ending);
    host.count(ending.is === 'printed' ? 'receipts' : ending.is);
    switch (ending.is) {
      case 'printed':
        return { ok: true, body: { document: ending.document, isRepeat: false } };
      case 'not-printed':
        return no(ending.why, ending.text);
      case 'unknown':
        return no('unknown', ending.text);
    }
  };
  return { print, settle };
}

export function textOf({ job, past }: Journal): string {
  const rows = past.slice(-PAST_MAX).map(rowOf);
  const text = (): string => JSON.stringify([job ?? null, rows]);
  while (rows.length > 0 && Buffer.byteLength(text()) > REMEMBER_BYTES_MAX) rows.shift();
  return text();
}

/** Undefined: not what `textOf` writes. Then nothing may be printed: it is not known what was. */
export function journalOf(text: string): Journal | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 2 || !Array.isArray(value[1])) return undefined;
  const past = value[1].map(pastOf);
  if (past.includes(undefined)) return undefined;
  const job = value[0] === null ? undefined : jobOf(value[0]);
  if (value[0] !== null && job === undefined) return undefined;
  return { job, past: past.filter((one) => one !== undefined) };
}

function jobOf(value: unknown): Job | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, digest, total, before } = value as Partial<Record<keyof Job, unknown>>;
  if (typeof key !== 'string' || typeof digest !== 'string' || typeof total !== 'number')
    return undefined;
  if (before === undefined) return { key, digest, total, before };
  const { receipt, zReport } = before as Partial<Record<'receipt' | 'zReport', unknown>>;
  if (typeof receipt !== 'number' || typeof zReport !== 'number') return undefined;
  return { key, digest, total, before: { receipt, zReport } };
}
