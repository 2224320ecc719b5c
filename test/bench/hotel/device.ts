// A device on the hotel's LAN without an emulator: a namespace with one Ethernet port, which asks for
// its address by busybox udhcpc, as any device would.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../../image/core/errors.ts';
import { run } from '../../../image/core/run.ts';
import type { RunOptions, RunResult } from '../../../image/core/run.ts';
import { addNamespace, inside, removeNamespace } from './namespaces.ts';
import { BRIDGE } from './places.ts';
import type { Answer, Probe } from './probes.ts';

export const PORT = 'eth0';
/** Tries of two seconds each: the server answers the first one. */
const TRIES = '5';

/** What the DHCP server offered, under systemd-networkd's names (`/run/systemd/netif/leases/N`). */
export type OfferedLease = Readonly<Record<string, string>>;

export interface Device extends AsyncDisposable {
  readonly netns: string;
  readonly hostName: string;
  readonly mac: string;
  readonly address: string;
  readonly lease: OfferedLease;
  /** Runs a program on the device. */
  exec(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Asks all of it at once; answers in the same order. `caPem` decides what is trusted. */
  probe(probes: readonly Probe[]): Promise<readonly Answer[]>;
  unplug(): Promise<void>;
}

/** What a device needs of its hotel. */
interface HotelSide {
  readonly folder: string;
  readonly plug: { readonly netns: string };
}

export async function plugDevice(options: {
  readonly hotel: HotelSide;
  readonly namespace: string;
  readonly number: number;
  readonly hostName: string;
  /** The folder of the scripts that run in namespaces. */
  readonly inside: string;
}): Promise<Device> {
  const { hotel, namespace, number, hostName } = options;
  const leaseFile = join(hotel.folder, `device-${number}.lease`);
  const exec = async (argv: readonly string[], more: RunOptions = {}): Promise<RunResult> =>
    run(inside(namespace, argv), more);
  await addNamespace(namespace);
  const [lan, port] = [hotel.plug.netns, `dev${number}`];
  await run([
    'ip',
    '-n',
    lan,
    'link',
    'add',
    port,
    'type',
    'veth',
    'peer',
    PORT,
    'netns',
    namespace,
  ]);
  await run(['ip', '-n', lan, 'link', 'set', port, 'master', BRIDGE, 'up']);
  await run(['ip', '-n', namespace, 'link', 'set', PORT, 'up']);
  await exec(
    [
      ...['busybox', 'udhcpc', '-f', '-q', '-n', '-t', TRIES, '-T', '2', '-i', PORT],
      ...['-x', `hostname:${hostName}`, '-O', 'ntpsrv', '-s', join(options.inside, 'udhcpc.sh')],
    ],
    {
      env: { LEASE_FILE: leaseFile },
      hint: 'Does dnsmasq run? apt-get install busybox dnsmasq-base',
    },
  );
  const lease = Object.fromEntries(
    (await readFile(leaseFile, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => line.split('=', 2) as [string, string]),
  );
  const address = lease['ADDRESS'];
  if (address === undefined) throw new OperatorError('no-lease', `${hostName} got no address`);
  const found = await exec(['cat', `/sys/class/net/${PORT}/address`]);
  const unplug = async (): Promise<void> => removeNamespace(namespace);
  return {
    netns: namespace,
    hostName,
    mac: found.stdout.trim(),
    address,
    lease,
    exec,
    probe: async (probes) => {
      const ca = join(hotel.folder, 'real/authority.pem');
      const script = join(options.inside, 'probe.ts');
      const { stdout } = await exec([process.execPath, script, JSON.stringify(probes), ca]);
      return JSON.parse(stdout) as Answer[];
    },
    unplug,
    [Symbol.asyncDispose]: unplug,
  };
}
