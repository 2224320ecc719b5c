// Both engines make the same unit: the real pi-gen runs to its end, and its root is compared with the embedded
// engine's, file by file. Every difference is named here with its reason; another one fails. Its image is booted then.
// Part of the long set, and as root: pi-gen takes ten to twenty minutes. It is cloned from upstream, where that is not
// reached give git another place (GIT_CONFIG_COUNT and so on, "url.….insteadOf").
import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../../../image/core/run.ts';
import type { EngineChoice } from '../../../../image/release/engine.ts';
import { cacheFolder, hashFile } from '../../../../image/release/inputs.ts';
import { toolOfSuite } from '../../../../image/release/tools.ts';
import { recordingProgress } from '../../core/progress.fake.ts';
import { builderIn, copyCheckout } from '../checkout.ts';
import { changedLines, compareRoots } from './roots.ts';

/** Where the two may differ, and which lines. */
const KNOWN: Readonly<Record<string, { readonly why: string; readonly lines: RegExp }>> = {
  'usr/share/clock/release.json': {
    why: 'the version tells the engine: it is a hash of what the image is made from',
    lines: /^[+-]\{"version":/,
  },
  'var/lib/dpkg/status': {
    why: "debootstrap writes the archive's opinion of a package's priority, mmdebstrap the package's own",
    lines: /^[+-]Priority: /,
  },
};

interface Built {
  readonly image: string;
  readonly release: string;
  readonly root: string;
}

/** Builds with one engine; returns the release and what lies on a unit under it. */
async function build(folder: string, name: string, engine: EngineChoice): Promise<Built> {
  const buildImage = await builderIn(join(folder, 'sources'));
  const out = join(folder, name);
  const { version, image } = await buildImage({ out, engine }, { progress: recordingProgress() });
  const release = join(out, 'release', version);
  const root = join(folder, `${name}-root`);
  const fsck = toolOfSuite(cacheFolder(), 'fsck.erofs');
  await run([...fsck, `--extract=${root}`, join(release, 'root.erofs')]);
  return { image, release, root };
}

if (process.env['CLOCK_TEST_LONG'] === '1' && process.getuid?.() === 0) {
  test('pi-gen and the embedded engine make the same unit', async (t) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-engines-'));
    process.env['SOURCE_DATE_EPOCH'] = '1767225600';
    await copyCheckout(join(folder.path, 'sources'));
    const ours = await build(folder.path, 'embedded', { engine: 'embedded' });
    const pigen = { engine: 'pi-gen', base: 'debian', folder: undefined } as const;
    const theirs = await build(folder.path, 'pi-gen', pigen);
    const differences = await compareRoots(ours.root, theirs.root);
    for (const { path, what } of differences) {
      const known = KNOWN[path];
      assert.ok(known !== undefined, `${path} differs, and nobody knows why: ${what.join(', ')}`);
      assert.deepEqual(what, ['content'], path);
      const [a, b] = [join(ours.root, path), join(theirs.root, path)];
      for (const line of await changedLines(a, b)) assert.match(line, known.lines, path);
      t.diagnostic(`${path} differs: ${known.why}`);
    }
    // Beside the root: kernel, initramfs, device trees, command line, firmware, config.txt.
    for (const part of ['slot', 'firmware']) {
      const names = await readdir(join(ours.release, part));
      assert.deepEqual(await readdir(join(theirs.release, part)), names);
      for (const name of names) {
        const [a, b] = [ours, theirs].map(({ release }) => join(release, part, name));
        assert.equal(await hashFile(b!), await hashFile(a!), `${part}/${name}`);
      }
    }
    const [a, b] = await Promise.all(
      [ours, theirs].map(({ release }) => readFile(join(release, 'config.txt'), 'utf8')),
    );
    assert.equal(b, a);
    await t.test("pi-gen's image starts, and its page answers", async () => {
      process.env['CLOCK_TEST_IMAGE'] ??= theirs.image;
      const { Unit } = await import('../../../system/units.ts');
      await using unit = await Unit.make(theirs.image);
      await using board = await unit.start();
      assert.match((await board.page()).serial, /^[0-9a-f]{32}$/);
    });
  });
}
