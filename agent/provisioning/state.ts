// Fleet provisioning by claim as a state machine: what is done next, what is on the card before it,
// how long to wait after a failure. Pure. Pulling the plug anywhere ends in the same place: the next
// start reads what was saved and does the same step again, and every step may be done twice.
import { nextDelayMs } from '../core/retry.ts';
import type { Saved } from './wire.ts';

/** The way to the cloud is at fault, or the cloud is busy: as the link does. */
const BACK_OFF_MS_MAX = 120_000;
/** The cloud said no to the claim: only a person can change that, and a fleet must not hammer. */
const REFUSED_MS_MAX = 900_000;
/** The own certificate is refused while its policy lags behind the registration: seconds, usually. */
const LAG_MS_MAX = 60_000;
/** The claim is looked for this often; a person may be waiting. */
const CLAIM_MS = 5_000;
/** Rejections of a registration after which the certificate is tried as it is: any code may mean "again". */
const REJECTIONS_MAX = 5;
/** Refusals after which a certificate whose registration is unknown is given up. */
const TRIAL_REFUSALS_MAX = 4;

export type Action =
  | 'look-for-claim'
  | 'make-key'
  | 'ask-certificate'
  | 'register'
  | 'connect'
  | 'remove-claim';

export type Outcome =
  | { readonly is: 'claim-found' }
  | { readonly is: 'key-made' }
  | {
      readonly is: 'certificate';
      readonly certificateId: string;
      readonly certificatePem: string;
      readonly token: string;
    }
  | { readonly is: 'registered' }
  | { readonly is: 'connected' }
  | { readonly is: 'claim-removed' }
  | {
      readonly is: 'failed';
      readonly why: string;
      /**
       * `no-claim`: it is not there. `way`: not reached. `busy`: throttled. `refused`: the certificate
       * was not let in. `rejected`: the request was answered with no. `token`: too old.
       */
      readonly kind: 'no-claim' | 'way' | 'busy' | 'refused' | 'rejected' | 'token';
    };

interface Known {
  readonly saved: Saved;
  /** In a row, in this step. */
  readonly failures: number;
  /** Of these, the ones where the cloud said no. */
  readonly refusals: number;
  readonly problem:
    | { readonly why: string; readonly atMs: number; readonly refused: boolean }
    | undefined;
}

export type Provisioning =
  | (Known & { readonly at: 'off' })
  | (Known & { readonly at: 'acting'; readonly action: Action })
  /** `saved` is on its way to the card; nothing else happens meanwhile. */
  | (Known & { readonly at: 'saving' })
  | (Known & { readonly at: 'waiting'; readonly action: Action })
  | (Known & { readonly at: 'done' });

export type Event =
  | { readonly on: 'started'; readonly saved: Saved }
  | {
      readonly on: 'ended';
      readonly outcome: Outcome;
      readonly nowMs: number;
      readonly random: number;
    }
  | { readonly on: 'stored' }
  | {
      readonly on: 'not-stored';
      readonly why: string;
      readonly nowMs: number;
      readonly random: number;
    }
  | { readonly on: 'due' };

export type Effect =
  | { readonly do: 'act'; readonly action: Action; readonly saved: Saved }
  | { readonly do: 'store'; readonly saved: Exclude<Saved, { at: 'new' }> }
  | { readonly do: 'wait'; readonly delayMs: number }
  /** The unit has a certificate that works. */
  | { readonly do: 'finish'; readonly certificatePem: string };

export interface Step {
  readonly state: Provisioning;
  readonly effects: readonly Effect[];
}

export const initial: Provisioning = {
  at: 'off',
  saved: { at: 'new' },
  failures: 0,
  refusals: 0,
  problem: undefined,
};

export function next(state: Provisioning, event: Event): Step {
  switch (event.on) {
    case 'started':
      return state.at === 'off' ? begin({ ...initial, saved: event.saved }) : stay(state);
    case 'ended':
      return state.at === 'acting' ? ended(state, event) : stay(state);
    case 'stored':
      return state.at === 'saving' ? begin(state) : stay(state);
    case 'not-stored':
      return state.at === 'saving' ? notStored(state, event) : stay(state);
    case 'due':
      return due(state);
  }
}

function due(state: Provisioning): Step {
  if (state.at === 'waiting') return act(state, state.action);
  if (state.at !== 'saving' || state.saved.at === 'new') return stay(state);
  return { state, effects: [{ do: 'store', saved: state.saved }] };
}

const stay = (state: Provisioning): Step => ({ state, effects: [] });
const known = ({ saved, failures, refusals, problem }: Known): Known => ({
  saved,
  failures,
  refusals,
  problem,
});

/** The next step after what is saved. */
function begin(state: Known): Step {
  const { saved } = state;
  switch (saved.at) {
    case 'new':
      return act(state, 'look-for-claim');
    case 'keyed':
      return act(state, 'ask-certificate');
    case 'certified':
      return act(state, 'register');
    case 'trial':
    case 'registered':
      return act(state, 'connect');
    case 'confirmed':
      return act(state, 'remove-claim');
    case 'done': {
      const { certificatePem } = saved;
      return {
        state: { saved, failures: 0, refusals: 0, problem: undefined, at: 'done' },
        effects: [{ do: 'finish', certificatePem }],
      };
    }
  }
}

function act(state: Known, action: Action): Step {
  const effect = { do: 'act', action, saved: state.saved } as const;
  return { state: { ...known(state), at: 'acting', action }, effects: [effect] };
}

function ended(
  state: Extract<Provisioning, { at: 'acting' }>,
  event: Extract<Event, { on: 'ended' }>,
): Step {
  const { outcome } = event;
  if (outcome.is === 'failed') return failed(state, outcome, event);
  if (outcome.is === 'claim-found') return act(state, 'make-key');
  const saved = follows(state.saved, outcome);
  return saved === undefined ? stay(state) : store({ ...initial, saved });
}

/** What is saved after a step has succeeded; undefined: this does not follow. */
function follows(saved: Saved, outcome: Outcome): Exclude<Saved, { at: 'new' }> | undefined {
  switch (outcome.is) {
    case 'key-made':
      return saved.at === 'new' ? { v: 1, at: 'keyed' } : undefined;
    case 'certificate': {
      const { certificateId, certificatePem, token } = outcome;
      if (saved.at !== 'keyed') return undefined;
      return { v: 1, at: 'certified', certificateId, certificatePem, token };
    }
    case 'registered':
      return saved.at === 'certified' ? withCertificate('registered', saved) : undefined;
    case 'connected':
      if (saved.at !== 'registered' && saved.at !== 'trial') return undefined;
      return withCertificate('confirmed', saved);
    case 'claim-removed':
      return saved.at === 'confirmed' ? withCertificate('done', saved) : undefined;
    case 'claim-found':
    case 'failed':
      return undefined;
  }
}

const withCertificate = (
  at: 'trial' | 'registered' | 'confirmed' | 'done',
  from: { readonly certificateId: string; readonly certificatePem: string },
): Exclude<Saved, { at: 'new' | 'keyed' | 'certified' }> => ({
  v: 1,
  at,
  certificateId: from.certificateId,
  certificatePem: from.certificatePem,
});

function store(state: Known & { readonly saved: Exclude<Saved, { at: 'new' }> }): Step {
  const { saved } = state;
  return { state: { ...known(state), at: 'saving' }, effects: [{ do: 'store', saved }] };
}

function failed(
  state: Extract<Provisioning, { at: 'acting' }>,
  outcome: Extract<Outcome, { is: 'failed' }>,
  { nowMs, random }: { readonly nowMs: number; readonly random: number },
): Step {
  const { saved, action } = state;
  const { kind, why } = outcome;
  if (kind === 'no-claim') {
    const waiting = { saved, failures: 0, refusals: 0, problem: undefined, action } as const;
    return {
      state: { ...waiting, at: 'waiting' },
      effects: [{ do: 'wait', delayMs: CLAIM_MS }],
    };
  }
  const isNo = kind === 'refused' || kind === 'rejected' || kind === 'token';
  const failures = state.failures + 1;
  const refusals = state.refusals + (isNo ? 1 : 0);
  const problem = { why, atMs: nowMs, refused: isNo };
  const isUseless = kind === 'token' || (kind === 'rejected' && refusals >= REJECTIONS_MAX);
  if (saved.at === 'certified' && isUseless) {
    // The registration may have happened and its answer been lost: then the certificate works, and a
    // second one would leave two in use. Its token is of no more use.
    return store({ saved: withCertificate('trial', saved), failures, refusals: 0, problem });
  }
  if (saved.at === 'trial' && refusals >= TRIAL_REFUSALS_MAX) {
    return store({ saved: { v: 1, at: 'keyed' }, failures, refusals: 0, problem });
  }
  const ownIsRefused = action === 'connect' && isNo;
  const capMs = ownIsRefused ? LAG_MS_MAX : isNo ? REFUSED_MS_MAX : BACK_OFF_MS_MAX;
  return {
    state: {
      saved,
      failures,
      refusals,
      problem,
      at: 'waiting',
      action,
    },
    effects: [{ do: 'wait', delayMs: nextDelayMs({ failures, random, capMs }) }],
  };
}

/** The card does not take it: it is tried again, and nothing else is done before. */
function notStored(
  state: Extract<Provisioning, { at: 'saving' }>,
  event: Extract<Event, { on: 'not-stored' }>,
): Step {
  const { why, nowMs, random } = event;
  const failures = state.failures + 1;
  const delayMs = nextDelayMs({ failures, random, capMs: BACK_OFF_MS_MAX });
  return {
    state: { ...state, failures, problem: { why, atMs: nowMs, refused: false } },
    effects: [{ do: 'wait', delayMs }],
  };
}
