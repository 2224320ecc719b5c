// A run of checks as a state machine: what is measured when, what a failure is blamed on, when the
// next run is due. Pure; run.ts measures.
import {
  MEASUREMENTS_AT_ONCE_MAX,
  RUN_MS_FAILED_FIRST,
  RUN_MS_FAILED_MAX,
  RUN_MS_MIN,
  RUN_MS_WELL,
  VISIT_MS_MAX,
} from '../core/limits.ts';
import { CHECKS, CHECK_IDS } from './results.ts';
import type { CheckId, CheckView, Outcome } from './results.ts';

interface Entry {
  readonly outcome: Outcome;
  readonly measuredMs: number;
  readonly passedMs: number | undefined;
}
interface Known {
  readonly entries: Readonly<Partial<Record<CheckId, Entry>>>;
  /** Runs in a row in which something failed. */
  readonly failures: number;
}

export type Diagnostics =
  | (Known & { readonly at: 'idle'; readonly startedMs: number | undefined })
  | (Known & {
      readonly at: 'running';
      readonly startedMs: number;
      readonly active: readonly CheckId[];
      /** Of this run; a set would be mutable. */
      readonly ended: readonly CheckId[];
    });

/** `person` pressed the button, `visit` opened the page, `timer` is the agent itself. */
export type Event =
  | { readonly on: 'asked'; readonly by: 'person' | 'visit' | 'timer'; readonly nowMs: number }
  | {
      readonly on: 'ended';
      readonly id: CheckId;
      readonly outcome: Outcome;
      readonly nowMs: number;
    };

export type Effect =
  | { readonly do: 'begin' }
  | { readonly do: 'measure'; readonly id: CheckId }
  | { readonly do: 'refuse'; readonly retryMs: number }
  | { readonly do: 'changed'; readonly id: CheckId; readonly from: string; readonly to: string }
  | { readonly do: 'finish'; readonly nextRunMs: number };

export interface Step {
  readonly state: Diagnostics;
  readonly effects: readonly Effect[];
}

export const initial: Diagnostics = { at: 'idle', startedMs: undefined, entries: {}, failures: 0 };

export function next(state: Diagnostics, event: Event): Step {
  switch (event.on) {
    case 'asked':
      return asked(state, event);
    case 'ended':
      return state.at === 'running' ? ended(state, event) : { state, effects: [] };
  }
}

type Running = Extract<Diagnostics, { at: 'running' }>;

function asked(state: Diagnostics, event: Extract<Event, { on: 'asked' }>): Step {
  const ageMs = state.startedMs === undefined ? Infinity : event.nowMs - state.startedMs;
  const ageMsMin = { person: RUN_MS_MIN, visit: VISIT_MS_MAX, timer: 0 }[event.by];
  if (state.at === 'running' || ageMs < ageMsMin) {
    const retryMs = Math.max(1_000, ageMsMin - ageMs);
    return { state, effects: [{ do: 'refuse', retryMs }] };
  }
  const { entries, failures } = state;
  const started: Running = {
    at: 'running',
    startedMs: event.nowMs,
    entries,
    failures,
    active: [],
    ended: [],
  };
  const { state: running, effects } = fill(started);
  return { state: running, effects: [{ do: 'begin' }, ...effects] };
}

function ended(state: Running, event: Extract<Event, { on: 'ended' }>): Step {
  const { id, nowMs } = event;
  if (!state.active.includes(id)) return { state, effects: [] };
  const outcome = blame(state, id, event.outcome);
  const before = state.entries[id];
  const passedMs = outcome.state === 'passed' ? nowMs : before?.passedMs;
  const from = before?.outcome.state ?? 'unknown';
  const changed: Effect[] =
    from === outcome.state ? [] : [{ do: 'changed', id, from, to: outcome.state }];
  const filled = fill({
    ...state,
    entries: { ...state.entries, [id]: { outcome, measuredMs: nowMs, passedMs } },
    active: state.active.filter((other) => other !== id),
    ended: [...state.ended, id],
  });
  if (filled.state.ended.length < CHECK_IDS.length) {
    return { state: filled.state, effects: [...changed, ...filled.effects] };
  }
  const { entries, startedMs } = filled.state;
  const failed = Object.values(entries).some((entry) => entry.outcome.state === 'failed');
  const failures = failed ? state.failures + 1 : 0;
  return {
    state: { at: 'idle', startedMs, entries, failures },
    effects: [...changed, { do: 'finish', nextRunMs: nextRunMs(failures) }],
  };
}

/** Starts what may start: everything it waits for has ended, and few enough are active. */
function fill(state: Running): { state: Running; effects: Effect[] } {
  const ready = CHECK_IDS.filter(
    (id) =>
      !state.active.includes(id) &&
      !state.ended.includes(id) &&
      CHECKS[id].after.every((other) => state.ended.includes(other)),
  ).slice(0, MEASUREMENTS_AT_ONCE_MAX - state.active.length);
  return {
    state: { ...state, active: [...state.active, ...ready] },
    effects: ready.map((id) => ({ do: 'measure', id })),
  };
}

/**
 * A failure behind another failure is no failure of its own: one cause, one remedy. What was not
 * checked for want of something that itself wants something names the latter.
 */
function blame(state: Running, id: CheckId, outcome: Outcome): Outcome {
  if (outcome.state === 'passed' || outcome.state === 'warning') return outcome;
  const named =
    outcome.state === 'not-checked'
      ? outcome.needs === undefined
        ? []
        : [outcome.needs]
      : undefined;
  for (const cause of named ?? CHECKS[id].blames) {
    const found = state.ended.includes(cause) ? state.entries[cause]?.outcome : undefined;
    if (found?.state === 'failed') {
      return { state: 'not-checked', notes: outcome.notes, needs: cause };
    }
    // What waits for this very check is no cause of it.
    if (found?.state === 'not-checked' && found.needs !== undefined && found.needs !== id) {
      return { state: 'not-checked', notes: outcome.notes, needs: found.needs };
    }
  }
  return outcome;
}

/** Soon after a first failure, then twice as long each time up to the limit. */
export function nextRunMs(failures: number): number {
  if (failures === 0) return RUN_MS_WELL;
  return Math.min(RUN_MS_FAILED_FIRST * 2 ** (failures - 1), RUN_MS_FAILED_MAX);
}

/** Every check as others see it, in the order of the description. */
export function viewsOf(state: Diagnostics, nowMs: number): CheckView[] {
  return CHECK_IDS.map((id) => {
    const entry = state.entries[id];
    const passedMs = entry?.passedMs;
    return {
      id,
      outcome: entry?.outcome ?? { state: 'running', notes: [] },
      measuredMsAgo: entry === undefined ? undefined : nowMs - entry.measuredMs,
      passedMsAgo: passedMs === undefined ? undefined : nowMs - passedMs,
    };
  });
}
