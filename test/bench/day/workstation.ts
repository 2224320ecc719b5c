// The day on this machine: the agent's bundle as a process, its services as that one's children, all on loopback.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountOf } from '../../agent/pms/world.ts';
import { THING, Unit } from '../../agent/unit.ts';
import { SERVICES, SERVICE_NAMES } from './place.ts';
import type { Around, Place, PlacedUnit, Service } from './place.ts';
import { FAULTS } from './script.ts';

export const workstation: Place = {
  cloud: { hosts: ['localhost'] },
  pms: {},
  slowness: 1,
  faults: FAULTS.filter((fault) => fault !== 'plug-pulled'),
  faultRounds: 2,
  open,
};

async function open({ cloud, pms, cables }: Around): Promise<PlacedUnit> {
  const both = { ports: cloud.ports, rootsPem: pms.rootsPem, makeClaim: () => cloud.makeClaim() };
  const unit = await Unit.prepare(both, { clockPort: pms.port });
  await using opened = new AsyncDisposableStack();
  opened.defer(async () => unit.remove());
  await mkdir(unit.folder, { recursive: true, mode: 0o700 });
  const accounts = [accountOf(pms.account('pms'))];
  await writeFile(join(unit.folder, 'unit.json'), JSON.stringify({ v: 1, accounts }));
  await unit.start();
  await unit.untilUp();
  const end = opened.move();
  const lines = SERVICE_NAMES.map((name) => {
    const { host, port } = cables[name];
    return [name, { host, port }] as const;
  });
  return {
    thing: THING,
    lines: Object.fromEntries(lines) as PlacedUnit['lines'],
    killAgent: async () => {
      await unit.pull();
      await unit.start();
    },
    killService: async (service) => {
      const pid = await pidOf(service, unit.running.pid);
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      return pid !== undefined;
    },
    log: async () => unit.running.lines,
    readOut: async () => {
      await unit.stop();
      return unit.folder;
    },
    [Symbol.asyncDispose]: async () => end.disposeAsync(),
  };
}

/** The agent's child that runs it. */
async function pidOf(service: Service, agent: number): Promise<number | undefined> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const [stat, command] = await Promise.all(
      ['stat', 'cmdline'].map(async (file) =>
        readFile(`/proc/${name}/${file}`, 'utf8').catch(() => ''),
      ),
    );
    const parent = Number(stat!.slice(stat!.lastIndexOf(')') + 2).split(' ')[1]);
    if (parent !== agent) continue;
    if (command!.includes(`\0service\0${SERVICES[service]}\0`)) return Number(name);
  }
  return undefined;
}
