// Signed code by job on the booted image: an interface package beside the built-in one, a new agent beside the built-in
// one, what fails of either, a restart of the unit. The real systemd, launcher, root helper and firewall, the double
// of AWS IoT, and as third parties a TCP server and a USB adapter. Long: two boots, and trials of their real length.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { signPackage } from '../../agent/packages/wire.ts';
import type { PackageManifest } from '../../agent/packages/wire.ts';
import { signManifest } from '../../agent/update/wire.ts';
import { Machine } from '../../image/emulator/machine.ts';
import { bundleAgent } from '../../image/release/bundle.ts';
import { makePackage } from '../../image/release/package.ts';
import { developmentKeyFile, signingKey } from '../../image/release/sign.ts';
import type { Cloud } from '../bench/cloud/api.ts';
import { openCloud } from '../bench/cloud/cloud.ts';
import type { JobExecution } from '../bench/cloud/jobs/wire.ts';
import { openPackages } from '../bench/cloud/packages.ts';
import type { Packages } from '../bench/cloud/packages.ts';
import { openHotel } from '../bench/hotel/hotel.ts';
import type { Hotel } from '../bench/hotel/hotel.ts';
import { BUCKET, LAN } from '../bench/hotel/places.ts';
import { makeUnitCard } from '../bench/unit-card.ts';
import { unitPage } from '../bench/unit-page.ts';
import { Cable, deviceOf } from './adapter.ts';
import { Guest, THROUGH_DOOR, openDoor } from './guest.ts';
import { IMAGE } from './units.ts';

const HOME = dirname(dirname(import.meta.dirname));
const ARTEFACTS = join(HOME, 'build/artefacts');
const SERIAL = randomBytes(16).toString('hex');
const THING = `clockrpi-${SERIAL}`;
const BOOT_MS_MAX = 15 * 60_000;
/** A trial of an agent may take ten minutes, three starts of a bad one on a busy machine as long. */
const JOB_MS_MAX = 20 * 60_000;
const APPROVED = ['connect', 'listen', 'serial', 'usb-printer'];
const SERVICES = {
  bridge: {
    interface: 'bytes',
    settings: { line: { kind: 'tcp-client', host: LAN.router, port: 9_000 } },
  },
  wire: {
    interface: 'bytes',
    settings: { line: { kind: 'serial', device: deviceOf('wire'), baud: 19_200 } },
  },
};

let cloud: Cloud;
let bucket: Packages;
let hotel: Hotel;
let machine: Machine | undefined;
let cable: Cable;
let guest: Guest;
/** The unit's own release: signed by the key of this machine, as the image was. */
let keyPem: string;
let interfaceMade: Awaited<ReturnType<typeof makePackage>>;
let agentBytes: Buffer;
const ending = new AbortController();

before(async () => {
  await mkdir(ARTEFACTS, { recursive: true });
  cloud = await openCloud();
  bucket = await openPackages({ host: BUCKET.name });
  const ports = { ...cloud.ports, bucket: bucket.port };
  hotel = await openHotel({ cloud: { ports, rootsPem: cloud.rootsPem + bucket.rootsPem } });
  const key = await signingKey(developmentKeyFile());
  keyPem = key.privateKeyPem;
  const outDir = join(hotel.folder, 'signed');
  interfaceMade = await makePackage({
    ...{ home: HOME, folder: join(HOME, 'agent/interfaces/bytes'), outDir, key, counter: 1 },
    bucket: 'https://bucket.example',
  });
  agentBytes = await readFile((await bundleAgent({ outDir, minify: true })).file);
  const claim = cloud.makeClaim();
  const card = await makeUnitCard(hotel, IMAGE, {
    ...{ serial: `${SERIAL}\n`, 'claim.crt': claim.certPem, 'claim.key': claim.keyPem },
  });
  await openDoor(card);
  const serve = 'require("net").createServer((s) => s.on("error", () => {}).pipe(s)).listen(9000)';
  void hotel.exec([process.execPath, '-e', serve], { signal: ending.signal }).catch(() => {});
  cable = new Cable('wire', join(hotel.folder, 'rs232-wire'));
  const work = join(hotel.folder, 'board');
  machine = await Machine.start({
    ...{ board: 'virt', card, boardSerial: '00000000c10c0e03', work, plug: hotel.plug },
    ...{ adapters: [cable], addedToCommandLine: THROUGH_DOOR },
  });
  await cable.plug();
  guest = new Guest(hotel, (await hotel.leaseOf(/^clockrpi-/, BOOT_MS_MAX)).address);
  await cloud.connected(THING, { withinMs: BOOT_MS_MAX });
  cloud.shadow(THING, 'services').desire({ services: SERVICES });
});

after(async () => {
  ending.abort();
  cable.unplug();
  await machine?.kill();
  const log = join(hotel.folder, 'board/console.log');
  await copyFile(log, join(ARTEFACTS, 'packages-console.log')).catch(() => {});
  await hotel.close();
  await bucket[Symbol.asyncDispose]();
  await cloud.close();
});

let jobs = 0;
async function job(operation: string, parameters?: object): Promise<JobExecution> {
  jobs += 1;
  const jobId = `signed-${jobs}`;
  cloud.jobs(THING).create({ jobId, document: { operation, parameters } as never });
  const untilMs = performance.now() + JOB_MS_MAX;
  for (;;) {
    const found = cloud
      .jobs(THING)
      .list()
      .find((one) => one.jobId === jobId);
    if (found !== undefined && !['QUEUED', 'IN_PROGRESS'].includes(found.status)) return found;
    if (performance.now() > untilMs) throw new Error(`${operation}: ${JSON.stringify(found)}`);
    await sleep(500);
  }
}

/** The repository's own bridge, as this version. */
async function install(version: string, counter: number, note = ''): Promise<JobExecution> {
  const bytes = Buffer.concat([interfaceMade.bytes, Buffer.from(`\n${note}// ${version}\n`)]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const own = { version, counter, sha256, size: bytes.length };
  const manifest: PackageManifest = { ...interfaceMade.manifest, ...own };
  bucket.put(`${sha256}.js`, bytes);
  const url = bucket.link(`${sha256}.js`);
  return job('install-package', {
    ...{ url, sha256, manifest: signPackage(manifest, keyPem), approve: APPROVED },
  });
}

/** The agent of this checkout, as other bytes. */
async function replace(sequence: number, beginsWith = ''): Promise<JobExecution> {
  const bytes = Buffer.concat([
    Buffer.from(beginsWith),
    agentBytes,
    Buffer.from(`\n// ${sequence}\n`),
  ]);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const version = `9.9.9-${sha256.slice(0, 8)}`;
  const builtAt = new Date().toISOString();
  const manifest = {
    ...({ v: 1, name: 'agent', version, sha256, size: bytes.length, sequence, builtAt } as const),
    minimumRelease: '0.0.0',
  };
  bucket.put(`${sha256}.js`, bytes);
  const url = bucket.link(`${sha256}.js`);
  return job('replace-agent', { manifest: signManifest(manifest, keyPem), url });
}

/** Both talk, with this version. */
async function bothRun(version: string): Promise<void> {
  await guest.until(`both on ${version}`, async () => {
    const { services } = await unitPage(hotel, guest.address).status();
    const all = services?.map((one) => `${one.id} ${one.version} ${one.talk.at}`).toSorted();
    return String(all) === `bridge ${version} up,wire ${version} up` ? true : undefined;
  });
}

let orders = 0;
/** Bytes go out by both, and the bridge's come back. */
async function carry(text: string): Promise<void> {
  const heard = cloud.nextMessage(`clock/v1/${THING}/event/bridge`, { withinMs: BOOT_MS_MAX });
  for (const service of Object.keys(SERVICES)) {
    orders += 1;
    const body = { data: Buffer.from(text).toString('base64') };
    const order = { v: 1, id: `o-${orders}`, at: '', service, kind: 'bytes.write', body };
    cloud.publish(`clock/v1/${THING}/command/${service}`, order);
  }
  const { body } = JSON.parse((await heard).payload.toString()) as { body: { data: string } };
  assert.equal(Buffer.from(body.data, 'base64').toString(), text);
  await guest.until(`${text} at the adapter`, async () =>
    cable.heard.includes(text) ? true : undefined,
  );
}

const ended = ({ status, statusDetails }: JobExecution): string =>
  `${status} ${statusDetails['why'] ?? ''}`.trim();
/** SHA-256 of the program that a service's process sees. */
const programOf = async (service: string): Promise<string> =>
  guest.root(`sha256sum </proc/$(systemctl show -P MainPID clock-service@${service})/root\
/usr/lib/clock/agent.js | cut -c1-64`);

test('the built-in bridge carries bytes over TCP and over a USB adapter', async () => {
  await bothRun('built in');
  await carry('built in;');
});

test('a package installed by job serves in their place, each process with the signed bytes', async () => {
  assert.equal(ended(await install('1.2.0', 2)), 'SUCCEEDED');
  await bothRun('1.2.0');
  await carry('packaged;');
  const given = await guest.root('ls /run/credentials/clock-service@wire.service');
  assert.deepEqual(given.split('\n'), ['package.js', 'package.jws', 'settings.json', 'token']);
});

test('an older one is refused; one that does not load, or whose process ends, is left again', async () => {
  assert.equal(ended(await install('1.1.0', 1)), 'FAILED replay');
  const unloadable = await install('1.3.0', 3, 'throw new Error("broken on purpose");');
  assert.match(ended(unloadable), /^FAILED .*does not load: broken on purpose/);
  const start = 'start() { throw new Error("ends"); }';
  const note = `;module.exports = { packaged: { ...module.exports.packaged, ${start} } };`;
  assert.match(ended(await install('1.4.0', 4, note)), /^FAILED (bridge|wire)/);
  await bothRun('1.2.0');
  await carry('still there;');
});

test('an agent installed by job proves itself, and its services run the same program', async () => {
  assert.equal(ended(await replace(1_900_000_001)), 'SUCCEEDED');
  const { agent } = await unitPage(hotel, guest.address).status();
  assert.equal(agent?.copy, 'a');
  await bothRun('1.2.0');
  await carry('by the new agent;');
  for (const service of Object.keys(SERVICES)) {
    assert.equal((await programOf(service)).slice(0, 8), agent.version.split('-')[1]);
  }
});

test('an agent that ends at once is left for the one before it, and an older one is refused', async () => {
  const end = 'throw new Error("bad on purpose");';
  assert.equal(ended(await replace(1_900_000_002, end)), 'FAILED crashed: bad on purpose');
  const { agent } = await unitPage(hotel, guest.address).status();
  assert.equal(agent?.copy, 'a');
  assert.match(ended(await replace(1_900_000_000)), /^(FAILED|REJECTED) replay/);
  await bothRun('1.2.0');
});

test('restarted, the unit runs the new agent and the package again', async () => {
  cable.unplug();
  const again = job('restart-unit');
  const plugged = (async (): Promise<void> => {
    while (machine!.starts < 2) await sleep(500);
    await cable.plug();
  })();
  assert.equal(ended(await again), 'SUCCEEDED');
  await plugged;
  await bothRun('1.2.0');
  await carry('after a restart;');
  assert.equal((await unitPage(hotel, guest.address).status()).agent?.copy, 'a');
});
