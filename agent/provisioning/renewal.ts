// Renewal of the unit's certificate as rules: when, what is done next, what is on the card before it.
// Pure. The old certificate and its key stay in force until the new one has let the unit in; one write
// of the state then changes both. Every step may be done twice, so the plug can be pulled anywhere.
import { nextDelayMs } from '../core/retry.ts';
import type { Outcome } from './state.ts';
import { otherKey } from './wire.ts';
import type { KeyFile, Saved } from './wire.ts';

export type Done = Extract<Saved, { readonly at: 'done' }>;
type Failed = Extract<Outcome, { readonly is: 'failed' }>;
export type Step = 'make-key' | 'ask-certificate' | 'register' | 'try';

/** Of the lifetime; the rest is for what goes wrong, and for units that are switched off for months. */
const DUE_AT = 2 / 3;
/** A renewal has time: from a minute on, up to an hour, to a day when the cloud says no. */
const FIRST_DOUBLINGS = 4;
const BACK_OFF_MS_MAX = 3_600_000;
const REFUSED_MS_MAX = 24 * 3_600_000;
/** The new certificate is tried soon again: until then the unit may be without any that works. */
const TRIAL_MS_MAX = 60_000;
/** As in state.ts: its answer may have been lost, or it was never registered. */
const REJECTIONS_MAX = 5;
const TRIAL_REFUSALS_MAX = 4;

/** In a row, of one step. */
export interface Tries {
  readonly failures: number;
  /** Of these, the ones where the cloud said no. */
  readonly refusals: number;
}
export const noTries: Tries = { failures: 0, refusals: 0 };

export function isDue(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  wallMs: number,
): boolean {
  return wallMs >= fromMs + (toMs - fromMs) * DUE_AT;
}

export const keyOf = ({ key = 'unit.key' }: Done): KeyFile => key;

/** What is done next; `make-key` begins a renewal. */
export function stepOf({ next }: Done): Step {
  switch (next?.at) {
    case undefined:
      return 'make-key';
    case 'keyed':
      return 'ask-certificate';
    case 'certified':
      return 'register';
    case 'trial':
      return 'try';
  }
}

/** What is saved after a step that succeeded; undefined: this does not follow. */
export function follows(saved: Done, outcome: Outcome): Done | undefined {
  const { next } = saved;
  switch (outcome.is) {
    case 'key-made':
      return next === undefined ? { ...saved, next: { at: 'keyed' } } : undefined;
    case 'certificate': {
      if (next?.at !== 'keyed') return undefined;
      const { certificateId, certificatePem, token } = outcome;
      return { ...saved, next: { at: 'certified', certificateId, certificatePem, token } };
    }
    case 'registered':
      return next?.at === 'certified' ? toTrial(saved, next) : undefined;
    case 'connected': {
      if (next?.at !== 'trial') return undefined;
      const { certificateId, certificatePem } = next;
      return { v: 1, at: 'done', certificateId, certificatePem, key: otherKey(keyOf(saved)) };
    }
    case 'claim-found':
    case 'claim-removed':
    case 'failed':
      return undefined;
  }
}

const toTrial = (
  saved: Done,
  { certificateId, certificatePem }: { certificateId: string; certificatePem: string },
): Done => ({ ...saved, next: { at: 'trial', certificateId, certificatePem } });

/**
 * After a failure: how often it failed, how long to wait, and what is saved instead, if anything. When
 * it is not known whether the new certificate was registered, it is tried before another is asked for.
 */
export function afterFailure(
  saved: Done,
  { kind }: Failed,
  { tries, random }: { readonly tries: Tries; readonly random: number },
): { readonly tries: Tries; readonly saved: Done | undefined; readonly delayMs: number } {
  const { next } = saved;
  const isNo = kind === 'refused' || kind === 'rejected' || kind === 'token';
  const failures = tries.failures + 1;
  const refusals = tries.refusals + (isNo ? 1 : 0);
  const isUseless = kind === 'token' || (kind === 'rejected' && refusals >= REJECTIONS_MAX);
  if (next?.at === 'certified' && isUseless) {
    return { tries: { failures, refusals: 0 }, saved: toTrial(saved, next), delayMs: 0 };
  }
  const isGivenUp = next?.at === 'trial' && refusals >= TRIAL_REFUSALS_MAX;
  const capMs = isNo ? REFUSED_MS_MAX : BACK_OFF_MS_MAX;
  const isTrial = next?.at === 'trial' && !isGivenUp;
  return {
    tries: { failures, refusals: isGivenUp ? 0 : refusals },
    saved: isGivenUp ? { ...saved, next: { at: 'keyed' } } : undefined,
    delayMs: isTrial
      ? nextDelayMs({ failures: failures + 1, random, capMs: TRIAL_MS_MAX })
      : nextDelayMs({ failures: failures + FIRST_DOUBLINGS, random, capMs }),
  };
}
