// Which pi-gen is taken: upstream's at the pinned commit or none, and what of a checkout that is named.
// There is no pi-gen here: small repositories stand in, and git's own insteadOf for upstream's address.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../../../image/core/run.ts';
import { PINNED, checkOut } from '../../../../image/release/pigen/checkout.ts';
import type { Checkout } from '../../../../image/release/pigen/checkout.ts';

const base = await mkdtemp(join(tmpdir(), 'clock-checkout-'));
after(() => rm(base, { recursive: true, force: true }));

const FILES: Readonly<Record<string, string>> = {
  'build.sh': '#!/bin/bash -e\nexport ARCH=arm64\n',
  depends: 'quilt\n',
  'scripts/common': 'log() { :; }\n',
  'stage0/prerun.sh': '#!/bin/bash -e\n',
  'stage2/EXPORT_IMAGE': 'IMG_SUFFIX="-lite"\n',
  '.gitignore': 'work/*\nconfig\n',
};

async function fill(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text, { mode: name.endsWith('.sh') ? 0o755 : 0o644 });
  }
}

const git = async (folder: string, ...words: readonly string[]): Promise<string> => {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@t.test', '-c', 'commit.gpgsign=false'];
  return (await run(['git', ...who, '-C', folder, ...words])).stdout.trim();
};

async function repository(name: string, files = FILES): Promise<{ folder: string; head: string }> {
  const folder = join(base, name);
  await fill(folder, files);
  await git(folder, 'init', '--quiet');
  await git(folder, 'add', '--all');
  await git(folder, 'commit', '--quiet', '--message', 'one');
  return { folder, head: await git(folder, 'rev-parse', 'HEAD') };
}

const take = (folder: string | undefined, name: string): Promise<Checkout> =>
  checkOut({ folder, cache: join(base, `${name}-cache`), tree: join(base, `${name}-tree`) });

test('a checkout that is named is copied, and its commit said', async () => {
  const { folder, head } = await repository('clean');
  await fill(folder, { 'work/big': 'left by a run', config: 'IMG_NAME=mine' });
  const { tree, commit, said } = await take(folder, 'clean');
  assert.equal(commit, head);
  assert.match(said, new RegExp(`^pi-gen ${head.slice(0, 12)} in .*, not the one we have tried$`));
  const names = ['.gitignore', 'build.sh', 'depends', 'scripts', 'stage0', 'stage2'];
  assert.deepEqual((await readdir(tree)).sort(), names);
  assert.equal(await git(folder, 'status', '--porcelain'), '');
});

test('local changes are taken, said, and make another key', async () => {
  const { folder, head } = await repository('dirty');
  const before = await take(folder, 'dirty');
  await fill(folder, { 'stage2/mine/00-packages': 'vim\n', depends: 'quilt\nrsync\n' });
  await rm(join(folder, '.gitignore'));
  const { tree, commit, said, hash } = await take(folder, 'dirty');
  assert.equal(commit, `${head}-dirty`);
  assert.match(said, /with 3 local changes$/);
  assert.notEqual(hash, before.hash);
  assert.equal(await readFile(join(tree, 'stage2/mine/00-packages'), 'utf8'), 'vim\n');
});

test('a folder without git is taken, and said to be none', async () => {
  const folder = join(base, 'plain');
  await fill(folder, FILES);
  const { commit, said } = await take(folder, 'plain');
  assert.equal(commit, 'unknown');
  assert.match(said, /no git checkout$/);
});

test('what is no pi-gen is refused, with what is missing', async () => {
  const folder = join(base, 'other');
  await fill(folder, { 'build.sh': '' });
  await assert.rejects(take(folder, 'other'), { code: 'no-pigen', message: /it has no depends$/ });
  await assert.rejects(take(join(base, 'nowhere'), 'nowhere'), { code: 'no-pigen' });
});

test('the 32-bit pi-gen is refused, with the branch to take', async () => {
  const files = { ...FILES, 'build.sh': 'export ARCH=armhf\n' };
  const { folder } = await repository('master', files);
  await assert.rejects(take(folder, 'master'), { code: 'pigen-32-bit', hint: /switch arm64/ });
});

test('upstream without the pinned commit gives none, and leaves nothing in the cache', async (t) => {
  const { folder } = await repository('upstream');
  process.env['GIT_CONFIG_COUNT'] = '1';
  process.env['GIT_CONFIG_KEY_0'] = `url.file://${folder}.insteadOf`;
  process.env['GIT_CONFIG_VALUE_0'] = 'https://github.com/RPi-Distro/pi-gen';
  t.after(() => {
    for (const name of ['COUNT', 'KEY_0', 'VALUE_0']) delete process.env[`GIT_CONFIG_${name}`];
  });
  await assert.rejects(take(undefined, 'upstream'), {
    code: 'program-failed',
    hint: /--pigen DIR/,
  });
  const left = await readdir(join(base, 'upstream-cache'));
  assert.deepEqual(
    left.filter((name) => !name.endsWith('.part')),
    [],
  );
});

test('a copy of upstream in the cache that somebody changed is not run', async () => {
  const name = `pi-gen-${PINNED.commit.slice(0, 12)}`;
  await repository(`changed-cache/${name}`);
  const refused = { code: 'pigen-changed', hint: new RegExp(`rm -r .*${name}$`) };
  await assert.rejects(take(undefined, 'changed'), refused);
});
