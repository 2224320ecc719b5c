// Installing one package as a state machine: which offer is taken on, what is fetched, when a new version has
// proved itself. Pure. `saved` is what is on the card; a power cut anywhere leads back to it, and every step
// may be done twice.
import type { Permission } from '../core/packages.ts';
import { afterFailure, again, later, linkCame } from '../core/download.ts';
import type { Download, DownloadEffect, NotFetched } from '../core/download.ts';
import { CRASHES_MAX, DOWNLOAD_TRIES_MAX, REFUSED_MAX, SERVICES_MAX } from './limits.ts';
import type { ServiceHealth } from './ports.ts';
import { isAgentBefore, reason } from './wire.ts';
import type { PackageManifest, Saved, Work } from './wire.ts';

export interface Order {
  readonly manifest: PackageManifest;
  readonly jws: string;
}
type Trial = Extract<Work, { at: 'trial' }>;
type Watched = Saved & { readonly work: Trial };
/** By service. */
export type Looks = Readonly<Record<string, ServiceHealth>>;

interface Fetching extends Download<Saved, Order> {
  readonly at: 'fetching' | 'asking' | 'waiting' | 'installing';
}
interface Watching {
  readonly at: 'watching';
  readonly saved: Watched;
  readonly sinceMs: number;
  readonly wellSinceMs: number | undefined;
  /** Ends of each service's process when the trial began. */
  readonly ends: Readonly<Record<string, number>>;
}
export type Install =
  | { readonly at: 'resting'; readonly saved: Saved }
  | Fetching
  /** The services are begun anew with the version on trial. */
  | { readonly at: 'beginning'; readonly saved: Watched }
  | Watching
  /** The outcome goes onto the card; until it is there, nothing else happens. */
  | { readonly at: 'deciding'; readonly from: Watching; readonly saved: Saved };

interface Chance {
  readonly random: number;
}
export type Event =
  | { readonly on: 'started'; readonly saved: Saved; readonly order: Order | undefined }
  | { readonly on: 'offered'; readonly order: Order; readonly url: string }
  | { readonly on: 'removed'; readonly saved: Saved }
  | { readonly on: 'fetched'; readonly before: Looks }
  | { readonly on: 'cancelled' }
  | (NotFetched & { readonly on: 'not-fetched' })
  | (Chance & { readonly on: 'link'; readonly url: string | undefined })
  | { readonly on: 'due' }
  | { readonly on: 'installed'; readonly saved: Watched }
  | (Chance & { readonly on: 'not-installed' })
  /** It cannot even be loaded: no service was told of it. */
  | { readonly on: 'unfit'; readonly why: string }
  | { readonly on: 'begun'; readonly looks: Looks; readonly nowMs: number }
  | { readonly on: 'not-begun'; readonly why: string }
  | {
      readonly on: 'looked';
      readonly looks: Looks;
      readonly nowMs: number;
      readonly trialMs: number;
      readonly stableMs: number;
    }
  | { readonly on: 'decided' }
  | { readonly on: 'not-decided' };

export type Effect =
  | DownloadEffect<Order>
  /** Onto the card; it matters little if that fails. */
  | { readonly do: 'note'; readonly saved: Saved }
  | { readonly do: 'drop-download' }
  | { readonly do: 'install'; readonly order: Order; readonly saved: Watched }
  /** The services of this interface, onto what is in use now. */
  | { readonly do: 'begin-services' }
  | { readonly do: 'watch' }
  | { readonly do: 'decide'; readonly saved: Saved }
  /** Only what is in use stays on the card. */
  | { readonly do: 'sweep' };

export interface Step {
  readonly state: Install;
  readonly effects: readonly Effect[];
}
const stay = (state: Install): Step => ({ state, effects: [] });

/** What its services run: the version on trial, else the one that has proved itself. */
export const inUse = ({ work, good }: Saved): Saved['good'] => (work.at === 'trial' ? work : good);

/**
 * Why an offer is not taken on; undefined when it is, `again` when it was before and is under way or has ended:
 * the outcome is that one.
 */
export function refusalOf(
  saved: Saved,
  manifest: PackageManifest,
  options: { readonly approve: readonly Permission[]; readonly agentVersion: string },
): string | undefined {
  const { sha256, counter, version, permissions, minimumAgent } = manifest;
  const { work, good } = saved;
  const beyond = permissions.filter((one) => !options.approve.includes(one));
  if (beyond.length > 0) return `not-approved: ${beyond.join(', ')}`;
  const isSame = work.at !== 'none' && work.counter === counter && work.version === version;
  if (isSame && work.at !== 'failed' && work.at !== 'removed') return 'again';
  if (saved.refused.includes(sha256)) return 'failed-before';
  if (work.at === 'downloading' || work.at === 'trial') return 'busy';
  const isBack = work.at === 'removed' && counter === saved.counter;
  if (counter <= saved.counter && !isBack) return 'replay';
  if (version === good?.version) return 'same-version';
  return isAgentBefore(options.agentVersion, minimumAgent) ? 'agent-too-old' : undefined;
}

export function next(state: Install, event: Event): Step {
  switch (event.on) {
    case 'started':
      return started(event);
    case 'offered':
      return state.at === 'resting' ? offered(state.saved, event) : stay(state);
    case 'removed':
      return {
        state: { at: 'resting', saved: event.saved },
        effects: [{ do: 'begin-services' }, { do: 'sweep' }],
      };
    case 'fetched':
      return state.at === 'fetching' ? install(state, event.before) : stay(state);
    case 'cancelled':
      // What is being installed already goes on; its trial decides.
      return 'order' in state && state.at !== 'installing'
        ? fail(state.saved, state.order.manifest, 'cancelled')
        : stay(state);
    case 'not-fetched':
      return state.at === 'fetching' ? notFetched(state, event) : stay(state);
    case 'link':
      return state.at === 'asking' ? linkCame(state, event) : stay(state);
    case 'due':
      return state.at === 'waiting' ? again(state) : stay(state);
    case 'installed':
      return state.at === 'installing' ? begin(event.saved) : stay(state);
    case 'not-installed':
      return state.at === 'installing' ? later(state, event) : stay(state);
    case 'unfit':
      return state.at === 'installing' ? unfit(state, event.why) : stay(state);
    case 'begun':
      return state.at === 'beginning' ? begun(state.saved, event) : stay(state);
    case 'not-begun':
      return state.at === 'beginning' ? giveBack(notYet(state.saved), event.why) : stay(state);
    case 'looked':
      return state.at === 'watching' ? looked(state, event) : stay(state);
    case 'decided':
      return state.at === 'deciding' ? decided(state.saved) : stay(state);
    case 'not-decided':
      // The card may take it later; until then it is a trial.
      return state.at === 'deciding'
        ? { state: state.from, effects: [{ do: 'watch' }] }
        : stay(state);
  }
}

function started({ saved, order }: Extract<Event, { on: 'started' }>): Step {
  const { work } = saved;
  // The services begin with this process, or outlived it: begun anew, they run what is on trial.
  if (work.at === 'trial') return begin({ ...saved, work });
  if (work.at !== 'downloading') {
    return { state: { at: 'resting', saved }, effects: [{ do: 'sweep' }] };
  }
  if (order === undefined) return fail(saved, work, 'not signed by a key of this unit');
  return again({ saved, order, url: undefined, tries: 0 });
}

function offered(saved: Saved, { order, url }: Extract<Event, { on: 'offered' }>): Step {
  const { version, counter } = order.manifest;
  const work = { at: 'downloading', version, counter, jws: order.jws } as const;
  return again({ saved: { ...saved, work }, order, url, tries: 0 });
}

function notFetched(state: Fetching, event: NotFetched): Step {
  const { saved, order } = state;
  const step = afterFailure<Saved, Order>(state, event, { triesMax: DOWNLOAD_TRIES_MAX });
  return step ?? fail(saved, order.manifest, event.why);
}

function fail(
  saved: Saved,
  { version, counter }: { readonly version: string; readonly counter: number },
  why: string,
): Step {
  const after: Saved = { ...saved, work: { at: 'failed', version, counter, why: reason(why) } };
  return {
    state: { at: 'resting', saved: after },
    effects: [{ do: 'note', saved: after }, { do: 'drop-download' }, { do: 'sweep' }],
  };
}

function install(state: Fetching, looks: Looks): Step {
  const { saved, order, url, tries } = state;
  const { version, counter, sha256 } = order.manifest;
  const talks = Object.entries(looks).map(
    ([service, { talk, process }]) => [service, process === 'given-up' ? process : talk] as const,
  );
  const before = Object.fromEntries(talks.slice(0, SERVICES_MAX));
  const work: Trial = { at: 'trial', version, counter, sha256, before };
  const after: Watched = { ...saved, counter: Math.max(saved.counter, counter), work };
  return {
    state: { at: 'installing', saved, order, url, tries },
    effects: [{ do: 'install', order, saved: after }],
  };
}

function unfit({ saved, order }: Fetching, why: string): Step {
  const { sha256 } = order.manifest;
  return fail({ ...saved, refused: refusing(saved, sha256) }, order.manifest, why);
}

const refusing = ({ refused }: Saved, sha256: string): Saved['refused'] =>
  [...refused, sha256].slice(-REFUSED_MAX);

const begin = (saved: Watched): Step => ({
  state: { at: 'beginning', saved },
  effects: [{ do: 'begin-services' }],
});

const notYet = (saved: Watched): Watching => ({
  ...{ at: 'watching', saved, sinceMs: 0, wellSinceMs: undefined, ends: {} },
});

function begun(saved: Watched, { looks, nowMs }: Extract<Event, { on: 'begun' }>): Step {
  const ends = Object.fromEntries(Object.entries(looks).map(([id, look]) => [id, look.ends]));
  return {
    state: { at: 'watching', saved, sinceMs: nowMs, wellSinceMs: undefined, ends },
    effects: [{ do: 'watch' }],
  };
}

const RANK = { down: 0, joining: 1, up: 2 } as const;

/** What is not as well as before; undefined: all is. */
function complaint({ before }: Trial, looks: Looks): string | undefined {
  for (const [service, { process, talk }] of Object.entries(looks)) {
    const was = before[service] ?? 'down';
    if (was === 'given-up') continue;
    if (process !== 'running') return `${service}: its process does not run`;
    if (RANK[talk] < RANK[was]) return `${service}: ${talk}, was ${was}`;
  }
  return undefined;
}

/** What needs no more time to be judged. */
function collapse({ ends, saved }: Watching, looks: Looks): string | undefined {
  for (const [service, look] of Object.entries(looks)) {
    if (saved.work.before[service] === 'given-up') continue;
    const why = look.why === undefined ? '' : `: ${look.why}`;
    if (look.process === 'given-up') return `${service} cannot run it${why}`;
    if (look.ends - (ends[service] ?? look.ends) >= CRASHES_MAX)
      return `${service} ends again and again${why}`;
  }
  return undefined;
}

function looked(state: Watching, event: Extract<Event, { on: 'looked' }>): Step {
  const { looks, nowMs, trialMs, stableMs } = event;
  const { saved } = state;
  const fallen = collapse(state, looks);
  if (fallen !== undefined) return giveBack(state, fallen, saved.work.sha256);
  const why = complaint(saved.work, looks);
  const wellSinceMs = why === undefined ? (state.wellSinceMs ?? nowMs) : undefined;
  const now: Watching = { ...state, wellSinceMs };
  if (wellSinceMs !== undefined && nowMs - wellSinceMs >= stableMs) {
    const { version, counter, sha256 } = saved.work;
    const good = { version, counter, sha256 };
    return decide(now, { ...saved, good, work: { at: 'confirmed', version, counter } });
  }
  // Well at the end of the window, but not for long enough: a while longer.
  if (nowMs - state.sinceMs < trialMs || why === undefined) {
    return { state: now, effects: [{ do: 'watch' }] };
  }
  return giveBack(now, why);
}

/** `refuse`: never again, also not signed anew. A third party that went away is not the package's fault. */
function giveBack(state: Watching, why: string, refuse?: string): Step {
  const { saved } = state;
  const { version, counter } = saved.work;
  const refused = refuse === undefined ? saved.refused : refusing(saved, refuse);
  const work = { at: 'returned', version, counter, why: reason(why) } as const;
  return decide(state, { ...saved, refused, work });
}

const decide = (from: Watching, saved: Saved): Step => ({
  state: { at: 'deciding', from, saved },
  effects: [{ do: 'decide', saved }],
});

function decided(saved: Saved): Step {
  const back: readonly Effect[] = saved.work.at === 'returned' ? [{ do: 'begin-services' }] : [];
  return { state: { at: 'resting', saved }, effects: [...back, { do: 'sweep' }] };
}
