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

test('twenty logs are kept, the oldest go', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'log-'));
  for (let n = 10; n < 35; n += 1) await writeFile(join(folder.path, `20200101-${n}.log`), '');
  await (await openLog(folder.path, 'image')).close();
  const names = (await readdir(folder.path)).sort();
  assert.equal(names.length, 20);
  assert.equal(names[0], '20200101-16.log');
  assert.match(names[19]!, /-image\.log$/);
});
