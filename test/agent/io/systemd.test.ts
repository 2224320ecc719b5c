// The contract of systemd, kept by the real adapter (against a bus and a notify program of the test)
// and by the fake; and the traps of the D-Bus library.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inheritedSocket, realSystemd, realUnitsOf } from '../../../agent/io/systemd.ts';
import { fakeSystemd } from '../host/systemd.fake.ts';
import { startBus } from './bus.ts';

const UNIT = 'clock-identify.service';
const folder = await mkdtemp(join(tmpdir(), 'clock-bus-'));
const propertiesOf = (activeState: string, result: string, memory: bigint, pid: number) =>
  ({
    ActiveState: ['s', activeState],
    Result: ['s', result],
    MemoryCurrent: ['t', memory],
    MainPID: ['u', pid],
  }) as const;
const bus = await startBus(join(folder, 'well'), {
  units: [UNIT],
  is: 'well',
  properties: {
    'runs.service': propertiesOf('active', 'success', 50_000_000n, 712),
    'failed.service': propertiesOf('failed', 'oom-kill', 2n ** 64n - 1n, 0),
  },
});
const silent = await startBus(join(folder, 'silent'), { units: [UNIT], is: 'silent' });
const gone = await startBus(join(folder, 'gone'), { units: [UNIT], is: 'gone-after-hello' });
after(async () => {
  for (const one of [bus, silent, gone]) one.close();
  await rm(folder, { recursive: true, force: true });
});

const withBus = (address: string) => realSystemd({ DBUS_SYSTEM_BUS_ADDRESS: address });

for (const [kind, systemd] of [
  ['the real systemd', withBus(bus.address)],
  ['the fake systemd', fakeSystemd({ units: [UNIT] })],
] as const) {
  test(`${kind} starts a unit that exists, and says why it starts no other`, async () => {
    await systemd.startUnit(UNIT);
    await systemd.startUnit(UNIT);
    await assert.rejects(systemd.startUnit('evil.service'), /Unit evil\.service not found/);
  });
}

test('no bus, a bus that hangs up, a bus that is silent: each is a reason, in bounded time', async () => {
  const startMs = performance.now();
  const nowhere = withBus(`unix:path=${join(folder, 'nowhere')}`);
  await assert.rejects(nowhere.startUnit(UNIT), /no system bus/);
  await assert.rejects(withBus(gone.address).startUnit(UNIT), /hung up/);
  await assert.rejects(withBus(silent.address).startUnit(UNIT), /did not answer/);
  await assert.rejects(withBus('nonsense').startUnit(UNIT));
  assert.ok(performance.now() - startMs < 27_000);
});

test('a unit is stopped and its state told; one that is not loaded is inactive', async () => {
  const units = realUnitsOf({ DBUS_SYSTEM_BUS_ADDRESS: bus.address });
  await units.stop(UNIT);
  await assert.rejects(units.stop('evil.service'), /not found/);
  assert.deepEqual(await units.state('runs.service'), {
    ...{ activeState: 'active', result: 'success', memoryBytes: 50_000_000, mainPid: 712 },
  });
  assert.deepEqual(await units.state('failed.service'), {
    ...{ activeState: 'failed', result: 'oom-kill', memoryBytes: undefined, mainPid: undefined },
  });
  assert.equal((await units.state('other.service')).activeState, 'inactive');
});

test('notify runs systemd-notify where systemd listens, and nothing elsewhere', async () => {
  const said = join(folder, 'said');
  const program = join(folder, 'systemd-notify');
  await writeFile(program, `#!/bin/sh\necho "$@" >>${said}\n`);
  await chmod(program, 0o755);
  const PATH = `${folder}:${process.env['PATH']}`;
  await realSystemd({ PATH }).notify('READY=1');
  await assert.rejects(readFile(said), /ENOENT/);
  const systemd = realSystemd({ PATH, NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '120000000' });
  await systemd.notify('READY=1');
  await systemd.notify('WATCHDOG=1');
  // Waiting for the manager is on purpose: no --no-block.
  assert.equal(await readFile(said, 'utf8'), 'READY=1\nWATCHDOG=1\n');
  assert.equal(systemd.watchdogMs, 30_000);
  await writeFile(program, '#!/bin/sh\nexit 1\n');
  await assert.rejects(systemd.notify('READY=1'));
});

test('inheritedSocket() takes the one socket of our unit', () => {
  assert.deepEqual(inheritedSocket({ LISTEN_FDS: '1' }), { fd: 3 });
  assert.equal(inheritedSocket({}), undefined);
  assert.equal(inheritedSocket({ LISTEN_FDS: '2' }), undefined);
});
