// Scripts are sound and in one form; texts name no place that is not theirs.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../image/core/run.ts';

const HOME = dirname(dirname(fileURLToPath(import.meta.url)));
const HINT = 'apt-get install shellcheck shfmt';
const listed = await run(['git', 'ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: HOME,
});
const files = listed.stdout.trim().split('\n');

async function scripts(): Promise<string[]> {
  const found: string[] = [];
  for (const file of files) {
    const text = await readFile(`${HOME}/${file}`, 'utf8').catch(() => '');
    if (/^#!.*\b(ba)?sh\b/.test(text)) found.push(file);
  }
  return found;
}

test('shellcheck finds nothing in any script', async () => {
  // SC1091, SC2034, SC2154: files sourced in the initramfs share variables that exist only there.
  const ignore = '--exclude=SC1091,SC2034,SC2154,SC3043';
  await run(['shellcheck', '--severity=warning', ignore, ...(await scripts())], {
    cwd: HOME,
    hint: HINT,
  });
});

test('shfmt would change no script', async () => {
  await run(['shfmt', '-i', '2', '-ci', '-bn', '-d', ...(await scripts())], {
    cwd: HOME,
    hint: HINT,
  });
});

test('the top level holds only what belongs there', () => {
  const allowed =
    /^(image|agent|stage-clock|test|build\.sh|package(-lock)?\.json|tsconfig\.json|LICENSE|README\.md|CHANGELOG\.md|\..*)$/;
  const others = files.map((file) => file.split('/')[0]!).filter((name) => !allowed.test(name));
  assert.deepEqual([...new Set(others)], []);
});

test('no file names a package mirror or registry', async () => {
  const host = new RegExp(
    ['deb', 'security'].map((name) => `${name}\\.debian\\.`).join('|') + '|registry\\.npm',
  );
  for (const file of files) {
    const text = await readFile(`${HOME}/${file}`, 'utf8').catch(() => '');
    assert.doesNotMatch(text, host, file);
  }
});
