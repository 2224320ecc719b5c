// agent.js from the command line: help, wrong use, `diagnose` as text and JSON, exit codes.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { bundleAgent } from '../../image/release/bundle.ts';
import { prepareRoot, runOnce } from './running.ts';

let root = '';
let bundle = '';
before(async () => {
  root = await prepareRoot();
  bundle = (await bundleAgent({ outDir: root, minify: true })).file;
});
after(async () => rm(root, { recursive: true, force: true }));

test('help is printed and no error', async () => {
  for (const args of [['help'], ['--help'], ['run', '-h']]) {
    const { code, stdout, stderr } = await runOnce(bundle, args);
    assert.equal(code, 0, args.join(' '));
    assert.match(stdout, /agent\.js diagnose/);
    assert.equal(stderr, '');
  }
});

test('wrong use ends with 2, says what is wrong, and prints the help', async () => {
  for (const [args, why] of [
    [[], /Which role/],
    [['fly'], /No such role: fly/],
    [['run', 'now'], /Unexpected: now/],
    [['run', '--listen', '70000'], /--listen 70000: not a port/],
    [['run', '--listen', 'x'], /not a port/],
    [['diagnose', '--lang', 'it'], /--lang it/],
    [['diagnose', '--surprise'], /--surprise/],
  ] as const) {
    const { code, stdout, stderr } = await runOnce(bundle, args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, why);
    assert.match(stderr, /agent\.js diagnose/);
    assert.equal(stdout, '');
  }
});

test('diagnose prints failures first with what to do and who, and ends with 1', async () => {
  const { code, stdout } = await runOnce(bundle, ['diagnose', '--root', root]);
  assert.equal(code, 1);
  const lines = stdout.split('\n').filter((line) => line.startsWith('['));
  assert.match(lines[0]!, /^\[failed\]/);
  assert.match(stdout, /What to do: .*\n {4}Who must act: Network administrator/);
});

test('diagnose --json is the status, in the language asked for', async () => {
  const args = ['diagnose', '--json', '--lang', 'de', '--root', root];
  const { code, stdout } = await runOnce(bundle, args);
  assert.equal(code, 1);
  const status = JSON.parse(stdout) as { verdict: string; language: string; running: boolean };
  assert.deepEqual([status.verdict, status.language, status.running], ['failed', 'de', false]);
});

test('run says why it cannot start, and ends with 1', async () => {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as { port: number };
  const args = ['run', '--root', root, '--listen', String(port)];
  const { code, stderr } = await runOnce(bundle, args);
  server.close();
  assert.equal(code, 1);
  assert.match(stderr, /Cannot listen on port \d+: EADDRINUSE Try --listen 0/);
});
