// Everything that a day needs: the double of Clock's API, the cloud's double, an exchange, a lock server and a printer of
// call records behind real sockets, and a unit in the place where the day is played.
import { setTimeout as sleep } from 'node:timers/promises';
import { playPbx } from '../../../agent/interfaces/calls/counterpart.ts';
import type { Pbx } from '../../../agent/interfaces/calls/counterpart.ts';
import { calls } from '../../../agent/interfaces/calls/run.ts';
import { createVendor } from '../../../agent/interfaces/fias/counterpart.ts';
import type { VendorSystem } from '../../../agent/interfaces/fias/counterpart.ts';
import { fias } from '../../../agent/interfaces/fias/run.ts';
import { createLockServer } from '../../../agent/interfaces/salto/counterpart.ts';
import type { LockServer } from '../../../agent/interfaces/salto/counterpart.ts';
import { salto } from '../../../agent/interfaces/salto/run.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import type { Cloud } from '../cloud/api.ts';
import { openCloud } from '../cloud/cloud.ts';
import type { Pms } from '../pms/api.ts';
import { openPms } from '../pms/pms.ts';
import { behind } from '../systems/behind.ts';
import type { Behind } from '../systems/behind.ts';
import { ENCODERS } from './house.ts';
import { SERVICES, SERVICE_NAMES } from './place.ts';
import type { Place, PlacedUnit, Service } from './place.ts';

export interface Systems extends AsyncDisposable {
  readonly cloud: Cloud;
  readonly pms: Pms;
  readonly unit: PlacedUnit;
  readonly vendor: VendorSystem;
  readonly locks: LockServer;
  readonly printer: Pbx;
  readonly cables: Readonly<Record<Service, Behind>>;
}

const RECONNECT = { firstSeconds: 0.2, maxSeconds: 1 };
type Address = PlacedUnit['lines'][Service];
const lineTo = (to: Address): object => ({ kind: 'tcp-client', ...to, reconnect: RECONNECT });
/** What the third parties themselves read of the settings names no line. */
const ANYWHERE: Address = { host: '127.0.0.1', port: 1 };
const SETTINGS = {
  pbx: (to: Address) => ({
    ...{ line: lineTo(to), codePage: 'utf-8' },
    outlets: [
      { so: 'BAR', name: 'Bar', group: 'f&b', kind: 'charge' },
      { so: 'TEL', name: 'Telephone', kind: 'call' },
    ],
  }),
  locks: (to: Address) => ({
    ...to,
    encoders: ENCODERS.map((identifier) => ({ name: identifier, identifier })),
  }),
  records: (to: Address) => ({
    ...{ line: lineTo(to), layout: { kind: 'hobic', framing: 'hx', answer: true } },
  }),
} as const;
const INTERFACES = { pbx: 'fias', locks: 'salto', records: 'calls' } as const;

function parsed<S>(
  one: {
    parse(given: unknown): { readonly ok: true; readonly settings: S } | { readonly ok: false };
  },
  given: object,
): S {
  const result = one.parse(given);
  if (!result.ok) throw new Error(`Settings are wrong: ${JSON.stringify(result)}`);
  return result.settings;
}

/** Without it the unit knows no prices of the minibar. */
export const ARTICLES_COMMAND = 'articles';

/** `startMs`: of the hotel's clock, whatever the unit's says. `prepare` furnishes the hotel before the unit sees it, and names its articles. */
export async function openSystems(how: {
  readonly startMs: number;
  readonly place: Place;
  readonly random: () => number;
  readonly prepare: (pms: Pms) => Readonly<Record<string, number>>;
}): Promise<Systems> {
  await using opened = new AsyncDisposableStack();
  const needs = { clock: systemClock, random: how.random };
  const vendor = createVendor(parsed(fias, SETTINGS.pbx(ANYWHERE)), needs);
  const locks = createLockServer(parsed(salto, SETTINGS.locks(ANYWHERE)), needs, { placeMs: 50 });
  const printer = playPbx(parsed(calls, SETTINGS.records(ANYWHERE)), needs, { resendMs: 500 });
  const cables = {
    pbx: opened.use(await behind(vendor, { at: 'tcp-server' })),
    locks: opened.use(await behind(locks, { at: 'tcp-server' })),
    records: opened.use(await behind(printer, { at: 'tcp-server' })),
  };
  const { startMs, place } = how;
  const cloud = opened.use(await openCloud(place.cloud));
  const limits = { historyMax: 200_000 };
  const { rootsPem } = cloud;
  const pms = opened.use(await openPms({ ...place.pms, rootsPem, startMs, limits }));
  const articles = how.prepare(pms);
  const unit = opened.use(await place.open({ cloud, pms, cables }));
  const services = Object.fromEntries(
    SERVICE_NAMES.map((name) => [
      SERVICES[name],
      { interface: INTERFACES[name], settings: SETTINGS[name](unit.lines[name]) },
    ]),
  );
  cloud.shadow(unit.thing, 'services').desire({ services });
  const command = {
    v: 1,
    id: ARTICLES_COMMAND,
    at: '',
    service: 'hotel',
    kind: 'minibar.articles',
  };
  cloud.publish(
    `clock/v1/${unit.thing}/command/hotel`,
    { ...command, body: { articles } },
    { qos: 1 },
  );
  const end = opened.move();
  return {
    ...{ cloud, pms, unit, vendor, locks, printer, cables },
    [Symbol.asyncDispose]: async () => end.disposeAsync(),
  };
}

const LOG_LINES = 15;

/** Every service says that its third party is there. */
export async function untilServing(
  { cloud, vendor, unit }: Systems,
  withinMs: number,
): Promise<void> {
  const isUp = (): boolean => {
    const document = cloud.shadow(unit.thing, 'services').get();
    const reported = (document?.state.reported?.['services'] ?? {}) as Record<
      string,
      { readonly state?: { readonly talk?: string } } | undefined
    >;
    const all = Object.values(SERVICES).every((one) => reported[one]?.state?.talk === 'up');
    return all && vendor.isUp();
  };
  await until('the services are up', isUp, withinMs).catch(async (error: unknown) => {
    const shadow = JSON.stringify(cloud.shadow(unit.thing, 'services').get()?.state.reported);
    const log = (await unit.log()).slice(-LOG_LINES).join('\n');
    throw new Error(`${String(error)}\n${shadow}\n${log}`);
  });
}

export async function until(what: string, isSo: () => boolean, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`Never: ${what}`);
    await sleep(50);
  }
}
