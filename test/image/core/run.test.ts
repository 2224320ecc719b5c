// The one place that spawns: outcomes, limits, abort.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../../../image/core/run.ts';

test('run() returns what a program printed', async () => {
  const { stdout } = await run(['cat'], { stdin: 'hello' });
  assert.equal(stdout, 'hello');
});

test('run() says which program failed and what it said', async () => {
  await assert.rejects(run(['sh', '-c', 'echo broken >&2; exit 3']), {
    code: 'program-failed',
    message: /code 3:\nbroken/,
  });
});

test('run() says that a program is missing', async () => {
  await assert.rejects(run(['no-such-program']), { code: 'program-missing' });
});

test('run() takes accepted exit codes for an answer', async () => {
  assert.equal((await run(['sh', '-c', 'exit 3'], { accept: [3] })).code, 3);
});

test('run() ends the program when aborted', async () => {
  const abort = new AbortController();
  const started = performance.now();
  const sleeping = run(['sleep', '60'], { signal: abort.signal });
  setTimeout(() => abort.abort(), 100);
  await assert.rejects(sleeping, { name: 'AbortError' });
  assert.ok(performance.now() - started < 5_000);
});
