// The same inputs give the same release, byte for byte: from another folder, into another folder, with
// an initramfs made anew, and with every program emulated. Part of the long set (host/tests.ts says so):
// it builds three times.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { cacheFolder, hashFile } from '../../../image/release/inputs.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { builderIn, copyCheckout } from './checkout.ts';

/** Name and hash of every file below a folder. */
async function hashes(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = join(folder, name);
    if ((await stat(file)).isFile()) found[name] = await hashFile(file);
  }
  return found;
}

/** Builds from a copy of its own; returns what its release is made of. */
async function build(folder: string, { twins = true } = {}): Promise<Record<string, string>> {
  await copyCheckout(join(folder, 'sources'));
  const buildImage = await builderIn(join(folder, 'sources'));
  const out = join(folder, 'out');
  const { version } = await buildImage({ out, twins }, { progress: recordingProgress() });
  return hashes(join(out, 'release', version));
}

if (process.env['CLOCK_TEST_LONG'] === '1') {
  test('builds of the same inputs make the same release, byte for byte, with twins and emulated', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'clock-twice-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    process.env['SOURCE_DATE_EPOCH'] = '1767225600';
    const first = await build(join(folder, 'first'));
    // The second may take packages and runtime from the first, but no initramfs.
    const cache = cacheFolder();
    const other = join(folder, 'a longer name/cache/clock-iot-unit');
    await mkdir(other, { recursive: true });
    for (const name of await readdir(cache)) {
      if (/^(base|runtime|tools|development)-/.test(name)) {
        await cp(join(cache, name), join(other, name), { recursive: true, verbatimSymlinks: true });
      }
    }
    process.env['XDG_CACHE_HOME'] = dirname(other);
    const second = await build(join(folder, 'a longer name'));
    assert.deepEqual(second, first);
    // Its base root is none of the cached ones.
    const emulated = await build(join(folder, 'emulated'), { twins: false });
    assert.deepEqual(emulated, first);
    assert.ok(Object.keys(first).includes('root.erofs'));
  });
}
