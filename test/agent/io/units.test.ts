// The root helper with real files in a folder of the test, and its programs replaced: what it writes, and that it
// reads nothing in root's name that the agent could not.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLog } from '../../../agent/core/log.ts';
import { realUnits } from '../../../agent/io/units.ts';
import type { JudgeBundle } from '../../../agent/units/ports.ts';
import { makeSandboxes } from '../../../agent/units/run.ts';

const service = (id: string, needs: unknown[] = []): object => ({
  id,
  interface: 'fias',
  memoryMb: 96,
  needs,
});

async function machine() {
  const root = await mkdtemp(join(tmpdir(), 'clock-units-'));
  const agent = join(root, 'run/clock-agent');
  await mkdir(agent, { recursive: true });
  await mkdir(join(root, 'run/systemd/system'), { recursive: true });
  const ran: { argv: readonly string[]; input: string | undefined }[] = [];
  let onRun = async (): Promise<void> => {};
  const units = realUnits(root, async (argv, input) => {
    ran.push({ argv, input });
    await onRun();
  });
  const ask = async (request: string, ...services: object[]): Promise<void> =>
    writeFile(join(agent, 'units.json'), JSON.stringify({ v: 1, request, services }));
  const log = createLog(() => {});
  return {
    ...{ root, agent, units, ran, ask },
    make: async () => makeSandboxes({ machine: units, judgeBundle, log }),
    onRun: (act: () => Promise<void>) => void (onRun = act),
    leave: async (id: string) => {
      await mkdir(join(agent, 'services', id), { recursive: true });
      await writeFile(join(agent, 'services', id, 'token'), `token of ${id}`);
      await writeFile(join(agent, 'services', id, 'settings.json'), '{}');
    },
    text: async (path: string) => readFile(join(root, 'run', path), 'utf8'),
    answer: async () =>
      JSON.parse(await readFile(join(root, 'run/clock-units/answer.json'), 'utf8')) as {
        request: string;
        services: Record<string, { why?: string }>;
      },
    [Symbol.asyncDispose]: async () => rm(root, { recursive: true }),
  };
}

const judgeBundle: JudgeBundle = () => ({ ok: false, why: 'nobody signed it' });
const ABSENT = { at: 'absent' } as const;
const ADAPTER = { at: 'there', node: '/dev/ttyUSB0', number: '188:0' } as const;
const dropIn = (id: string): string => `systemd/system/clock-service@${id}.service.d/50-needs.conf`;

test('sandboxes are made, answered, and taken away again; twice is as once', async () => {
  await using unit = await machine();
  await unit.leave('pbx');
  await unit.leave('doors');
  await unit.ask('r-1', service('pbx'), service('doors'), service('unknown'));
  for (const turn of [1, 2]) {
    await unit.make();
    assert.equal(await unit.text('clock-units/services/pbx/token'), 'token of pbx', `turn ${turn}`);
    assert.match(await unit.text(dropIn('doors')), /^MemoryMax=96M$/m);
  }
  assert.equal((await stat(join(unit.root, 'run/clock-units/services'))).mode & 0o777, 0o700);
  const { request, services } = await unit.answer();
  assert.equal(request, 'r-1');
  assert.deepEqual(services['pbx'], { ok: true });
  assert.match(services['unknown']?.why ?? '', /no settings/);
  // Another's drop-in for the same unit stays.
  await writeFile(join(unit.root, 'run', dropIn('doors'), '../90-own.conf'), '');
  unit.ran.length = 0;
  await unit.ask('r-2', service('pbx'));
  await unit.make();
  await assert.rejects(unit.text(dropIn('doors')), /ENOENT/);
  assert.deepEqual(await readdir(join(unit.root, 'run/clock-units/services')), ['pbx']);
  assert.ok((await readdir(join(unit.root, 'run', dropIn('doors'), '..'))).includes('90-own.conf'));
  assert.deepEqual(
    unit.ran.map(({ argv }) => argv.join(' ')),
    [
      'nft -f -',
      'systemctl daemon-reload',
      'systemctl --no-block stop -- clock-service@doors.service',
    ],
  );
  assert.match(unit.ran[0]!.input ?? '', /destroy set inet clock service_doors/);
});

test('what runs in another sandbox than is asked for now is started anew, and nothing else', async () => {
  await using unit = await machine();
  for (const id of ['pbx', 'doors']) await unit.leave(id);
  const connect = (address: string) => [
    { need: 'connect', name: 'x.lan', addresses: [address], port: 1 },
  ];
  await unit.ask('r-1', service('pbx', connect('10.0.0.1')), service('doors'));
  await unit.make();
  const restarts = () =>
    unit.ran.map(({ argv }) => argv.join(' ')).filter((line) => line.includes('restart'));
  const all =
    'systemctl --no-block try-restart -- clock-service@pbx.service clock-service@doors.service';
  assert.deepEqual(restarts(), [all]);
  await unit.make();
  assert.deepEqual(restarts(), [all]);
  await unit.ask('r-2', service('pbx', connect('10.0.0.2')), service('doors'));
  await unit.make();
  assert.deepEqual(restarts(), [
    all,
    'systemctl --no-block try-restart -- clock-service@pbx.service',
  ]);
});

test('a service of a signed package is handed it, and no longer when it is built in again', async () => {
  await using unit = await machine();
  await unit.leave('pbx');
  const own = join(unit.agent, 'services/pbx');
  await writeFile(join(own, 'package.js'), 'code');
  await writeFile(join(own, 'package.jws'), 'a.b.c');
  await unit.ask('r-1', service('pbx'));
  await unit.make();
  assert.equal(await unit.text('clock-units/services/pbx/package.js'), 'code');
  const path = '/run/clock-units/services/pbx/package';
  assert.match(
    await unit.text(dropIn('pbx')),
    new RegExp(`^LoadCredential=package.js:${path}.js$`, 'm'),
  );
  assert.match(
    await unit.text(dropIn('pbx')),
    new RegExp(`^LoadCredential=package.jws:${path}.jws$`, 'm'),
  );
  // Larger than any package, or another's file: no sandbox.
  await writeFile(join(own, 'package.js'), Buffer.alloc(513 * 1_024));
  await unit.ask('r-2', service('pbx'));
  await unit.make();
  assert.match((await unit.answer()).services['pbx']?.why ?? '', /package\.js has \d+ bytes/);
  await rm(join(own, 'package.js'));
  await symlink('/etc/passwd', join(own, 'package.js'));
  await unit.ask('r-3', service('pbx'));
  await unit.make();
  assert.match((await unit.answer()).services['pbx']?.why ?? '', /no settings: /);
  await rm(join(own, 'package.js'));
  await unit.ask('r-4', service('pbx'));
  await unit.make();
  await assert.rejects(unit.text('clock-units/services/pbx/package.js'), /ENOENT/);
  assert.doesNotMatch(await unit.text(dropIn('pbx')), /package/);
});

test('a firewall that refuses leaves everything as it was, and no answer', async () => {
  await using unit = await machine();
  await unit.leave('pbx');
  await unit.ask('r-1', service('pbx'));
  unit.onRun(async () => {
    throw new Error('nft: no');
  });
  await assert.rejects(unit.make(), /nft: no/);
  await assert.rejects(unit.text(dropIn('pbx')), /ENOENT/);
  await assert.rejects(unit.answer(), /ENOENT/);
});

test('a request that comes while one is answered is answered as well', async () => {
  await using unit = await machine();
  await unit.leave('pbx');
  await unit.ask('r-1', service('pbx'));
  unit.onRun(async () => unit.ask('r-2'));
  await unit.make();
  assert.equal((await unit.answer()).request, 'r-2');
  await assert.rejects(unit.text(dropIn('pbx')), /ENOENT/);
});

test('an adapter that is plugged in meanwhile is seen', async () => {
  await using unit = await machine();
  await unit.leave('pbx');
  const path = '/dev/serial/by-id/usb-1';
  await unit.ask('r-1', service('pbx', [{ need: 'device', path }]));
  let looks = 0;
  const devices = { ...unit.units, device: async () => (++looks > 1 ? ADAPTER : ABSENT) };
  await makeSandboxes({ machine: devices, judgeBundle, log: createLog(() => {}) });
  assert.match(await unit.text(dropIn('pbx')), /^DeviceAllow=\/dev\/ttyUSB0 rw$/m);
});

test('a bundle that is not ours is run by no service', async () => {
  await using unit = await machine();
  await unit.leave('pbx');
  for (const name of ['js', 'jws']) await writeFile(join(unit.agent, `bundle.${name}`), name);
  await unit.ask('r-1', service('pbx'));
  await unit.make();
  assert.doesNotMatch(await unit.text(dropIn('pbx')), /agent\.js/);
  await assert.rejects(unit.text('clock-units/agent.js'), /ENOENT/);
});

test('without a request nothing is done; one that is not understood changes nothing', async () => {
  await using unit = await machine();
  await unit.make();
  await writeFile(join(unit.agent, 'units.json'), '{"v":1');
  await assert.rejects(unit.make(), /not understood/);
  await writeFile(join(unit.agent, 'units.json'), ' '.repeat(600_000));
  await assert.rejects(unit.make(), /more than/);
  assert.equal(unit.ran.length, 0);
});

test('links, pipes and files of others are not read in the name of root', async () => {
  await using unit = await machine();
  const secret = join(unit.root, 'secret');
  await writeFile(secret, 'root only');
  for (const id of ['link', 'pipe', 'folder', 'long']) await unit.leave(id);
  const token = (id: string): string => join(unit.agent, 'services', id, 'token');
  for (const id of ['link', 'pipe', 'folder']) await rm(token(id));
  await symlink(secret, token('link'));
  execFileSync('sh', ['-c', 'mkfifo "$0"', token('pipe')]);
  await mkdir(token('folder'));
  await writeFile(token('long'), 'x'.repeat(2_000));
  const ids = ['link', 'pipe', 'folder', 'long'];
  // Behind a folder that is a link: the file is another's.
  if (process.getuid?.() === 0) {
    await mkdir(join(unit.root, 'others'));
    for (const name of ['token', 'settings.json']) {
      await writeFile(join(unit.root, 'others', name), 'root only');
    }
    await symlink(join(unit.root, 'others'), join(unit.agent, 'services/behind'));
    execFileSync('chown', ['-hR', '12345', unit.agent]);
    ids.push('behind');
  }
  await unit.ask('r-1', ...ids.map((id) => service(id)));
  if (process.getuid?.() === 0) execFileSync('chown', ['12345', join(unit.agent, 'units.json')]);
  await unit.make();
  const { services } = await unit.answer();
  for (const id of ids) assert.match(services[id]?.why ?? '', /no settings/, id);
  assert.deepEqual(await readdir(join(unit.root, 'run')), [
    'clock-agent',
    'clock-units',
    'systemd',
  ]);
  await assert.rejects(readdir(join(unit.root, 'run/clock-units/services')), /ENOENT/);
});

test('a device is what its path leads to: a serial port, no console, nothing else', async () => {
  await using unit = await machine();
  const dev = join(unit.root, 'dev');
  await mkdir(join(dev, 'serial/by-id'), { recursive: true });
  await writeFile(join(dev, 'ttyUSB1'), '');
  await symlink('../../ttyUSB1', join(dev, 'serial/by-id/file'));
  await symlink('/etc/passwd', join(dev, 'serial/by-id/out'));
  assert.deepEqual(await unit.units.device('/dev/serial/by-id/gone'), { at: 'absent' });
  for (const name of ['file', 'out']) {
    const device = await unit.units.device(`/dev/serial/by-id/${name}`);
    assert.equal(device.at, 'refused', name);
  }
});
