// Runs services' processes as units of systemd: leaves what root is to make of them in /run/clock-agent, has
// clock-units.service make it, starts and stops clock-service@ID.service. What root accepts is units/wire.ts's.
import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import { isAddress, lanAddress } from '../core/lan.ts';
import type { Need } from '../core/interface.ts';
import type { Prepared, ProcessStatus, Runner } from '../services/ports.ts';
import { ADDRESSES_MAX, SERVICE_ID, parseAnswer, renderRequest } from '../units/wire.ts';
import type { Answers, RequestedService } from '../units/wire.ts';
import type { UnitState, Units } from './systemd.ts';

const UNITS = 'clock-units.service';
/** Its own limit is 180 s (TimeoutStartSec=). */
const PREPARE_MS_MAX = 200_000;
/** A request that came while it ended starts nothing; asked again, it is. */
const PREPARE_STARTS_MAX = 5;
/** A Pi takes a second to begin, an emulated board on a busy machine a minute. */
const START_MS_MAX = 90_000;
/** TimeoutStopSec=10, then systemd kills. */
const STOP_MS_MAX = 40_000;
/** Twenty times a second would keep a Pi busy with asking. */
const POLL_MS = 200;
const LOOKUP_MS_MAX = 5_000;
/** Node asks for two names at once, the cloud's among them: more would only wait in line before it. */
const LOOKUPS_AT_ONCE = 2;

interface BundleFiles {
  readonly js: string;
  readonly jws: string;
}

/** All addresses of a name. */
export type Lookup = (name: string) => Promise<readonly string[]>;

const systemLookup: Lookup = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address);

/** `root` is "/" on the unit. */
export function systemdRunner(needs: {
  readonly root: string;
  readonly units: Units;
  readonly clock: Clock;
  readonly lookup?: Lookup;
  /** Files of the bundle that this agent runs; undefined: the program in the root. */
  readonly bundle?: BundleFiles | undefined;
}): Runner {
  const { root, units, clock, bundle } = needs;
  const folder = join(root, 'run/clock-agent');
  const names = new Names(needs.lookup ?? systemLookup);
  let last: Promise<unknown> = Promise.resolve();
  let made: Made | undefined;
  /** systemd has not begun with them yet. */
  const starting = new Set<string>();
  const nameOf = (id: string): string => {
    if (!SERVICE_ID.test(id)) throw new Error(`not a service id: ${id.slice(0, 40)}`);
    return `clock-service@${id}.service`;
  };
  const settle = async (id: string, isOver: (state: UnitState) => boolean, msMax: number) => {
    const untilMs = clock.nowMs() + msMax;
    for (;;) {
      const state = await units.state(nameOf(id));
      if (isOver(state)) return state;
      if (clock.nowMs() > untilMs) throw new Error(`${nameOf(id)} is still ${state.activeState}`);
      await sleep(POLL_MS);
    }
  };
  return {
    prepare: async (services) => {
      const turn = last.then(async () => {
        const before = made;
        made = undefined;
        made = await prepare(services, { root, folder, units, clock, names, before, bundle });
        return made.refused;
      });
      last = turn.catch(() => {});
      return turn;
    },
    start: async (id) => {
      starting.add(id);
      try {
        await units.start(nameOf(id));
      } finally {
        starting.delete(id);
      }
      const { activeState, result } = await settle(
        id,
        (state) => state.activeState !== 'activating',
        START_MS_MAX,
      );
      if (activeState === 'active') return;
      const why = activeState === 'failed' ? result : 'has no sandbox, or ended at once';
      throw new Error(`${nameOf(id)}: ${why}`);
    },
    stop: async (id) => {
      await units.stop(nameOf(id));
      await settle(id, (state) => ['inactive', 'failed'].includes(state.activeState), STOP_MS_MAX);
    },
    status: async (id) =>
      starting.has(id) ? { at: 'running' } : statusOf(await units.state(nameOf(id))),
  };
}

function statusOf({ activeState, result, memoryBytes }: UnitState): ProcessStatus {
  switch (activeState) {
    case 'failed':
      return { at: 'failed', why: result };
    case 'inactive':
      return { at: 'stopped' };
    default:
      return { at: 'running', ...(memoryBytes !== undefined && { memoryBytes }) };
  }
}

/** What was asked for last, and what came of it. */
interface Made {
  readonly asked: string;
  readonly refused: ReadonlyMap<string, string>;
}

interface Place {
  readonly root: string;
  readonly folder: string;
  readonly units: Units;
  readonly clock: Clock;
  readonly names: Names;
  readonly before: Made | undefined;
  readonly bundle: BundleFiles | undefined;
}

async function prepare(services: readonly Prepared[], place: Place): Promise<Made> {
  const request = join(place.folder, 'units.json');
  // Since the unit started nobody asked for anything: nothing is to be taken back.
  if (services.length === 0 && !existsSync(request)) return { asked: '', refused: new Map() };
  const refused = new Map<string, string>();
  const requested: RequestedService[] = [];
  for (const service of services) {
    try {
      requested.push(await requestOf(service, place.names));
    } catch (error) {
      refused.set(service.id, (error as Error).message);
    }
  }
  // Asked again and again, names are looked up again; root does something only when something is another.
  const asked = JSON.stringify([requested, [...refused], services]);
  if (asked === place.before?.asked) return place.before;
  await mkdir(join(place.folder, 'services'), { recursive: true });
  for (const service of services) if (!refused.has(service.id)) await leave(place.folder, service);
  for (const name of ['js', 'jws'] as const) {
    const path = join(place.folder, `bundle.${name}`);
    if (place.bundle === undefined) await rm(path, { force: true });
    else await write(path, await readFile(place.bundle[name]));
  }
  const ids = new Set(requested.map(({ id }) => id));
  for (const name of await readdir(join(place.folder, 'services'))) {
    if (!ids.has(name)) await rm(join(place.folder, 'services', name), { recursive: true });
  }
  const name = randomUUID();
  await write(request, renderRequest(name, requested));
  for (const [id, refusal] of await answerOf(name, place)) {
    if (refusal === undefined) continue;
    refused.set(id, refusal.field === undefined ? refusal.why : `${refusal.field}: ${refusal.why}`);
  }
  return { asked, refused };
}

async function requestOf(service: Prepared, names: Names): Promise<RequestedService> {
  const { id, memoryMb } = service;
  if (!SERVICE_ID.test(id)) throw new Error('not a service id');
  const needs = await names.all(service.needs);
  return { id, interface: service.interface, memoryMb, needs };
}

/** Group-readable: root reads them as a member of the agent's group, and no service is one. */
async function leave(folder: string, prepared: Prepared): Promise<void> {
  const { id, token, settings, package: packaged } = prepared;
  const own = join(folder, 'services', id);
  await mkdir(own, { recursive: true });
  for (const path of [join(folder, 'services'), own]) await chmod(path, 0o750);
  await write(join(own, 'token'), token);
  await write(join(own, 'settings.json'), settings);
  for (const name of ['js', 'jws'] as const) {
    const path = join(own, `package.${name}`);
    if (packaged === undefined) await rm(path, { force: true });
    else await write(path, name === 'js' ? await readFile(packaged.file) : packaged.jws);
  }
}

async function write(path: string, text: string | Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o640);
  try {
    await file.writeFile(text);
    await file.chmod(0o640);
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

const BUSY = { activeState: 'activating', result: 'success' };

async function answerOf(request: string, { root, units, clock }: Place): Promise<Answers> {
  const path = join(root, 'run/clock-units/answer.json');
  const untilMs = clock.nowMs() + PREPARE_MS_MAX;
  for (let starts = 0; starts < PREPARE_STARTS_MAX; starts += 1) {
    await units.start(UNITS);
    for (;;) {
      // In this order: it answers before it ends. While it reads all units again systemd answers nobody.
      const { activeState, result } = await units.state(UNITS).catch(() => BUSY);
      const text = await readFile(path, 'utf8').catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return '';
        throw error;
      });
      const answers = parseAnswer(text, request);
      if (answers !== undefined) return answers;
      if (activeState === 'failed') throw new Error(`${UNITS}: ${result}`);
      if (activeState === 'inactive') break;
      if (clock.nowMs() > untilMs) throw new Error(`${UNITS} does not answer`);
      await sleep(POLL_MS);
    }
  }
  throw new Error(`${UNITS} answers nothing`);
}

/** Names in settings become addresses here: the process itself reaches no name server. */
class Names {
  readonly #lookup: Lookup;
  /** A name server that is away takes no service down that it once knew. */
  readonly #known = new Map<string, readonly string[]>();

  constructor(ask: Lookup) {
    this.#lookup = ask;
  }

  /** Rejects with what to show: which name, and why not. */
  async all(needs: readonly Need[]): Promise<RequestedService['needs']> {
    const hosts = needs.flatMap((need) => (need.need === 'connect' ? [need.host] : []));
    const found = new Map<string, readonly string[]>();
    const open = [...new Set(hosts)].filter((host) => !isAddress(host));
    const work = async (): Promise<void> => {
      for (let name = open.pop(); name !== undefined; name = open.pop()) {
        found.set(name, await this.#addressesOf(name));
      }
    };
    await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, work));
    return needs.map((need) => {
      if (need.need === 'listen') return { ...need, from: [...need.from] };
      if (need.need === 'device') return need;
      const { host, port } = need;
      const addresses = found.get(host);
      if (addresses === undefined) return { need: 'connect', addresses: [host], port };
      return { need: 'connect', name: host, addresses: [...addresses], port };
    });
  }

  async #addressesOf(name: string): Promise<readonly string[]> {
    const late = sleep(LOOKUP_MS_MAX, undefined, { ref: false }).then(() => {
      throw new Error('the name server does not answer');
    });
    let all: readonly string[];
    try {
      all = await Promise.race([this.#lookup(name), late]);
    } catch (error) {
      const known = this.#known.get(name);
      if (known !== undefined) return known;
      throw new Error(`${name} has no address: ${codeOf(error)}`, { cause: error });
    }
    const own = all.filter((address) => lanAddress(address) !== undefined);
    if (own.length === 0) throw new Error(`${name} is not in the local network`);
    // An address that changes its place in the answer is no change.
    const addresses = own.toSorted().slice(0, ADDRESSES_MAX);
    this.#known.set(name, addresses);
    return addresses;
  }
}
