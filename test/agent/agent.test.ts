// The bundled agent as a process: page, JSON, report, languages, headers, refusals, limits, end.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHECK_IDS } from '../../agent/diagnostics/results.ts';
import { LANGUAGES } from '../../agent/page/texts/shape.ts';
import { LOOPBACK, SERIAL, residentMib, sendRaw, startAgent } from './running.ts';
import type { Running } from './running.ts';

/** 75 to 79 are usual; the collector has its moods, a leak is more. */
const RSS_MIB_MAX = 100;
const START_MS_MAX = 2_000;
let agent: Running;

before(async () => {
  agent = await startAgent();
});
after(async () => {
  await agent.close();
});

interface Status {
  readonly schema: number;
  readonly serial: string | null;
  readonly running: boolean;
  readonly verdict: string;
  readonly notices: readonly string[];
  readonly light: { readonly at: string; readonly why?: string };
  readonly results: readonly { readonly id: string; readonly state: string }[];
}
const statusOf = async ({ url }: Running): Promise<Status> =>
  (await (await fetch(`${url}api/status`)).json()) as Status;

/** Waits until no run is under way. */
async function settled(running: Running): Promise<Status> {
  for (let i = 0; i < 300; i += 1) {
    const status = await statusOf(running);
    if (!status.running) return status;
    await sleep(100);
  }
  throw new Error('the checks do not end');
}

test('the page answers within two seconds of the start, in little memory', async (t) => {
  await fetch(agent.url);
  const rss = await residentMib(agent.pid);
  t.diagnostic(`page after ${agent.startMs.toFixed(0)} ms, ${rss.toFixed(0)} MiB resident`);
  assert.ok(agent.startMs < START_MS_MAX, `${agent.startMs} ms`);
  assert.ok(rss < RSS_MIB_MAX, `${rss} MiB`);
});

for (const language of LANGUAGES) {
  test(`the page speaks ${language}, by the browser and by the link`, async () => {
    const asked = await fetch(agent.url, { headers: { 'Accept-Language': language } });
    const linked = await fetch(`${agent.url}?lang=${language}`);
    for (const answer of [asked, linked]) {
      assert.equal(answer.status, 200);
      const html = await answer.text();
      assert.match(html, new RegExp(`<html lang="${language}">`));
      for (const other of LANGUAGES) assert.match(html, new RegExp(`href="/\\?lang=${other}"`));
      for (const id of CHECK_IDS) assert.match(html, new RegExp(`id="check-${id}"`));
    }
  });
}

test('every answer carries the policy, also a refusal', async () => {
  for (const path of ['', 'page.css', 'api/status', 'nothing']) {
    const { headers } = await fetch(`${agent.url}${path}`);
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('cache-control'), 'no-store');
  }
});

test('the checks end by themselves; what is refused on loopback fails, the rest is as it is', async () => {
  const status = await settled(agent);
  assert.equal(status.schema, 1);
  assert.equal(status.serial, SERIAL);
  assert.equal(status.verdict, 'failed');
  assert.equal(status.results.length, CHECK_IDS.length);
  const state = (id: string): string | undefined =>
    status.results.find((result) => result.id === id)?.state;
  assert.equal(state('dns'), 'passed');
  assert.equal(state('aws-8883'), 'failed');
  assert.equal(state('clock-22'), 'not-needed');
  assert.equal(state('tls'), 'not-checked');
  assert.equal(state('settings'), 'passed');
  assert.equal(state('storage'), 'passed');
});

test('the report is a download and holds the checks', async () => {
  const answer = await fetch(`${agent.url}report.txt?lang=de`);
  assert.match(answer.headers.get('content-disposition') ?? '', /attachment; filename="clock-0123/);
  assert.match(await answer.text(), /Seriennummer: 0123456789abcdef/);
});

test('the light says why it does not blink where there is no systemd', async () => {
  const answer = await fetch(`${agent.url}identify?lang=fr`, {
    method: 'POST',
    redirect: 'manual',
  });
  assert.equal(answer.status, 303);
  assert.equal(answer.headers.get('location'), '/?lang=fr');
  const { light } = await statusOf(agent);
  assert.equal(light.at, 'refused');
  assert.match(await (await fetch(`${agent.url}?lang=fr`)).text(), /ne peut pas clignoter/);
});

test('HEAD, OPTIONS and unknown methods are answered, not performed', async () => {
  const head = await fetch(agent.url, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  const options = await fetch(`${agent.url}api/checks`, { method: 'OPTIONS' });
  assert.equal(options.status, 204);
  assert.equal(options.headers.get('allow'), 'POST, OPTIONS');
  assert.equal((await fetch(agent.url, { method: 'DELETE' })).status, 405);
  const trace = await sendRaw(agent.port, 'TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(trace, /^HTTP\/1\.1 405 /);
  const tunnel = await sendRaw(agent.port, 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n');
  assert.doesNotMatch(tunnel, /^HTTP\/1\.1 2/);
});

const refusals: Readonly<Record<string, readonly [string, RegExp]>> = {
  'a foreign host name': ['GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n', /^HTTP\/1\.1 421 /],
  'no host name': ['GET / HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 421 /],
  'a foreign page’s button': [
    'POST /check HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.test\r\n\r\n',
    /^HTTP\/1\.1 403 /,
  ],
  'a header beyond 8 KiB': [
    `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    /^HTTP\/1\.1 431 /,
  ],
  'a large body': [
    `POST /check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n${'x'.repeat(9_000)}`,
    /^HTTP\/1\.1 413 /,
  ],
  'a body of unknown size': [
    'POST /check HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    /^HTTP\/1\.1 411 /,
  ],
  'two lengths': [
    'POST /check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n',
    /^HTTP\/1\.1 400 /,
  ],
  'a path out of the tree': [
    'GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n',
    /^HTTP\/1\.1 404 /,
  ],
};
for (const [name, [request, expected]] of Object.entries(refusals)) {
  test(`${name} is refused, and the connection closed`, async () => {
    assert.match(await sendRaw(agent.port, request, { end: false, timeoutMs: 8_000 }), expected);
  });
}

test('a client that asks without end is told to wait, another is not', async () => {
  const ask = async (from: string): Promise<string> =>
    sendRaw(agent.port, 'GET /page.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', {
      from,
    });
  const seen: string[] = [];
  for (let i = 0; i < 100; i += 1) seen.push((await ask('127.0.0.3')).slice(9, 12));
  assert.ok(seen.includes('429'), seen.join());
  assert.equal(seen[0], '200');
  assert.match(await ask('127.0.0.4'), /^HTTP\/1\.1 200 /);
});

test('a client that sends its headers slowly is cut off within seconds', async () => {
  const startMs = performance.now();
  const answer = await sendRaw(agent.port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX: ', {
    end: false,
  });
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.ok(performance.now() - startMs < 8_000);
});

test('one client cannot hold all connections; others are served meanwhile', async () => {
  const sockets = Array.from({ length: 60 }, () => connect(agent.port, '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => {});
  const held = () =>
    sockets.filter(({ destroyed, readyState }) => !destroyed && readyState === 'open');
  for (let i = 0; i < 50 && (i < 3 || held().length > 32); i += 1) await sleep(100);
  const alive = held();
  assert.ok(alive.length <= 32, `${alive.length} are held`);
  assert.ok(alive.length >= 16, `${alive.length} are held`);
  // Another client of the same machine, by another loopback address.
  const other = connect({ port: agent.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  const answer = await new Promise<string>((done) => {
    other.once('data', (data) => done(data.toString('latin1')));
    other.write('GET /page.css HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
  assert.match(answer, /^HTTP\/1\.1 200 /);
  for (const socket of [...sockets, other]) socket.destroy();
});

test('it ends with 0 on SIGTERM, at once', async () => {
  const second = await startAgent();
  const startMs = performance.now();
  assert.equal(await second.close(), 0);
  assert.ok(performance.now() - startMs < 2_000);
});

test('a card without a serial still has a page, which says what is wrong', async () => {
  const broken = await startAgent({ serial: undefined });
  const status = await settled(broken);
  assert.equal(status.serial, null);
  const failed = status.results.find(({ id }) => id === 'settings');
  assert.equal(failed?.state, 'failed');
  assert.match(await (await fetch(broken.url)).text(), /serial number of this unit cannot be read/);
  assert.ok(broken.lines.some((line) => /^<3>.*serial/.test(line)));
  await broken.close();
});

test('without any endpoints the page is there, and the cloud checks say what they need', async () => {
  const broken = await startAgent({ endpoints: '{"region":' });
  const status = await settled(broken);
  const needing = status.results.filter(({ state }) => state === 'not-checked');
  assert.ok(needing.some(({ id }) => id === 'aws-8883'));
  assert.equal(status.results.find(({ id }) => id === 'settings')?.state, 'failed');
  await broken.close();
});

test('an override is in force and said; an invalid one is said and not used', async () => {
  const good = await startAgent({ override: JSON.stringify({ ...LOOPBACK, region: 'other-1' }) });
  assert.match((await settled(good)).notices.join(), /another cloud.*other-1/);
  await good.close();
  const bad = await startAgent({ override: JSON.stringify({ ...LOOPBACK, surprise: 1 }) });
  const status = await settled(bad);
  assert.match(status.notices.join(), /invalid and not in use: .*surprise/);
  assert.equal(status.results.find(({ id }) => id === 'settings')?.state, 'failed');
  assert.equal(status.results.find(({ id }) => id === 'dns')?.state, 'passed');
  await bad.close();
});

test('a run is started by POST, at most one in ten seconds, however many ask', async () => {
  // The visits above begin runs as well, the last one nobody knows when: the unit says how long to wait.
  await settled(agent);
  const first = await fetch(`${agent.url}api/checks`, { method: 'POST' });
  const retrySeconds = first.status === 202 ? 10 : Number(first.headers.get('retry-after'));
  await settled(agent);
  await sleep(retrySeconds * 1_000 + 100);
  const answers = await Promise.all(
    Array.from({ length: 12 }, async () => fetch(`${agent.url}api/checks`, { method: 'POST' })),
  );
  const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
  assert.deepEqual(statuses, [202, ...Array<number>(11).fill(429)]);
  const refused = answers.find(({ status }) => status === 429);
  assert.ok(Number(refused?.headers.get('retry-after')) >= 1);
});
