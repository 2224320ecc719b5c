// One receipt on an Epson RT printer as a state machine. The document that prints goes out once; when its answer is
// missing, the printer is only asked: its state, and the number of its last receipt where it tells it. Pure: run.ts
// performs the effects, one at a time, and feeds back what came of each.
import type { Ending as Common } from '../../core/fiscal/journal.ts';
import { LOOKS_MAX, LOOK_AGAIN_MS } from './limits.ts';
import { conditionOf } from './wire.ts';
import type { Answer } from './wire.ts';

/** What outlives a power cut, written before the document is sent. */
export interface Job {
  readonly key: string;
  readonly digest: string;
  readonly total: number;
  /** The printer's last receipt before this one; undefined: it does not tell. */
  readonly before: Last | undefined;
}
interface Last {
  readonly receipt: number;
  readonly zReport: number;
}

type Ending = Common<string>;

interface Known {
  readonly job: Job;
  readonly document: string | undefined;
}
export type State =
  | (Known & { readonly at: 'asking' })
  | (Known & { readonly at: 'noting' })
  | (Known & { readonly at: 'printing' })
  /** `words`: what the printer gave as the reason; undefined: its answer is missing. */
  | (Known & {
      readonly at: 'looking' | 'pausing';
      readonly looks: number;
      readonly isCalm: boolean;
      readonly words: string | undefined;
    })
  | { readonly at: 'done'; readonly ending: Ending };
type Looking = Extract<State, { at: 'looking' | 'pausing' }>;

export type Event =
  | { readonly on: 'answer'; readonly answer: Answer }
  /** `isSent`: the printer may have it all the same. */
  | { readonly on: 'lost'; readonly isSent: boolean }
  | { readonly on: 'noted'; readonly isKept: boolean }
  | { readonly on: 'paused' };

export type Effect =
  | { readonly do: 'ask' }
  | { readonly do: 'note'; readonly job: Job }
  | { readonly do: 'print'; readonly document: string }
  | { readonly do: 'pause'; readonly delayMs: number }
  | { readonly do: 'end'; readonly ending: Ending };

export interface Step {
  readonly state: State;
  readonly effect: Effect;
}

export function begin({
  key,
  digest,
  total,
  document,
}: Omit<Job, 'before'> & { readonly document: string }): Step {
  const job = { key, digest, total, before: undefined };
  return { state: { at: 'asking', job, document }, effect: { do: 'ask' } };
}

/** A receipt that was sent by another process, or by this one before the printer went away. */
export const recover = (job: Job): Step => look({ job, document: undefined }, undefined);

export function next(state: State, event: Event): Step {
  switch (state.at) {
    case 'done':
      return end(state.ending);
    case 'asking':
      return asked(state, event);
    case 'noting':
      return noted(state, event);
    case 'printing':
      return printed(state, event);
    case 'looking':
      return looked(state, event);
    case 'pausing':
      return { state: { ...state, at: 'looking', looks: state.looks + 1 }, effect: { do: 'ask' } };
  }
}

const end = (ending: Ending): Step => ({
  state: { at: 'done', ending },
  effect: { do: 'end', ending },
});
const refused = (text: string): Step => end({ is: 'not-printed', why: 'refused', text });
const unknown = (text: string): Step =>
  end({ is: 'unknown', text: `${text}: look at the printer`, isPending: false });

/** 0 may mean that there was none today, or that it does not tell: nothing follows from it. */
const lastOf = ({ receipt, zReport }: Answer): Last | undefined =>
  receipt === undefined || receipt === 0 || zReport === undefined
    ? undefined
    : { receipt, zReport };

function asked(state: Extract<State, { at: 'asking' }>, event: Event): Step {
  if (event.on !== 'answer')
    return end({ is: 'not-printed', why: 'offline', text: 'the printer does not answer' });
  const { answer } = event;
  const { isUsable, isOpen, words } = conditionOf(answer.status);
  if (!answer.success)
    return refused(`the printer is not ready: ${answer.code || words.join(', ')}`);
  if (isOpen) return refused(`${words.join(', ')}: finish it on the printer first`);
  if (!isUsable) return refused(`the printer is not ready: ${words.join(', ')}`);
  const job = { ...state.job, before: lastOf(answer) };
  return { state: { ...state, at: 'noting', job }, effect: { do: 'note', job } };
}

function noted(state: Extract<State, { at: 'noting' }>, event: Event): Step {
  const { document } = state;
  if (event.on !== 'noted' || !event.isKept || document === undefined)
    return refused('the unit could not note the receipt on its card');
  return { state: { ...state, at: 'printing' }, effect: { do: 'print', document } };
}

function printed(state: Extract<State, { at: 'printing' }>, event: Event): Step {
  if (event.on === 'lost' && !event.isSent)
    return end({ is: 'not-printed', why: 'offline', text: 'the printer does not answer' });
  if (event.on !== 'answer') return look(state, undefined);
  const { success, code, receipt, zReport } = event.answer;
  if (success) return end({ is: 'printed', document: documentOf(receipt, zReport) });
  // The web service speaks for a printer that did not answer it in time: that may print all the same.
  return look(state, /TIMEOUT|NO_ANSWER|BUSY/i.test(code) ? undefined : code || 'no reason given');
}

/** As reversals name it: Z report and receipt. */
const documentOf = (
  receipt: number | undefined,
  zReport: number | undefined,
): string | undefined => {
  if (receipt === undefined) return undefined;
  const four = (number: number): string => String(number).padStart(4, '0');
  return zReport === undefined ? four(receipt) : `${four(zReport)}-${four(receipt)}`;
};

function look({ job, document }: Known, words: string | undefined): Step {
  return {
    state: { at: 'looking', job, document, looks: 1, isCalm: false, words },
    effect: { do: 'ask' },
  };
}

function looked(state: Looking, event: Event): Step {
  if (event.on !== 'answer' || event.answer.status === undefined)
    return again(state, {
      is: 'unknown',
      text: 'the printer went away while it printed: look at it',
      isPending: true,
    });
  const { answer } = event;
  const { isOpen, words } = conditionOf(answer.status);
  if (isOpen) {
    const text = `${words.join(', ')}: look at the printer`;
    return again(state, { is: 'unknown', text, isPending: false });
  }
  const { job } = state;
  const [before, now] = [job.before, lastOf(answer)];
  if (before !== undefined && now !== undefined) {
    if (before.zReport !== now.zReport) return unknown('the day was closed meanwhile');
    const grown = now.receipt - before.receipt;
    // Once more after a while: the document may still wait in the web service.
    if (grown === 0 && !state.isCalm) return pause({ ...state, isCalm: true });
    if (grown === 0) return refused(`the printer did not print it${because(state.words)}`);
    if (grown === 1 && answer.cents === job.total)
      return end({ is: 'printed', document: documentOf(now.receipt, now.zReport) });
    return unknown('the printer has printed something, it is not known what');
  }
  if (state.words !== undefined) return refused(`the printer refused it: ${state.words}`);
  return unknown('it is not known whether the receipt was printed');
}

const because = (words: string | undefined): string => (words === undefined ? '' : `: ${words}`);

function again(state: Looking, atLast: Extract<Ending, { is: 'unknown' }>): Step {
  // Of another process' receipt nobody waits for the answer: later will do.
  const isPatient = atLast.isPending ? state.document !== undefined : true;
  return state.looks >= LOOKS_MAX || !isPatient ? end(atLast) : pause({ ...state, isCalm: false });
}

const pause = (state: Looking): Step => ({
  state: { ...state, at: 'pausing' },
  effect: { do: 'pause', delayMs: LOOK_AGAIN_MS },
});
