// Performs the installing of packages: keeps the records, fetches, installs, watches each trial. Never runs any
// of a package's code: it reads signed manifests, and the services' processes do the rest.
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { InstalledPackage, PackageRow, Packages, PackageView } from '../core/packages.ts';
import type { Records, StoredRecord } from '../core/records.ts';
import { asking, noted, rowOf } from './book.ts';
import { HEALTH_TICK_MS, NAMES_MAX } from './limits.ts';
import type { FetchPackage, PackageFolder, ServiceSide } from './ports.ts';
import { inUse, next, refusalOf } from './state.ts';
import type { Effect, Event, Install, Looks, Order } from './state.ts';
import {
  bookKey,
  isAgentBefore,
  isWhole,
  nameOf,
  parseBook,
  parseOffer,
  parseSaved,
  recordKey,
  renderBook,
  renderSaved,
} from './wire.ts';
import type { PackageManifest, Saved } from './wire.ts';

export interface PackageNeeds {
  readonly folder: PackageFolder;
  /** The manifest that one of the unit's keys signed. */
  readonly open: (jws: string) => PackageManifest | undefined;
  readonly fetch: FetchPackage;
  readonly services: ServiceSide;
  readonly records: Records;
  readonly agentVersion: string;
  /** Of a trial: how long it has, how long it must be well. */
  readonly trial: { readonly trialMs: number; readonly stableMs: number };
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

type LinkGiver = () => Promise<string | undefined>;
type Answer =
  | { readonly ok: true; readonly name: string }
  | { readonly ok: false; readonly kind: 'rejected' | 'failed'; readonly why: string };

export interface PackageRunner extends Packages {
  /** Takes on the parameters of a job `install-package`. `ok` when it is on the card, and goes on by itself. */
  install(parameters: unknown, options: { readonly freshUrl: LinkGiver }): Promise<Answer>;
  /** A download ends as `failed`; what is installed already is not touched. */
  cancel(name: string): void;
  /** The built-in interface serves again, if there is one. `ok` when it is on the card. */
  remove(name: string): Promise<Answer>;
  view(name: string): PackageView | undefined;
  /** Cheap: for every look at the page. */
  rows(): readonly PackageRow[];
  /** The services are there: downloads go on, trials are watched. */
  begin(): void;
  close(): Promise<void>;
}

const rejected = (why: string): Answer => ({ ok: false, kind: 'rejected', why });
const failed = (why: string): Answer => ({ ok: false, kind: 'failed', why });

export function createPackages(needs: PackageNeeds): PackageRunner {
  const { records, open, agentVersion, log } = needs;
  const listeners = new Set<(view: PackageView) => void>();
  const tell = (view: PackageView): void => {
    for (const listener of listeners) listener(view);
  };
  const all = new Map<string, One>();
  for (const { key } of [...records.list('packages/'), ...records.list('packages-book/')]) {
    const name = nameOf(key);
    if (name !== undefined && !all.has(name)) all.set(name, createOne(name, { ...needs, tell }));
  }
  /** Of offers and removals, which come by different jobs. */
  const busy = new Set<string>();
  const alone = async (name: string, work: () => Promise<Answer>): Promise<Answer> => {
    if (busy.has(name)) return failed('busy');
    busy.add(name);
    return work().finally(() => busy.delete(name));
  };
  return {
    install: async (parameters, { freshUrl }) => {
      const parsed = parseOffer(parameters);
      if (!parsed.ok) return rejected(`bad-parameters: ${parsed.field}`);
      const { manifest: jws, url, sha256, approve } = parsed.offer;
      const manifest = open(jws);
      if (manifest === undefined) return rejected('not-signed');
      if (manifest.sha256 !== sha256) return rejected('other-sha256');
      const { name } = manifest;
      return alone(name, async () => {
        if (!all.has(name) && all.size >= NAMES_MAX) return failed('too-many');
        const one = all.get(name) ?? createOne(name, { ...needs, tell });
        const why = refusalOf(one.saved(), manifest, { approve, agentVersion });
        if (why?.startsWith('not-approved') === true) {
          // Only what a yes would install is put before a person.
          const rest = { approve: manifest.permissions, agentVersion };
          if (refusalOf(one.saved(), manifest, rest) === undefined) {
            all.set(name, one);
            await one.ask(manifest);
          }
          return rejected(why);
        }
        if (why !== undefined && why !== 'again') return failed(why);
        one.freshUrl = freshUrl;
        all.set(name, one);
        const answer = why === 'again' ? true : await one.offer({ manifest, jws }, url);
        return answer ? { ok: true, name } : failed('card');
      });
    },
    cancel: (name) => all.get(name)?.cancel(),
    remove: async (name) => {
      const one = all.get(name);
      if (one === undefined) return failed('not-installed');
      return alone(name, async () => one.remove());
    },
    use: (name) => all.get(name)?.use(),
    view: (name) => all.get(name)?.view(),
    list: () => [...all.values()].flatMap((one) => one.view() ?? []),
    rows: () => [...all.values()].flatMap((one) => one.row() ?? []),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    begin: () => {
      if (all.size > 0) log.info(`packages: ${[...all.keys()].join(', ')}`);
      for (const one of all.values()) one.begin();
    },
    close: async () => {
      await Promise.all([...all.values()].map(async (one) => one.close()));
    },
  };
}

interface One {
  freshUrl: LinkGiver | undefined;
  saved(): Saved;
  offer(order: Order, url: string): Promise<boolean>;
  /** It is shown what this one wants; whether the card takes that matters little. */
  ask(manifest: PackageManifest): Promise<void>;
  remove(): Promise<Answer>;
  cancel(): void;
  use(): InstalledPackage | undefined;
  view(): PackageView | undefined;
  row(): PackageRow | undefined;
  begin(): void;
  close(): Promise<void>;
}

function createOne(
  name: string,
  needs: PackageNeeds & { readonly tell: (view: PackageView) => void },
): One {
  const { folder, services, clock, log, records, trial } = needs;
  const ended = new AbortController();
  let state: Install = { at: 'resting', saved: parseSaved(records.get(recordKey(name))) };
  let timer: NodeJS.Timeout | undefined;
  let stopFetch = new AbortController();
  /** The last complaint: once is enough. */
  let said = '';
  /** One thing at a time is done to the card. */
  let working: Promise<void> = Promise.resolve();
  const then = (work: () => Promise<void>): void => {
    working = working.then(work).catch((error) => log.error(`package ${name}: ${codeOf(error)}`));
  };
  let book = parseBook(records.get(bookKey(name)));
  const bookRecord = (): StoredRecord => ({ key: bookKey(name), value: renderBook(book) });
  const store = async (saved: Saved): Promise<void> => {
    const before = book;
    const after = noted(book, saved.work, clock.wallMs());
    book = after;
    const put = [{ key: recordKey(name), value: renderSaved(saved) }, bookRecord()];
    try {
      await records.change({ put });
    } catch (error) {
      if (book === after) book = before;
      throw error;
    }
  };
  const write = async (saved: Saved): Promise<boolean> => {
    try {
      await store(saved);
      return true;
    } catch (error) {
      log.error(`package ${name}: not stored: ${codeOf(error)}`);
      return false;
    }
  };
  const looks = (): Looks => {
    const pairs = services.of(name).flatMap((id) => {
      const health = services.health(id);
      return health === undefined ? [] : [[id, health] as const];
    });
    return Object.fromEntries(pairs);
  };
  const dispatch = (event: Event): void => {
    if (ended.signal.aborted) return;
    const before = settled(state).work;
    const step = next(state, event);
    state = step.state;
    const { work } = settled(state);
    if (work.at !== before.at) {
      const why = 'why' in work ? `: ${work.why}` : '';
      log.info(`package ${name}: ${work.at}${'version' in work ? ` ${work.version}` : ''}${why}`);
      const view = viewOf(name, settled(state), use());
      if (view !== undefined) needs.tell(view);
    }
    for (const effect of step.effects) perform(effect);
  };
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'fetch':
        return then(async () => fetchRest(effect));
      case 'ask-link':
        return void askLink();
      case 'wait':
        timer = setTimeout(() => dispatch({ on: 'due' }), effect.delayMs);
        return;
      case 'note':
        return then(async () => void (await write(effect.saved)));
      case 'drop-download':
        return then(async () => folder.dropDownload(name));
      case 'install':
        return then(async () => install(effect));
      case 'begin-services':
        return then(beginServices);
      case 'watch':
        timer = setTimeout(look, Math.min(HEALTH_TICK_MS, trial.stableMs / 10));
        return;
      case 'decide':
        return then(async () =>
          dispatch({ on: (await write(effect.saved)) ? 'decided' : 'not-decided' }),
        );
      case 'sweep':
        return then(async () => {
          const { good, work } = settled(state);
          const kept = [good?.version, work.at === 'trial' ? work.version : undefined];
          await folder.sweep(
            name,
            kept.filter((version) => version !== undefined),
          );
        });
    }
  };
  const fetchRest = async ({ url, order }: Extract<Effect, { do: 'fetch' }>): Promise<void> => {
    if (state.at !== 'fetching' || state.order !== order) return;
    const { manifest } = order;
    if (await folder.holds(manifest)) return dispatch({ on: 'fetched', before: looks() });
    await folder.prepare(name).catch(() => {});
    stopFetch = new AbortController();
    const signal = AbortSignal.any([ended.signal, stopFetch.signal]);
    const file = folder.download(name);
    const answer = await needs.fetch({ url, file, size: manifest.size, signal });
    const random = needs.random();
    if (!answer.ok) {
      log.warning(`package ${name}: ${answer.why}`);
      return dispatch({ on: 'not-fetched', kind: answer.kind, why: answer.why, random });
    }
    if (await folder.isDownloaded(manifest)) return dispatch({ on: 'fetched', before: looks() });
    const why = 'not the bytes that the manifest names';
    return dispatch({ on: 'not-fetched', kind: 'other', why, random });
  };
  const askLink = async (): Promise<void> => {
    const url = await (one.freshUrl?.() ?? Promise.resolve(undefined)).catch(() => undefined);
    dispatch({ on: 'link', url, random: needs.random() });
  };
  const install = async ({ order, saved }: Extract<Effect, { do: 'install' }>): Promise<void> => {
    const { manifest, jws } = order;
    try {
      if (!(await folder.holds(manifest))) await folder.install(manifest, jws);
      const why = await services.tryOut(installedOf(folder, manifest, jws));
      if (why !== undefined) return dispatch({ on: 'unfit', why });
      await store(saved);
    } catch (error) {
      log.error(`package ${name}: not installed: ${codeOf(error)}`);
      return dispatch({ on: 'not-installed', random: needs.random() });
    }
    return dispatch({ on: 'installed', saved });
  };
  const beginServices = async (): Promise<void> => {
    if (state.at === 'beginning' && use() === undefined) {
      return dispatch({ on: 'not-begun', why: 'damaged on the card' });
    }
    try {
      await services.restart(name);
    } catch (error) {
      log.error(`package ${name}: services not begun: ${codeOf(error)}`);
      return dispatch({ on: 'not-begun', why: codeOf(error) });
    }
    return dispatch({ on: 'begun', looks: looks(), nowMs: clock.nowMs() });
  };
  const look = (): void =>
    dispatch({ on: 'looked', looks: looks(), nowMs: clock.nowMs(), ...trial });
  /** The page is looked at more often than the card should be read. */
  let seen: { readonly version: string; readonly used: InstalledPackage | undefined } | undefined;
  const runs = (): InstalledPackage | undefined => {
    const version = inUse(settled(state))?.version;
    if (version === undefined) return undefined;
    if (seen?.version !== version) seen = { version, used: use() };
    return seen.used;
  };
  const use = (): InstalledPackage | undefined => {
    const held = inUse(settled(state));
    if (held === undefined) return undefined;
    const { jws, bytes } = folder.read(name, held.version) ?? { jws: '', bytes: Buffer.of() };
    const manifest = needs.open(jws);
    // The very one: the same code, signed once more, may want more than was approved.
    const isIt =
      manifest?.name === name &&
      manifest.counter === held.counter &&
      manifest.sha256 === held.sha256 &&
      isWhole(manifest, bytes);
    const isFit = isIt && !isAgentBefore(needs.agentVersion, manifest.minimumAgent);
    if (isFit) return installedOf(folder, manifest, jws);
    const why = isIt ? `needs agent ${manifest.minimumAgent}` : 'is damaged on the card';
    const text = `package ${name}: ${held.version} ${why}: not used; install it again`;
    if (text !== said) log.error(text);
    said = text;
    return undefined;
  };
  const one: One = {
    freshUrl: undefined,
    saved: () => settled(state),
    use,
    view: () => viewOf(name, settled(state), use()),
    row: () => rowOf(name, { book, work: settled(state).work, runs: runs() }, clock.wallMs()),
    ask: async (manifest) => {
      book = asking(book, manifest, clock.wallMs());
      await records.change({ put: [bookRecord()] }).catch((error: unknown) => {
        log.error(`package ${name}: not stored that it waits: ${codeOf(error)}`);
      });
    },
    offer: async (order, url) => {
      const { version, counter } = order.manifest;
      const work = { at: 'downloading', version, counter, jws: order.jws } as const;
      if (state.at !== 'resting' || !(await write({ ...state.saved, work }))) return false;
      then(async () => folder.dropDownload(name));
      dispatch({ on: 'offered', order, url });
      return true;
    },
    remove: async () => {
      const { saved } = state;
      if (state.at !== 'resting') return failed('busy');
      if (saved.good === undefined) {
        return saved.work.at === 'removed' ? { ok: true, name } : failed('not-installed');
      }
      const { version, counter } = saved.good;
      const after: Saved = { ...saved, good: undefined, work: { at: 'removed', version, counter } };
      if (!(await write(after))) return failed('card');
      dispatch({ on: 'removed', saved: after });
      return { ok: true, name };
    },
    cancel: () => {
      dispatch({ on: 'cancelled' });
      stopFetch.abort();
    },
    begin: () => {
      const { saved } = state;
      const manifest = saved.work.at === 'downloading' ? needs.open(saved.work.jws) : undefined;
      const jws = saved.work.at === 'downloading' ? saved.work.jws : '';
      dispatch({ on: 'started', saved, order: manifest && { manifest, jws } });
    },
    close: async () => {
      clearTimeout(timer);
      ended.abort();
      await working;
    },
  };
  return one;
}

/** What counts: what is being decided is not so before the card has it. */
const settled = (state: Install): Saved =>
  state.at === 'deciding' ? state.from.saved : state.saved;

function installedOf(
  folder: PackageFolder,
  manifest: PackageManifest,
  jws: string,
): InstalledPackage {
  const { name, title, version, sha256, takes, emits, permissions } = manifest;
  const said = { name, title, version, sha256, takes, emits, permissions };
  return { ...said, file: folder.file(name, version), jws };
}

function viewOf(
  name: string,
  { work }: Saved,
  used: InstalledPackage | undefined,
): PackageView | undefined {
  if (work.at === 'none') return undefined;
  const { at, version, counter } = work;
  const why = 'why' in work ? work.why : undefined;
  return { name, runs: used?.version, at, version, counter, why };
}
