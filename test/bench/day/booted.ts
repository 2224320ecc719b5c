// The day on the booted image: an emulated board in the simulated hotel, with exchange, locks and call records at
// addresses of the house, Clock and the cloud behind the router. What the day does to it goes through guest.ts's door.
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../../image/core/run.ts';
import { Machine } from '../../../image/emulator/machine.ts';
import { accountOf } from '../../agent/pms/world.ts';
import { THROUGH_DOOR, inUnit, openDoor } from '../../system/guest.ts';
import { heard } from '../cloud/owner.ts';
import { openHotel } from '../hotel/hotel.ts';
import type { Hotel } from '../hotel/hotel.ts';
import { HOSTS } from '../hotel/places.ts';
import { makeUnitCard } from '../unit-card.ts';
import { SERVICES, SERVICE_NAMES } from './place.ts';
import type { Around, Place, PlacedUnit } from './place.ts';
import { FAULTS } from './script.ts';
import { until } from './systems.ts';

const ARTEFACTS = join(dirname(dirname(dirname(import.meta.dirname))), 'build/artefacts');
const BOARD_SERIAL = '00000000c10c0e03';
/** A board without a clock chip begins here: the day waits for the hotel's time servers. */
const NO_CLOCK = '1970-01-01';
/** A first boot takes one to three minutes; a busy machine is five times slower. */
const BOOT_MS_MAX = 15 * 60_000;
/** systemd's pause, ten seconds for Node and the way into the cloud; see above. */
const AGENT_MS_MAX = 5 * 60_000;
/** The door opens a little after the agent. */
const DOOR_MS_MAX = 2 * 60_000;
/** As systems have them: each its own address, its usual port. */
const LINES: PlacedUnit['lines'] = {
  pbx: { host: '172.17.0.11', port: 5_010 },
  locks: { host: '172.17.0.12', port: 9_100 },
  records: { host: '172.17.0.13', port: 2_301 },
};
const LOG_LINES = 300;

/** `image`: one that ./build.sh made here; its release lies beside it. */
export const booted = (image: string): Place => ({
  cloud: {},
  pms: { hosts: [HOSTS.clock.name], publicPort: 443 },
  // An emulated board is some ten times slower than a Pi; most of a day is waiting.
  slowness: 5,
  faults: FAULTS,
  faultRounds: 1,
  open: async (around) => open(image, around),
});

async function open(image: string, { cloud, pms, cables }: Around): Promise<PlacedUnit> {
  const serial = randomBytes(16).toString('hex');
  const thing = `clockrpi-${serial}`;
  await using opened = new AsyncDisposableStack();
  const systems = SERVICE_NAMES.map((name) => {
    const { host, port } = LINES[name];
    return { name, address: host, port, loopbackPort: cables[name].port };
  });
  const hotel = opened.use(await openHotel({ cloud, pms, systems }));
  const { certPem, keyPem } = cloud.makeClaim();
  const card = await makeUnitCard(hotel, image, {
    ...{ serial: `${serial}\n`, 'claim.crt': certPem, 'claim.key': keyPem },
    'unit.json': JSON.stringify({ v: 1, accounts: [accountOf(pms.account('pms'))] }),
  });
  await openDoor(card);
  const work = join(hotel.folder, 'board');
  const powerOn = async (): Promise<Machine> =>
    Machine.start({
      ...{ board: 'virt', card, boardSerial: BOARD_SERIAL, work, plug: hotel.plug },
      ...{ clock: NO_CLOCK, addedToCommandLine: THROUGH_DOOR },
    });
  let machine = await powerOn();
  opened.defer(async () => {
    await machine.kill();
    await mkdir(ARTEFACTS, { recursive: true });
    await copyFile(join(work, 'console.log'), join(ARTEFACTS, 'day-console.log')).catch(() => {});
  });
  const connected = async (withinMs: number, is = true): Promise<void> =>
    Promise.race([cloud.connected(thing, { is, withinMs }), stopped(machine, withinMs)]);
  await connected(BOOT_MS_MAX);
  // Before it has subscribed for the first time nobody keeps commands for it.
  const isStarted = (): boolean => heard(cloud).some(({ kind }) => kind === 'unit.started');
  await until('the unit reports its start', isStarted, AGENT_MS_MAX);
  const { address } = await hotel.leaseOf(new RegExp(thing), BOOT_MS_MAX);
  await throughDoor(hotel, address);
  /** As root. */
  const root = async (
    script: string,
  ): Promise<{ readonly code: unknown; readonly out: string }> => {
    const { code, stdout } = await inUnit(hotel, address, script);
    return { code, out: stdout };
  };
  const kill = async (unit: string): Promise<boolean> =>
    (await root(`systemctl is-active ${unit} && systemctl kill --signal=KILL ${unit}`)).code === 0;
  const end = opened.move();
  return {
    ...{ thing, lines: LINES },
    killAgent: async () => {
      await kill('clock-agent.service');
      await connected(AGENT_MS_MAX, false);
      await connected(AGENT_MS_MAX);
    },
    killService: async (service) => kill(`clock-service@${SERVICES[service]}.service`),
    pullPlug: async () => {
      await machine.kill();
      await connected(AGENT_MS_MAX, false);
      machine = await powerOn();
      await connected(BOOT_MS_MAX);
      await throughDoor(hotel, address);
    },
    log: async () =>
      (
        await root(
          `journalctl --no-pager -o cat -u clock-agent -u "clock-service@*" -n ${LOG_LINES}`,
        )
      ).out.split('\n'),
    readOut: async () => {
      const { out } = await root(
        'systemctl stop clock-agent.service; tar -C /var/lib/clock/agent -cz . | base64 -w 0',
      );
      const folder = await mkdtemp(join(tmpdir(), 'clock-day-'));
      end.defer(async () => rm(folder, { recursive: true, force: true }));
      await run(['tar', '-xz', '-C', folder], { stdin: Buffer.from(out, 'base64') });
      return folder;
    },
    [Symbol.asyncDispose]: async () => end.disposeAsync(),
  };
}

/** Rejects when the boot script gives up; never resolves. */
async function stopped(machine: Machine, withinMs: number): Promise<void> {
  const line = await machine.waitFor(/clock: STOPPED/, withinMs).catch(() => undefined);
  if (line !== undefined) throw new Error(`The unit stopped: ${line}`);
  await new Promise(() => {});
}

async function throughDoor(hotel: Hotel, address: string): Promise<void> {
  const untilMs = performance.now() + DOOR_MS_MAX;
  for (;;) {
    const said = await inUnit(hotel, address, 'true').catch((error: unknown) => error);
    if (!(said instanceof Error)) return;
    if (performance.now() > untilMs) throw said;
    await sleep(500);
  }
}
