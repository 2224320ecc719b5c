// The plug is pulled before every single thing that is done to the card while a bundle is replaced:
// whatever the moment, the unit starts again and ends where it would have ended.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseState } from '../../../agent/update/wire.ts';
import { randomFrom, testSeed } from '../random.ts';
import { TinyUnit, make } from './tiny-unit.ts';
import type { Made } from './tiny-unit.ts';

const IS_LONG = process.env['CLOCK_TEST_LONG'] === '1';
/** Of each series, when it is not long. */
const SAMPLE = 3;

const first = await make('1.0.0', 'well');
const well = await make('2.0.0', 'well');
const crash = await make('2.0.1', 'crash');

const isPiece = (what: string | undefined): boolean => what === 'appendFile';

/** From the first bundle to the next one; the sequence of what was done to the card. */
async function play(next: Made, cut: number | undefined): Promise<readonly string[]> {
  const unit = await TinyUnit.open();
  try {
    await unit.offer(first);
    await unit.until(/"at":"confirmed"/);
    const before = (await unit.operations()).length;
    unit.cut = cut === undefined ? undefined : before + cut;
    await unit.offer(next);
    const { version } = next.manifest;
    const isWell = next === well;
    const end = isWell ? 'confirmed' : 'returned';
    await unit.until(new RegExp(`"at":"${end}","version":"${version}"`));
    // The last operations come after the words.
    let done = (await unit.operations()).slice(before);
    for (const endMs = performance.now() + 10_000; done.length < (cut ?? 0);) {
      assert.ok(performance.now() < endMs, 'the plug was pulled');
      await sleep(20);
      done = (await unit.operations()).slice(before);
    }
    // What had come before the cut is not fetched again.
    const isResumed = cut !== undefined && isPiece(done[cut - 1]) && isPiece(done[cut - 2]);
    if (isResumed) assert.ok(unit.packages.answers.some(({ status }) => status === 206));
    await unit.until(/running/);
    assert.equal(unit.ran.at(-1), isWell ? '2.0.0 b' : '1.0.0 a');
    await looksRight(unit, { good: isWell ? 'b' : 'a', isWell });
    return done;
  } finally {
    await unit.close();
  }
}

async function looksRight(
  unit: TinyUnit,
  { good, isWell }: { readonly good: 'a' | 'b'; readonly isWell: boolean },
): Promise<void> {
  const saved = parseState(await readFile(join(unit.folder, 'state.json'), 'utf8'));
  assert.equal(saved.good, good);
  assert.equal(saved.sequence, 2);
  assert.deepEqual(saved.refused, isWell ? [] : [crash.manifest.sha256]);
  assert.deepEqual(await readFile(join(unit.folder, 'a.js')), first.bytes);
  const names = (await readdir(unit.folder)).toSorted();
  const rest = names.filter((name) => !['a.js', 'a.jws', 'b.js', 'b.jws'].includes(name));
  // What a cut left half written is written over the next time.
  const left = rest.filter((name) => !/^(state\.json|starts|b\.jws|a\.jws)(\.new)?$/.test(name));
  assert.deepEqual(left, []);
}

const seed = testSeed();
const random = randomFrom(seed);
for (const [name, next] of [
  ['a bundle that is well', well],
  ['a bundle that crashes', crash],
] as const) {
  test(`${name} gets where it should through a power cut anywhere`, async (t) => {
    const all = await play(next, undefined);
    t.diagnostic(`${all.length} operations: ${all.join(' ')}`);
    assert.ok(
      all.includes('appendFile') && all.includes('renameSync') && all.includes('fsyncSync'),
    );
    const cuts = all.map((_, index) => index + 1);
    const count = IS_LONG ? cuts.length : SAMPLE;
    while (cuts.length > count) {
      cuts.splice(Math.floor(random() * cuts.length), 1);
    }
    t.diagnostic(`seed ${seed}, cut before ${cuts.join(' ')}`);
    for (const cut of cuts) {
      await t.test(`before ${cut}, ${all[cut - 1]}`, async () => {
        await play(next, cut);
      });
    }
  });
}
