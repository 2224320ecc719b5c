// The bundled agent as a process: starts alone, answers, refuses what is hostile, keeps serving.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleAgent } from '../../image/release/bundle.ts';

const HOME = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const ENDPOINTS = 'usr/share/clock/endpoints.json';
const PORT = 18_080 + (process.pid % 1_000);
const URL_BASE = `http://127.0.0.1:${PORT}`;
const FUZZ_REQUESTS = process.env['CLOCK_TEST_LONG'] === '1' ? 10_000 : 1_000;

let root = '';
let agent: ReturnType<typeof spawn> | undefined;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'agent-'));
  await mkdir(join(root, 'usr/share/clock'), { recursive: true });
  await mkdir(join(root, 'var/lib/clock'), { recursive: true });
  await writeFile(join(root, 'var/lib/clock/serial'), `${'0123456789abcdef'.repeat(2)}\n`);
  await writeFile(
    join(root, 'usr/share/clock/release.json'),
    '{"version":"test","builtAt":"2026-01-01"}',
  );
  await copyFile(join(HOME, 'stage-clock/01-agent/files', ENDPOINTS), join(root, ENDPOINTS));
  const bundle = await bundleAgent({ outDir: root, minify: true });
  agent = spawn(process.execPath, [bundle.file, 'run', '--root', root, '--listen', String(PORT)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((ready, fail) => {
    agent?.stdout?.once('data', () => ready());
    agent?.once('exit', () => fail(new Error('the agent ended at start')));
  });
});

after(async () => {
  agent?.kill('SIGTERM');
  await rm(root, { recursive: true, force: true });
});

/** Sends raw bytes; resolves with the first line of the answer, or '' when the server hung up. */
async function raw(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(PORT, '127.0.0.1', () => socket.end(bytes));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.setTimeout(15_000, () => socket.destroy());
    socket.on('close', () => resolve(answer.split('\r\n')[0] ?? ''));
  });
}

test('the page answers in the language of the browser, with a strict policy', async () => {
  const answer = await fetch(URL_BASE, { headers: { 'Accept-Language': 'de' } });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.match(await answer.text(), /Clock IoT Diagnose/);
});

test('the status is JSON and names the unit', async () => {
  const status = (await (await fetch(`${URL_BASE}/api/status`)).json()) as { hostName: string };
  assert.equal(status.hostName, `clockrpi-${'0123456789abcdef'.repeat(2)}`);
});

test('a foreign host name is refused (DNS rebinding)', async () => {
  assert.match(
    await raw('GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n'),
    / 421 /,
  );
});

test('a post from another site is refused', async () => {
  const answer = await fetch(`${URL_BASE}/check`, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: 'http://evil.test' },
  });
  assert.equal(answer.status, 403);
});

test('a header that is too long is refused', async () => {
  const long = 'x'.repeat(20_000);
  assert.match(await raw(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${long}\r\n\r\n`), / 431 /);
});

test(`${FUZZ_REQUESTS} malformed requests leave it serving`, async () => {
  let state = Number(process.env['CLOCK_TEST_SEED'] ?? 1) >>> 0 || 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const template = Buffer.from(
    'POST /check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello',
  );
  const one = async (): Promise<void> => {
    const bytes = Buffer.from(template.subarray(0, 1 + random(template.length)));
    for (let i = random(8); i >= 0; i -= 1) bytes[random(bytes.length)] = random(256);
    await raw(bytes);
  };
  for (let done = 0; done < FUZZ_REQUESTS; done += 20) {
    await Promise.all(Array.from({ length: 20 }, one));
  }
  assert.equal((await fetch(URL_BASE)).status, 200);
});
