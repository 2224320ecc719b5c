// Performs the replacing of the agent's bundle: keeps the state, fetches, installs, watches the trial.
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { AgentUpdate, RunningBundle, UpdateView } from '../core/update.ts';
import type { BuiltIn } from './choice.ts';
import { HEALTH_TICK_MS } from './limits.ts';
import type { BundleFolder, Fetch, Health } from './ports.ts';
import { next, refusalOf } from './state.ts';
import type { Effect, Event, Order, Update } from './state.ts';
import { parseOffer, parseState, renderState } from './wire.ts';
import type { BundleManifest, Saved } from './wire.ts';

interface Needs {
  readonly folder: BundleFolder;
  /** The manifest that the release's key signed. */
  readonly open: (jws: string) => BundleManifest | undefined;
  readonly fetch: Fetch;
  readonly health: Health;
  /** What launch.ts started. */
  readonly launched: { readonly copy: RunningBundle['copy']; readonly trialMs: number };
  readonly builtIn: BuiltIn;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Ends this process, so that launch.ts chooses anew. */
  readonly restart: () => void;
}

export interface UpdateRunner extends AgentUpdate {
  readonly running: RunningBundle;
  /** The cloud side is there: a download goes on, a trial is watched. */
  begin(): void;
  close(): void;
}

type LinkGiver = () => Promise<string | undefined>;

export function createUpdate(needs: Needs): UpdateRunner {
  const { folder, clock, log, launched, builtIn } = needs;
  const ended = new AbortController();
  const listeners = new Set<(view: UpdateView) => void>();
  let state: Update = { at: 'resting', saved: readSaved(needs) };
  let freshUrl: LinkGiver | undefined;
  /** One at a time writes into the file, also when one was cancelled. */
  let fetching: Promise<void> = Promise.resolve();
  let stopFetch = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  const dispatch = (event: Event): void => {
    if (ended.signal.aborted) return;
    const before = state.saved.work;
    const step = next(state, event);
    state = step.state;
    const { work } = state.saved;
    if (work.at !== before.at) {
      log.info(`update: ${work.at}${work.at === 'none' ? '' : ` ${work.version}`}`);
      for (const listener of listeners) listener(viewOf(state.saved));
    }
    for (const effect of step.effects) perform(effect);
  };
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'fetch':
        fetching = fetching.then(async () => fetchRest(effect));
        return;
      case 'ask-link':
        return void askLink();
      case 'wait':
        timer = setTimeout(() => dispatch({ on: 'due' }), effect.delayMs);
        return;
      case 'note':
        return void write(effect.saved);
      case 'drop-download':
        return attempt(() => folder.dropDownload());
      case 'install':
        return install(effect);
      case 'confirm':
        if (write(effect.saved)) return dispatch({ on: 'confirmed', saved: effect.saved });
        // The card may take it later; until then it is a trial.
        return watch();
      case 'watch':
        return watch();
      case 'restart':
        return needs.restart();
    }
  };
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      log.error(`update: ${codeOf(error)}`);
    }
  };
  const write = (saved: Saved): boolean => {
    try {
      folder.writeState(renderState(saved));
      return true;
    } catch (error) {
      log.error(`update: not stored: ${codeOf(error)}`);
      return false;
    }
  };
  const fetchRest = async ({ url, order }: Extract<Effect, { do: 'fetch' }>): Promise<void> => {
    if (state.at !== 'fetching' || state.order !== order) return;
    const { size } = order.manifest;
    attempt(() => folder.prepare());
    stopFetch = new AbortController();
    const signal = AbortSignal.any([ended.signal, stopFetch.signal]);
    const answer = await needs.fetch({ url, file: folder.download, size, signal });
    if (stopFetch.signal.aborted) return attempt(() => folder.dropDownload());
    const random = needs.random();
    if (!answer.ok) {
      log.warning(`update: ${answer.why}`);
      return dispatch({ on: 'not-fetched', kind: answer.kind, why: answer.why, random });
    }
    if (folder.isDownloaded(order.manifest)) return dispatch({ on: 'fetched' });
    const why = 'not the bytes that the manifest names';
    return dispatch({ on: 'not-fetched', kind: 'other', why, random });
  };
  const askLink = async (): Promise<void> => {
    const url = await (freshUrl?.() ?? Promise.resolve(undefined)).catch(() => undefined);
    dispatch({ on: 'link', url, random: needs.random() });
  };
  const install = ({ copy, order, saved }: Extract<Effect, { do: 'install' }>): void => {
    try {
      folder.install(copy, order.jws);
      folder.writeState(renderState(saved));
    } catch (error) {
      const why = codeOf(error);
      log.error(`update: not installed: ${why}`);
      return dispatch({ on: 'not-installed', why, random: needs.random() });
    }
    return dispatch({ on: 'installed', saved });
  };
  const watch = (): void => {
    const tickMs = Math.min(HEALTH_TICK_MS, launched.trialMs / 40);
    timer = setTimeout(() => void look(), tickMs);
  };
  const look = async (): Promise<void> => {
    const why = await needs.health().catch(codeOf);
    dispatch({ on: 'health', why, nowMs: clock.nowMs(), trialMs: launched.trialMs });
  };
  const offer: AgentUpdate['offer'] = (parameters, options) => {
    const parsed = parseOffer(parameters);
    if (parsed === undefined) return { ok: false, why: 'bad-parameters' };
    const manifest = needs.open(parsed.jws);
    if (manifest === undefined) return { ok: false, why: 'not-signed' };
    const refusal = refusalOf(state.saved, manifest, builtIn);
    if (refusal !== undefined && refusal !== 'again') return { ok: false, why: refusal };
    freshUrl = options.freshUrl;
    if (refusal === 'again') return { ok: true, again: true };
    if (state.at !== 'resting') return { ok: false, why: 'busy' };
    const { version, sequence } = manifest;
    const work = { at: 'downloading', version, sequence, jws: parsed.jws } as const;
    if (!write({ ...state.saved, work })) return { ok: false, why: 'card' };
    attempt(() => folder.dropDownload());
    dispatch({ on: 'offered', order: { manifest, jws: parsed.jws }, url: parsed.url });
    return { ok: true, again: false };
  };
  return {
    running: runningOf(needs, state.saved),
    offer,
    cancel: () => {
      dispatch({ on: 'cancelled' });
      stopFetch.abort();
    },
    view: () => viewOf(state.saved),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    begin: () => {
      const { saved } = state;
      const order = orderOf(needs, saved);
      const [running, nowMs] = [launched.copy, clock.nowMs()];
      dispatch({ on: 'started', saved, order, running, nowMs });
    },
    close: () => {
      clearTimeout(timer);
      ended.abort();
    },
  };
}

/** With the state lost, the copies that lie there still say what is too old. */
function readSaved({ folder }: Needs): Saved {
  const saved = parseState(folder.readState());
  return { ...saved, sequence: Math.max(saved.sequence, folder.newestSequence() - 1) };
}

function orderOf({ open }: Needs, { work }: Saved): Order | undefined {
  if (work.at !== 'downloading') return undefined;
  const manifest = open(work.jws);
  return manifest === undefined ? undefined : { manifest, jws: work.jws };
}

function runningOf({ folder, launched, builtIn }: Needs, { work }: Saved): RunningBundle {
  const { copy } = launched;
  if (copy === 'built-in') return { copy, version: builtIn.version };
  if (work.at === 'trial' && work.copy === copy) return { copy, version: work.version };
  return { copy, version: folder.versionOf(copy) ?? 'unknown' };
}

function viewOf({ work }: Saved): UpdateView {
  if (work.at === 'none') return work;
  const { at, version, sequence } = work;
  const why = work.at === 'failed' || work.at === 'returned' ? work.why : undefined;
  return { at, version, sequence, why };
}
