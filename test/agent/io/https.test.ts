// The adapter for HTTPS against real servers on loopback: what it follows, keeps, waits for and repeats.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock, test } from 'node:test';
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { createHttps } from '../../../agent/io/https.ts';
import type { HttpRequest } from '../../../agent/pms/ports.ts';
import { issueForServer, makeAuthority } from '../../bench/cloud/certificates/issue.ts';

const validity = { fromMs: Date.now() - 3_600_000, toMs: Date.now() + 3_600_000 };
const roots = makeAuthority('Test Root', validity);
const { certPem, keyPem } = issueForServer(roots, { hosts: ['localhost'], validity, padding: 0 });

interface Opened extends AsyncDisposable {
  readonly server: Server;
  readonly ask: (more?: Partial<HttpRequest>) => ReturnType<ReturnType<typeof createHttps>['http']>;
}

async function open(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  trusted = roots.certPem,
): Promise<Opened> {
  const server = createServer({ cert: certPem, key: keyPem }, answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const https = createHttps([trusted]);
  const asked = {
    host: 'localhost',
    port,
    method: 'GET',
    target: '/a?b=%27',
    headers: {},
  } as const;
  return {
    server,
    ask: async (more = {}) => https.http({ ...asked, msMax: 20_000, bytesMax: 1_000, ...more }),
    [Symbol.asyncDispose]: async () => {
      https.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('it sends the target as it is, follows nothing, keeps no cookie, unpacks nothing', async () => {
  const seen: IncomingMessage[] = [];
  await using one = await open((request, response) => {
    seen.push(request);
    const packed = { 'Set-Cookie': 'a=b', Location: '/elsewhere', 'Content-Encoding': 'gzip' };
    response.writeHead(302, packed).end(gzipSync('x'.repeat(100_000)));
  });
  for (let turn = 0; turn < 2; turn += 1) {
    const reply = await one.ask();
    assert.ok(reply.ok);
    assert.deepEqual([reply.status, reply.body[0]], [302, 0x1f]);
    assert.equal(reply.headers['set-cookie'], undefined);
  }
  assert.deepEqual(
    seen.map(({ url, headers }) => [url, headers.cookie, headers['accept-encoding']]),
    [
      ['/a?b=%27', undefined, 'identity'],
      ['/a?b=%27', undefined, 'identity'],
    ],
  );
});

test('it gives up in time and at the size, and says whether anything was sent', async () => {
  await using one = await open((request, response) => {
    if (request.url === '/large') response.end('x'.repeat(1_001));
    else if (request.url === '/cut') {
      response.writeHead(200, { 'Content-Length': 10 });
      response.write('x', () => request.socket.destroy());
    }
  });
  const stop = new AbortController();
  const silent = one.ask({ signal: stop.signal });
  assert.deepEqual(await one.ask({ msMax: 1_500 }), { ok: false, code: 'TIMEOUT', sent: true });
  stop.abort();
  assert.deepEqual(await silent, { ok: false, code: 'ABORTED', sent: true });
  assert.deepEqual(await one.ask({ target: '/large' }), {
    ok: false,
    code: 'TOO_LARGE',
    sent: true,
  });
  assert.deepEqual(await one.ask({ target: '/cut' }), {
    ok: false,
    code: 'ECONNRESET',
    sent: true,
  });
  const odd = await one.ask({ headers: { a: '\u0000' } });
  assert.deepEqual(odd, { ok: false, code: 'ERR_INVALID_CHAR', sent: false });
});

test('who is not trusted gets nothing', async () => {
  let calls = 0;
  const foreign = makeAuthority('Some Firewall', validity);
  await using one = await open(() => (calls += 1), foreign.certPem);
  const reply = await one.ask({ method: 'PUT', body: Buffer.from('secret') });
  assert.deepEqual([reply.ok, !reply.ok && reply.sent, calls], [false, false, 0]);
});

test('a read that met a connection just closed is asked again; a write has its own connection', async () => {
  const sockets = new Set<unknown>();
  let isStale = false;
  let calls = 0;
  await using one = await open((request, response) => {
    calls += 1;
    sockets.add(request.socket);
    if (isStale) {
      isStale = false;
      request.socket.destroy();
      return;
    }
    response.end('ok');
  });
  isStale = true;
  assert.equal((await one.ask()).ok, false, 'a new connection is not closed by chance');
  assert.equal(calls, 1);
  sockets.clear();
  assert.ok((await one.ask()).ok);
  assert.ok((await one.ask()).ok);
  assert.equal(sockets.size, 1, 'reads share');
  isStale = true;
  assert.ok((await one.ask()).ok);
  assert.equal(calls, 5);
  isStale = true;
  const lost = await one.ask({ method: 'POST', body: Buffer.from('x') });
  assert.deepEqual(lost, { ok: false, code: 'ECONNRESET', sent: true });
  assert.equal(calls, 6);
  isStale = true;
  await one.ask({ method: 'PUT' });
  assert.equal(calls, 7);
});

test('roots are read once, not for each write: what reading them costs, V8 does not see', async () => {
  await using one = await open((_request, response) => void response.end('ok'));
  const method = 'POST';
  assert.ok((await one.ask({ method })).ok);
  const reading = mock.method(tls, 'createSecureContext');
  try {
    for (let turn = 0; turn < 3; turn += 1) assert.ok((await one.ask({ method })).ok);
    assert.ok((await one.ask()).ok);
  } finally {
    reading.mock.restore();
  }
  assert.equal(reading.mock.callCount(), 0);
});
