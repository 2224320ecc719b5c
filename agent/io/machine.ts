// The machine as diagnostics see it: sysfs, the kernel's tables, systemd's marks, the state partition.
import { access, mkdir, open, readFile, readdir, statfs, unlink } from 'node:fs/promises';
import { totalmem, freemem } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import type { EthernetPort, Lease, Machine } from '../diagnostics/ports.ts';
import { isInArp, parseGateway, parseLease, parseMemory } from '../diagnostics/wire.ts';

/** A filesystem's usual block: what a small record costs the card. */
const PROBE_BYTES = 4_096;

/**
 * `root` is "/" on the unit, a prepared folder on a workstation: everything but the kernel's own
 * tables of this process is read below it.
 */
export function realMachine(root: string, clock: Clock): Machine {
  const at = (path: string): string => join(root, path);
  const stateFolder = at('var/lib/clock');
  return {
    ethernetPorts: async () => ethernetPorts(at('sys/class/net')),
    leases: async () => leases(at('run/systemd/netif/leases'), at('sys/class/net')),
    // The process's own view: the sandbox shows no other (ProcSubset=pid).
    gateway: async () => parseGateway((await text('/proc/self/net/route')) ?? ''),
    isNeighbour: async (address) => {
      const table = await text('/proc/self/net/arp');
      return table === undefined ? undefined : isInArp(table, address);
    },
    timeSynchronised: async () => timeSynchronised(at('run/systemd/timesync')),
    storage: async () => {
      const { bavail, blocks, bsize } = await statfs(stateFolder);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    },
    probeWrite: async () => probeWrite(join(stateFolder, 'agent'), clock),
    memory: async () =>
      parseMemory((await text('/proc/meminfo')) ?? '') ??
      parseMemory((await text('/sys/devices/system/node/node0/meminfo')) ?? '') ?? {
        availableBytes: freemem(),
        totalBytes: totalmem(),
      },
    memoryController: async () =>
      (await text(at('sys/fs/cgroup/cgroup.controllers')))?.split(' ').includes('memory'),
    temperatureCelsius: async () => {
      const milli = await text(at('sys/class/thermal/thermal_zone0/temp'));
      return milli === undefined || milli === '' ? undefined : Number(milli) / 1_000;
    },
    underVoltage: async () => underVoltage(at('sys/class/hwmon')),
  };
}

const text = async (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then(
    (read) => read.trim(),
    () => undefined,
  );

async function ethernetPorts(folder: string): Promise<EthernetPort[]> {
  const ports: EthernetPort[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const isEthernet = (await text(join(folder, name, 'type'))) === '1';
    // Bridges and the like have no device behind them; USB adapters and the built-in port do.
    const isPhysical = (await text(join(folder, name, 'device/uevent'))) !== undefined;
    if (!isEthernet || !isPhysical) continue;
    const up = (await text(join(folder, name, 'carrier'))) === '1';
    const mbit = Number((await text(join(folder, name, 'speed'))) ?? -1);
    const mac = (await text(join(folder, name, 'address'))) ?? '';
    ports.push({ name, mac, up, mbit: up && mbit > 0 ? mbit : undefined });
  }
  return ports.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** systemd-networkd keeps one file a lease, named by the port's index (systemd 257). */
async function leases(folder: string, ports: string): Promise<Lease[] | undefined> {
  const indexes = await readdir(folder).catch(() => undefined);
  if (indexes === undefined) return undefined;
  const found: Lease[] = [];
  for (const name of await readdir(ports).catch(() => [])) {
    const index = await text(join(ports, name, 'ifindex'));
    if (index === undefined || !indexes.includes(index)) continue;
    const content = await text(join(folder, index));
    // A lease that we may not read is unknown, not absent.
    if (content === undefined) return undefined;
    const lease = parseLease(content, name);
    if (lease !== undefined) found.push(lease);
  }
  return found;
}

/** systemd-timesyncd makes the file at its first synchronisation (systemd-timesyncd.service(8)). */
async function timeSynchronised(folder: string): Promise<boolean | undefined> {
  const exists = async (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  if (await exists(join(folder, 'synchronized'))) return true;
  return (await exists(folder)) ? false : undefined;
}

/** The Raspberry Pi firmware's own alarm (kernel driver raspberrypi-hwmon). */
async function underVoltage(folder: string): Promise<boolean | undefined> {
  for (const name of await readdir(folder).catch(() => [])) {
    if ((await text(join(folder, name, 'name'))) !== 'rpi_volt') continue;
    const alarm = await text(join(folder, name, 'in0_lcrit_alarm'));
    return alarm === undefined ? undefined : alarm === '1';
  }
  return undefined;
}

/**
 * A read-only card, a full one and a slow one all show here. Nothing stays behind: a file that another
 * user's `diagnose` left could not be written by the agent.
 */
async function probeWrite(folder: string, clock: Clock): Promise<{ ms: number } | { why: string }> {
  const startMs = clock.nowMs();
  try {
    await mkdir(folder, { recursive: true });
    const path = join(folder, 'write-probe');
    const file = await open(path, 'w', 0o600);
    try {
      await file.write(Buffer.alloc(PROBE_BYTES));
      await file.datasync();
    } finally {
      await file.close();
    }
    const ms = clock.nowMs() - startMs;
    await unlink(path);
    return { ms };
  } catch (error) {
    return { why: codeOf(error) };
  }
}
