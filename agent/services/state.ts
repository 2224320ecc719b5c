// When a service's process is started, started again, and left alone. Pure: what really runs is run.ts's business.
import type { ProcessState } from '../core/services.ts';
import { nextDelayMs } from '../core/retry.ts';
import { FAILURES_MAX, GREET_MS_MAX, LASTS_MS, PARKED_MS, PAUSE_MS_MAX } from './limits.ts';

export type Process = Exclude<ProcessState, { at: 'refused' | 'testing' }> & {
  /** In a row, without having lasted. */
  readonly failures: number;
};

export type Event =
  /** Its settings are right, and its sandbox is made. */
  | { readonly on: 'wanted'; readonly nowMs: number }
  | { readonly on: 'unwanted' }
  /** An earlier agent started it, and it still runs. */
  | { readonly on: 'found'; readonly nowMs: number }
  /** Its process has said who it is. */
  | { readonly on: 'greeted'; readonly nowMs: number }
  | { readonly on: 'ended'; readonly why: string; readonly nowMs: number; readonly random: number }
  | { readonly on: 'tick'; readonly nowMs: number };

type Effect = 'start' | 'stop';

export interface Step {
  readonly state: Process;
  readonly effects: readonly Effect[];
}

export const off: Process = { at: 'off', failures: 0 };

export function next(state: Process, event: Event): Step {
  switch (event.on) {
    case 'wanted':
      return state.at === 'off' || state.at === 'parked' || state.at === 'waiting'
        ? start(0, event.nowMs)
        : { state, effects: [] };
    case 'unwanted':
      return {
        state: off,
        effects: state.at === 'starting' || state.at === 'running' ? ['stop'] : [],
      };
    case 'found':
      // It greets by itself, or is started anew when it does not.
      return { state: { at: 'starting', sinceMs: event.nowMs, failures: 0 }, effects: [] };
    case 'greeted':
      return state.at === 'off'
        ? { state, effects: [] }
        : { state: { at: 'running', sinceMs: event.nowMs, failures: state.failures }, effects: [] };
    case 'ended':
      return ended(state, event);
    case 'tick':
      return tick(state, event.nowMs);
  }
}

const start = (failures: number, nowMs: number): Step => ({
  state: { at: 'starting', sinceMs: nowMs, failures },
  effects: ['start'],
});

function ended(state: Process, event: Extract<Event, { on: 'ended' }>): Step {
  if (state.at !== 'starting' && state.at !== 'running') return { state, effects: [] };
  const { nowMs, random, why } = event;
  const lasted = state.at === 'running' && nowMs - state.sinceMs >= LASTS_MS;
  const failures = lasted ? 1 : state.failures + 1;
  if (failures >= FAILURES_MAX) {
    return { state: { at: 'parked', sinceMs: nowMs, why, failures }, effects: [] };
  }
  const dueMs = nowMs + nextDelayMs({ failures, random, capMs: PAUSE_MS_MAX });
  return { state: { at: 'waiting', dueMs, why, failures }, effects: [] };
}

function tick(state: Process, nowMs: number): Step {
  if (state.at === 'waiting' && nowMs >= state.dueMs) return start(state.failures, nowMs);
  if (state.at === 'parked' && nowMs - state.sinceMs >= PARKED_MS) return start(0, nowMs);
  if (state.at === 'starting' && nowMs - state.sinceMs >= GREET_MS_MAX) {
    // Stopped first: what hangs would otherwise be two.
    const step = ended(state, { on: 'ended', why: 'does not answer', nowMs, random: 0.5 });
    return { state: step.state, effects: ['stop', ...step.effects] };
  }
  return { state, effects: [] };
}
