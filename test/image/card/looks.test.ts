// What is in readers and lies on cards, look after look; and real disks of this machine, as loop devices.
import assert from 'node:assert/strict';
import { mkdtempDisposable, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openCard } from '../../../image/card/device.ts';
import { cardAt, lookAtReaders } from '../../../image/card/find.ts';
import type { Look } from '../../../image/card/find.ts';
import { CARDS_MAX } from '../../../image/card/limits.ts';
import { CardLooks, isSameCard } from '../../../image/card/looks.ts';
import type { Content } from '../../../image/card/contents.ts';
import { OperatorError } from '../../../image/core/errors.ts';
import { run } from '../../../image/core/run.ts';
import { CARD_BYTES, makeWorks } from './factory.ts';

const BUILD_SH = fileURLToPath(new URL('../../../build.sh', import.meta.url));
const NOBODY = new Set<string>();
const { signal } = new AbortController();

function lookOf(path: string, node = '1'): Look {
  const card = { device: path, bytes: CARD_BYTES, model: 'Reader', number: undefined, node };
  return { device: { path } as Look['device'], node, verdict: { ok: true, card } };
}

/** Looks at `present`; contents are told by hand. */
function looking(present: { looks: readonly Look[] }) {
  const reads: { readonly device: string; readonly tell: (content: Content) => void }[] = [];
  const looks = new CardLooks({
    look: () => Promise.resolve(present.looks),
    contentOf: (device) =>
      new Promise((resolve) => {
        reads.push({ device, tell: (holds) => resolve({ holds }) });
      }),
  });
  const see = async (busy: ReadonlySet<string> = NOBODY): Promise<readonly string[]> => {
    await sleep(1);
    const seen = await looks.see(signal, busy);
    return seen!.map((one) => (one.is === 'found' ? one.holds : one.reason.code));
  };
  return { reads, see };
}

test('a card that does not answer holds up no other, and is read once for each time it is put in', async () => {
  const present = { looks: [lookOf('/dev/hung'), lookOf('/dev/sdb')] };
  const { reads, see } = looking(present);
  assert.deepEqual(await see(), ['looking', 'looking']);
  reads[1]!.tell('new');
  assert.deepEqual(await see(), ['looking', 'new']);
  assert.deepEqual(await see(), ['looking', 'new']);
  assert.equal(reads.length, 2);
  present.looks = [lookOf('/dev/hung')];
  await see();
  present.looks = [lookOf('/dev/hung'), lookOf('/dev/sdb')];
  assert.deepEqual(await see(), ['looking', 'looking'], 'put in again');
  present.looks = [lookOf('/dev/hung', '2')];
  assert.deepEqual(await see(), ['looking'], 'another one in the same reader');
  assert.deepEqual(
    reads.map(({ device }) => device),
    ['/dev/hung', '/dev/sdb', '/dev/sdb', '/dev/hung'],
  );
  reads[0]!.tell('ours');
  assert.deepEqual(await see(), ['looking'], 'what was told late is of the card before');
});

test('cards that hang in the kernel, as many as there may be, leave threads for all else', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-hang-'));
  const pipe = join(folder.path, 'pipe');
  await run(['mkfifo', pipe]);
  const threads = /UV_THREADPOOL_SIZE:-(\d+)\}/.exec(await readFile(BUILD_SH, 'utf8'))![1]!;
  // Nobody writes into it: each open holds a thread, as a read of such a card does.
  const program = `
    const fs = require('node:fs');
    for (let n = 0; n < ${CARDS_MAX}; n += 1) fs.promises.open(${JSON.stringify(pipe)});
    fs.promises.readFile('/proc/version').then(() => { console.log('goes on'); process.exit(); });`;
  const goesOn = async (size: string): Promise<string> => {
    const env = ['env', `UV_THREADPOOL_SIZE=${size}`];
    const argv = ['timeout', '3', ...env, process.execPath, '--eval', program];
    return (await run(argv, { accept: [124] })).stdout.trim();
  };
  assert.equal(await goesOn(threads), 'goes on');
  assert.equal(await goesOn('4'), '', 'with as few as node has by itself');
});

test('a card is not read while it is written, and anew when that is over', async () => {
  const present = { looks: [lookOf('/dev/sdb')] };
  const { reads, see } = looking(present);
  await see();
  assert.deepEqual(await see(new Set(['/dev/sdb'])), ['looking']);
  reads[0]!.tell('new');
  assert.deepEqual(await see(new Set(['/dev/sdb'])), ['looking']);
  assert.deepEqual(await see(), ['looking'], 'what it held before counts no more');
  reads[1]!.tell('ours');
  assert.deepEqual(await see(), ['ours']);
});

test('a look that fails is none, and a card that may not be written comes with the reason', async () => {
  const failing = new CardLooks({ look: () => Promise.reject(new Error('lsblk ended with 1')) });
  assert.equal(await failing.see(signal, NOBODY), undefined);
  const error = new OperatorError('card-mounted', 'mounted', { hint: 'umount' });
  const { see } = looking({ looks: [{ ...lookOf('/dev/sdb'), verdict: { ok: false, error } }] });
  assert.deepEqual(await see(), ['card-mounted']);
});

test('this machine’s own disk is no card, by its name and in no look', async () => {
  const { stdout } = await run(['findmnt', '--noheadings', '--output', 'SOURCE', '/']);
  const source = stdout.trim();
  const looks = await lookAtReaders();
  assert.ok(looks.every(({ device }) => !source.startsWith(device.path)));
  // In a container it has no name that could be given.
  if (!source.startsWith('/dev/')) return;
  await assert.rejects(cardAt(source), ({ code }: OperatorError) =>
    /^card-(system|partition)$/.test(code),
  );
});

test('a card that this user may not write is refused with the reason, not taken for a dying one', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-locked-'));
  const file = join(folder.path, 'card');
  await using handle = await open(file, 'w');
  await handle.truncate(CARD_BYTES);
  await run(['mount', '--bind', file, file]);
  try {
    await run(['mount', '--options', 'remount,bind,ro', file]);
    await assert.rejects(cardAt(file), { code: 'card-locked', message: /write-protected/ });
  } finally {
    await run(['umount', file]);
  }
});

/** Gives a file to the first free loop device; undefined where the machine has none. */
async function attach(file: string): Promise<string | undefined> {
  const { stdout } = await run(['losetup', '--find', '--show', file], { accept: [0, 1] });
  return stdout.trim() === '' ? undefined : stdout.trim();
}

test('real disks: a mounted one, a partition, and another one under the same name are not written', async (t) => {
  const works = await makeWorks();
  const files = ['a', 'b'].map((name) => join(works.folder, name)) as [string, string];
  for (const file of files) {
    await using handle = await open(file, 'w');
    await handle.truncate(CARD_BYTES);
  }
  const device = await attach(files[0]);
  if (device === undefined) {
    t.diagnostic('not checked: this machine has no loop devices');
    return;
  }
  const place = join(works.folder, 'mounted');
  const undo: string[][] = [];
  try {
    undo.push(['losetup', '--detach', device]);
    const { node } = await cardAt(device);
    await (await openCard(device, node)).close();
    await run(['sfdisk', '--quiet', '--no-reread', device], { stdin: 'label: dos\n1M,100M\n' });
    await run(['partx', '--add', device]);
    undo.unshift(['partx', '--delete', device]);
    await assert.rejects(cardAt(`${device}p1`), { code: 'card-partition' });
    await run(['mkfs.ext4', '-q', `${device}p1`]);
    await run(['mkdir', place]);
    await run(['mount', `${device}p1`, place]);
    undo.unshift(['umount', place]);
    await assert.rejects(cardAt(device), { code: 'card-mounted', message: /mounted at / });
    while (undo.length > 0) await run(undo.shift()!);
    undo.push(['losetup', '--detach', device]);
    await run(['losetup', device, files[1]]);
    const another = await cardAt(device);
    assert.ok(!isSameCard(another, { ...another, node: node! }), 'the kernel counts media');
    await assert.rejects(openCard(device, node), { code: 'card-pulled' });
  } finally {
    for (const argv of undo) await run(argv, { accept: [0, 1, 32] });
    await rm(works.folder, { recursive: true });
  }
});
