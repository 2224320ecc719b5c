// Replacing the agent's bundle as a state machine: which offer is taken on, what is fetched, when a
// new bundle has proved itself. Pure. `saved` is what is on the card; a power cut anywhere leads back
// to it, and every step may be done twice.
import { afterFailure, again, later, linkCame } from '../core/download.ts';
import type { Download, DownloadEffect, NotFetched } from '../core/download.ts';
import { left, unfitFor } from './choice.ts';
import type { BuiltIn } from './choice.ts';
import { DOWNLOAD_TRIES_MAX, STABLE_MS } from './limits.ts';
import { reason } from './wire.ts';
import type { BundleManifest, Copy, Saved, Work } from './wire.ts';

export interface Order {
  readonly manifest: BundleManifest;
  readonly jws: string;
}

interface Fetching extends Download<Saved, Order> {
  readonly at: 'fetching' | 'asking' | 'waiting';
}

export type Update =
  | { readonly at: 'resting'; readonly saved: Saved }
  | Fetching
  | {
      /** This process is the trial. */
      readonly at: 'watching';
      readonly saved: Saved & { readonly work: Extract<Work, { at: 'trial' }> };
      readonly sinceMs: number;
      readonly wellSinceMs: number | undefined;
    }
  | { readonly at: 'restarting'; readonly saved: Saved };

interface Chance {
  readonly random: number;
}

export type Event =
  | {
      readonly on: 'started';
      readonly saved: Saved;
      /** Of a download that goes on. */
      readonly order: Order | undefined;
      readonly running: 'built-in' | Copy;
      readonly nowMs: number;
    }
  | { readonly on: 'offered'; readonly order: Order; readonly url: string }
  | { readonly on: 'fetched' }
  | { readonly on: 'cancelled' }
  | (NotFetched & { readonly on: 'not-fetched' })
  | (Chance & { readonly on: 'link'; readonly url: string | undefined })
  | { readonly on: 'due' }
  | { readonly on: 'installed'; readonly saved: Saved }
  | (Chance & { readonly on: 'not-installed'; readonly why: string })
  | {
      readonly on: 'health';
      /** Undefined: all is well. */
      readonly why: string | undefined;
      readonly nowMs: number;
      readonly trialMs: number;
    }
  | { readonly on: 'confirmed'; readonly saved: Saved };

export type Effect =
  | DownloadEffect<Order>
  /** Onto the card; it matters little if that fails. */
  | { readonly do: 'note'; readonly saved: Saved }
  | { readonly do: 'drop-download' }
  | { readonly do: 'install'; readonly copy: Copy; readonly order: Order; readonly saved: Saved }
  | { readonly do: 'confirm'; readonly saved: Saved }
  | { readonly do: 'watch' }
  | { readonly do: 'restart' };

export interface Step {
  readonly state: Update;
  readonly effects: readonly Effect[];
}

const stay = (state: Update): Step => ({ state, effects: [] });

/** Why an offer is not taken on; undefined when it is, `again` when it was before. */
export function refusalOf(
  saved: Saved,
  { sha256, sequence, ...manifest }: BundleManifest,
  builtIn: BuiltIn,
): string | undefined {
  const { work } = saved;
  const isSame = work.at !== 'none' && work.sequence === sequence;
  if (isSame && work.at !== 'failed') return 'again';
  if (saved.refused.includes(sha256)) return 'failed-before';
  if (work.at === 'downloading' || work.at === 'trial') return 'busy';
  if (sequence <= saved.sequence) return 'replay';
  const unfit = unfitFor(builtIn, { ...manifest, sha256, sequence });
  return unfit?.replaceAll(' ', '-');
}

export function next(state: Update, event: Event): Step {
  switch (event.on) {
    case 'started':
      return started(event);
    case 'offered':
      return state.at === 'resting' ? offered(state.saved, event) : stay(state);
    case 'fetched':
      return state.at === 'fetching' ? install(state) : stay(state);
    case 'cancelled':
      return 'order' in state ? fail(state.saved, state.order.manifest, 'cancelled') : stay(state);
    case 'not-fetched':
      return state.at === 'fetching' ? notFetched(state, event) : stay(state);
    case 'link':
      return state.at === 'asking' ? linkCame(state, event) : stay(state);
    case 'due':
      return state.at === 'waiting' ? again(state) : stay(state);
    case 'installed':
      return { state: { at: 'restarting', saved: event.saved }, effects: [{ do: 'restart' }] };
    case 'not-installed':
      return state.at === 'fetching' ? later(state, event) : stay(state);
    case 'health':
      return state.at === 'watching' ? health(state, event) : stay(state);
    case 'confirmed':
      return stay({ at: 'resting', saved: event.saved });
  }
}

function started({ saved, order, running, nowMs }: Extract<Event, { on: 'started' }>): Step {
  const { work } = saved;
  if (work.at === 'trial' && work.copy === running) {
    const watching = { at: 'watching', saved: { ...saved, work }, sinceMs: nowMs } as const;
    return { state: { ...watching, wellSinceMs: undefined }, effects: [{ do: 'watch' }] };
  }
  if (work.at !== 'downloading') return stay({ at: 'resting', saved });
  if (order === undefined) return fail(saved, work, 'not signed by the release key');
  return again({ saved, order, url: undefined, tries: 0 });
}

function offered(saved: Saved, { order, url }: Extract<Event, { on: 'offered' }>): Step {
  const { version, sequence } = order.manifest;
  const work = { at: 'downloading', version, sequence, jws: order.jws } as const;
  return again({ saved: { ...saved, work }, order, url, tries: 0 });
}

function notFetched(state: Fetching, event: NotFetched): Step {
  const { saved, order } = state;
  const step = afterFailure<Saved, Order>(state, event, { triesMax: DOWNLOAD_TRIES_MAX });
  return step ?? fail(saved, order.manifest, event.why);
}

function fail(
  saved: Saved,
  { version, sequence }: { readonly version: string; readonly sequence: number },
  why: string,
): Step {
  const after: Saved = { ...saved, work: { at: 'failed', version, sequence, why: reason(why) } };
  return {
    state: { at: 'resting', saved: after },
    effects: [{ do: 'note', saved: after }, { do: 'drop-download' }],
  };
}

/** The copy that is not in use is written over; the one that has proved itself never is. */
function install(state: Extract<Update, { order: Order }>): Step {
  const { saved, order } = state;
  const { version, sequence, sha256 } = order.manifest;
  const copy: Copy = saved.good === 'a' ? 'b' : 'a';
  const why = undefined;
  const work = { at: 'trial', version, sequence, copy, sha256, starts: 0, why } as const;
  const after: Saved = { ...saved, sequence: Math.max(saved.sequence, sequence), work };
  return { state, effects: [{ do: 'install', copy, order, saved: after }] };
}

function health(
  state: Extract<Update, { at: 'watching' }>,
  { why, nowMs, trialMs }: Extract<Event, { on: 'health' }>,
): Step {
  const { saved, sinceMs } = state;
  const { work } = saved;
  const { version, sequence, copy } = work;
  const wellSinceMs = why === undefined ? (state.wellSinceMs ?? nowMs) : undefined;
  // A tenth of the window, a minute of ten: a bench that shortens the one shortens the other.
  const stableMs = Math.min(STABLE_MS, trialMs / 10);
  if (wellSinceMs !== undefined && nowMs - wellSinceMs >= stableMs) {
    const after: Saved = { ...saved, good: copy, work: { at: 'confirmed', version, sequence } };
    return { state: { ...state, wellSinceMs }, effects: [{ do: 'confirm', saved: after }] };
  }
  // Well at the end of the window, but not for long enough: launch.ts waits a while longer, too.
  if (nowMs - sinceMs < trialMs || wellSinceMs !== undefined) {
    return { state: { ...state, wellSinceMs }, effects: [{ do: 'watch' }] };
  }
  const after = left(saved, work, why ?? 'not well');
  return {
    state: { at: 'restarting', saved: after },
    effects: [{ do: 'note', saved: after }, { do: 'restart' }],
  };
}
