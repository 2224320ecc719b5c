// The log of a run: what stands in it, that it ends, and that old ones go.
import assert from 'node:assert/strict';
import { mkdtempDisposable, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { logTo, openLog } from '../../../image/core/log.ts';
import { run } from '../../../image/core/run.ts';

test('a log names the programs that ran and what they complained of, not what they answered', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'log-'));
  const log = await openLog(folder.path, 'image');
  logTo((line) => log.write(line));
  await run(['sh', '-c', 'cat; echo complaint >&2'], { stdin: 'a secret' });
  logTo(() => {});
  await log.close();
  const text = await readFile(log.file, 'utf8');
  assert.match(text, /^\d{4}-\S+Z \$ sh -c cat; echo complaint/);
  assert.match(text, / complaint\n/);
  assert.match(text, / # sh ended: 0\n/);
  assert.doesNotMatch(text, /a secret/);
});

test('twenty logs of each command are kept, the oldest go: many small runs push out no build', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'log-'));
  const at = (n: number, name: string): string => `20200101T0000${n}-000Z-${name}.log`;
  const others = [at(10, 'image-more'), 'notes.log'];
  for (const name of others) await writeFile(join(folder.path, name), '');
  for (let n = 10; n < 35; n += 1) {
    await writeFile(join(folder.path, at(n, 'image')), '');
    await writeFile(join(folder.path, at(n, 'flash')), '');
  }
  await (await openLog(folder.path, 'image')).close();
  const names = (await readdir(folder.path)).sort();
  const images = names.filter((name) => name.endsWith('Z-image.log'));
  assert.equal(images.length, 20);
  assert.equal(images[0], at(16, 'image'));
  assert.doesNotMatch(images[19]!, /^2020/);
  assert.equal(names.length, 20 + 25 + others.length);
  await (await openLog(folder.path, 'flash')).drop();
  assert.deepEqual((await readdir(folder.path)).sort(), names, 'what is dropped costs no other');
});

test('a secret key that was typed stands in no log', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'log-'));
  const log = await openLog(folder.path, 'image');
  log.write('build.sh reflash --identity AGE-SECRET-KEY-1QQPZRY9 x age-secret-key-1qqpzry9');
  await log.close();
  const text = await readFile(log.file, 'utf8');
  assert.match(text, /--identity AGE-SECRET-KEY-… x AGE-SECRET-KEY-…\n/);
});
