// Runs the services that are wanted: judges their settings, has their sandboxes made, starts them, starts them
// again, passes orders to them and events from them. One that fails does not hurt the others.
import { codeOf } from '../core/errors.ts';
import { renderSetup } from '../core/ipc/wire.ts';
import type { InstalledPackage } from '../core/packages.ts';
import type { StoredRecord } from '../core/records.ts';
import type { Services, ServiceView } from '../core/services.ts';
import type { OrderOutcome } from '../core/vocabulary.ts';
import { createChecks } from './checks.ts';
import { judgeServices, parseStored } from './config.ts';
import type { Judged, Wanted } from './config.ts';
import {
  hashOf,
  infoOf,
  isRight,
  newEntry,
  preparedOf,
  problemText,
  reportOf,
  viewOf,
} from './entry.ts';
import type { Entry } from './entry.ts';
import { LOOK_MS, PREPARE_MS } from './limits.ts';
import { keysOf, memoryKey, remember, tokenKey } from './memory.ts';
import type { Needs, Prepared } from './ports.ts';
import { createOrders } from './orders.ts';
import { createSessions } from './sessions.ts';
import type { Hears } from './sessions.ts';
import { next, off } from './state.ts';
import type { Event } from './state.ts';
import { createTraces, renderEntry } from './trace.ts';
import { createTrials } from './trials.ts';
import type { Trials } from './trials.ts';

const DESIRED = 'services/desired';
const TICK_MS = 1_000;
const TOKEN_BYTES = 32;

export interface ServicesRunner extends Services {
  /** For the shadow `services`. */
  report(): Readonly<Record<string, unknown>>;
  desire(desired: Readonly<Record<string, unknown>>): Promise<void>;
  /** The services of the last time, if the cloud has not spoken yet. */
  begin(): Promise<void>;
  /** The factory's record wants these, if nobody has said anything yet: to be put on the card, then reloaded. */
  recorded(services: Readonly<Record<string, unknown>>): readonly StoredRecord[];
  reload(): void;
  /** What others know of each goes into it. */
  views(
    more: (service: string) => Pick<ServiceView, 'waiting' | 'dropped'>,
  ): readonly ServiceView[];
  /** The last frames, a line each; undefined: no such service. */
  trace(service: string): readonly string[] | undefined;
  /** False: there is no such service, or its settings are wrong. */
  restart(service: string): boolean;
  /** Those of this interface are judged and begun anew: another version of it is in use. */
  renew(interfaceName: string): Promise<void>;
  /** What speaks against a version for the services that there are; undefined: nothing. */
  tryOut(candidate: InstalledPackage): Promise<string | undefined>;
  readonly trials: Trials;
  close(): void;
}

export function createServices(needs: Needs): ServicesRunner {
  const { clock, log, records, runner, hotel } = needs;
  const entries = new Map<string, Entry>();
  const traces = createTraces();
  const orders = createOrders();
  const looks = new Set<(service: string) => void>();
  let judged: Judged = { services: new Map(), refused: {} };
  let server: { close(): void } | undefined;
  let isClosed = false;
  /** What the sandboxes were made for. */
  let made = '';
  /** One change after the other. */
  let changes: Promise<unknown> = Promise.resolve();
  const after = async (what: () => Promise<void>): Promise<void> => {
    const done = changes.then(what);
    changes = done.catch(() => {});
    return done;
  };
  const sayWhy = (error: unknown): void => log.error(`sandboxes: ${codeOf(error)}`);
  const changed = (service: string): void => {
    for (const look of looks) look(service);
  };

  const dispatch = (entry: Entry, event: Event): void => {
    if (isClosed) return;
    const before = entry.process.at;
    const step = next(entry.process, event);
    entry.process = step.state;
    if (before !== step.state.at) told(entry, before);
    for (const effect of step.effects) {
      switch (effect) {
        case 'start':
          runner.start(entry.id).catch((error: unknown) => ended(entry, codeOf(error)));
          break;
        case 'stop':
          runner.stop(entry.id).catch((error: unknown) => {
            log.error(`service ${entry.id}: does not stop: ${codeOf(error)}`);
          });
      }
    }
  };
  const told = (entry: Entry, before: string): void => {
    const { process, id } = entry;
    if (process.at === 'waiting') log.warning(`service ${id}: ended: ${process.why}`);
    if (process.at === 'parked')
      log.error(`service ${id}: ended too often, parked: ${process.why}`);
    if (process.at === 'running' && before === 'starting') log.info(`service ${id}: runs`);
    if (process.at === 'waiting' || process.at === 'parked') {
      entry.restarts += 1;
      entry.lastEnd = { why: process.why, atMs: clock.nowMs() };
    }
    changed(id);
  };
  const ended = (entry: Entry, why: string): void => {
    if (entries.get(entry.id) !== entry || entry.isTesting) return;
    dispatch(entry, { on: 'ended', why, nowMs: clock.nowMs(), random: needs.random() });
  };
  /** Does its process still run? Its conversation alone does not tell: the agent may have been away. */
  const look = async (entry: Entry): Promise<void> => {
    if (entry.process.at !== 'starting' && entry.process.at !== 'running') return;
    if (entry.isTesting) return;
    try {
      const status = await runner.status(entry.id);
      entry.memoryBytes = status.memoryBytes;
      if (status.at !== 'running') ended(entry, status.why ?? status.at);
    } catch (error) {
      log.warning(`service ${entry.id}: ${codeOf(error)}`);
    }
  };

  const trials = createTrials({
    ...needs,
    find: (id) => entries.get(id),
    prepare: async () => prepare(true),
    stop: async (entry) => {
      entry.isTesting = true;
      changed(entry.id);
      const resume = await orders.pause(entry.id);
      await runner.stop(entry.id).finally(resume);
    },
    resume: (entry) => {
      entry.isTesting = false;
      entry.process = off;
      if (isRight(entry)) dispatch(entry, { on: 'wanted', nowMs: clock.nowMs() });
    },
    after,
  });
  const checks = createChecks({ ...needs, prepare: async () => prepare(true) });
  const hears: Hears = {
    expected: (service) => {
      const trial = trials.expected(service) ?? checks.expected(service);
      if (trial !== undefined) return trial;
      const entry = entries.get(service);
      if (entry === undefined || !isRight(entry) || entry.isTesting) return undefined;
      return { token: entry.token, setup: hashOf(entry.setup) };
    },
    timeZone: () => hotel.house().timeZone,
    greeted: (service) => {
      const entry = entries.get(service);
      if (entry !== undefined && !entry.isTesting) {
        dispatch(entry, { on: 'greeted', nowMs: clock.nowMs() });
      }
    },
    gone: (service) => {
      const entry = entries.get(service);
      if (entry === undefined) return;
      changed(service);
      void look(entry);
    },
    emit: async (service, event) => {
      const entry = entries.get(service);
      if (entry === undefined) return { ok: false, why: 'later' };
      const info = infoOf(entry);
      // Of a package, what was signed and approved.
      if (!info.emits.includes(event.kind))
        return { ok: false, why: 'wrong', text: 'not announced' };
      return hotel.emitted(info, event);
    },
    house: () => hotel.house(),
    recall: (service, name) => records.get(memoryKey(service, name)),
    remember: async (service, name, value) => remember(records, service, { name, value }),
    report: (service, said) => {
      const entry = entries.get(service);
      if (entry === undefined) return;
      const before = JSON.stringify(entry.report?.said.talk);
      entry.report = { atMs: clock.nowMs(), said };
      if (before !== JSON.stringify(said.talk)) changed(service);
    },
    trace: (service, lines) => traces.add(trials.serviceOf(service), lines),
    tried: (service, what) => {
      trials.tried(service, what);
      checks.tried(service, what);
    },
  };
  const sessions = createSessions(hears);

  const judge = async (id: string, wanted: Wanted): Promise<Entry> => {
    const { settings } = wanted;
    const packaged = needs.packaged(wanted.interface);
    const judgement =
      packaged === undefined
        ? await needs.judge(wanted.interface, settings)
        : await checks.judge(id, packaged, settings);
    const setup = renderSetup({
      ...{ v: 1, service: id, interface: wanted.interface, task: 'serve' },
      ...(packaged !== undefined && { package: packaged.sha256 }),
      settings,
    });
    const known = records.get(tokenKey(id));
    const token = known ?? Buffer.from(needs.randomBytes(TOKEN_BYTES)).toString('hex');
    if (known === undefined) await records.change({ put: [{ key: tokenKey(id), value: token }] });
    if (!judgement.ok) log.error(`service ${id}: ${problemText(judgement.problems)}`);
    return newEntry({ id, wanted, judgement, packaged, setup, token });
  };
  /** The sandboxes of all that is to run, and of what is being tried. */
  const prepare = async (isAgain = false): Promise<void> => {
    const all: readonly Prepared[] = checks.beside(
      trials.instead([...entries.values()].filter(isRight).map(preparedOf)),
    );
    const text = JSON.stringify(all);
    if (text === made && !isAgain) return;
    made = '';
    const refusals = await runner.prepare(all);
    made = text;
    for (const entry of entries.values()) {
      const before = entry.refused;
      entry.refused = refusals.get(entry.id);
      if (entry.refused === before) continue;
      if (entry.refused !== undefined) {
        log.error(`service ${entry.id}: ${entry.refused}`);
        dispatch(entry, { on: 'unwanted' });
      }
      changed(entry.id);
    }
  };
  /** Those that have a sandbox now and are not under way. */
  const startAll = async (): Promise<void> => {
    for (const entry of entries.values()) {
      if (!isRight(entry) || entry.refused !== undefined || entry.process.at !== 'off') continue;
      const { at } = await runner.status(entry.id).catch(() => ({ at: 'stopped' }));
      const nowMs = clock.nowMs();
      dispatch(entry, { on: at === 'running' ? 'found' : 'wanted', nowMs });
    }
  };
  /** What it carries out ends first; nothing new reaches it meanwhile. */
  const end = async (entry: Entry): Promise<void> => {
    const { id } = entry;
    const resume = await orders.pause(id);
    dispatch(entry, { on: 'unwanted' });
    await runner.stop(id).catch(() => {});
    entries.delete(id);
    resume();
  };
  const apply = async (): Promise<void> => {
    const { services } = judged;
    const others = [...entries.values()].filter(
      ({ id, wanted }) => JSON.stringify(services.get(id)) !== JSON.stringify(wanted),
    );
    await Promise.all(others.map(end));
    // Those first that need no process: while one is asked, the sandboxes of all that is known stay.
    const open = [...services].filter(([id]) => !entries.has(id));
    const isKnown = ([id, { interface: name, settings }]: [string, Wanted]): boolean => {
      const packaged = needs.packaged(name);
      return packaged === undefined || checks.isKept(id, packaged, settings);
    };
    for (const known of [true, false]) {
      for (const one of open.filter((one) => isKnown(one) === known)) {
        if (!entries.has(one[0])) entries.set(one[0], await judge(...one));
      }
    }
    traces.keep([...services.keys()]);
    await prepare();
    await startAll();
    for (const id of services.keys()) changed(id);
  };

  /** A name had no address yet, has another one by now, or the sandboxes could not be made. */
  const prepareAgain = async (): Promise<void> => {
    await prepare(true);
    await startAll();
  };
  /** What was wanted last. */
  const reload = async (): Promise<void> => {
    judged = judgeServices(parseStored(records.get(DESIRED)));
    await after(apply);
  };
  let ticks = 0;
  let ticker: NodeJS.Timeout | undefined;
  const tick = (): void => {
    ticks += 1;
    for (const entry of entries.values()) {
      if (!entry.isTesting) dispatch(entry, { on: 'tick', nowMs: clock.nowMs() });
      if (ticks % (LOOK_MS / TICK_MS) === 0) void look(entry);
    }
    if (ticks % (PREPARE_MS / TICK_MS) === 0) after(prepareAgain).catch(sayWhy);
  };

  return {
    list: () => [...entries.values()].map(infoOf),
    order: async (service, order, signal): Promise<OrderOutcome> => {
      const peer = sessions.peer(service);
      const entry = entries.get(service);
      if (entry === undefined) return { ok: false, why: 'wrong', text: 'no such service' };
      if (!infoOf(entry).takes.includes(order.kind)) return { ok: false, why: 'unsupported' };
      if (peer === undefined || entry.isTesting) return { ok: false, why: 'offline' };
      return orders.give(service, peer, order, signal);
    },
    onChange: (look) => {
      looks.add(look);
      return () => void looks.delete(look);
    },
    report: () => reportOf(entries, judged),
    desire: async (said) => {
      // Nothing of services is no order to end them: the factory's record may have them.
      const stored = parseStored(records.get(DESIRED));
      const desired = 'services' in said ? said : { ...stored, ...said };
      judged = judgeServices(desired);
      const value = JSON.stringify(desired);
      if (value !== records.get(DESIRED)) {
        const gone = [...entries.keys()].filter((id) => !judged.services.has(id));
        await records.change({
          put: [{ key: DESIRED, value }],
          remove: gone.flatMap(keysOf(records)),
        });
      }
      await after(apply);
    },
    begin: async () => {
      server ??= await needs.listen((pipe) => sessions.greet(pipe));
      // Not before: an agent that knows of no service yet would take the sandboxes of those that run.
      ticker ??= setInterval(tick, TICK_MS);
      await reload();
    },
    recorded: (wanted) =>
      'services' in parseStored(records.get(DESIRED))
        ? []
        : [{ key: DESIRED, value: JSON.stringify({ services: wanted }) }],
    reload: () => {
      reload().catch((error: unknown) => log.error(`services: ${codeOf(error)}`));
    },
    views: (more) =>
      [...entries.values()].map((entry) => {
        const { id } = entry;
        const trial = trials.last(id);
        return viewOf(entry, { nowMs: clock.nowMs(), ...more(id), trial });
      }),
    trace: (service) => (entries.has(service) ? traces.of(service).map(renderEntry) : undefined),
    restart: (service) => {
      const entry = entries.get(service);
      if (entry === undefined || !isRight(entry) || entry.refused !== undefined) return false;
      after(async () => {
        // Its settings are others since: it has begun anew with them.
        if (entries.get(service) !== entry) return;
        const resume = await orders.pause(service);
        await runner.stop(service).finally(resume);
        entry.process = off;
        dispatch(entry, { on: 'wanted', nowMs: clock.nowMs() });
      }).catch((error: unknown) =>
        log.error(`service ${service}: not restarted: ${codeOf(error)}`),
      );
      return true;
    },
    renew: async (name) =>
      after(async () => {
        const own = [...entries.values()].filter(({ wanted }) => wanted.interface === name);
        await Promise.all(own.map(end));
        await apply();
      }),
    tryOut: async (candidate) => {
      let against: string | undefined;
      await after(async () => {
        const own = [...entries.values()].filter(
          ({ wanted }) => wanted.interface === candidate.name,
        );
        against = await checks.objection(candidate, own);
      });
      return against;
    },
    trials,
    close: () => {
      isClosed = true;
      clearInterval(ticker);
      server?.close();
    },
  };
}
