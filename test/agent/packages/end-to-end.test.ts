// A signed package from a job of the cloud to a device: the agent as a process, its services as processes that
// verify for themselves, the double's jobs and downloads, a real socket.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePackage } from '../../../image/release/package.ts';
import { openCloud } from '../../bench/cloud/cloud.ts';
import type { Cloud } from '../../bench/cloud/api.ts';
import type { JobExecution } from '../../bench/cloud/jobs/wire.ts';
import { openPackages } from '../../bench/cloud/packages.ts';
import type { Packages } from '../../bench/cloud/packages.ts';
import { THING, Unit } from '../unit.ts';
import { HOME, KEY, make, makeKey, signingKeyOf } from './made.ts';
import type { Made } from './made.ts';

let cloud: Cloud;
let bucket: Packages;
let unit: Unit;
let device: Server;
/** The real interface of the repository, as a package. */
let bytesOf: Buffer;
const connections: Socket[] = [];

before(async () => {
  device = createServer((socket) => {
    connections.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(Buffer.concat([Buffer.from('got:'), bytes])));
  });
  await new Promise<void>((done) => device.listen(0, '127.0.0.1', done));
  const outDir = await mkdtemp(join(tmpdir(), 'clock-package-'));
  const place = { home: HOME, outDir, bucket: 'https://bucket.example' };
  const folder = join(HOME, 'agent/interfaces/bytes');
  bytesOf = (await makePackage({ ...place, folder, key: signingKeyOf(KEY), counter: 1 })).bytes;
  await rm(outDir, { recursive: true });
  cloud = await openCloud({ hosts: ['localhost'], limits: { connectIntervalMs: 10 } });
  bucket = await openPackages();
  unit = await Unit.prepare(
    { ...cloud, rootsPem: cloud.rootsPem + bucket.rootsPem },
    { how: { env: { CLOCK_PACKAGE_TRIAL_MS: '3000' }, restarts: true } },
  );
  await writeFile(join(unit.root, 'usr/share/clock/release.pub'), KEY.publicPem);
  await unit.start();
  await unit.untilUp();
  const { port } = device.address() as AddressInfo;
  const settings = { line: { kind: 'tcp-client', host: '127.0.0.1', port } };
  cloud.shadow(THING, 'services').desire({
    services: {
      bridge: { interface: 'bytes', settings },
      lamp: { interface: 'lamp', settings: { host: '127.0.0.1', port } },
    },
  });
  await until('up', () => stateOf('bridge')['talk'] === 'up');
});
after(async () => {
  await unit.remove();
  await bucket[Symbol.asyncDispose]();
  await cloud.close();
  for (const socket of connections) socket.destroy();
  device.close();
});

const stateOf = (service: string): Record<string, unknown> => {
  const reported = cloud.shadow(THING, 'services').get()?.state.reported;
  const services = (reported?.['services'] ?? {}) as Record<string, Record<string, unknown>>;
  return (services[service]?.['state'] ?? {}) as Record<string, unknown>;
};
async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!isSo()) {
    if (performance.now() > endMs) {
      throw new Error(`Never ${what}: ${JSON.stringify(cloud.shadow(THING, 'services').get())}
${unit.running.lines.slice(-20).join('\n')}`);
    }
    await sleep(20);
  }
}
const runs = (version: string) => (): boolean =>
  stateOf('bridge')['version'] === version && stateOf('bridge')['talk'] === 'up';

function offer({ manifest, jws, bytes }: Made): Record<string, unknown> {
  const name = `${manifest.name}-${manifest.counter}-${manifest.sha256}.js`;
  bucket.put(name, bytes);
  const { sha256 } = manifest;
  const approve = ['connect', 'listen', 'serial', 'usb-printer'];
  return { url: bucket.link(name), sha256, manifest: jws, approve };
}
const bridge = async (version: string, note = '', more: Partial<Made['manifest']> = {}) =>
  make(version, {
    ...{ name: 'bytes', title: 'Raw bridge', takes: ['bytes.write'], emits: ['bytes.read'] },
    permissions: ['connect', 'listen', 'serial', 'usb-printer'],
    bytes: Buffer.concat([bytesOf, Buffer.from(`\n${note}// ${version}\n`)]),
    ...more,
  });
let jobs = 0;
async function job(operation: string, parameters: object): Promise<JobExecution> {
  jobs += 1;
  const jobId = `package-${jobs}`;
  cloud.jobs(THING).create({ jobId, document: { operation, parameters } as never });
  let found: JobExecution | undefined;
  await until(`${jobId} ended`, () => {
    found = cloud
      .jobs(THING)
      .list()
      .find((one) => one.jobId === jobId);
    return found !== undefined && !['QUEUED', 'IN_PROGRESS'].includes(found.status);
  });
  return found!;
}
const install = async (made: Made): Promise<JobExecution> => job('install-package', offer(made));

let echoes = 0;
async function echoed(text: string): Promise<void> {
  const data = Buffer.from(text).toString('base64');
  const body = { data };
  echoes += 1;
  const command = { v: 1, id: `e-${echoes}`, at: '', service: 'bridge', kind: 'bytes.write', body };
  cloud.publish(`clock/v1/${THING}/command/bridge`, command);
  // What a cut left unacknowledged comes once more.
  for (let got = ''; got !== `got:${text}`;) {
    const { payload } = await cloud.nextMessage(`clock/v1/${THING}/event/bridge`, {
      withinMs: 30_000,
    });
    const event = JSON.parse(payload.toString()) as { readonly body: { readonly data: string } };
    got = Buffer.from(event.body.data, 'base64').toString();
  }
}

test('the built-in bridge gives way to its package, and the bytes go on', async () => {
  assert.equal(stateOf('bridge')['version'], 'built in');
  await echoed('built in');
  const { status, statusDetails } = await install(await bridge('1.0.0'));
  assert.equal(status, 'SUCCEEDED', JSON.stringify(statusDetails));
  assert.equal(statusDetails['is'], 'confirmed');
  await until('on 1.0.0', runs('1.0.0'));
  await echoed('packaged');
  // Rehearsed by the package's own simulator.
  const rehearsal = { service: 'bridge', simulator: true };
  assert.equal((await job('test-service', rehearsal)).status, 'SUCCEEDED');
});

test('an interface that did not ship comes by its package, and its service begins', async () => {
  assert.match(String(stateOf('lamp')['why']), /there is no lamp/);
  const { status, statusDetails } = await install(await make('1.0.0'));
  assert.equal(status, 'SUCCEEDED', JSON.stringify(statusDetails));
  await until('lamp up', () => stateOf('lamp')['talk'] === 'up');
  assert.equal(stateOf('lamp')['version'], '1.0.0');
});

test('what is not signed, tampered with or wants more than approved is rejected', async () => {
  const good = await bridge('2.0.0');
  const tampered = Buffer.from(good.bytes);
  tampered[100]! ^= 1;
  for (const [made, status, why] of [
    [await bridge('2.0.0', '', { key: makeKey() } as object), 'REJECTED', /not-signed/],
    [{ ...good, bytes: tampered }, 'FAILED', /not the bytes/],
  ] as const) {
    const ended = await install(made);
    assert.equal(ended.status, status);
    if (status === 'FAILED') assert.match(ended.statusDetails['why'] ?? '', why);
  }
  const greedy = { ...offer(good), approve: ['connect'] };
  const ended = await job('install-package', greedy);
  assert.equal(ended.status, 'REJECTED');
  assert.ok(runs('1.0.0')());
});

test('a version that does not load, or whose processes end, is left again', async () => {
  for (const [version, note, why] of [
    ['3.0.0', 'throw new Error("broken on purpose");', /does not load: broken on purpose/],
    // Loads and says what it needs; its service ends.
    [
      '4.0.0',
      endsAtStart('throw new Error("ends");'),
      /bridge(: down, was up| ends again and again)/,
    ],
  ] as const) {
    const { status, statusDetails } = await install(await bridge(version, note));
    assert.equal(status, 'FAILED');
    assert.match(statusDetails['why'] ?? '', why);
    await until('on 1.0.0', runs('1.0.0'));
  }
  await echoed('still there');
  const folder = join(unit.root, 'var/lib/clock/agent/packages/bytes');
  assert.deepEqual(await readdir(folder), ['1.0.0']);
});
const endsAtStart = (body: string): string =>
  `;module.exports = { packaged: { ...module.exports.packaged, start() { ${body} } } };`;

test('a restart of everything runs the package again, verified; with bytes changed on the card, what ships', async () => {
  await unit.pull();
  await unit.start();
  await unit.untilUp();
  await until('on 1.0.0', runs('1.0.0'));
  await echoed('after a cut');
  await unit.pull();
  const file = join(unit.root, 'var/lib/clock/agent/packages/bytes/1.0.0/interface.js');
  const bytes = await readFile(file);
  bytes[200]! ^= 1;
  await writeFile(file, bytes);
  await unit.start();
  await unit.untilUp();
  await unit.said(/package bytes: 1\.0\.0 is damaged on the card: not used/);
  await until('built in', runs('built in'));
  await echoed('in spite of it');
});

test('a package that is removed gives way to what ships', async () => {
  // It tries to say what its manifest does not announce.
  const greedy = `;{ const { packaged } = module.exports;
    module.exports = { packaged: { ...packaged, start(settings, host) {
      host.emit({ kind: 'message.light', room: '1', isOn: true })
        .then((verdict) => host.log.info('emitted ' + JSON.stringify(verdict)));
      return packaged.start(settings, host);
    } } }; }`;
  assert.equal((await install(await bridge('6.0.0', greedy))).status, 'SUCCEEDED');
  await until('on 6.0.0', runs('6.0.0'));
  await unit.said(/emitted .*"why":"wrong"/);
  const { status } = await job('remove-package', { name: 'bytes' });
  assert.equal(status, 'SUCCEEDED');
  await until('built in', runs('built in'));
  await echoed('as before');
  const other = await job('remove-package', { name: 'fias' });
  assert.equal(other.statusDetails['why'], 'not-installed');
  assert.equal((await job('remove-package', {})).status, 'REJECTED');
});
