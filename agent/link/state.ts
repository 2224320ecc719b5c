// The cloud link as a state machine: when to dial which way, what may be in flight, what is sent
// again, which message is poison. Pure; knows nothing of MQTT: run.ts turns effects into calls.
import { ROUTES } from '../core/connection.ts';
import type { Route } from '../core/connection.ts';
import { DELAY_MS_MIN, nextDelayMs } from '../core/retry.ts';
import {
  BACK_OFF_MS_MAX,
  DEATHS_MAX,
  DEATH_MS_MAX,
  DIAL_MS_MAX,
  FILTERS_PER_SUBSCRIBE_MAX,
  IN_FLIGHT_MAX,
  PACE_MS,
  PREFER_MS,
  PREFER_MS_DEGRADED,
  PUBLISHES_PER_SECOND_MAX,
  QUIET_MS,
  GAVE_UP_MS_MAX,
  REFUSED_MS_MAX,
  RESENDS_MAX,
  RESEND_MS,
  SHORT_LIVES_MAX,
  STABLE_MS,
  START_MS_MAX,
} from './limits.ts';

/** Something sent and not yet acknowledged. */
interface Sent<T> {
  readonly what: T;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly resends: number;
}
type Batch = readonly string[];

interface Known {
  readonly route: Route;
  /** Numbers connections: what an old one still says is not heard. */
  readonly attempt: number;
  /** In a row, until a connection has been stable. */
  readonly failures: number;
  readonly problem:
    | { readonly why: string; readonly atMs: number; readonly refused: boolean }
    | undefined;
  /** Messages that were in flight when a connection died at once; each is tried alone. */
  readonly suspects: readonly { readonly id: string; readonly deaths: number }[];
}

export type Link =
  | (Known & { readonly at: 'off' })
  | (Known & { readonly at: 'waiting'; readonly sinceMs: number })
  | (Known & { readonly at: 'dialling'; readonly sinceMs: number })
  | (Known & {
      readonly at: 'up';
      readonly sinceMs: number;
      readonly subscribing: readonly Sent<Batch>[];
      readonly inFlight: readonly Sent<string>[];
      /** The outbox was asked and has not answered. */
      readonly asking: boolean;
      /** What may be published at once; fills again with time. */
      readonly pace: { readonly left: number; readonly atMs: number };
    });
type Up = Extract<Link, { at: 'up' }>;

export type Event =
  | { readonly on: 'start'; readonly nowMs: number; readonly random: number }
  | { readonly on: 'stop' }
  | { readonly on: 'due'; readonly nowMs: number }
  /** `missing`: the filters that the broker does not hold for us. */
  | {
      readonly on: 'opened';
      readonly attempt: number;
      readonly missing: readonly string[];
      readonly nowMs: number;
    }
  | {
      readonly on: 'closed';
      readonly attempt: number;
      readonly why: string;
      readonly refused: boolean;
      /** By us, for want of a card: it says nothing against the way or against what was in flight. */
      readonly isOurs?: boolean;
      readonly nowMs: number;
      readonly random: number;
    }
  | { readonly on: 'subscribed'; readonly attempt: number; readonly filters: readonly string[] }
  | {
      readonly on: 'acked';
      readonly attempt: number;
      readonly id: string;
      readonly nowMs: number;
    }
  /** The outbox's answer: the next messages, none of them in flight. */
  | {
      readonly on: 'offered';
      readonly attempt: number;
      readonly ids: readonly string[];
      readonly nowMs: number;
    }
  /** The outbox has something new. */
  | { readonly on: 'ready'; readonly nowMs: number }
  | { readonly on: 'tick'; readonly nowMs: number; readonly random: number };

export type Effect =
  | { readonly do: 'dial'; readonly attempt: number; readonly route: Route }
  | { readonly do: 'hang-up' }
  | { readonly do: 'wait'; readonly delayMs: number }
  | { readonly do: 'subscribe'; readonly filters: Batch }
  | { readonly do: 'resubscribe'; readonly filters: Batch }
  | {
      readonly do: 'ask';
      readonly count: number;
      readonly except: readonly string[];
      readonly route: Route;
    }
  /** Says `ready` by itself in a moment. */
  | { readonly do: 'pace'; readonly delayMs: number }
  | { readonly do: 'publish'; readonly id: string }
  | { readonly do: 'resend'; readonly id: string }
  /** Acknowledged: the outbox may forget it. */
  | { readonly do: 'settle'; readonly id: string }
  | { readonly do: 'bury'; readonly id: string; readonly why: string };

export interface Step {
  readonly state: Link;
  readonly effects: readonly Effect[];
}

export const initial: Link = {
  at: 'off',
  route: ROUTES[0],
  attempt: 0,
  failures: 0,
  problem: undefined,
  suspects: [],
};

export function next(link: Link, event: Event): Step {
  if ('attempt' in event && event.attempt !== link.attempt) return { state: link, effects: [] };
  switch (event.on) {
    case 'start':
      return link.at === 'off' ? start(link, event) : stay(link);
    case 'stop':
      return { state: { ...known(link), at: 'off' }, effects: [{ do: 'hang-up' }] };
    case 'due':
      return link.at === 'waiting' ? dial(link, event.nowMs) : stay(link);
    case 'opened':
      return link.at === 'dialling' ? open(link, event) : stay(link);
    case 'closed':
      return closed(link, event);
    case 'subscribed':
      return link.at === 'up' ? subscribed(link, event.filters) : stay(link);
    case 'acked':
      return link.at === 'up' ? acked(link, event) : stay(link);
    case 'offered':
      return link.at === 'up' ? offered(link, event) : stay(link);
    case 'ready':
      return link.at === 'up' ? fill(link, event.nowMs) : stay(link);
    case 'tick':
      return tick(link, event);
  }
}

const stay = (state: Link): Step => ({ state, effects: [] });

const known = ({ route, attempt, failures, problem, suspects }: Link): Known => ({
  route,
  attempt,
  failures,
  problem,
  suspects,
});

const after = (route: Route): Route => ROUTES[(ROUTES.indexOf(route) + 1) % ROUTES.length]!;

/** Not at once: when the power comes back, it comes back for all the units of a town. */
function start(link: Link, { nowMs, random }: Extract<Event, { on: 'start' }>): Step {
  const delayMs = nextDelayMs({ failures: 2, random, capMs: START_MS_MAX });
  return {
    state: { ...known(link), at: 'waiting', sinceMs: nowMs },
    effects: [{ do: 'wait', delayMs }],
  };
}

function dial(link: Link, nowMs: number): Step {
  const attempt = link.attempt + 1;
  return {
    state: { ...known(link), attempt, at: 'dialling', sinceMs: nowMs },
    effects: [{ do: 'dial', attempt, route: link.route }],
  };
}

function open(link: Link, { missing, nowMs }: Extract<Event, { on: 'opened' }>): Step {
  const batches: Batch[] = [];
  for (let i = 0; i < missing.length; i += FILTERS_PER_SUBSCRIBE_MAX) {
    batches.push(missing.slice(i, i + FILTERS_PER_SUBSCRIBE_MAX));
  }
  const up: Up = {
    ...known(link),
    at: 'up',
    sinceMs: nowMs,
    subscribing: batches.map((what) => ({ what, firstMs: nowMs, lastMs: nowMs, resends: 0 })),
    inFlight: [],
    asking: false,
    pace: { left: IN_FLIGHT_MAX, atMs: nowMs },
  };
  const { state, effects } = fill(up, nowMs);
  return {
    state,
    effects: [...batches.map((filters) => ({ do: 'subscribe', filters }) as const), ...effects],
  };
}

/** Asks the outbox for what fits: one at a time, and after a quiet while, as long as one is suspect. */
function fill(link: Up, nowMs: number): Step {
  const isCareful = link.suspects.length > 0;
  const room = (isCareful ? 1 : IN_FLIGHT_MAX) - link.inFlight.length;
  const isQuiet = isCareful && nowMs - link.sinceMs < QUIET_MS;
  if (link.asking || room <= 0 || isQuiet) return stay(link);
  const pace = paceAt(link, nowMs);
  const count = Math.min(room, Math.floor(pace.left));
  if (count === 0) {
    return { state: { ...link, pace }, effects: [{ do: 'pace', delayMs: PACE_MS }] };
  }
  const except = link.inFlight.map(({ what }) => what);
  const ask = { do: 'ask', count, except, route: link.route } as const;
  return { state: { ...link, pace, asking: true }, effects: [ask] };
}

function paceAt({ pace }: Up, nowMs: number): Up['pace'] {
  const grown = pace.left + ((nowMs - pace.atMs) / 1_000) * PUBLISHES_PER_SECOND_MAX;
  return { left: Math.min(IN_FLIGHT_MAX, grown), atMs: nowMs };
}

function offered(link: Up, { ids, nowMs }: Extract<Event, { on: 'offered' }>): Step {
  const sent = ids.map((what) => ({ what, firstMs: nowMs, lastMs: nowMs, resends: 0 }));
  const isEmpty = ids.length === 0 && link.inFlight.length === 0;
  return {
    state: {
      ...link,
      asking: false,
      pace: { ...link.pace, left: link.pace.left - ids.length },
      inFlight: [...link.inFlight, ...sent],
      // Nothing waits any more: a suspect that is gone cannot be tried.
      suspects: isEmpty ? [] : link.suspects,
    },
    effects: ids.map((id) => ({ do: 'publish', id })),
  };
}

function acked(link: Up, { id, nowMs }: Extract<Event, { on: 'acked' }>): Step {
  if (!link.inFlight.some(({ what }) => what === id)) return stay(link);
  const { state, effects } = fill(
    {
      ...link,
      inFlight: link.inFlight.filter(({ what }) => what !== id),
      suspects: link.suspects.filter((suspect) => suspect.id !== id),
    },
    nowMs,
  );
  return { state, effects: [{ do: 'settle', id }, ...effects] };
}

function subscribed(link: Up, filters: readonly string[]): Step {
  const key = filters.join('\n');
  const subscribing = link.subscribing.filter(({ what }) => what.join('\n') !== key);
  return stay({ ...link, subscribing });
}

function closed(link: Link, event: Extract<Event, { on: 'closed' }>): Step {
  if (link.at === 'off' || link.at === 'waiting') return stay(link);
  const { why, refused, nowMs, random } = event;
  if (event.isOurs === true) return gaveUp(link, event);
  const wasStable = link.at === 'up' && nowMs - link.sinceMs >= STABLE_MS;
  const failures = wasStable ? 1 : link.failures + 1;
  // A refusal, or a way that worked until now, says nothing against the way.
  const wayWorked = refused || (link.at === 'up' && failures % SHORT_LIVES_MAX !== 0);
  const { suspects, buried } = judgeDeath(link, nowMs);
  const capMs = refused ? REFUSED_MS_MAX : BACK_OFF_MS_MAX;
  const delayMs = nextDelayMs({ failures, random, capMs });
  return {
    state: {
      ...known(link),
      failures,
      suspects,
      route: wayWorked ? link.route : after(link.route),
      problem: { why, refused, atMs: nowMs },
      at: 'waiting',
      sinceMs: nowMs,
    },
    effects: [
      ...buried.map((id) => ({ do: 'bury', id, why: `connection lost: ${why}` }) as const),
      { do: 'wait', delayMs },
    ],
  };
}

/** The broker brings again what we could not keep: the way stays, and the card is soon tried again. */
function gaveUp(link: Link, { why, nowMs, random }: Extract<Event, { on: 'closed' }>): Step {
  const problem = { why, refused: false, atMs: nowMs };
  const delayMs = nextDelayMs({ failures: Infinity, random, capMs: GAVE_UP_MS_MAX });
  return {
    state: { ...known(link), problem, at: 'waiting', sinceMs: nowMs },
    effects: [{ do: 'wait', delayMs }],
  };
}

/**
 * AWS IoT closes the connection on a publish that it does not allow, without a word; kept in the
 * queue it would close every further one. Whatever was in flight at such a death is suspect, and is
 * from then on sent alone, on a connection that has proved to live without it. So a network that
 * drops connections makes no dead letters, and a poisonous message does after its third death.
 */
function judgeDeath(link: Link, nowMs: number): { suspects: Known['suspects']; buried: string[] } {
  if (link.at !== 'up') return { suspects: link.suspects, buried: [] };
  const fresh = link.inFlight.filter(({ firstMs }) => nowMs - firstMs <= DEATH_MS_MAX);
  const deathsOf = (id: string): number => link.suspects.find((one) => one.id === id)?.deaths ?? 0;
  const dead = fresh.map(({ what }) => ({ id: what, deaths: deathsOf(what) + 1 }));
  const others = link.suspects.filter(({ id }) => !dead.some((one) => one.id === id));
  const suspects = [...others, ...dead].filter(({ deaths }) => deaths < DEATHS_MAX);
  const buried = dead.filter(({ deaths }) => deaths >= DEATHS_MAX).map(({ id }) => id);
  return { suspects, buried };
}

function tick(link: Link, event: Extract<Event, { on: 'tick' }>): Step {
  const { nowMs, random } = event;
  const giveUp = (why: string): Step => {
    const { attempt } = link;
    const step = closed(link, { on: 'closed', attempt, why, refused: false, nowMs, random });
    return { state: step.state, effects: [{ do: 'hang-up' }, ...step.effects] };
  };
  if (link.at === 'dialling' && nowMs - link.sinceMs >= DIAL_MS_MAX) return giveUp('ETIMEDOUT');
  if (link.at !== 'up') return stay(link);
  const livedMs = nowMs - link.sinceMs;
  const isBest = link.route === ROUTES[0];
  const preferMs = link.route === 'https-8443' ? PREFER_MS_DEGRADED : PREFER_MS;
  if (!isBest && livedMs >= preferMs) return prefer(link, nowMs);
  const isDue = ({ lastMs }: Sent<unknown>): boolean => nowMs - lastMs >= RESEND_MS;
  const late = [...link.inFlight, ...link.subscribing].filter(isDue);
  if (late.some(({ resends }) => resends >= RESENDS_MAX)) return giveUp('no-ack');
  const again = <T>(sent: Sent<T>): Sent<T> =>
    isDue(sent) ? { ...sent, lastMs: nowMs, resends: sent.resends + 1 } : sent;
  const { state, effects } = fill(
    {
      ...link,
      failures: livedMs >= STABLE_MS ? 0 : link.failures,
      inFlight: link.inFlight.map(again),
      subscribing: link.subscribing.map(again),
    },
    nowMs,
  );
  const resubscribe = link.subscribing.filter(isDue);
  const resend = link.inFlight.filter(isDue);
  return {
    state,
    effects: [
      ...resubscribe.map(({ what }) => ({ do: 'resubscribe', filters: what }) as const),
      ...resend.map(({ what }) => ({ do: 'resend', id: what }) as const),
      ...effects,
    ],
  };
}

/** Leaves a way that works for the best one; if that fails, the ways follow in their order. */
function prefer(link: Up, nowMs: number): Step {
  return {
    state: { ...known(link), route: ROUTES[0], failures: 0, at: 'waiting', sinceMs: nowMs },
    effects: [{ do: 'hang-up' }, { do: 'wait', delayMs: DELAY_MS_MIN }],
  };
}
