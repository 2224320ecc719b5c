// What is concluded about a receipt from what the printer shows (4C and 71): done, not taken, cancelled, printed, or
// nothing for certain. Pure; state.ts acts on it.
import type { Ending as Common } from '../../core/fiscal/journal.ts';
import { moneyOf } from '../../core/decimal.ts';
import { TRIES_MAX } from './limits.ts';
import type { Step as PlanStep } from './plan.ts';
import { CONDITION_WORDS, blocking } from './wire.ts';
import type { Condensed, Transaction } from './wire.ts';

/** `open`: no payment was sent. `paying`: no close was sent. `cancelling`: nothing was paid. */
export type Phase = 'open' | 'paying' | 'closing' | 'cancelling';

export type Ending = Common<number>;

export type Verdict =
  /** The step was taken: the one after it. */
  | { readonly is: 'done' }
  /** It was not: the same once more. */
  | { readonly is: 'again' }
  /** Somebody must put the printer in order first. */
  | { readonly is: 'wait'; readonly words: string }
  /** Nothing is paid, and it cannot go on. */
  | { readonly is: 'cancel'; readonly words: string }
  /** Found after a restart: goes on with this step. */
  | { readonly is: 'at'; readonly index: number }
  | { readonly is: 'end'; readonly ending: Ending };

export const unknown = (text: string): Extract<Verdict, { is: 'end' }> => ({
  is: 'end',
  ending: { is: 'unknown', text: `${text}: look at the printer` },
});
export const notPrinted = (
  text: string,
  why: 'refused' | 'offline' = 'refused',
): Extract<Verdict, { is: 'end' }> => ({ is: 'end', ending: { is: 'not-printed', why, text } });
const printed = (document: number): Verdict => ({
  is: 'end',
  ending: { is: 'printed', document },
});

/** What the printer shows; the number of its last document is known. */
export interface Shown {
  readonly isOpen: boolean;
  readonly amount: number;
  readonly paid: number;
  readonly document: number;
  /** By how many documents it has grown since the receipt was begun. */
  readonly grown: number;
  readonly status: Condensed;
}

export const shownOf = (
  seen: Transaction & { readonly document: number },
  { before, status }: { readonly before: number; readonly status: Condensed },
): Shown => ({ ...seen, grown: seen.document - before, status });

/** Before a receipt: undefined when it may begin. */
export function judgeBegin({ isOpen, status }: Shown): Verdict | undefined {
  if (isOpen || status.isFiscalOpen || status.isTextOpen)
    return notPrinted('another receipt is open on the printer: finish it there first');
  const condition = blocking(status);
  if (condition === undefined) return undefined;
  return notPrinted(`the printer is not ready: ${CONDITION_WORDS[condition]}`);
}

/** After another process, or this one before the printer went away for long, had begun it. */
export function judgeFound(
  shown: Shown,
  { phase, steps }: { readonly phase: Phase; readonly steps: readonly PlanStep[] },
): Verdict {
  const { isOpen, amount, paid, document, grown } = shown;
  const words = 'the unit was stopped in the middle of the receipt';
  if (!isOpen) {
    if (phase === 'closing' && grown === 1) return printed(document);
    // A cancel of ours may have a number of its own. Without it a new number may be a receipt that somebody
    // finished by hand.
    const isNone = phase === 'cancelling' ? grown === 0 || grown === 1 : grown === 0;
    if (isNone && (phase === 'open' || phase === 'cancelling'))
      return notPrinted(`${words}, nothing was sold`);
    return unknown(`${words}, and it is not known whether it was finished`);
  }
  if (grown < 0 || grown > 1) return unknown('another receipt is open');
  if (paid === 0 && phase !== 'closing') return { is: 'cancel', words };
  // Sold in full, and paid as far as one of our payments reaches: the rest of them, then the close.
  const last = steps.findLastIndex((one) => one.name === 'pay' && one.paid === paid);
  const isOurs = last >= 0 && amount === steps[last]!.amount;
  const isPaid = isOurs && steps[last + 1]?.name !== 'pay';
  if (isOurs && (phase === 'paying' || (phase === 'closing' && isPaid)))
    return { is: 'at', index: last + 1 };
  return unknown(`${words}: it is partly paid and still open`);
}

export interface AfterStep {
  readonly steps: readonly PlanStep[];
  readonly index: number;
  /** Its answer came, was a refusal, or is missing. */
  readonly cause: 'acked' | 'refused' | 'lost';
  /** How often it was sent. */
  readonly tries: number;
  /** Why it was refused, or the printer's trouble. */
  readonly words: string;
}

export function judgeStep(shown: Shown, after: AfterStep): Verdict {
  if (shown.isOpen) return stillOpen(shown, after);
  const { grown, document } = shown;
  const { steps, index, cause, tries, words } = after;
  const { name } = steps[index]!;
  if (name === 'close') {
    if (cause === 'acked' || grown === 1) return printed(document);
    return unknown('the receipt is closed, but its number is not the one expected');
  }
  if (name === 'open') {
    if (cause === 'refused') return notPrinted(`refused: ${words}`);
    // The printer says so: nothing is open, and there is no new document.
    if (grown === 0 && tries < TRIES_MAX) return { is: 'again' };
    return notPrinted('the printer did not open the receipt');
  }
  const wasPaying = steps.slice(0, index + 1).some((one) => one.name === 'pay');
  if (grown === 0 && !wasPaying)
    return notPrinted(`the printer dropped the receipt, nothing was sold${words && `: ${words}`}`);
  return unknown('the receipt was ended on the printer, it is not known how');
}

function stillOpen(shown: Shown, { steps, index, cause, tries, words }: AfterStep): Verdict {
  const { grown, status } = shown;
  const { name, amount, paid } = steps[index]!;
  if (grown < 0 || grown > 1) return unknown('another receipt is open');
  const shows = (wanted: { readonly amount: number; readonly paid: number }): boolean =>
    shown.amount === wanted.amount && shown.paid === wanted.paid;
  const isAfter = name !== 'close' && shows({ amount, paid });
  if (name === 'open') return isAfter ? { is: 'done' } : unknown('another receipt is open');
  // The close changes no sum.
  const isBefore = shows(name === 'close' ? { amount, paid } : steps[index - 1]!);
  // A line of text twice or not at all changes nothing that is sold.
  const isIdle = name === 'text' || name === 'subtotal' || name === 'sum';
  if (isAfter && (!isBefore || isIdle)) return { is: 'done' };
  const giveUp = (why: string): Verdict =>
    shown.paid === 0
      ? { is: 'cancel', words: why }
      : unknown(`a receipt is open and partly paid (${why})`);
  if (!isBefore || isAfter) {
    const differs = `it shows ${moneyOf(shown.amount)} instead of ${moneyOf(amount)}`;
    return giveUp(words || differs);
  }
  const condition = blocking(status);
  if (condition !== undefined) return { is: 'wait', words: CONDITION_WORDS[condition] };
  if (cause === 'refused') return giveUp(words);
  if (tries >= TRIES_MAX) return giveUp('the line to it is bad');
  return { is: 'again' };
}

/** After a cancel was sent. */
export function judgeCancelled(
  { isOpen, paid }: Shown,
  { tries, words }: { readonly tries: number; readonly words: string },
): Verdict {
  if (!isOpen) return notPrinted(`cancelled, nothing was sold: ${words}`);
  if (paid > 0 || tries >= TRIES_MAX)
    return unknown(`a receipt that was begun is still open and cannot be cancelled (${words})`);
  return { is: 'again' };
}
