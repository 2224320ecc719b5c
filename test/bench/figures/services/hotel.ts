// A unit in a hotel of many rooms: the agent and its services as processes, the cloud's and Clock's doubles, and a
// FIAS vendor that posts.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../../agent/io/clock.ts';
import { systemRandom } from '../../../../agent/io/random.ts';
import { parse } from '../../../../agent/interfaces/fias/config.ts';
import { createVendor } from '../../../../agent/interfaces/fias/counterpart.ts';
import type { VendorSystem } from '../../../../agent/interfaces/fias/counterpart.ts';
import { accountOf } from '../../../agent/pms/world.ts';
import { THING, Unit } from '../../../agent/unit.ts';
import { openCloud } from '../../cloud/cloud.ts';
import { openPms } from '../../pms/pms.ts';
import type { Pms } from '../../pms/api.ts';
import { behind } from '../../systems/behind.ts';
import { SYSTEMS, thirdParty } from './systems.ts';

const READY_MS_MAX = 120_000;

export interface Hotel extends AsyncDisposable {
  readonly unit: Unit;
  readonly pms: Pms;
  readonly vendor: VendorSystem;
  /** Process ids of the services, by interface. */
  pids(): Promise<ReadonlyMap<string, number>>;
}

/** `rooms`: all; in the first `guests` of them somebody stays, and takes charges. */
export async function openHotel(size: {
  readonly rooms: number;
  readonly guests: number;
}): Promise<Hotel> {
  await using made = new AsyncDisposableStack();
  const cloud = made.adopt(await openCloud({ hosts: ['localhost'] }), async (one) => one.close());
  const pms = made.adopt(await openPms({ rootsPem: cloud.rootsPem }), async (one) => one.close());
  for (let n = 0; n < size.rooms; n += 1) pms.hotel.addRoom({ name: roomName(n) });
  for (let n = 0; n < size.guests; n += 1) {
    pms.hotel.addBooking({ room: roomName(n), status: 'checked_in' });
  }
  const both = { ports: cloud.ports, rootsPem: pms.rootsPem, makeClaim: () => cloud.makeClaim() };
  const unit = await Unit.prepare(both, { clockPort: pms.port });
  made.defer(async () => unit.remove());
  await mkdir(unit.folder, { recursive: true, mode: 0o700 });
  const accounts = [accountOf(pms.account('pms'))];
  await writeFile(join(unit.folder, 'unit.json'), JSON.stringify({ v: 1, accounts }));
  // Once to provision itself: the life of a unit begins after that.
  await unit.start();
  await unit.untilUp(READY_MS_MAX);
  await unit.stop();
  await unit.start();
  await unit.untilUp(READY_MS_MAX);
  await unit.said(/hotel: \d+ rooms/, READY_MS_MAX);

  const vendor = fiasVendor();
  const services: Record<string, object> = {};
  for (const system of SYSTEMS) {
    const isFias = system.interface === 'fias';
    const place = made.use(
      isFias ? await behind(vendor, { at: 'tcp-server' }) : await thirdParty(system),
    );
    services[system.interface] = { interface: system.interface, settings: system.settings(place) };
  }
  cloud.shadow(THING, 'services').desire({ services });
  const pids = async (): Promise<ReadonlyMap<string, number>> => servicesOf(unit.running.pid);
  await until('ten services', async () => (await pids()).size === SYSTEMS.length);
  await until('the vendor’s link', () => vendor.isUp());
  const all = made.move();
  return { unit, pms, vendor, pids, [Symbol.asyncDispose]: async () => all.disposeAsync() };
}

export const roomName = (n: number): string => `${1_001 + n}`;

function fiasVendor(): VendorSystem {
  const parsed = parse(SYSTEMS[0]!.settings({ port: 1, url: '' }));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return createVendor(parsed.settings, { clock: systemClock, random: systemRandom });
}

/** Children of the agent that were started as `… service ID …`. */
async function servicesOf(agent: number): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const task of await readdir(`/proc/${agent}/task`)) {
    const children = await readFile(`/proc/${agent}/task/${task}/children`, 'utf8');
    for (const child of children.split(' ').filter(Boolean)) {
      const words = await readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '');
      const argv = words.split('\0');
      const at = argv.indexOf('service');
      if (at > 0) found.set(argv[at + 1]!, Number(child));
    }
  }
  return found;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + READY_MS_MAX;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`Never came: ${what}`);
    await sleep(50);
  }
}
