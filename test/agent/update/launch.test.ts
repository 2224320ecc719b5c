// The launcher as a real process with real bundles: what runs, what never runs, what comes back.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseState, renderState, signManifest } from '../../../agent/update/wire.ts';
import type { Saved } from '../../../agent/update/wire.ts';
import { TinyUnit, make, makeKeys } from './tiny-unit.ts';
import type { Made } from './tiny-unit.ts';

const two = await make('2.0.0', 'well');
const three = await make('3.0.0', 'well');
const bad = {
  ill: await make('5.0.0', 'ill'),
  crash: await make('5.0.1', 'crash'),
  exit: await make('5.0.2', 'exit'),
  mute: await make('5.0.3', 'mute'),
  kill: await make('5.0.4', 'kill'),
} as const;

/** Each with a unit of its own; they mostly wait. */
const on = (name: string, work: (unit: TinyUnit) => Promise<void>): void =>
  void test(name, async () => {
    const unit = await TinyUnit.open();
    try {
      await work(unit);
    } finally {
      await unit.close();
    }
  });

const saved = async (unit: TinyUnit): Promise<Saved> =>
  parseState(await readFile(join(unit.folder, 'state.json'), 'utf8').catch(() => undefined));

/** As if this had been installed and had proved itself, or be on trial. */
async function put(
  unit: TinyUnit,
  copy: 'a' | 'b',
  made: Made,
  state: Partial<Saved> = {},
): Promise<void> {
  await mkdir(unit.folder, { recursive: true });
  await writeFile(join(unit.folder, `${copy}.js`), made.bytes);
  await writeFile(join(unit.folder, `${copy}.jws`), made.jws);
  const { sequence } = made.manifest;
  const text = renderState({
    ...{ sequence, good: copy, refused: [], work: { at: 'none' } },
    ...state,
  });
  await writeFile(join(unit.folder, 'state.json'), text);
}

async function install(unit: TinyUnit, made: Made): Promise<void> {
  await unit.offer(made);
  await unit.until(new RegExp(`"at":"confirmed","version":"${made.manifest.version}"`));
  await unit.withdraw();
}

describe('the launcher', { concurrency: 6 }, () => {
  on('a new bundle is fetched, tried, confirmed, and runs from then on', async (unit) => {
    await install(unit, two);
    assert.deepEqual(unit.ran, ['built-in built-in', '2.0.0 a']);
    assert.deepEqual(await unit.files(), ['a.js', 'a.jws', 'state.json']);
    await unit.until(/running/);
    assert.equal(unit.ran.at(-1), '2.0.0 a');
  });

  on(
    'a link that has expired is asked for anew, and the download goes on by that',
    async (unit) => {
      await unit.offer(two, { lifeMs: -1 });
      await unit.until(/"at":"confirmed"/);
      assert.deepEqual(
        unit.packages.answers.map(({ status }) => status),
        [403, 200],
      );
    },
  );

  on('the one after it goes into the other copy, and the one that runs stays', async (unit) => {
    await install(unit, two);
    await install(unit, three);
    assert.deepEqual(unit.ran.slice(2), ['2.0.0 a', '3.0.0 b']);
    assert.deepEqual(await readFile(join(unit.folder, 'a.js')), two.bytes);
  });

  const whys: Readonly<Record<keyof typeof bad, RegExp>> = {
    ill: /not connected/,
    crash: /crashed: cannot start/,
    exit: /ended with 3/,
    mute: /did not say that it is well/,
    kill: /ended without a word/,
  };
  for (const name of ['ill', 'crash', 'exit', 'mute', 'kill'] as const) {
    on(
      `a bundle that is "${name}" is tried, and then the one before it runs again`,
      async (unit) => {
        // Only the mute one's trial runs out; the others come to their word on a busy machine too.
        unit.trialMs = name === 'mute' ? 300 : 5_000;
        await put(unit, 'b', two);
        await unit.offer(bad[name]);
        await unit.until(/"at":"returned"/);
        // One that knows it says so itself, and ends.
        if (unit.ran.at(-1) !== '2.0.0 b') await unit.until(/running/);
        const { version } = bad[name].manifest;
        const starts = name === 'ill' || name === 'mute' ? 1 : 3;
        const tries = Array.from({ length: starts }, () => `${version} a`);
        assert.deepEqual(unit.ran, ['2.0.0 b', ...tries, '2.0.0 b']);
        const { work, refused, good } = await saved(unit);
        assert.ok(work.at === 'returned' && whys[name].test(work.why), JSON.stringify(work));
        // It may have been the line: only what is broken by itself is never tried again.
        const isForGood = name !== 'ill';
        assert.deepEqual([refused, good], [isForGood ? [bad[name].manifest.sha256] : [], 'b']);
        const again = { ...bad[name], jws: (await make(version, name, { sequence: 9 })).jws };
        await unit.offer(again);
        await unit.until(isForGood ? /offer .*failed-before/ : /offer .*"again":false/);
      },
    );
  }

  on(
    'a bundle that had proved itself and then ends again and again gives way to the built-in one',
    async (unit) => {
      await put(unit, 'a', await make('4.0.0', 'well-then-crash'));
      await unit.write('crash', '');
      await unit.until(/running built-in/, 20);
      assert.equal(unit.ran.filter((one) => one === '4.0.0 a').length, 10);
      const { work, good } = await saved(unit);
      assert.equal(good, undefined);
      assert.ok(work.at === 'returned' && work.why === 'ends again and again');
    },
  );

  const other = makeKeys();
  const never: Readonly<Record<string, (unit: TinyUnit) => Promise<void>>> = {
    'signed by another key': async (unit) =>
      put(unit, 'a', { ...two, jws: signManifest(two.manifest, other.privatePem) }),
    'with one bit of it changed': async (unit) => {
      const bytes = Buffer.from(two.bytes);
      bytes[bytes.length >> 1]! ^= 1;
      await put(unit, 'a', { ...two, bytes });
    },
    'without a manifest': async (unit) => {
      await put(unit, 'a', two);
      await rm(join(unit.folder, 'a.jws'));
    },
    'with the manifest of another': async (unit) => put(unit, 'a', { ...two, jws: three.jws }),
    'longer by a byte': async (unit) =>
      put(unit, 'a', { ...two, bytes: Buffer.concat([two.bytes, Buffer.from('\n')]) }),
    'cut off': async (unit) => put(unit, 'a', { ...two, bytes: two.bytes.subarray(0, 1_000) }),
    'older than the built-in one': async (unit) => {
      await put(unit, 'a', two);
      await unit.release('9.0.1', '2026-02-01T00:00:00Z');
    },
    'made for a newer release': async (unit) =>
      put(unit, 'a', await make('2.0.0', 'well', { minimumRelease: '9.0.1' })),
    'that needs a root without a key': async (unit) => {
      await put(unit, 'a', two);
      await rm(join(unit.root, 'usr/share/clock/release.pub'));
    },
  };
  for (const [what, prepare] of Object.entries(never)) {
    on(`a bundle ${what} never runs, proved or on trial`, async (unit) => {
      await prepare(unit);
      await unit.until(/running/);
      const { version, sequence, sha256 } = two.manifest;
      const trial = { at: 'trial', version, sequence, sha256, copy: 'a', starts: 0 } as const;
      const state = { good: undefined, work: { ...trial, why: undefined } };
      const text = renderState({ sequence, refused: [], ...state });
      await writeFile(join(unit.folder, 'state.json'), text);
      await unit.until(/running/);
      assert.deepEqual(unit.ran, ['built-in built-in', 'built-in built-in']);
    });
  }

  on('what was offered before, or is older than what was, is refused', async (unit) => {
    await install(unit, three);
    for (const [sequence, why] of [
      [2, 'replay'],
      [3, 'again":true'],
    ] as const) {
      await unit.offer(await make('2.0.0', 'well', { sequence }));
      await unit.until(new RegExp(`offer .*${why}`));
    }
    await unit.offer(await make('4.0.0', 'well', { builtAt: '2025-12-31T00:00:00Z' }));
    await unit.until(/offer .*older-than-the-built-in-one/);
    // Also with the state lost: the copy that lies there still tells.
    await rm(join(unit.folder, 'state.json'));
    await unit.offer(two);
    await unit.until(/offer .*replay/);
    assert.equal(unit.packages.answers.length, 1);
  });

  for (const [what, text] of [
    ['nothing', ''],
    ['no JSON', 'state'],
    ['another version', '{"v":2}'],
    ['what it would never write', JSON.stringify({ v: 1, sequence: 1, good: '../x', refused: [] })],
    ['a megabyte', 'x'.repeat(1_000_000)],
  ] as const) {
    on(`a state that holds ${what} starts the built-in bundle`, async (unit) => {
      await put(unit, 'a', two);
      await writeFile(join(unit.folder, 'state.json'), text);
      await unit.until(/running/);
      assert.deepEqual(unit.ran, ['built-in built-in']);
    });
  }

  on('a card that takes nothing begins no trial', async (unit) => {
    const { version, sequence, sha256 } = two.manifest;
    const trial = { at: 'trial', version, sequence, sha256, copy: 'a', starts: 0 } as const;
    await put(unit, 'a', two, { good: undefined, work: { ...trial, why: undefined } });
    // What the new state would be written to is a folder.
    await mkdir(join(unit.folder, 'state.json.new'));
    await unit.until(/running/);
    assert.deepEqual(unit.ran, ['built-in built-in']);
  });

  on('asked for a report, the launcher counts no start and tries no bundle', async (unit) => {
    const { version, sequence, sha256 } = bad.crash.manifest;
    const trial = { at: 'trial', version, sequence, sha256, copy: 'a', starts: 0 } as const;
    await put(unit, 'a', bad.crash, { good: undefined, work: { ...trial, why: undefined } });
    const launcher = join(unit.root, 'usr/lib/clock/launch.js');
    const child = spawn(process.execPath, [launcher, 'diagnose', '--root', unit.root]);
    const [first] = (await child.stdout.take(1).toArray()) as Buffer[];
    child.kill('SIGKILL');
    assert.match(String(first), /running built-in/);
    const { work } = await saved(unit);
    assert.ok(work.at === 'trial' && work.starts === 0);
  });
});
