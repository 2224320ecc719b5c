// The machine as diagnostics see it: sysfs, the state partition, systemd's marks.
import { access, readFile, readdir, statfs } from 'node:fs/promises';
import { freemem, totalmem, uptime } from 'node:os';
import type { Host } from '../diagnostics/ports.ts';

/** `stateFolder` is where the unit's data lies (bytes free are its filesystem's). */
export function realHost({ stateFolder }: { readonly stateFolder: string }): Host {
  return {
    carrier,
    timeSynchronised,
    memory: () => ({ free: freemem(), total: totalmem() }),
    uptimeSeconds: uptime,
    temperatureCelsius,
    freeBytes: async () => {
      const { bavail, blocks, bsize } = await statfs(stateFolder);
      return { free: bavail * bsize, total: blocks * bsize };
    },
  };
}

const text = async (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').then(
    (read) => read.trim(),
    () => undefined,
  );

async function carrier(): Promise<{ name: string; up: boolean; mbit: number }[]> {
  const ports: { name: string; up: boolean; mbit: number }[] = [];
  for (const name of await readdir('/sys/class/net').catch(() => [])) {
    const isEthernet = (await text(`/sys/class/net/${name}/type`)) === '1';
    const isPhysical = (await text(`/sys/class/net/${name}/device/uevent`)) !== undefined;
    if (!isEthernet || !isPhysical) continue;
    const up = (await text(`/sys/class/net/${name}/carrier`)) === '1';
    ports.push({ name, up, mbit: Number((await text(`/sys/class/net/${name}/speed`)) ?? 0) });
  }
  return ports;
}

async function timeSynchronised(): Promise<boolean | undefined> {
  if ((await text('/run/systemd/timesync/synchronized')) !== undefined) return true;
  return access('/run/systemd/timesync').then(
    () => false,
    () => undefined,
  );
}

async function temperatureCelsius(): Promise<number | undefined> {
  const milli = await text('/sys/class/thermal/thermal_zone0/temp');
  return milli === undefined ? undefined : Number(milli) / 1000;
}
