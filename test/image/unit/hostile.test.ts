// ./build.sh inspect on what is no image, and on images spoilt at random: always one clear sentence.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { run } from '../../../image/core/run.ts';
import { inspect } from '../../../image/unit/inspect/inspect.ts';
import type { Report } from '../../../image/unit/inspect/report.ts';
import { renderReport } from '../../../image/unit/inspect/report.ts';
import { MIB } from '../../../image/unit/layout.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { copyOf, fakeImage, fakeRelease, newSigningKey, noise, overwrite } from './fake.ts';

const LONG = process.env['CLOCK_TEST_LONG'] === '1';
const ROUNDS = LONG ? 1_000 : 40;
const SEED = process.env['CLOCK_TEST_SEED'] ?? '0';
/** A spoilt image may not keep this machine busy. */
const MS_MAX = 20_000;

const folder = await mkdtemp(join(tmpdir(), 'clock-hostile-'));
after(() => rm(folder, { recursive: true, force: true }));
const release = join(folder, 'release');
await fakeRelease(release, newSigningKey());
const image = await fakeImage(folder, release);

async function look(file: string): Promise<Report> {
  const started = performance.now();
  const report = await inspect({
    ...{ file, signers: [], strict: false, progress: recordingProgress() },
  });
  assert.ok(performance.now() - started < MS_MAX, 'quick enough');
  const [first = ''] = renderReport(report).split('\n');
  assert.match(first, /^(whole|damaged|not ours): [^\p{Cc}]{5,1000}$/u);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report, 'machines get all of it');
  return report;
}

const strangers: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
  'an empty file': [Buffer.alloc(0), /an empty file/],
  'one byte': [Buffer.from('x'), /neither/],
  zeros: [Buffer.alloc(3 * MIB), /zeros/],
  'random bytes': [noise('random', 3 * MIB), /neither/],
  'a compressed image': [gzipSync(noise('image', 1000)), /gzip\): unpack it first/],
  'an archive': [Buffer.from('PK\u0003\u0004 and more'), /ZIP archive/],
  text: [Buffer.from('Dear factory,\n'), /neither/],
};
for (const [what, [content, expected]] of Object.entries(strangers)) {
  test(`${what} is not ours`, async () => {
    const file = join(folder, 'stranger');
    await writeFile(file, content);
    const report = await look(file);
    assert.equal(report.verdict, 'not ours');
    assert.match(report.summary, expected);
  });
}

test("somebody else's card is not ours", async () => {
  const file = join(folder, 'other');
  await writeFile(file, '');
  await truncate(file, 300 * MIB);
  const table = 'label: dos\nstart=8192, size=200000, type=c\nstart=270336, type=83\n';
  await run(['sfdisk', '--quiet', file], { stdin: table });
  assert.match((await look(file)).summary, /something else/);
});

test('a folder and a device that is no disk are refused before anything is read', async () => {
  await assert.rejects(look(folder), { code: 'not-readable' });
  await assert.rejects(look('/dev/zero'), { code: 'not-readable' });
});

/** Places with structure; blind ones would hit data that only a hash covers. */
const PLACES: readonly (readonly [number, number])[] = [
  [0, 512],
  [4 * MIB, 64 * 1024],
  [4 * MIB + 16_384, 600_000],
  [4 * MIB + 1_056_768, 64 * 1024],
  [132 * MIB, 32_768],
  [132 * MIB, 300_000],
  [148 * MIB, 2 * MIB],
];

test(`images spoilt at random never confuse it (${ROUNDS} rounds, seed ${SEED})`, async () => {
  const copy = await copyOf(image, 'spoilt');
  for (let round = 0; round < ROUNDS; round += 1) {
    const chance = createHash('sha512').update(`${SEED} ${round}`).digest();
    const [start, length] = PLACES[chance[0]! % PLACES.length]!;
    const at = start + (chance.readUInt32LE(4) % length);
    const bytes = [Buffer.alloc(512), Buffer.alloc(64, 0xff), chance.subarray(8, 40)][
      chance[1]! % 3
    ]!;
    await overwrite(copy, at, bytes);
    const report = await look(copy).catch((cause: unknown) => {
      throw new Error(`round ${round}: ${bytes.length} bytes at ${at}`, { cause });
    });
    assert.notEqual(report.file, '');
    // Start afresh now and then, so that both single and heaped damage are seen.
    if (chance[2]! % 4 === 0) await run(['cp', '--sparse=always', image, copy]);
  }
});

test('an image cut at any point is damaged or not ours', async () => {
  const copy = await copyOf(image, 'cut');
  const points = [
    511,
    512,
    4 * MIB,
    4 * MIB + 700,
    10 * MIB,
    132 * MIB,
    132 * MIB + 5000,
    150 * MIB,
  ];
  for (const point of points.toReversed()) {
    await truncate(copy, point);
    const report = await look(copy);
    assert.notEqual(report.verdict, 'whole', `cut at ${point}`);
  }
});
