// HTTP in the hotel, asking and being asked.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { connect, createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LanRequest } from '../../../agent/core/line/ports.ts';
import { SERVED_BODY_BYTES_MAX } from '../../../agent/core/line/limits.ts';
import { rehearse } from '../../../agent/core/line/rehearsal.ts';
import { lanHttp } from '../../../agent/io/lan-http.ts';
import { createListenHttp } from '../../../agent/io/listen-http.ts';
import { filesOf, makeAuthority } from '../../bench/hotel/authority.ts';
import { behind } from '../../bench/systems/behind.ts';
import { standIn } from '../../bench/systems/stand-in.ts';
import { freePort } from '../../bench/ways/free-port.ts';
import { createEcho } from './third-party.ts';

const never = new AbortController().signal;
const get = (url: string, also: Partial<LanRequest> = {}): LanRequest => ({
  ...{ url, method: 'GET', headers: {}, msMax: 20_000, bytesMax: 10_000 },
  ...also,
});

test('lanHttp() asks with a body and gives status, headers and body; so does the rehearsal', async () => {
  const echo = createEcho();
  await using system = await behind(echo, { at: 'http' });
  for (const http of [lanHttp, rehearse(echo).http]) {
    const request = get(`${system.url}/a?b=c`, { method: 'POST', body: Buffer.from('text') });
    const reply = await http(request, never);
    assert.ok(reply.ok);
    assert.equal(reply.body.toString(), 'POST /a?b=c text');
    assert.deepEqual([reply.status, reply.headers?.['content-type']], [200, 'text/plain']);
    const long = await http({ ...request, bytesMax: 3 }, never);
    assert.deepEqual(long, { ok: false, code: 'too-large', sent: true });
    const stopped = await http(request, AbortSignal.abort());
    assert.deepEqual(stopped, { ok: false, code: 'aborted', sent: false });
  }
});

test('lanHttp() knows whether a request that failed may have been acted on', async () => {
  const port = await freePort();
  const nobody = await lanHttp(get(`http://127.0.0.1:${port}/`), never);
  assert.deepEqual(nobody, { ok: false, code: 'ECONNREFUSED', sent: false });
  const silent = createTcp((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port: there } = silent.address() as { port: number };
  const late = await lanHttp(get(`http://127.0.0.1:${there}/`, { msMax: 200 }), never);
  assert.deepEqual(late, { ok: false, code: 'timeout', sent: true });
  // No TLS there: nothing of the request has left.
  const secure = await lanHttp(get(`https://127.0.0.1:${there}/`, { msMax: 200 }), never);
  assert.deepEqual(secure, { ok: false, code: 'timeout', sent: false });
  silent.close();
  for (const url of ['ftp://127.0.0.1/', 'http://', 'nonsense'])
    assert.deepEqual(await lanHttp(get(url), never), {
      ok: false,
      code: 'bad-request',
      sent: false,
    });
  const header = await lanHttp(get('http://127.0.0.1/', { headers: { a: 'b\r\nc: d' } }), never);
  assert.deepEqual(header, { ok: false, code: 'bad-request', sent: false });
});

test('lanHttp() trusts an authority by name, a server’s own certificate by itself, nobody else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lan-'));
  const { pem } = await makeAuthority({ folder, organisation: 'Hotel', hosts: ['lock.hotel'] });
  const { key, certificate } = filesOf(folder, 'lock.hotel');
  const [keyPem, own] = [await readFile(key, 'utf8'), await readFile(certificate, 'utf8')];
  const server = createServer({ key: keyPem, cert: own }, (request, response) => {
    response.end(`seen ${request.url}`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const url = `https://127.0.0.1:${port}/x`;
  const pinned = await lanHttp(get(url, { trustPem: own }), never);
  assert.ok(pinned.ok, JSON.stringify(pinned));
  assert.equal(pinned.body.toString(), 'seen /x');
  const otherName = await lanHttp(get(url, { trustPem: pem }), never);
  assert.deepEqual(otherName, { ok: false, code: 'ERR_TLS_CERT_ALTNAME_INVALID', sent: false });
  const unknown = await lanHttp(get(url), never);
  assert.deepEqual(unknown, {
    ...{ ok: false, code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', sent: false },
  });
  const nothing = await lanHttp(get(url, { trustPem: 'no PEM' }), never);
  assert.deepEqual(nothing, { ok: false, code: 'bad-request', sent: false });
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true });
});

test('listenHttp() serves who is on its list, bounded, and outlives a server that throws', async () => {
  const port = await freePort();
  const { until } = standIn();
  const notes: string[] = [];
  const listener = createListenHttp(Math.random)(
    { port, from: ['127.0.0.1'] },
    async ({ method, path, body, headers, peer }) => {
      if (path === '/throw') throw new Error('broken');
      assert.match(peer, /^127\.0\.0\.1:\d+$/);
      return { status: 201, body: `${method} ${path} ${headers['siteid']} ${body.toString()}` };
    },
    (text) => notes.push(text),
  );
  const url = `http://127.0.0.1:${port}`;
  const post = { method: 'POST', headers: { siteid: '7' }, body: Buffer.from('{}') } as const;
  const reply = await lanHttp(get(`${url}/API/CDR`, post), never);
  assert.ok(reply.ok);
  assert.deepEqual([reply.status, reply.body.toString()], [201, 'POST /API/CDR 7 {}']);
  const broken = await lanHttp(get(`${url}/throw`), never);
  assert.equal(broken.ok && broken.status, 500);
  const large = Buffer.alloc(SERVED_BODY_BYTES_MAX + 1);
  const tooLarge = await lanHttp(get(url, { ...post, body: large }), never);
  // It answers while we still send: who writes sees the answer, or that nobody reads.
  if (tooLarge.ok) assert.equal(tooLarge.status, 413);
  else assert.match(tooLarge.code, /ECONNRESET|EPIPE/);
  const stranger = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
  stranger.on('error', () => {});
  await new Promise<void>((done) => stranger.once('close', () => done()));
  await until('it is noted', () => notes.length > 0);
  assert.deepEqual(notes, ['turned away: 127.0.0.2 is not on the list']);
  await listener.close();
  const after = await lanHttp(get(url), never);
  assert.deepEqual(after, { ok: false, code: 'ECONNREFUSED', sent: false });
});
