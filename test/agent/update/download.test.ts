// The real download against a server that does what servers and networks do: what comes is kept, what is
// too much is not, and every ending has its kind.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { unwell } from '../../../agent/compose-update.ts';
import { httpsFetch } from '../../../agent/io/download.ts';
import type { Fetched } from '../../../agent/update/ports.ts';
import { openPackages } from '../../bench/cloud/packages.ts';
import type { PackageFault, Packages } from '../../bench/cloud/packages.ts';

const BYTES = randomBytes(300_000);
const size = BYTES.length;

let packages: Packages;
let folder: string;
let file: string;
before(async () => {
  packages = await openPackages();
  packages.put('agent.js', BYTES);
  folder = await mkdtemp(join(tmpdir(), 'clock-download-'));
  file = join(folder, 'part');
});
beforeEach(async () => rm(file, { force: true }));
after(async () => {
  await packages[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function get(
  how: {
    readonly url?: string;
    readonly roots?: string;
    readonly deadlineMs?: number;
    readonly idleMs?: number;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Fetched> {
  const { deadlineMs = 60_000, idleMs = 30_000, roots = packages.rootsPem } = how;
  const { url = packages.link('agent.js'), signal = new AbortController().signal } = how;
  return httpsFetch({ roots: [roots], deadlineMs, idleMs })({ url, file, size, signal });
}
const bytesThere = async (): Promise<number> => (await stat(file)).size;
const ranges = (): (string | undefined)[] => packages.answers.map(({ range }) => range);

test('a file comes whole, and is not asked for again once it is there', async () => {
  assert.deepEqual(await get(), { ok: true });
  assert.deepEqual(await readFile(file), BYTES);
  const asked = packages.answers.length;
  assert.deepEqual(await get(), { ok: true });
  assert.equal(packages.answers.length, asked);
});

test('what breaks off is kept, and only the rest is asked for', async () => {
  packages.inject({ cutAfter: 100_000, times: 1 });
  const cut = await get();
  assert.ok(!cut.ok && cut.kind === 'way', JSON.stringify(cut));
  const there = await bytesThere();
  assert.ok(there > 0 && there <= 100_000);
  assert.deepEqual(await get(), { ok: true });
  assert.equal(ranges().at(-1), `bytes=${there}-`);
  assert.deepEqual(await readFile(file), BYTES);
});

test('a server that does not know Range sends all of it again, once in the file', async () => {
  await writeFile(file, BYTES.subarray(0, 1_000));
  packages.inject({ ignoreRange: true, times: 1 });
  assert.deepEqual(await get(), { ok: true });
  assert.deepEqual(await readFile(file), BYTES);
});

test('what lies there and is longer than it may be is thrown away first', async () => {
  await writeFile(file, Buffer.alloc(size + 1));
  assert.deepEqual(await get(), { ok: true });
  assert.equal(ranges().at(-1), undefined);
  assert.deepEqual(await readFile(file), BYTES);
});

test('a body without an end is left as soon as it is longer than announced by the manifest', async () => {
  packages.inject({ endless: true, times: 1 });
  const answer = await get();
  assert.ok(!answer.ok && answer.kind === 'other', JSON.stringify(answer));
  assert.equal(await bytesThere(), 0);
});

test('a slow line is taken as it is, until the time for all of it is over', async () => {
  packages.inject({ bytesPerSecond: 100_000, times: 1 });
  const answer = await get({ deadlineMs: 700 });
  assert.ok(!answer.ok && answer.kind === 'way', JSON.stringify(answer));
  const there = await bytesThere();
  assert.ok(there < size);
  assert.deepEqual(await get(), { ok: true });
});

test('a connection on which nothing comes is given up', async () => {
  packages.inject({ stallAfter: 50_000, times: 1 });
  const answer = await get({ idleMs: 200 });
  assert.ok(!answer.ok && answer.kind === 'way', JSON.stringify(answer));
  assert.ok((await bytesThere()) > 0);
  assert.deepEqual(await get(), { ok: true });
});

test('whoever asked can stop it', async () => {
  packages.inject({ stallAfter: 50_000, times: 1 });
  const answer = await get({ signal: AbortSignal.timeout(100) });
  assert.ok(!answer.ok, JSON.stringify(answer));
});

const KINDS: readonly (readonly [PackageFault['status'], string])[] = [
  [403, 'expired'],
  [400, 'expired'],
  [404, 'other'],
  [301, 'other'],
  [429, 'way'],
  [500, 'way'],
  [503, 'way'],
  [416, 'way'],
];
for (const [status, kind] of KINDS) {
  test(`HTTP ${status} is of the kind "${kind}"`, async () => {
    packages.inject({ status: status!, times: 1 });
    assert.deepEqual(await get(), { ok: false, kind, why: `HTTP_${status}` });
  });
}

test('a link that is too old, or was changed, is one that has expired', async () => {
  const changed = new URL(packages.link('agent.js'));
  changed.searchParams.set('X-Amz-Expires', String(Date.now() + 1e9));
  for (const url of [packages.link('agent.js', { lifeMs: -1 }), changed.href]) {
    const answer = await get({ url });
    assert.ok(!answer.ok && answer.kind === 'expired', JSON.stringify(answer));
  }
});

test('a server whose certificate nobody vouches for gets no request', async () => {
  const other = await openPackages();
  const asked = packages.answers.length;
  const answer = await get({ roots: other.rootsPem });
  await other[Symbol.asyncDispose]();
  assert.ok(!answer.ok && answer.kind === 'way', JSON.stringify(answer));
  assert.equal(packages.answers.length, asked);
});

test('a bundle is well when it hears the cloud and keeps what it is told', () => {
  const open = { at: 'open' } as const;
  const up = { at: 'up', route: 'mqtt-8883' } as const;
  assert.equal(unwell({ link: up, outbox: open }), undefined);
  assert.equal(unwell(undefined), 'no cloud');
  assert.equal(unwell({ link: up, outbox: { at: 'closed' } }), 'queue closed');
  assert.equal(unwell({ link: { ...up, at: 'waiting' }, outbox: open }), 'not connected');
  const half = { ...up, route: 'https-8443' } as const;
  assert.equal(unwell({ link: half, outbox: open }), 'connected for publishing only');
});
