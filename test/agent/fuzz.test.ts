// Ten thousand malformed requests: the agent serves afterwards, and its memory has not grown.
// CLOCK_TEST_SEED repeats a run.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { residentMib, sendRaw, startAgent } from './running.ts';
import type { Running } from './running.ts';

const REQUESTS = 10_000;
/** Below the limit of connections, so that all are read and none is just hung up on. */
const AT_ONCE = 24;
/** A hung connection must not hold the test: the whole takes seconds. */
const ONE_MS_MAX = 1_500;
const ALL_MS_MAX = 45_000;
/** Heap that is not yet collected; a leak of 4 KiB a request would be 40 MiB. */
const GROWTH_MIB_MAX = 32;

const seed = Number(process.env['CLOCK_TEST_SEED'] ?? Date.now() % 2 ** 32) >>> 0;
let agent: Running;
before(async () => {
  agent = await startAgent();
});
after(async () => {
  await agent.close();
});

/** mulberry32: small, good enough, the same everywhere. */
function randomFrom(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const TEMPLATES = [
  'GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Language: de;q=0.8, fr\r\n\r\n',
  'GET /?lang=bg&lang=%ff%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'POST /check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello',
  'POST /identify HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n',
  'POST /api/checks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'HEAD /report.txt HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'GET http://localhost/api/status HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n',
  'GET /%2e%2e/%c0%ae/ HTTP/1.1\r\nHost: localhost\r\nCookie: a=b\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
].map((text) => Buffer.from(text));

/** Many clients, so that the limit per client does not spare the agent the work. */
const client = (random: (below: number) => number): string =>
  `127.${random(8)}.${random(256)}.${1 + random(254)}`;

/** One of the templates, cut, doubled, with bytes and line ends changed. */
function malformed(random: (below: number) => number): Buffer {
  const template = TEMPLATES[random(TEMPLATES.length)]!;
  const whole = random(4) === 0 ? Buffer.concat([template, template]) : template;
  const bytes = Buffer.from(random(3) === 0 ? whole.subarray(0, 1 + random(whole.length)) : whole);
  for (let i = random(10); i >= 0; i -= 1) bytes[random(bytes.length)] = random(256);
  if (random(8) === 0) return Buffer.concat([bytes, Buffer.alloc(random(12_000), random(256))]);
  return bytes;
}

test(`${REQUESTS} malformed requests leave it serving (seed ${seed})`, async (t) => {
  const random = randomFrom(seed);
  // The first thousand warm the compiler and the heap up; growth is counted from there.
  let before = 0;
  let answered = 0;
  const startMs = performance.now();
  for (let done = 0; done < REQUESTS; done += AT_ONCE) {
    if (done >= 1_000 && before === 0) before = await residentMib(agent.pid);
    const answers = await Promise.all(
      Array.from({ length: AT_ONCE }, async () =>
        sendRaw(agent.port, malformed(random), { timeoutMs: ONE_MS_MAX, from: client(random) }),
      ),
    );
    for (const answer of answers) {
      if (answer !== '') answered += 1;
      assert.doesNotMatch(answer, /^HTTP\/1\.1 5(?!05)/, `seed ${seed}: a fault in the agent`);
    }
  }
  const tookMs = performance.now() - startMs;
  const grown = (await residentMib(agent.pid)) - before;
  t.diagnostic(
    `seed ${seed}: ${REQUESTS} in ${(tookMs / 1_000).toFixed(1)} s, ${answered} answered, ` +
      `memory ${grown.toFixed(1)} MiB more than after the first thousand`,
  );
  assert.equal((await fetch(agent.url)).status, 200);
  assert.ok(answered > REQUESTS / 2, `only ${answered} were answered: the test tests nothing`);
  assert.ok(grown < GROWTH_MIB_MAX, `${grown} MiB`);
  assert.ok(tookMs < ALL_MS_MAX, `${tookMs} ms`);
});
