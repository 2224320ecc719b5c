// The agent's bundle replaced for real: launcher, real bundles signed by a real key, a job of the double,
// downloads that break off; what is unsigned, old, damaged or unwell is never what runs.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { signManifest } from '../../../agent/update/wire.ts';
import { openCloud } from '../../bench/cloud/cloud.ts';
import type { Cloud } from '../../bench/cloud/api.ts';
import type { JobExecution } from '../../bench/cloud/jobs/wire.ts';
import { openPackages } from '../../bench/cloud/packages.ts';
import type { Packages } from '../../bench/cloud/packages.ts';
import { randomFrom, testSeed } from '../random.ts';
import { THING, Unit } from '../unit.ts';

const LONG = process.env['CLOCK_TEST_LONG'] === '1';

const keyOf = () => generateKeyPairSync('ed25519');
const release = keyOf();
const pemOf = ({ privateKey }: typeof release): string =>
  privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let cloud: Cloud;
let packages: Packages;
let unit: Unit;
let agent: Buffer;
before(async () => {
  cloud = await openCloud({ hosts: ['localhost'], limits: { connectIntervalMs: 10 } });
  packages = await openPackages();
  const rootsPem = cloud.rootsPem + packages.rootsPem;
  unit = await Unit.prepare(
    { ...cloud, rootsPem },
    {
      how: { env: { CLOCK_TRIAL_MS: '15000' }, restarts: true },
    },
  );
  const publicKey = release.publicKey.export({ type: 'spki', format: 'pem' });
  await writeFile(join(unit.root, 'usr/share/clock/release.pub'), publicKey);
  agent = await readFile(join(unit.root, 'agent.js'));
  await unit.start();
  await unit.untilUp();
});
after(async () => {
  await unit.remove();
  await packages[Symbol.asyncDispose]();
  await cloud.close();
});

let sequence = 0;
/** Signs and puts up a bundle: the job's parameters. */
function offer(
  bytes: Buffer,
  more: {
    readonly key?: typeof release;
    readonly manifest?: object;
    readonly lifeMs?: number;
  } = {},
): { manifest: string; url: string } {
  sequence += 1;
  const manifest = {
    ...{ v: 1, name: 'agent', version: `2.0.${sequence}`, size: bytes.length, sequence },
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...{ minimumRelease: '1.0.0', builtAt: '2026-06-01T00:00:00Z' },
    ...more.manifest,
  } as Parameters<typeof signManifest>[0];
  const name = `agent-${sequence}.js`;
  packages.put(name, bytes);
  const url = packages.link(name, more.lifeMs === undefined ? {} : { lifeMs: more.lifeMs });
  return { manifest: signManifest(manifest, pemOf(more.key ?? release)), url };
}

let jobs = 0;
async function job(parameters: object): Promise<JobExecution> {
  jobs += 1;
  const jobId = `update-${jobs}`;
  const handle = cloud.jobs(THING);
  handle.create({ jobId, document: { operation: 'replace-agent', parameters } as never });
  const endMs = performance.now() + 90_000;
  for (;;) {
    const found = handle.list().find((one) => one.jobId === jobId);
    if (found !== undefined && !/QUEUED|IN_PROGRESS/.test(found.status)) return found;
    if (performance.now() > endMs) {
      throw new Error(
        `${jobId}: ${JSON.stringify(found)}\n${unit.running.lines.slice(-20).join('\n')}`,
      );
    }
    await sleep(20);
  }
}
const running = (): unknown => cloud.shadow(THING, 'unit').get()?.state.reported?.['agent'];
async function untilRuns(copy: string): Promise<void> {
  const endMs = performance.now() + 60_000;
  while ((running() as { copy?: string } | undefined)?.copy !== copy) {
    if (performance.now() > endMs)
      throw new Error(`runs ${JSON.stringify(running())}, not ${copy}`);
    await sleep(50);
  }
}

test('what is not signed by the release key, or not meant for this root, is refused untouched', async () => {
  const before = packages.answers.length;
  for (const [parameters, why] of [
    [offer(agent, { key: keyOf() }), 'not-signed'],
    [offer(agent, { manifest: { minimumRelease: '99.0.0' } }), 'release-too-old'],
    [
      offer(agent, { manifest: { builtAt: '2020-01-01T00:00:00Z' } }),
      'older-than-the-built-in-one',
    ],
    [{ ...offer(agent), url: 'http://localhost/agent.js' }, 'bad-parameters'],
    [{ manifest: 'x', url: 5 }, 'bad-parameters'],
  ] as const) {
    const { status, statusDetails } = await job(parameters);
    assert.equal(status, 'FAILED');
    assert.equal(statusDetails['why'], why);
  }
  assert.equal(packages.answers.length, before, 'nothing was fetched');
  assert.deepEqual(running(), { version: '9.9.9', copy: 'built-in' });
});

test('a good bundle is fetched, tried and kept; the download goes on where it broke off', async () => {
  packages.inject({ cutAfter: 100_000, times: 1 });
  const parameters = offer(Buffer.concat([agent, Buffer.from('\n// a\n')]));
  const { status, statusDetails } = await job(parameters);
  assert.equal(status, 'SUCCEEDED', JSON.stringify(statusDetails));
  await untilRuns('a');
  const [first, second] = packages.answers;
  assert.equal(first?.status, 200);
  assert.equal(second?.status, 206);
  assert.match(second?.range ?? '', /^bytes=\d+-$/);
  // It is what starts from now on; and the same again is no work.
  await unit.pull();
  await unit.start();
  await unit.untilUp();
  await untilRuns('a');
  assert.equal((await job(parameters)).status, 'SUCCEEDED');
});

test('an older one that was signed once is refused: replay', async () => {
  const { statusDetails } = await job(offer(agent, { manifest: { sequence: 1 } }));
  assert.equal(statusDetails['why'], 'replay');
});

// One that says nothing, and one that never connects: launch.test.ts.
test('a bundle that crashes is left again, and never tried twice', async () => {
  const crash = offer(Buffer.from('throw new Error("broken on purpose");\n'));
  const first = await job(crash);
  assert.equal(first.status, 'FAILED');
  assert.match(first.statusDetails['why'] ?? '', /broken on purpose/);
  assert.equal(first.statusDetails['is'], 'returned');
  await untilRuns('a');
  assert.equal((await job(crash)).statusDetails['is'], 'returned');
});

test('other bytes than the manifest names are not run; a server that fails is asked again', async () => {
  packages.inject({ wrong: true, times: 1 });
  const wrong = await job(offer(Buffer.concat([agent, Buffer.from('\n// b\n')])));
  assert.match(wrong.statusDetails['why'] ?? '', /not the bytes/);
  packages.inject({ status: 503, times: 1 });
  const { status } = await job(offer(Buffer.concat([agent, Buffer.from('\n// c\n')])));
  assert.equal(status, 'SUCCEEDED');
  await untilRuns('b');
});

test('a job that is taken back in the middle of a download installs nothing', async () => {
  packages.inject({ stallAfter: 50_000, times: 1 });
  const asked = packages.answers.length;
  const parameters = offer(Buffer.concat([agent, Buffer.from('\n// taken back\n')]));
  const waiting = job(parameters);
  const endMs = performance.now() + 30_000;
  while (packages.answers.length === asked && performance.now() < endMs) await sleep(10);
  cloud.jobs(THING).cancel(`update-${jobs}`);
  assert.equal((await waiting).status, 'CANCELED');
  await unit.said(new RegExp(`update: failed 2\\.0\\.${sequence}$`));
  const { copy } = running() as { copy: string };
  // The next one finds nothing in its way.
  const other = copy === 'a' ? 'b' : 'a';
  const { status } = await job(offer(Buffer.concat([agent, Buffer.from('\n// next\n')])));
  assert.equal(status, 'SUCCEEDED');
  await untilRuns(other);
});

test('power cuts at any moment of it: in the end it runs, and the job ends once', async (t) => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const rounds = LONG ? 12 : 1;
  let cuts = 0;
  // Power that goes again and again right after a start is to the launcher a bundle that ends again and again.
  let isBuiltIn = false;
  const lookForBuiltIn = (): void => {
    isBuiltIn ||= unit.running.lines.some((line) => /is not started: ends again/.test(line));
  };
  for (let round = 0; round < rounds; round += 1) {
    const parameters = offer(Buffer.concat([agent, Buffer.from(`\n// round ${round}\n`)]));
    const waiting = job(parameters);
    for (let i = 0; i < 3; i += 1) {
      // Download and trial take some seconds; three starts of a trial that are cut are a failure.
      await sleep(random() * 1_500);
      await unit.pull();
      cuts += 1;
      await unit.start();
      await unit.untilUp();
      lookForBuiltIn();
    }
    const { status, statusDetails } = await waiting;
    const text = `seed ${seed}, round ${round}: ${JSON.stringify(statusDetails)}`;
    lookForBuiltIn();
    isBuiltIn &&= status !== 'SUCCEEDED';
    const { copy } = running() as { copy: string };
    assert.match(copy, isBuiltIn ? /^built-in$/ : /^(a|b)$/, text);
    if (status !== 'SUCCEEDED' && !isBuiltIn) assert.equal(statusDetails['is'], 'returned', text);
  }
  const last = await job(offer(Buffer.concat([agent, Buffer.from('\n// without a cut\n')])));
  assert.equal(last.status, 'SUCCEEDED');
  t.diagnostic(`seed ${seed}: ${rounds} rounds, ${cuts} cuts`);
});

test('bytes flipped on the card: the built-in one starts', async () => {
  const { copy: now } = running() as { copy: string };
  await unit.stop();
  const copy = join(unit.folder, `bundles/${now}.js`);
  const bytes = await readFile(copy);
  bytes[bytes.length - 2]! ^= 1;
  await writeFile(copy, bytes);
  await unit.start();
  await unit.untilUp();
  await untilRuns('built-in');
  assert.ok(unit.running.lines.some((line) => /copy . is not started: damaged/.test(line)));
});
