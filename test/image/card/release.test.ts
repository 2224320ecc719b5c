// The release that is written: refused when its signature is wrong or a file is not what was signed; its
// template is made once, and again when it was damaged.
import assert from 'node:assert/strict';
import { cp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openRelease, templateOf } from '../../../image/card/release.ts';
import { recordSizes } from '../../../image/card/record.ts';
import { signer } from '../../../image/unit/manifest.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { flip, newSigningKey } from '../unit/fake.ts';
import { FLEET, makeWorks } from './factory.ts';

const works = await makeWorks();
after(() => rm(works.folder, { recursive: true, force: true }));
const known = [signer(works.key.publicKeyPem, 'given')];

async function damaged(name: string): Promise<string> {
  const copy = join(works.folder, `damaged-${name.replace('/', '-')}`);
  await cp(works.release, copy, { recursive: true });
  await flip(join(copy, name), 40);
  return copy;
}

test('a release signed by a known key is taken', async () => {
  const { manifest } = await openRelease(works.release, known);
  assert.equal(manifest.version, '0.0.0-test');
});

test('one that is signed by another key is refused, and says how to name the key', async () => {
  const other = [signer(newSigningKey().publicKeyPem, 'given')];
  await assert.rejects(openRelease(works.release, other), {
    code: 'release-signer',
    hint: /--signer FILE/,
  });
  await assert.rejects(openRelease(works.release, []), { code: 'release-signer' });
});

for (const name of ['manifest.sig', 'root.erofs', 'slot/vmlinuz', 'firmware/start.elf']) {
  test(`a release with one wrong bit in ${name} is refused`, async () => {
    await assert.rejects(openRelease(await damaged(name), known), { code: 'release-damaged' });
  });
}

test('a folder without a release is refused', async () => {
  await assert.rejects(openRelease('/proc', known), { code: 'release-missing' });
});

test('a template is made once, again for another record, and again when it is damaged', async () => {
  const release = await openRelease(works.release, known);
  const again = async (fleet = {}): Promise<readonly string[]> => {
    const progress = recordingProgress();
    await templateOf(release, recordSizes(fleet), { progress });
    return progress.events;
  };
  assert.deepEqual(await again(), ['begin template', 'end template']);
  assert.deepEqual(await again(), ['reused template: made before']);
  assert.deepEqual(await again(FLEET), ['begin template', 'end template']);
  const { files } = await templateOf(release, recordSizes({}), { progress: recordingProgress() });
  await flip(files.system, 3_000_000);
  assert.deepEqual(await again(), ['begin template', 'end template']);
  const layout = join(files.system, '../template.json');
  assert.ok((await stat(layout)).size > 0);
  await writeFile(layout, (await readFile(layout)).subarray(0, 50));
  assert.deepEqual(await again(), ['begin template', 'end template']);
});
