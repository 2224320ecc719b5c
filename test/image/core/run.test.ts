// The one place that spawns: outcomes, limits, and that nothing is left running.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { run, runShown, toolEnvironment } from '../../../image/core/run.ts';
import { processesWith, until } from './processes.ts';

const RUN = new URL('../../../image/core/run.ts', import.meta.url).href;

/** A number of seconds nobody else sleeps: it finds our processes again. */
const unique = (): string => `${1_000_000 + Math.floor(Math.random() * 1e9)}`;
const gone = (mark: string): Promise<void> =>
  until(async () => (await processesWith(mark)).length === 0, {
    what: `the end of "sleep ${mark}"`,
    withinMs: 8_000,
  });
const running = (mark: string, count: number): Promise<void> =>
  until(async () => (await processesWith(mark)).length >= count, {
    what: `the start of "sleep ${mark}"`,
    withinMs: 8_000,
  });

test('run() returns what a program printed', async () => {
  const { stdout } = await run(['cat'], { stdin: 'hello' });
  assert.equal(stdout, 'hello');
});

test('run() says which program failed and what it said last', async () => {
  const script = 'for i in $(seq 100); do echo "line $i" >&2; done; exit 3';
  await assert.rejects(run(['sh', '-c', script], { hint: 'try again' }), (error: Error) => {
    assert.match(error.message, /^sh -c for i .* ended with code 3:\nline 76\n/);
    assert.ok(error.message.endsWith('line 100'));
    assert.equal('hint' in error && error.hint, 'try again');
    return true;
  });
});

test('run() says that a program was ended by a signal', async () => {
  await assert.rejects(run(['sh', '-c', 'kill -KILL $$']), {
    code: 'program-failed',
    message: /was ended by SIGKILL/,
    hint: /memory/,
  });
});

test('run() says that a program is missing and where to look', async () => {
  await assert.rejects(run(['no-such-program']), {
    code: 'program-missing',
    message: 'The program no-such-program is not installed',
    hint: /build\.sh check/,
  });
});

test('run() does not blame the program for a missing folder', async () => {
  await assert.rejects(run(['true'], { cwd: '/no/such/folder' }), { code: 'folder-missing' });
});

test('run() takes accepted exit codes for an answer', async () => {
  assert.equal((await run(['sh', '-c', 'exit 3'], { accept: [3] })).code, 3);
});

test('run() gives every line to onLine, however it ends', async () => {
  const lines: string[] = [];
  const script = String.raw`printf 'one\ntwo\rthree\r\nfour'; printf 'five\n' >&2`;
  await run(['sh', '-c', script], { onLine: (line) => lines.push(line) });
  assert.deepEqual(lines.sort(), ['five', 'four', 'one', 'three', 'two']);
});

test('run() refuses output that nobody could want', async () => {
  await assert.rejects(run(['yes', 'x'.repeat(1_000)]), { code: 'output-too-long' });
});

test('run() passes on how to reach networks, and no other secret of the caller', () => {
  process.env['SECRET_OF_THE_CALLER'] = 'x';
  process.env['https_proxy'] ??= 'http://proxy.invalid:3128';
  const env = toolEnvironment();
  assert.equal(env['SECRET_OF_THE_CALLER'], undefined);
  assert.equal(env['https_proxy'], process.env['https_proxy']);
});

test('an abort ends a program and all it started before run() rejects', async () => {
  const mark = unique();
  const abort = new AbortController();
  const working = run(['sh', '-c', `sleep ${mark} & sh -c 'sleep ${mark}; :'; :`], {
    signal: abort.signal,
  });
  await Promise.race([working, running(mark, 4)]);
  abort.abort();
  await assert.rejects(working, { name: 'AbortError' });
  assert.deepEqual(await processesWith(mark), []);
});

test('an abort kills a program that does not listen, after the grace', async () => {
  const mark = unique();
  const abort = new AbortController();
  const working = run(['sh', '-c', `trap '' TERM; while :; do sleep ${mark}; done`], {
    signal: abort.signal,
  });
  await Promise.race([working, running(mark, 2)]);
  const started = performance.now();
  abort.abort();
  await assert.rejects(working, { name: 'AbortError' });
  assert.ok(performance.now() - started >= 4_900, 'it had time to clean up');
  assert.deepEqual(await processesWith(mark), []);
});

test('what a program leaves in the background ends with it', async () => {
  const mark = unique();
  await run(['sh', '-c', `sleep ${mark} >/dev/null 2>&1 &`]);
  assert.deepEqual(await processesWith(mark), []);
});

test('programs end with the process that ran them, even when that is killed', async () => {
  const mark = unique();
  await using folder = await mkdtempDisposable(join(tmpdir(), 'run-'));
  const script = join(folder.path, 'caller.ts');
  await writeFile(
    script,
    `import { run } from '${RUN}'; await run(['sh', '-c', 'sleep ${mark} & sleep ${mark}; :']);`,
  );
  const caller = spawn(process.execPath, [script], { stdio: 'ignore' });
  await running(mark, 3);
  caller.kill('SIGKILL');
  await gone(mark);
});

test('runShown() passes the output on and returns the exit code', async () => {
  const to = new PassThrough();
  const code = await runShown(['sh', '-c', 'echo seen; echo also >&2; exit 4'], to);
  to.end();
  assert.equal(code, 4);
  assert.match(await text(to), /seen/);
});
