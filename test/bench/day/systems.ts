// Everything that a day needs: the double of Clock's API, the cloud's double, a unit with its agent as a process, and
// an exchange, a lock server and a printer of call records behind real sockets.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
import { accountOf } from '../../agent/pms/world.ts';
import { THING, Unit } from '../../agent/unit.ts';
import type { Cloud } from '../cloud/api.ts';
import { openCloud } from '../cloud/cloud.ts';
import type { Pms } from '../pms/api.ts';
import { openPms } from '../pms/pms.ts';
import { behind } from '../systems/behind.ts';
import type { Behind } from '../systems/behind.ts';
import { ENCODERS } from './house.ts';

/** Names of the services. */
export const SERVICES = { pbx: 'pbx', locks: 'locks', records: 'records' } as const;
export type Service = keyof typeof SERVICES;

export interface Systems extends AsyncDisposable {
  readonly cloud: Cloud;
  readonly pms: Pms;
  readonly unit: Unit;
  readonly vendor: VendorSystem;
  readonly locks: LockServer;
  readonly printer: Pbx;
  readonly cables: Readonly<Record<Service, Behind>>;
}

const HOST = '127.0.0.1';
const RECONNECT = { firstSeconds: 0.2, maxSeconds: 1 };
const lineTo = (port: number): object => ({
  ...{ kind: 'tcp-client', host: HOST, port, reconnect: RECONNECT },
});
const SETTINGS = {
  pbx: (port: number) => ({
    ...{ line: lineTo(port), codePage: 'utf-8' },
    outlets: [
      { so: 'BAR', name: 'Bar', group: 'f&b', kind: 'charge' },
      { so: 'TEL', name: 'Telephone', kind: 'call' },
    ],
  }),
  locks: (port: number) => ({
    ...{ host: HOST, port },
    encoders: ENCODERS.map((identifier) => ({ name: identifier, identifier })),
  }),
  records: (port: number) => ({
    ...{ line: lineTo(port), layout: { kind: 'hobic', framing: 'hx', answer: true } },
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

/** `startMs`: of the hotel's clock. `prepare` furnishes the hotel before the unit sees it, and names its articles. */
export async function openSystems(how: {
  readonly startMs: number;
  readonly random: () => number;
  readonly prepare: (pms: Pms) => Readonly<Record<string, number>>;
}): Promise<Systems> {
  await using opened = new AsyncDisposableStack();
  const needs = { clock: systemClock, random: how.random };
  const vendor = createVendor(parsed(fias, SETTINGS.pbx(1)), needs);
  const locks = createLockServer(parsed(salto, SETTINGS.locks(1)), needs, { placeMs: 50 });
  const printer = playPbx(parsed(calls, SETTINGS.records(1)), needs, { resendMs: 500 });
  const cables = {
    pbx: opened.use(await behind(vendor, { at: 'tcp-server' })),
    locks: opened.use(await behind(locks, { at: 'tcp-server' })),
    records: opened.use(await behind(printer, { at: 'tcp-server' })),
  };
  const cloud = opened.use(await openCloud({ hosts: ['localhost'] }));
  const { startMs } = how;
  const limits = { historyMax: 200_000 };
  const pms = opened.use(await openPms({ rootsPem: cloud.rootsPem, startMs, limits }));
  const articles = how.prepare(pms);
  const both = { ports: cloud.ports, rootsPem: pms.rootsPem, makeClaim: () => cloud.makeClaim() };
  const unit = await Unit.prepare(both, { clockPort: pms.port });
  opened.defer(async () => unit.remove());
  await mkdir(unit.folder, { recursive: true, mode: 0o700 });
  const accounts = [accountOf(pms.account('pms'))];
  await writeFile(join(unit.folder, 'unit.json'), JSON.stringify({ v: 1, accounts }));
  await unit.start();
  await unit.untilUp();
  const services = Object.fromEntries(
    (['pbx', 'locks', 'records'] as const).map((name) => [
      SERVICES[name],
      { interface: INTERFACES[name], settings: SETTINGS[name](cables[name].port) },
    ]),
  );
  cloud.shadow(THING, 'services').desire({ services });
  const command = { v: 1, id: 'articles', at: '', service: 'hotel', kind: 'minibar.articles' };
  cloud.publish(`clock/v1/${THING}/command/hotel`, { ...command, body: { articles } }, { qos: 1 });
  const end = opened.move();
  return {
    ...{ cloud, pms, unit, vendor, locks, printer, cables },
    [Symbol.asyncDispose]: async () => end.disposeAsync(),
  };
}

/** Every service says that its third party is there. */
export async function untilServing(
  { cloud, vendor, unit }: Systems,
  withinMs: number,
): Promise<void> {
  const isUp = (): boolean => {
    const document = cloud.shadow(THING, 'services').get();
    const reported = (document?.state.reported?.['services'] ?? {}) as Record<
      string,
      { readonly state?: { readonly talk?: string } } | undefined
    >;
    const all = Object.values(SERVICES).every((one) => reported[one]?.state?.talk === 'up');
    return all && vendor.isUp();
  };
  await until('the services are up', isUp, withinMs).catch((error: unknown) => {
    const shadow = JSON.stringify(cloud.shadow(THING, 'services').get()?.state.reported);
    const log = unit.running.lines.slice(-15).join('\n');
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
