// Whose turn it is: the calls of one API user, evenly spaced, by priority, bounded. Every request
// counts, the one that only fetches a challenge too. Pure; knows nothing of HTTP.
import {
  AGE_MS,
  CALL_MS_MIN,
  IN_FLIGHT_MAX,
  IN_FLIGHT_URGENT,
  THROTTLE_MS,
  WAITING_MAX,
  WAIT_MS_MAX,
} from './limits.ts';
import { PRIORITIES } from './ports.ts';
import type { Priority } from './ports.ts';

interface Ticket {
  readonly id: number;
  readonly priority: Priority;
  readonly sinceMs: number;
  /** Has been sent before: is finished before another of its class begins. */
  readonly again: boolean;
}

export interface Queue {
  readonly waiting: readonly Ticket[];
  readonly inFlight: readonly number[];
  /** The next may not start before. */
  readonly freeMs: number;
}

export type Event =
  | {
      readonly on: 'asked';
      readonly id: number;
      readonly priority: Priority;
      readonly again: boolean;
      readonly nowMs: number;
    }
  | { readonly on: 'ended'; readonly id: number; readonly nowMs: number }
  /** Clock said 429, the `count`th time in a row. */
  | { readonly on: 'throttled'; readonly count: number; readonly nowMs: number }
  | { readonly on: 'due'; readonly nowMs: number }
  | { readonly on: 'given-up'; readonly id: number; readonly nowMs: number }
  | { readonly on: 'emptied' };

type Effect =
  | { readonly do: 'start'; readonly id: number }
  | { readonly do: 'refuse'; readonly id: number }
  /** Says `due` then; replaces an earlier one. */
  | { readonly do: 'wait'; readonly delayMs: number };

export interface Step {
  readonly state: Queue;
  readonly effects: readonly Effect[];
}

export const emptyQueue: Queue = { waiting: [], inFlight: [], freeMs: 0 };

export function next(queue: Queue, event: Event): Step {
  switch (event.on) {
    case 'asked':
      return asked(queue, event);
    case 'ended': {
      const inFlight = queue.inFlight.filter((id) => id !== event.id);
      return advance({ ...queue, inFlight }, event.nowMs);
    }
    case 'throttled': {
      const freeMs = Math.max(queue.freeMs, event.nowMs + event.count * THROTTLE_MS);
      return advance({ ...queue, freeMs }, event.nowMs);
    }
    case 'due':
      return advance(queue, event.nowMs);
    case 'given-up': {
      const waiting = queue.waiting.filter(({ id }) => id !== event.id);
      return advance({ ...queue, waiting }, event.nowMs);
    }
    case 'emptied':
      return {
        state: { ...queue, waiting: [] },
        effects: queue.waiting.map(({ id }) => ({ do: 'refuse', id })),
      };
  }
}

/** Full, the newest of the lowest class gives way to a better one; else the new one is refused. */
function asked(queue: Queue, event: Extract<Event, { on: 'asked' }>): Step {
  const { id, priority, again, nowMs } = event;
  const ticket: Ticket = { id, priority, again, sinceMs: nowMs };
  if (queue.waiting.length < WAITING_MAX) {
    return advance({ ...queue, waiting: [...queue.waiting, ticket] }, nowMs);
  }
  const worst = queue.waiting.reduce((a, b) => (rank(b) >= rank(a) ? b : a));
  const isLess = rank(worst) <= rank(ticket);
  const waiting = [...queue.waiting.filter((one) => one !== worst), ticket];
  // Also where it changes nothing: each step says anew when the next is due.
  const { state, effects } = advance(isLess ? queue : { ...queue, waiting }, nowMs);
  return { state, effects: [{ do: 'refuse', id: isLess ? id : worst.id }, ...effects] };
}

const rank = ({ priority }: Ticket): number => PRIORITIES.indexOf(priority);
const isUrgent = ({ priority }: Ticket): boolean => priority === 'urgent';

/** Lower is sooner; what has waited long moves up, but never among the urgent. */
function order(ticket: Ticket, nowMs: number): number {
  const aged = rank(ticket) - Math.floor((nowMs - ticket.sinceMs) / AGE_MS);
  return isUrgent(ticket) ? 0 : Math.max(1, aged);
}

function advance(queue: Queue, nowMs: number): Step {
  const late = queue.waiting.filter(({ sinceMs }) => nowMs - sinceMs >= WAIT_MS_MAX);
  const refused = late.map(({ id }) => ({ do: 'refuse', id }) as const);
  const waiting = queue.waiting.filter((one) => !late.includes(one));
  const chosen = choose({ ...queue, waiting }, nowMs);
  if (chosen === undefined || nowMs < queue.freeMs) {
    return { state: { ...queue, waiting }, effects: [...refused, ...alarm(waiting, queue, nowMs)] };
  }
  const state: Queue = {
    waiting: waiting.filter((one) => one !== chosen),
    inFlight: [...queue.inFlight, chosen.id],
    freeMs: nowMs + CALL_MS_MIN,
  };
  const start = { do: 'start', id: chosen.id } as const;
  return { state, effects: [...refused, start, ...alarm(state.waiting, state, nowMs)] };
}

function choose({ waiting, inFlight }: Queue, nowMs: number): Ticket | undefined {
  if (inFlight.length >= IN_FLIGHT_MAX) return undefined;
  const isCrowded = inFlight.length >= IN_FLIGHT_MAX - IN_FLIGHT_URGENT;
  const allowed = isCrowded ? waiting.filter(isUrgent) : waiting;
  // Stable: of equals the first that came.
  return allowed.toSorted(
    (a, b) => order(a, nowMs) - order(b, nowMs) || Number(b.again) - Number(a.again),
  )[0];
}

/** When the next may start, or the oldest is too late. */
function alarm(waiting: readonly Ticket[], queue: Queue, nowMs: number): Effect[] {
  if (waiting.length === 0) return [];
  const lateMs = Math.min(...waiting.map(({ sinceMs }) => sinceMs)) + WAIT_MS_MAX;
  const atMs = queue.freeMs > nowMs ? Math.min(queue.freeMs, lateMs) : lateMs;
  return [{ do: 'wait', delayMs: Math.max(1, Math.ceil(atMs - nowMs)) }];
}
