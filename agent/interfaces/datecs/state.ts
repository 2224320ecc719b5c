// One fiscal receipt as a state machine: what is sent next, and what is concluded when an answer is missing. A step
// is never sent a second time unless the printer itself has said that it did not take the first. Pure: run.ts
// performs the effects, one at a time, and feeds back what came of each.
import type { Dialect } from './config.ts';
import {
  judgeBegin,
  judgeCancelled,
  judgeFound,
  judgeStep,
  notPrinted,
  shownOf,
  unknown,
} from './judge.ts';
import type { AfterStep, Ending, Phase, Shown, Verdict } from './judge.ts';
import { LOOKS_MAX, LOOK_AGAIN_MS, RECOVER_MS_MAX } from './limits.ts';
import type { Plan, Step as PlanStep } from './plan.ts';
import { CMD, blocking, cancelCommand, stateCommand } from './wire.ts';
import type { Command, Condensed, Transaction } from './wire.ts';

/** What outlives a power cut, written before the step that it names. */
export interface Job {
  readonly key: string;
  readonly digest: string;
  readonly total: number;
  /** The printer's last document before this receipt. */
  readonly before: number;
  readonly phase: Phase;
  /** The commands' data and the amounts: what another process needs to finish a receipt that is partly paid. */
  readonly payments: readonly (readonly [data: string, cents: number])[];
}

/** Why the printer's state is asked for. */
type Look =
  | { readonly for: 'begin' }
  /** After a step: its answer came (`acked`), was a refusal, or is missing. */
  | { readonly for: 'step'; readonly index: number; readonly cause: AfterStep['cause'] }
  | { readonly for: 'recover'; readonly phase: Phase }
  | { readonly for: 'cancelled' };

interface Known {
  readonly dialect: Dialect;
  readonly key: string;
  readonly digest: string;
  readonly total: number;
  /** After a restart: from the sum on. */
  readonly steps: readonly PlanStep[];
  readonly before: number;
  /** Of this step, or of the cancel. */
  readonly tries: number;
  /** In a row without a step done. */
  readonly looks: number;
  /** Since when nothing goes forward. */
  readonly troubleMs: number | undefined;
  /** Why it is being cancelled, or what the printer said last. */
  readonly words: string;
}
export type State =
  | (Known & { readonly at: 'looking'; readonly look: Look })
  | (Known & { readonly at: 'counting'; readonly look: Look; readonly seen: Transaction })
  | (Known & { readonly at: 'pausing'; readonly look: Look })
  | (Known & { readonly at: 'noting'; readonly index: number; readonly isCancel: boolean })
  | (Known & { readonly at: 'step'; readonly index: number })
  | (Known & { readonly at: 'cancelling' })
  | { readonly at: 'done'; readonly ending: Ending };
type Open = Exclude<State, { at: 'done' }>;

export type Event =
  /** `transaction`, `document`: of the answers to 4C and 71, undefined when they cannot be read. */
  | {
      readonly on: 'answer';
      readonly status: Condensed;
      readonly transaction: Transaction | undefined;
      readonly document: number | undefined;
      readonly nowMs: number;
    }
  /** No whole answer came, or the printer is not there. */
  | { readonly on: 'lost'; readonly nowMs: number }
  | { readonly on: 'noted'; readonly isKept: boolean }
  | { readonly on: 'paused'; readonly nowMs: number };

export type Effect =
  /** `isAction`: changes something; sent once. */
  | { readonly do: 'ask'; readonly command: Command; readonly isAction: boolean }
  | { readonly do: 'note'; readonly job: Job }
  | { readonly do: 'pause'; readonly delayMs: number }
  | { readonly do: 'end'; readonly ending: Ending };

export interface Step {
  readonly state: State;
  readonly effect: Effect;
}

/** A receipt that has not been begun. */
export function begin({ key, digest, total, steps }: Plan, dialect: Dialect): Step {
  const known = { dialect, key, digest, total, steps, before: 0, ...FRESH, words: '' };
  return looking(known, { for: 'begin' });
}

/** A receipt that another process, or this one before the printer went away, has begun. */
export function recover(job: Job, dialect: Dialect): Step {
  const { key, digest, total, before, phase } = job;
  const known = { dialect, key, digest, total, steps: endOf(job, dialect), before, words: '' };
  return looking({ ...known, ...FRESH }, { for: 'recover', phase });
}

/** From the sum on: what was sold cannot be known any more, what is to be paid can. */
function endOf({ total, payments }: Job, dialect: Dialect): readonly PlanStep[] {
  const sum = { name: 'sum', command: stateCommand(dialect), amount: total } as const;
  let paid = 0;
  const pays = payments.map(([data, cents]): PlanStep => {
    paid += cents;
    return { name: 'pay', command: { cmd: CMD.pay, data }, amount: total, paid };
  });
  const close = { name: 'close', command: { cmd: CMD.close, data: '' }, amount: total } as const;
  return [{ ...sum, paid: 0 }, ...pays, { ...sum, paid: total }, { ...close, paid: total }];
}

const paymentsOf = (steps: readonly PlanStep[]): Job['payments'] =>
  steps.flatMap(({ name, command, paid }, index) =>
    name === 'pay' ? [[command.data, paid - steps[index - 1]!.paid] as const] : [],
  );

const FRESH = { tries: 0, looks: 0, troubleMs: undefined } as const;

export function next(state: State, event: Event): Step {
  if (state.at === 'done') return end(state.ending);
  switch (event.on) {
    case 'answer':
      return answered(troubled(state, event.nowMs), event);
    case 'lost':
      return lost(troubled(state, event.nowMs), event.nowMs);
    case 'noted':
      return state.at === 'noting' ? noted(state, event.isKept) : astray();
    case 'paused':
      return state.at === 'pausing' ? looking(state, state.look) : astray();
  }
}

const end = (ending: Ending): Step => ({
  state: { at: 'done', ending },
  effect: { do: 'end', ending },
});

/** An event that does not belong to the state: run.ts feeds none. */
const astray = (): Step => end(unknown('the unit lost track of the receipt').ending);

const troubled = <S extends Open>(state: S, nowMs: number): S => ({
  ...state,
  troubleMs: state.troubleMs ?? nowMs,
});

function looking(known: Known, look: Look): Step {
  const state: State = { ...bare(known), at: 'looking', look, looks: known.looks + 1 };
  return { state, effect: { do: 'ask', command: stateCommand(known.dialect), isAction: false } };
}

const bare = (known: Known): Known => ({
  dialect: known.dialect,
  key: known.key,
  digest: known.digest,
  total: known.total,
  steps: known.steps,
  before: known.before,
  tries: known.tries,
  looks: known.looks,
  troubleMs: known.troubleMs,
  words: known.words,
});

/** Sends the step; one that a restart must know of is noted first. */
function step(known: Known, index: number, isNoted = false): Step {
  const { name, command } = known.steps[index]!;
  if (!isNoted) {
    const isFirstPay = name === 'pay' && known.steps[index - 1]?.name !== 'pay';
    if (name === 'open') return note(known, index, 'open');
    if (isFirstPay) return note(known, index, 'paying');
    if (name === 'close') return note(known, index, 'closing');
  }
  if (name === 'sum') return looking(known, { for: 'step', index, cause: 'acked' });
  const state: State = { ...bare(known), at: 'step', index, tries: known.tries + 1 };
  return { state, effect: { do: 'ask', command, isAction: true } };
}

function note(known: Known, index: number, phase: Phase): Step {
  const { key, digest, total, before, steps } = known;
  const payments = paymentsOf(steps);
  return {
    state: { ...bare(known), at: 'noting', index, isCancel: phase === 'cancelling' },
    effect: { do: 'note', job: { key, digest, total, before, phase, payments } },
  };
}

function noted(state: Extract<State, { at: 'noting' }>, isKept: boolean): Step {
  if (state.isCancel) return sendCancel(state);
  const { name } = state.steps[state.index]!;
  // What was not kept must not be begun. A receipt that is paid is closed all the same: should this process end
  // now, the next one finds "paying" and asks a person.
  if (!isKept && name === 'open')
    return end(notPrinted('the unit could not note the receipt on its card').ending);
  if (!isKept && name === 'pay')
    return cancel({ ...state, words: 'the unit could not note the receipt on its card' });
  return step(state, state.index, true);
}

function cancel(known: Known): Step {
  return note({ ...known, tries: 0 }, 0, 'cancelling');
}

function sendCancel(known: Known): Step {
  const state: State = { ...bare(known), at: 'cancelling', tries: known.tries + 1 };
  return { state, effect: { do: 'ask', command: cancelCommand(known.dialect), isAction: true } };
}

function lost(state: Open, nowMs: number): Step {
  if (isLate(state, nowMs)) return late(state);
  switch (state.at) {
    case 'step':
      return looking(state, { for: 'step', index: state.index, cause: 'lost' });
    case 'cancelling':
      return looking(state, { for: 'cancelled' });
    case 'looking':
    case 'counting':
    case 'pausing':
      // Asking costs nothing; how long is bounded by time.
      return looking({ ...state, looks: 0 }, state.look);
    case 'noting':
      return astray();
  }
}

const isLate = ({ troubleMs }: Known, nowMs: number): boolean =>
  troubleMs !== undefined && nowMs - troubleMs > RECOVER_MS_MAX;

/** The printer does not come back, or is not put in order. */
function late(state: Open): Step {
  const look = 'look' in state ? state.look : undefined;
  if (look?.for === 'begin')
    return end(notPrinted('the printer does not answer', 'offline').ending);
  const isClosed = look?.for === 'step' && state.steps[look.index]?.name === 'close';
  if (isClosed && look.cause === 'acked') return end({ is: 'printed', document: undefined });
  const words = state.words && ` (${state.words})`;
  const text = `the printer stopped in the middle of the receipt${words}: look at it`;
  return end({ is: 'unknown', text, isPending: true });
}

function answered(state: Open, event: Extract<Event, { on: 'answer' }>): Step {
  const { status, nowMs } = event;
  switch (state.at) {
    case 'looking': {
      const seen = event.transaction;
      if (seen === undefined || status.refused !== undefined)
        return unread(state, { status, nowMs });
      if (seen.document !== undefined)
        return saw(state, seenIn(state, { ...seen, document: seen.document }, event));
      return {
        state: { ...bare(state), at: 'counting', look: state.look, seen },
        effect: { do: 'ask', command: { cmd: CMD.lastDocument, data: '' }, isAction: false },
      };
    }
    case 'counting': {
      const { document } = event;
      if (document === undefined || status.refused !== undefined)
        return unread(state, { status, nowMs });
      return saw(state, seenIn(state, { ...state.seen, document }, event));
    }
    case 'step':
      return status.refused === undefined
        ? stepDone(state, state.index)
        : refused(state, status, status.refused);
    case 'cancelling':
      return looking(state, { for: 'cancelled' });
    case 'pausing':
    case 'noting':
      return astray();
  }
}

const seenIn = (
  { look, before }: Known & { readonly look: Look },
  seen: Transaction & { readonly document: number },
  { status, nowMs }: { readonly status: Condensed; readonly nowMs: number },
): { look: Look; shown: Shown; nowMs: number } => ({
  look,
  shown: shownOf(seen, { before, status }),
  nowMs,
});

function refused(state: Extract<State, { at: 'step' }>, status: Condensed, words: string): Step {
  const { index } = state;
  // For want of paper: it goes again once there is some. Nothing is begun for which there was none.
  const isPassing = blocking(status) !== undefined && state.steps[index]!.name !== 'open';
  const cause = isPassing ? 'lost' : 'refused';
  return looking({ ...state, words }, { for: 'step', index, cause });
}

/** A question was refused, or its answer says nothing: asked again for a while. */
function unread(
  state: Extract<State, { at: 'looking' | 'counting' }>,
  { status, nowMs }: { readonly status: Condensed; readonly nowMs: number },
): Step {
  const words = status.refused ?? 'its answer cannot be read';
  if (state.look.for === 'begin')
    return end(notPrinted(`the printer is not ready: ${words}`).ending);
  if (state.looks >= LOOKS_MAX || isLate(state, nowMs)) return late({ ...state, words });
  return pause({ ...state, words: state.words || words }, state.look);
}

const pause = (known: Known, look: Look): Step => ({
  state: { ...bare(known), at: 'pausing', look },
  effect: { do: 'pause', delayMs: LOOK_AGAIN_MS },
});

function stepDone(known: Known, index: number): Step {
  const fresh = { ...known, ...FRESH };
  // Acknowledged, so it is printed; the look tells the document's number.
  if (known.steps[index]!.name === 'close')
    return looking(fresh, { for: 'step', index, cause: 'acked' });
  return step(fresh, index + 1);
}

function saw(
  known: Known,
  { look, shown, nowMs }: { readonly look: Look; readonly shown: Shown; readonly nowMs: number },
): Step {
  switch (look.for) {
    case 'begin': {
      const verdict = judgeBegin(shown);
      if (verdict !== undefined) return act(known, { verdict, look, index: 0, nowMs });
      return step({ ...known, ...FRESH, before: shown.document }, 0);
    }
    case 'recover': {
      const verdict = judgeFound(shown, { phase: look.phase, steps: known.steps });
      return act(known, { verdict, look, index: 0, nowMs });
    }
    case 'cancelled': {
      const verdict = judgeCancelled(shown, known);
      return verdict.is === 'again'
        ? sendCancel(known)
        : act(known, { verdict, look, index: 0, nowMs });
    }
    case 'step': {
      const { index, cause } = look;
      const { steps, tries, words } = known;
      const verdict = judgeStep(shown, { steps, index, cause, tries, words });
      return act(known, { verdict, look, index, nowMs });
    }
  }
}

interface Acting {
  readonly verdict: Verdict;
  readonly look: Look;
  readonly index: number;
  readonly nowMs: number;
}

function act(known: Known, { verdict, look, index, nowMs }: Acting): Step {
  switch (verdict.is) {
    case 'done':
      return step({ ...known, ...FRESH }, index + 1);
    case 'again':
      return step(known, index, true);
    case 'at':
      return step(known, verdict.index);
    case 'cancel':
      return cancel({ ...known, words: verdict.words });
    case 'wait': {
      const waiting = { ...known, words: verdict.words };
      if (isLate(known, nowMs)) return late({ ...waiting, at: 'pausing', look });
      // In order again, the step may go once more: it was not taken.
      return pause(waiting, { for: 'step', index, cause: 'lost' });
    }
    case 'end':
      return end(verdict.ending);
  }
}
