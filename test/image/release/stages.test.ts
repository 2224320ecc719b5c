// The stage contract: order, and pi-gen's silent traps as errors.
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageNames, planStage, planStages } from '../../../image/release/stages.ts';

async function stage(files: Readonly<Record<string, number>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stage-'));
  for (const [name, mode] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, 'one # comment\n');
    await chmod(path, mode);
  }
  return folder;
}

test('a stage runs by number, and by kind within a number', async (t) => {
  const folder = await stage({
    'prerun.sh': 0o755,
    '01-b/00-run.sh': 0o755,
    '00-a/01-run.sh': 0o755,
    '00-a/00-run-chroot.sh': 0o644,
    '00-a/00-run.sh': 0o755,
    '00-a/00-packages': 0o644,
    '00-a/00-packages-nr': 0o644,
    '00-a/00-debconf': 0o644,
  });
  t.after(() => rm(folder, { recursive: true }));
  const steps = await planStage(folder);
  assert.deepEqual(
    steps.map(({ file }) => file),
    [
      'prerun.sh',
      '00-debconf',
      '00-packages-nr',
      '00-packages',
      '00-run.sh',
      '00-run-chroot.sh',
      '01-run.sh',
      '00-run.sh',
    ],
  );
});

for (const [what, files] of Object.entries({
  'a script that is not executable': { '00-a/00-run.sh': 0o644 },
  'a prerun.sh that is not executable': { 'prerun.sh': 0o644 },
  'a misspelt script': { '00-a/0-run.sh': 0o755 },
  'a file pi-gen does not know': { 'run.sh': 0o755 },
})) {
  test(`${what} is an error, not silence`, async (t) => {
    const folder = await stage(files);
    t.after(() => rm(folder, { recursive: true }));
    await assert.rejects(planStage(folder), { code: 'stage-broken' });
  });
}

test('SKIP leaves a sub-stage out', async (t) => {
  const folder = await stage({ '00-a/SKIP': 0o644, '00-a/00-run.sh': 0o755 });
  t.after(() => rm(folder, { recursive: true }));
  assert.deepEqual(await planStage(folder), []);
});

test('two stages of one name are refused', async () => {
  await assert.rejects(planStages(['/a/stage', '/b/stage']), { code: 'stage-broken' });
});

test('packageNames() reads several names a line and drops comments', () => {
  assert.deepEqual(packageNames('# why\na b\n\nc # d\n'), ['a', 'b', 'c']);
});
