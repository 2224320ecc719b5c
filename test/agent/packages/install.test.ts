// Packages installed over real downloads, files and records: what is unsigned, old, damaged, unapproved or unwell
// is never what services run.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { PackageView, Permission } from '../../../agent/core/packages.ts';
import { openPackages } from '../../bench/cloud/packages.ts';
import type { Packages } from '../../bench/cloud/packages.ts';
import { openDesk } from './desk.ts';
import type { Behaviour, Desk } from './desk.ts';
import { KEY, make, makeKey } from './made.ts';
import type { Made } from './made.ts';

let bucket: Packages;
let root: string;
let desk: Desk;
before(async () => {
  bucket = await openPackages();
});
after(async () => bucket[Symbol.asyncDispose]());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'clock-packages-'));
  await writeFile(join(root, 'release.pub'), KEY.publicPem);
  await writeFile(join(root, 'roots.pem'), bucket.rootsPem);
  desk = openDesk({ root });
});
afterEach(async () => {
  await desk.close();
  await rm(root, { recursive: true });
});
const reopen = async (how: Partial<Parameters<typeof openDesk>[0]> = {}): Promise<void> => {
  await desk.close();
  desk = openDesk({ root, ...how });
};

function offer(made: Made, more: object = {}, lifeMs = 60_000): Record<string, unknown> {
  const { manifest, bytes, jws } = made;
  const name = `lamp-${manifest.counter}-${manifest.sha256}.js`;
  bucket.put(name, bytes);
  const approve: readonly Permission[] = ['connect'];
  const url = bucket.link(name, { lifeMs });
  return { url, sha256: manifest.sha256, manifest: jws, approve, ...more };
}
async function until(at: PackageView['at']): Promise<PackageView> {
  const endMs = performance.now() + 60_000;
  for (;;) {
    const view = desk.packages.view('lamp');
    if (view?.at === at) return view;
    if (performance.now() > endMs) throw new Error(`${JSON.stringify(view)}, not ${at}`);
    await sleep(5);
  }
}
async function install(made: Made, at: PackageView['at'], more: object = {}): Promise<PackageView> {
  const parameters = offer(made, more);
  const freshUrl = async () => parameters['url'] as string;
  const answer = await desk.packages.install(parameters, { freshUrl });
  assert.deepEqual(answer, { ok: true, name: 'lamp' });
  return until(at);
}
async function refused(parameters: unknown): Promise<string> {
  const answer = await desk.packages.install(parameters, { freshUrl: async () => undefined });
  assert.ok(!answer.ok);
  return `${answer.kind}: ${answer.why}`;
}
const named = async (
  version: string,
  behaviour: Behaviour,
  more: Partial<Made['manifest']> = {},
  note = '',
) => make(version, { title: behaviour, note, ...more });
const running = (): string => [...desk.services.running.values()].join(' ');
const onCard = async (): Promise<string[]> => {
  const folder = join(root, 'var/lib/clock/agent/packages/lamp');
  return (await readdir(folder).catch(() => [] as string[])).toSorted();
};

/** What follows from an outcome comes soon after it. */
async function soon<T>(look: () => T | Promise<T>, wanted: T): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!isDeepStrictEqual(await look(), wanted) && performance.now() < endMs) await sleep(5);
  assert.deepEqual(await look(), wanted);
}

test('a good package is installed beside the old one, tried and kept', async () => {
  await reopen({ trialMs: 600_000 });
  await soon(running, 'built in built in');
  const first = await install(await named('1.0.0', 'well'), 'confirmed');
  assert.equal(first.runs, '1.0.0');
  await soon(running, '1.0.0 1.0.0');
  await soon(onCard, ['1.0.0']);

  const second = await named('2.0.0', 'slow');
  desk.services.isHeld = true;
  const trial = install(second, 'confirmed');
  await until('trial');
  await soon(onCard, ['1.0.0', '2.0.0']);
  desk.services.isHeld = false;
  await trial;
  await soon(running, '2.0.0 2.0.0');
  await soon(onCard, ['2.0.0']);
  const used = desk.packages.use('lamp');
  assert.equal(used?.version, '2.0.0');
  assert.deepEqual(await readFile(used.file), second.bytes);
  await soon(() => desk.services.restarts, ['1.0.0 1.0.0', '2.0.0 2.0.0']);

  await reopen();
  await soon(running, '2.0.0 2.0.0');
  assert.equal(desk.packages.view('lamp')?.at, 'confirmed');
});

test('what is not signed, not meant or not approved is refused, and nothing is fetched', async () => {
  const good = await named('1.0.0', 'well');
  const asked = bucket.answers.length;
  const other = await make('1.0.0', { key: makeKey() });
  const [header, , signature] = good.jws.split('.');
  const payload = Buffer.from(JSON.stringify({ ...good.manifest, permissions: [] }));
  const tampered = `${header}.${payload.toString('base64url')}.${signature}`;
  const greedy = await make('1.0.0', { permissions: ['connect', 'listen', 'serial'] });
  const ahead = await make('1.0.0', { minimumAgent: '1.6.0' });
  for (const [parameters, why] of [
    [offer(other), 'rejected: not-signed'],
    [offer(good, { manifest: tampered }), 'rejected: not-signed'],
    [offer(good, { sha256: 'a'.repeat(64) }), 'rejected: other-sha256'],
    [offer(good, { url: 'http://localhost/x' }), 'rejected: bad-parameters: url'],
    [offer(good, { approve: undefined }), 'rejected: bad-parameters: approve'],
    [offer(good, { approve: [] }), 'rejected: not-approved: connect'],
    [offer(greedy), 'rejected: not-approved: listen, serial'],
    [offer(ahead), 'failed: agent-too-old'],
    [undefined, 'rejected: bad-parameters: parameters'],
  ] as const) {
    assert.equal(await refused(parameters), why);
  }
  assert.equal(bucket.answers.length, asked);
  await soon(onCard, []);
  assert.deepEqual(desk.packages.list(), []);
  assert.deepEqual(desk.services.restarts, []);
});

test('an older package, and one that was there before, are refused: downgrade and replay', async () => {
  const one = await named('1.0.0', 'well');
  const two = await named('2.0.0', 'well');
  await install(one, 'confirmed');
  await install(two, 'confirmed');
  const restarts = desk.services.restarts.length;
  assert.equal(await refused(offer(one)), 'failed: replay');
  const back = await named('1.0.0', 'well', { counter: 1 });
  assert.equal(await refused(offer(back)), 'failed: replay');
  const twin = await named('2.0.0', 'slow', { counter: 3 });
  assert.equal(await refused(offer(twin)), 'failed: same-version');
  // The same again is no work, and no failure.
  await install(two, 'confirmed');
  assert.equal(desk.services.restarts.length, restarts);
  await reopen();
  assert.equal(await refused(offer(one)), 'failed: replay');
});

test('bytes that are not the signed ones are never installed', async () => {
  bucket.inject({ wrong: true, times: 1 });
  const failed = await install(await named('1.0.0', 'well'), 'failed');
  assert.match(failed.why ?? '', /not the bytes/);
  await soon(running, 'built in built in');
  await soon(onCard, []);
  // The package is as good as before: it was the download.
  await install(await named('1.0.0', 'well'), 'confirmed');
});

test('more bytes than were signed are not kept', async () => {
  bucket.inject({ endless: true, times: 1 });
  const failed = await install(await named('1.0.0', 'well'), 'failed');
  assert.match(failed.why ?? '', /longer than the manifest says/);
  await soon(onCard, []);
});

test('a download that breaks off goes on where it was; a link that has expired is asked for anew', async () => {
  const made = await named('1.0.0', 'well', {}, ' '.repeat(300_000));
  const asked = bucket.answers.length;
  bucket.inject({ cutAfter: 100_000, times: 1 });
  await install(made, 'confirmed');
  const [first, second] = bucket.answers.slice(asked);
  assert.equal(first?.status, 200);
  assert.equal(second?.status, 206);
  const next = await named('2.0.0', 'well');
  const parameters = offer(next, {}, -1_000);
  const freshUrl = async (): Promise<string> => offer(next)['url'] as string;
  assert.ok((await desk.packages.install(parameters, { freshUrl })).ok);
  await until('confirmed');
  assert.equal(desk.packages.use('lamp')?.version, '2.0.0');
});

test('a download that is cancelled installs nothing, and is in no way of the next', async () => {
  bucket.inject({ stallAfter: 100, times: 1 });
  const made = await named('1.0.0', 'well');
  const asked = bucket.answers.length;
  await desk.packages.install(offer(made), { freshUrl: async () => undefined });
  while (bucket.answers.length === asked) await sleep(5);
  assert.equal(await refused(offer(await named('2.0.0', 'well'))), 'failed: busy');
  assert.deepEqual(await desk.packages.remove('lamp'), { ok: false, kind: 'failed', why: 'busy' });
  desk.packages.cancel('lamp');
  assert.equal((await until('failed')).why, 'cancelled');
  await install(made, 'confirmed');
});

test('a version whose services do worse than before is left again within its window', async () => {
  await install(await named('1.0.0', 'well'), 'confirmed');
  const worse = await named('2.0.0', 'worse');
  const view = await install(worse, 'returned');
  assert.equal(view.why, 'lamp-1: joining, was up');
  assert.equal(view.runs, '1.0.0');
  await soon(running, '1.0.0 1.0.0');
  await soon(onCard, ['1.0.0']);
  // The same job again: the same end. Signed anew it may be tried again: perhaps it was the third party.
  await install(worse, 'returned');
  await install(await named('2.0.0', 'worse', { counter: 3 }), 'returned');
});

test('a version that crashes again and again, or cannot start, is left at once and for good', async () => {
  await reopen({ trialMs: 600_000 });
  for (const [version, behaviour, why] of [
    ['1.0.0', 'crash', 'lamp-1 ends again and again: exit code 1'],
    ['2.0.0', 'park', 'lamp-1 cannot run it: exports no interface'],
  ] as const) {
    const bad = await named(version, behaviour);
    const view = await install(bad, 'returned');
    assert.equal(view.why, why);
    assert.equal(view.runs, undefined);
    await soon(running, 'built in built in');
    const again = await named(version, behaviour, { counter: 10 });
    assert.equal(await refused(offer(again)), 'failed: failed-before');
  }
});

test('a package that does not even load never reaches a service', async () => {
  const view = await install(await named('1.0.0', 'unfit'), 'failed');
  assert.equal(view.why, 'does not load: broken');
  assert.deepEqual(desk.services.restarts, []);
  await soon(onCard, []);
  const again = await named('1.0.0', 'unfit', { counter: 2 });
  assert.equal(await refused(offer(again)), 'failed: failed-before');
});

test('services that were down before need not be up for a package to be kept', async () => {
  desk.services.isDown = true;
  await install(await named('1.0.0', 'well'), 'confirmed');
  desk.services.ids = [];
  await install(await named('2.0.0', 'well'), 'confirmed');
});

test('services that cannot be begun anew: the version before stays', async () => {
  desk.services.isRestartBad = true;
  const view = await install(await named('1.0.0', 'well'), 'returned');
  assert.equal(view.why, 'no systemd');
  assert.equal(view.runs, undefined);
});

test('a package that is removed gives way to the built-in interface, and may come again', async () => {
  assert.equal((await desk.packages.remove('lamp')).ok, false);
  const two = await named('2.0.0', 'well');
  await install(two, 'confirmed');
  assert.deepEqual(await desk.packages.remove('lamp'), { ok: true, name: 'lamp' });
  const view = await until('removed');
  assert.equal(view.runs, undefined);
  await soon(running, 'built in built in');
  assert.deepEqual(await desk.packages.remove('lamp'), { ok: true, name: 'lamp' });
  await reopen();
  await soon(running, 'built in built in');
  await soon(onCard, []);
  // An older one still is a downgrade.
  assert.equal(await refused(offer(await named('1.0.0', 'well'))), 'failed: replay');
  await install(two, 'confirmed');
});

test('files that were changed on the card, or an agent that went back, are not used', async () => {
  const made = await named('1.0.0', 'well', { minimumAgent: '1.5.0' });
  await install(made, 'confirmed');
  await reopen({ agentVersion: '1.4.9' });
  assert.equal(desk.packages.use('lamp'), undefined);
  await reopen();
  const file = join(root, 'var/lib/clock/agent/packages/lamp/1.0.0/manifest.jws');
  const other = await named('1.0.0', 'well', { counter: 9, permissions: ['connect', 'serial'] });
  const original = made.bytes[5]!;
  assert.notEqual(original, 0x20);
  assert.equal(other.manifest.sha256, made.manifest.sha256);
  await writeFile(join(file, '../interface.js'), made.bytes.fill(0x20, 5, 6));
  assert.equal(desk.packages.use('lamp'), undefined);
  await writeFile(join(file, '../interface.js'), made.bytes.fill(original, 5, 6));
  assert.equal(desk.packages.use('lamp')?.version, '1.0.0');
  await writeFile(file, other.jws);
  assert.equal(desk.packages.use('lamp'), undefined);
  assert.ok(desk.log.some((line) => line.includes('is damaged on the card: not used')));
});

test('what nobody approved is shown with what it wants, over a restart too, until it or a newer one is approved', async () => {
  const { packages } = desk;
  assert.deepEqual(packages.rows(), []);
  const greedy = await named('2.0.0', 'well', { permissions: ['connect', 'serial'] });
  assert.match(await refused(offer(greedy)), /^rejected: not-approved: serial$/);
  const [row] = packages.rows();
  assert.deepEqual(row?.asked?.permissions, ['connect', 'serial']);
  assert.equal(row.runs, undefined);
  await reopen();
  assert.equal(desk.packages.rows()[0]?.asked?.version, '2.0.0');
  // One that a yes would not install is no question: it is older.
  await install(await named('1.0.0', 'well'), 'confirmed');
  const old = await named('0.9.0', 'well', { counter: 1, permissions: ['serial'] });
  assert.match(await refused(offer(old)), /^rejected: not-approved/);
  assert.equal(desk.packages.rows()[0]?.asked?.version, '2.0.0');
  await install(greedy, 'confirmed', { approve: ['connect', 'serial'] });
  const [after] = desk.packages.rows();
  assert.equal(after?.asked, undefined);
  assert.deepEqual(after?.runs?.permissions, ['connect', 'serial']);
});

test('what was rolled back, when and why is still told when the next version is in use', async () => {
  const beganMs = Date.now();
  await install(await named('1.0.0', 'well'), 'confirmed');
  await install(await named('2.0.0', 'worse'), 'returned');
  await install(await named('3.0.0', 'well'), 'confirmed');
  await reopen();
  const [row] = desk.packages.rows();
  assert.equal(row?.runs?.version, '3.0.0');
  assert.deepEqual(
    row.past.map(({ version, at, why }) => [version, at, why]),
    [
      ['3.0.0', 'confirmed', undefined],
      ['2.0.0', 'returned', 'lamp-1: joining, was up'],
      ['1.0.0', 'confirmed', undefined],
    ],
  );
  for (const { wallMs = 0 } of row.past) assert.ok(wallMs >= beganMs && wallMs <= Date.now());
});
