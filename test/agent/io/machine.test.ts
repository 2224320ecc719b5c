// The contract of the machine, kept by the real adapter (over a folder that looks like sysfs) and by
// the fake that the tests of the checks use.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../../agent/io/clock.ts';
import { realMachine } from '../../../agent/io/machine.ts';
import type { Machine } from '../../../agent/diagnostics/ports.ts';
import { fakeMachine } from '../diagnostics/machine.fake.ts';
import type { Board } from '../diagnostics/machine.fake.ts';

const folders: string[] = [];
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const LEASE =
  'ADDRESS=10.1.0.20\nROUTER=10.1.0.1\nSERVER_ADDRESS=10.1.0.1\nDNS=10.1.0.1\nNTP=10.1.0.2\nDOMAINNAME=hotel.test\n';

/** Files as a Raspberry Pi 4 shows them, with one port up and one USB port down. */
const HEALTHY: Readonly<Record<string, string>> = {
  'sys/class/net/lo/type': '772',
  'sys/class/net/br0/type': '1',
  'sys/class/net/end0/type': '1',
  'sys/class/net/end0/device/uevent': '',
  'sys/class/net/end0/carrier': '1',
  'sys/class/net/end0/speed': '1000',
  'sys/class/net/end0/address': 'dc:a6:32:00:00:01',
  'sys/class/net/end0/ifindex': '2',
  'sys/class/net/enx1/type': '1',
  'sys/class/net/enx1/device/uevent': '',
  'sys/class/net/enx1/carrier': '0',
  'sys/class/net/enx1/speed': '-1',
  'sys/class/net/enx1/address': 'dc:a6:32:00:00:02',
  'sys/class/net/enx1/ifindex': '3',
  'run/systemd/netif/leases/2': LEASE,
  'run/systemd/timesync/synchronized': '',
  'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
  'sys/class/thermal/thermal_zone0/temp': '45277\n',
  'sys/class/hwmon/hwmon0/name': 'cpu_thermal\n',
  'sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
  'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '0\n',
};

async function rootWith(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'clock-machine-'));
  folders.push(root);
  await mkdir(join(root, 'var/lib/clock'), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

const healthy: Board = {
  ports: [
    { name: 'end0', mac: 'dc:a6:32:00:00:01', up: true, mbit: 1000 },
    { name: 'enx1', mac: 'dc:a6:32:00:00:02', up: false, mbit: undefined },
  ],
  leases: [
    {
      port: 'end0',
      address: '10.1.0.20',
      server: '10.1.0.1',
      routers: ['10.1.0.1'],
      nameServers: ['10.1.0.1'],
      timeServers: ['10.1.0.2'],
      domains: ['hotel.test'],
    },
  ],
  gateway: undefined,
  neighbours: [],
  timeSynchronised: true,
  freeBytes: 1e9,
  write: { ms: 1 },
  availableBytes: 5e8,
  memoryController: true,
  celsius: 45.277,
  underVoltage: false,
};
const bare: Board = {
  ...healthy,
  ports: [],
  leases: undefined,
  timeSynchronised: undefined,
  memoryController: undefined,
  celsius: undefined,
  underVoltage: undefined,
};

const pairs = async (
  board: Board,
  files: Readonly<Record<string, string>>,
): Promise<readonly (readonly [string, Machine])[]> => [
  ['fake', fakeMachine(board)],
  ['real', realMachine(await rootWith(files), systemClock)],
];

for (const [kind, machine] of await pairs(healthy, HEALTHY)) {
  test(`the ${kind} machine shows ports, leases and health`, async () => {
    assert.deepEqual(await machine.ethernetPorts(), healthy.ports);
    assert.deepEqual(await machine.leases(), healthy.leases);
    assert.equal(await machine.timeSynchronised(), true);
    assert.equal(await machine.memoryController(), true);
    assert.equal(await machine.temperatureCelsius(), 45.277);
    assert.equal(await machine.underVoltage(), false);
  });

  test(`the ${kind} machine measures storage and memory`, async () => {
    const { freeBytes, totalBytes } = await machine.storage();
    assert.ok(freeBytes > 0 && freeBytes <= totalBytes);
    const memory = await machine.memory();
    assert.ok(memory.availableBytes > 0 && memory.availableBytes <= memory.totalBytes);
    const written = await machine.probeWrite();
    assert.ok('ms' in written && written.ms >= 0);
    assert.notEqual(await machine.isNeighbour('203.0.113.9'), true);
  });
}

for (const [kind, machine] of await pairs(bare, {})) {
  test(`the ${kind} machine says of what it does not have that it cannot be known`, async () => {
    assert.deepEqual(await machine.ethernetPorts(), []);
    assert.equal(await machine.leases(), undefined);
    assert.equal(await machine.timeSynchronised(), undefined);
    assert.equal(await machine.memoryController(), undefined);
    assert.equal(await machine.temperatureCelsius(), undefined);
    assert.equal(await machine.underVoltage(), undefined);
  });
}

const sick: Board = {
  ...healthy,
  leases: [],
  timeSynchronised: false,
  memoryController: false,
  underVoltage: true,
};
const SICK = {
  'run/systemd/netif/leases/.keep': '',
  'run/systemd/timesync/.keep': '',
  'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io pids\n',
  'sys/class/hwmon/hwmon0/name': 'rpi_volt\n',
  'sys/class/hwmon/hwmon0/in0_lcrit_alarm': '1\n',
};
for (const [kind, machine] of await pairs(sick, SICK)) {
  test(`the ${kind} machine shows what is wrong`, async () => {
    assert.deepEqual(await machine.leases(), []);
    assert.equal(await machine.timeSynchronised(), false);
    assert.equal(await machine.memoryController(), false);
    assert.equal(await machine.underVoltage(), true);
  });
}

test('the real machine leaves nothing behind where it tried to write', async () => {
  const root = await rootWith({});
  assert.ok('ms' in (await realMachine(root, systemClock).probeWrite()));
  assert.deepEqual(await readdir(join(root, 'var/lib/clock/agent')), []);
});

test('a lease that the real machine cannot read is unknown, not absent', async () => {
  const root = await rootWith(HEALTHY);
  await rm(join(root, 'run/systemd/netif/leases/2'));
  // A folder is unreadable as a file for everybody, also for root in a container.
  await mkdir(join(root, 'run/systemd/netif/leases/2'));
  assert.equal(await realMachine(root, systemClock).leases(), undefined);
});

test('the real machine says why the card cannot be written', async () => {
  const root = await rootWith({});
  // A file where the folder should be fails for everybody, also for root in a container.
  await writeFile(join(root, 'var/lib/clock/agent'), '');
  const written = await realMachine(root, systemClock).probeWrite();
  assert.ok('why' in written);
  assert.match(written.why, /^(EEXIST|ENOTDIR)$/);
  const full = await rootWith({});
  await mkdir(join(full, 'var/lib/clock/agent'));
  await symlink('/dev/full', join(full, 'var/lib/clock/agent/write-probe'));
  assert.deepEqual(await realMachine(full, systemClock).probeWrite(), { why: 'ENOSPC' });
});
