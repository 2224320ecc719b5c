// A folder that looks to the agent like a unit's root: for running the real bundle on a device of the
// simulated hotel, without an image. What the kernel and systemd would show is written down here.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import endpoints from '../../stage-clock/01-agent/files/usr/share/clock/endpoints.json' with { type: 'json' };

export interface UnitRootOptions {
  readonly serial: string;
  /** The text of a factory record's endpoints.json; absent: the built-in ones alone. */
  readonly endpoints?: string | undefined;
  readonly port: { readonly name: string; readonly mac: string };
  /** As systemd-networkd writes it, by key. */
  readonly lease: Readonly<Record<string, string>>;
}

/** The number that the kernel gives the first port; networkd names the lease's file by it. */
const PORT_INDEX = '2';

/** Fills `folder`. */
export async function makeUnitRoot(folder: string, options: UnitRootOptions): Promise<void> {
  const { serial, port, lease } = options;
  const net = `sys/class/net/${port.name}`;
  const leaseText = Object.entries(lease).map(([key, value]) => `${key}=${value}\n`);
  const files: Record<string, string> = {
    'usr/share/clock/endpoints.json': JSON.stringify(endpoints),
    'usr/share/clock/release.json': JSON.stringify({
      version: '0.0.0-bench',
      builtAt: '2026-01-01T00:00:00Z',
    }),
    'var/lib/clock/serial': `${serial}\n`,
    ...(options.endpoints === undefined
      ? {}
      : { 'var/lib/clock/endpoints.json': options.endpoints }),
    'run/clock/boot.env': 'SEAL=board\nSLOT=a\n',
    [`run/systemd/netif/leases/${PORT_INDEX}`]: leaseText.join(''),
    'run/systemd/timesync/synchronized': '',
    [`${net}/type`]: '1\n',
    [`${net}/ifindex`]: `${PORT_INDEX}\n`,
    [`${net}/carrier`]: '1\n',
    [`${net}/speed`]: '1000\n',
    [`${net}/address`]: `${port.mac}\n`,
    [`${net}/device/uevent`]: 'DRIVER=bcmgenet\n',
    'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
    'sys/class/thermal/thermal_zone0/temp': '51000\n',
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}
