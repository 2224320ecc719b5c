// The release that is written: refused when its signature is wrong or a file is not what was signed; its
// template is made once, and again when it was damaged.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import {
  chmod,
  cp,
  open,
  readFile,
  readdir,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { openRelease, templateOf } from '../../../image/card/release.ts';
import { recordSizes } from '../../../image/card/record.ts';
import { writeInProcess } from '../../../image/card/writer.ts';
import { signDetached } from '../../../image/release/sign.ts';
import { signer } from '../../../image/unit/manifest.ts';
import { readFat } from '../../../image/unit/read/fat.ts';
import { openSource } from '../../../image/unit/read/source.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { flip, newSigningKey } from '../unit/fake.ts';
import { doubleCard } from './device.double.ts';
import { CARD_BYTES, FLEET, flashDouble, makeWorks } from './factory.ts';
import { ledgerDouble } from './ledger.double.ts';

const works = await makeWorks();
after(() => rm(works.folder, { recursive: true, force: true }));
const templates = join(works.folder, 'templates');
const known = [signer(works.key.publicKeyPem, 'given')];

async function damaged(name: string): Promise<string> {
  const copy = join(works.folder, `damaged-${name.replace('/', '-')}`);
  await cp(works.release, copy, { recursive: true });
  await flip(join(copy, name), name === 'version' ? 2 : 40);
  return copy;
}

test('a release signed by a known key is taken', async () => {
  const { manifest } = await openRelease(works.release, known);
  assert.equal(manifest.version, '0.0.0-test');
});

test('one that is signed by another key is refused, and says how to name the key', async () => {
  const other = [signer(newSigningKey().publicKeyPem, 'given')];
  const own = other.map((key) => ({ ...key, known: 'own' as const }));
  for (const signers of [own, []]) {
    await assert.rejects(openRelease(works.release, signers), {
      ...{ code: 'release-signer', hint: /--signer FILE/ },
      message: /which is not known here/,
    });
  }
  // It was named.
  await assert.rejects(openRelease(works.release, other), {
    ...{ code: 'release-signer', hint: /right file/ },
    message: /not by the one given with --signer \([0-9a-f]{16}…\)/,
  });
});

const SIGNED = [
  ...['manifest.sig', 'root.erofs', 'slot/vmlinuz', 'firmware/start.elf', 'config.txt'],
  ...['root.sha256', 'boot.sha256', 'version'],
];
for (const name of SIGNED) {
  test(`a release with one wrong bit in ${name} is refused`, async () => {
    await assert.rejects(openRelease(await damaged(name), known), { code: 'release-damaged' });
  });
}

for (const name of ['manifest.json', 'root.erofs', 'slot/vmlinuz', 'version']) {
  test(`a release whose ${name} may not be read is not called damaged: the file is named, and why`, async () => {
    const copy = join(works.folder, `closed-${name.replace('/', '-')}`);
    await cp(works.release, copy, { recursive: true });
    await chmod(join(copy, name), 0o000);
    const refused = {
      code: 'release-unreadable',
      message: new RegExp(`may not read .*/${name} \\(EACCES`),
    };
    await withoutRights(() => assert.rejects(openRelease(copy, known), refused));
    await rm(join(copy, name));
    await symlink('vmlinuz', join(copy, name));
    if (name !== 'slot/vmlinuz') return;
    const loop = { code: 'release-unreadable', message: /vmlinuz .*ELOOP/ };
    await assert.rejects(openRelease(copy, known), loop);
  });
}

/** root may read everything: as another user, while it lasts. */
async function withoutRights(work: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return work();
  // A test run has a folder of its own for these, closed to others.
  for (const folder of [works.folder, dirname(works.folder)])
    await chmod(folder, (await stat(folder)).mode | 0o011);
  process.seteuid!(65_534);
  try {
    await work();
  } finally {
    process.seteuid!(0);
  }
}

test('a folder without a release is refused', async () => {
  await assert.rejects(openRelease('/proc', known), { code: 'release-missing' });
});

test('a template is made once, again for another record, and again when it is damaged', async () => {
  const release = await openRelease(works.release, known);
  const again = async (fleet = {}): Promise<readonly string[]> => {
    const progress = recordingProgress();
    await templateOf(release, recordSizes(fleet), { templates, progress });
    return progress.events;
  };
  assert.deepEqual(await again(), ['begin template', 'end template']);
  assert.deepEqual(await again(), ['reused template: made before']);
  assert.deepEqual(await again(FLEET), ['begin template', 'end template']);
  const { files } = await templateOf(release, recordSizes({}), {
    templates,
    progress: recordingProgress(),
  });
  const place = dirname(await realpath(files.system));
  await flip(files.system, 3_000_000);
  assert.deepEqual(await again(), ['begin template', 'end template']);
  const layout = join(place, 'template.json');
  assert.ok((await stat(layout)).size > 0);
  await writeFile(layout, (await readFile(layout)).subarray(0, 50));
  assert.deepEqual(await again(), ['begin template', 'end template']);
});

test('cards are made of a template that was dropped meanwhile, in processes that open it anew', async () => {
  const release = await openRelease(works.release, known);
  const around = { templates, progress: recordingProgress() };
  const template = await templateOf(release, recordSizes(FLEET), around);
  const mine = await readdir(templates);
  for (const bytes of [1, 2, 3]) await templateOf(release, { 'carried.db.gz': bytes }, around);
  const left = await readdir(templates);
  assert.deepEqual([left.length, mine.filter((name) => left.includes(name))], [3, []]);
  const device = join(works.folder, 'card');
  const handle = await open(device, 'w');
  await handle.truncate(CARD_BYTES);
  await handle.close();
  const { view } = await flashDouble(doubleCard(CARD_BYTES), {
    ...{ works: { ...works, template }, ledger: ledgerDouble(), name: device },
    needs: { write: writeInProcess() },
  });
  assert.equal(view.phase, 'done', view.reason?.text);
});

/** A copy of the release that somebody else may change. */
async function changed(name: string): Promise<string> {
  const copy = join(works.folder, `changed-${name}`);
  await cp(works.release, copy, { recursive: true });
  return copy;
}

async function filesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const release = await openRelease(folder, known);
  const { files } = await templateOf(release, {}, { templates, progress: recordingProgress() });
  const source = await openSource(files.boot);
  const found = new Map<string, string>();
  for (const file of (await readFat(source)).files) {
    const hash = createHash('sha256');
    for await (const chunk of file.chunks()) hash.update(chunk);
    found.set(file.path, hash.digest('hex'));
  }
  await source.close();
  return found;
}

test('what nobody signed gets onto no card: files beside those that were, and templates made beforehand', async () => {
  const sound = await filesOf(works.release);
  const copy = await changed('more');
  await writeFile(join(copy, 'firmware/autoboot.txt'), '[all]\nboot_partition=4\n');
  await symlink('/etc/hostname', join(copy, 'firmware/hostname'));
  await writeFile(join(copy, 'slot/overlay.dtbo'), 'x');
  // A whole template, with its own sums, where a release once had its templates.
  const [name] = await readdir(templates);
  await cp(join(templates, name!), join(copy, 'templates', name!), { recursive: true });
  await flip(join(copy, 'templates', name!, 'boot.fat'), 2_000_000);
  await rm(templates, { recursive: true });
  assert.deepEqual(await filesOf(copy), sound);
});

test('a release that is changed after it was checked gets onto no card', async () => {
  const copy = await changed('later');
  const release = await openRelease(copy, known);
  await flip(join(copy, 'root.erofs'), 4_000_000);
  await rm(templates, { recursive: true, force: true });
  const around = { templates, progress: recordingProgress() };
  await assert.rejects(templateOf(release, {}, around), { code: 'release-damaged' });
  assert.deepEqual(await readdir(templates), []);
});

test('a file without an end is not read to its end, and a name does not leave the folder', async () => {
  const copy = await changed('endless');
  await rm(join(copy, 'root.erofs'));
  await symlink('/dev/zero', join(copy, 'root.erofs'));
  await assert.rejects(openRelease(copy, known), { code: 'release-damaged' });
  for (const name of ['../../etc/hostname', 'a/../x', '-i', '@x', 'a/b/c', '..']) {
    const folder = await changed(`name-${name.replaceAll(/\W/g, '-')}`);
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as {
      files: Record<string, unknown>;
    };
    manifest.files[name] = { bytes: 1, sha256: '0'.repeat(64) };
    const bytes = Buffer.from(JSON.stringify(manifest));
    await writeFile(join(folder, 'manifest.json'), bytes);
    await writeFile(join(folder, 'manifest.sig'), signDetached(bytes, works.key));
    await assert.rejects(openRelease(folder, known), {
      code: 'release-damaged',
      message: new RegExp(`is damaged: "`),
    });
  }
});

test('a signature counts only as Ed25519, by the key that was given, over these bytes', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  await assert.rejects(openRelease(works.release, [signer(pem, 'given')]), {
    code: 'release-signer',
  });
  const copy = await changed('signature');
  const sig = join(copy, 'manifest.sig');
  const good = await readFile(sig, 'utf8');
  const bytes = await readFile(join(copy, 'manifest.json'));
  const byRsa = sign('sha256', bytes, rsa.privateKey).toString('base64');
  for (const bad of ['', '\n', `${byRsa}\n`, good.trim(), `${good}${good}`]) {
    await writeFile(sig, bad);
    await assert.rejects(openRelease(copy, known), { code: 'release-damaged' }, bad.slice(0, 20));
  }
  await writeFile(sig, good);
  await writeFile(join(copy, 'manifest.json'), Buffer.concat([bytes, Buffer.from(' ')]));
  await assert.rejects(openRelease(copy, known), { code: 'release-damaged' });
  await rm(sig);
  await assert.rejects(openRelease(copy, known), { code: 'release-missing' });
});
