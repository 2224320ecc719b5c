// The channels: beside the real nchan module of nginx, and the double's own rules and faults.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { raw } from './client.ts';
import { openPms } from './pms.ts';

type Headers = Readonly<Record<string, string>>;
interface Polled {
  readonly status: number;
  readonly lastModified: string | undefined;
  readonly etag: string | undefined;
  readonly text: string;
}
interface PushServer extends AsyncDisposable {
  publish(text: string): Promise<void>;
  poll(headers?: Headers): Promise<Polled>;
}

const NCHAN = '/usr/lib/nginx/modules/ngx_nchan_module.so';
/** Both servers end a poll after it: the double's real 30 s would be waited for. */
const POLL_SECONDS = 1;
const READY_MS_MAX = 20_000;

/** The real thing, on a socket file: no port to run into. */
async function openNchan(): Promise<PushServer> {
  const folder = await mkdtemp(join(tmpdir(), 'nchan-'));
  const socketPath = join(folder, 'web');
  const config = `
    load_module ${NCHAN};
    error_log ${folder}/errors; pid ${folder}/pid; worker_processes 1;
    events { worker_connections 64; }
    http {
      access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
      server {
        listen unix:${socketPath};
        location /pub { nchan_publisher; nchan_channel_id one; nchan_message_buffer_length 100; }
        location /sub {
          nchan_subscriber longpoll; nchan_channel_id one;
          nchan_subscriber_first_message oldest; nchan_subscriber_timeout ${POLL_SECONDS}s;
        }
      }
    }`;
  await writeFile(join(folder, 'config'), config);
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'config'), '-g', 'daemon off;'], {
    stdio: 'ignore',
  });
  const gone = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  const call = async (method: string, path: string, more: { headers?: Headers; body?: string }) =>
    new Promise<Polled>((resolve, reject) => {
      const { headers = {}, body } = more;
      const asked = request({ socketPath, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => resolve(polled(response.statusCode, response.headers, text)));
      });
      asked.on('error', reject);
      asked.end(body);
    });
  const start = performance.now();
  // nginx makes the file before it listens on it.
  for (;;) {
    const answer = await call('GET', '/none', {}).catch(() => undefined);
    if (answer !== undefined) break;
    assert.ok(performance.now() - start < READY_MS_MAX, 'nginx does not come up');
    assert.equal(child.exitCode, null, 'nginx has ended');
    await sleep(20);
  }
  return {
    publish: async (body) => void (await call('POST', '/pub', { body })),
    poll: async (headers = {}) => call('GET', '/sub', { headers }),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await gone;
      await rm(folder, { recursive: true });
    },
  };
}

async function openDouble(): Promise<PushServer> {
  const pms = await openPms({ limits: { pollMs: POLL_SECONDS * 1_000 } });
  return {
    publish: async (text) => pms.fire('door_key_new', text),
    poll: async (headers = {}) => {
      const got = await raw(pms, 'GET', pms.channelPath('door_key_new'), { headers });
      return polled(got.status, got.headers, got.text);
    },
    [Symbol.asyncDispose]: async () => pms.close(),
  };
}

function polled(
  status: number | undefined,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
): Polled {
  const of = (name: string): string | undefined => headers[name] as string | undefined;
  return { status: status ?? 0, lastModified: of('last-modified'), etag: of('etag'), text };
}

const cursorOf = ({ lastModified = '', etag = '' }: Polled): Headers => ({
  'If-Modified-Since': lastModified,
  'If-None-Match': etag,
});

/**
 * What a client sees. Nothing to tell is 304 at Clock, as in nginx's older push module, and 408 in nchan.
 * Places are checked, not told: two messages may share a second or not.
 */
async function transcript(server: PushServer): Promise<readonly (readonly [number, string])[]> {
  const seen: (readonly [number, string])[] = [];
  const tell = (answer: Polled): Polled => {
    const isThere = answer.lastModified !== undefined && answer.etag !== undefined;
    seen.push([
      answer.status === 408 ? 304 : answer.status,
      answer.status === 200 ? answer.text : '',
    ]);
    assert.ok(answer.status !== 200 || isThere, 'a message has a place');
    return answer;
  };
  for (const text of ['{"door_key_id":1}', 'two', 'three']) await server.publish(text);
  const first = tell(await server.poll());
  tell(await server.poll());
  const second = tell(await server.poll(cursorOf(first)));
  const third = tell(await server.poll(cursorOf(second)));
  tell(await server.poll(cursorOf(first)));
  const empty = tell(await server.poll(cursorOf(third)));
  seen.push([empty.etag === third.etag ? 1 : 0, 'a 304 repeats the Etag']);
  seen.push([empty.lastModified === undefined ? 0 : 1, 'a 304 has Last-Modified']);
  const waiting = server.poll(cursorOf(third));
  await sleep(50);
  await server.publish('four');
  tell(await waiting);
  // Half a cursor, and none at all.
  tell(await server.poll({ 'If-Modified-Since': first.lastModified!, 'If-None-Match': 'x' }));
  tell(await server.poll({ 'If-Modified-Since': third.lastModified! }));
  tell(await server.poll({ 'If-None-Match': third.etag! }));
  tell(await server.poll({ 'If-Modified-Since': 'yesterday', 'If-None-Match': '0' }));
  tell(await server.poll({ 'If-Modified-Since': new Date(0).toUTCString(), 'If-None-Match': '0' }));
  return seen;
}

const has = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

test('a client sees of the double what it sees of nchan', async () => {
  assert.ok(
    await has(NCHAN),
    `${NCHAN} is missing: ./build.sh test installs it, or apt install libnginx-mod-nchan`,
  );
  await using real = await openNchan();
  await using double = await openDouble();
  const [expected, ours] = await Promise.all([transcript(real), transcript(double)]);
  assert.deepEqual(ours, expected);
  assert.deepEqual(ours[0], [200, '{"door_key_id":1}']);
});

test('a poll ends with 304 after thirty seconds of the double’s clock', async () => {
  await using pms = await openPms();
  const path = pms.channelPath('door_key_new');
  const poll = raw(pms, 'GET', path);
  await pms.until(() => pms.polls().length === 1);
  pms.advance(30_000);
  assert.equal((await poll).status, 304);
});

test('a second subscriber of a channel is refused, until the first has gone', async () => {
  await using pms = await openPms();
  const path = pms.channelPath('door_key_new');
  const first = raw(pms, 'GET', path);
  await pms.until(() => pms.polls().length === 1);
  assert.equal((await raw(pms, 'GET', path)).status, 409);
  const booking = pms.hotel.addBooking();
  const { id } = pms.hotel.issueKey({ bookingId: booking.id });
  assert.equal((await first).text, JSON.stringify({ door_key_id: id }));
});

test('events are lost, repeated and swapped; polls are refused, emptied and dropped', async () => {
  await using pms = await openPms();
  const path = pms.channelPath('fiscal_request');
  pms.inject({ at: 'fire', path: 'fiscal_request', do: 'lose', times: 1 });
  pms.inject({ at: 'fire', path: 'fiscal_request', do: 'repeat', times: 1 });
  pms.inject({ at: 'fire', path: 'fiscal_request', do: 'swap', times: 1 });
  for (const id of [1, 2, 3, 4]) pms.fire('fiscal_request', { folio_id: id });
  const texts: string[] = [];
  for (let headers = {}; texts.length < 4;) {
    const got = await raw(pms, 'GET', path, { headers });
    texts.push(got.text.replaceAll(/\D/g, ''));
    headers = cursorOf(polled(got.status, got.headers, got.text));
  }
  assert.deepEqual(texts, ['2', '2', '4', '3']);
  pms.inject({ at: 'poll', do: 'refuse', status: 503, times: 1 });
  assert.equal((await raw(pms, 'GET', path)).status, 503);
  pms.inject({ at: 'poll', do: 'empty', times: 1 });
  assert.equal((await raw(pms, 'GET', path)).status, 304);
  pms.inject({ at: 'poll', do: 'drop', times: 1 });
  await assert.rejects(raw(pms, 'GET', path));
  assert.equal((await raw(pms, 'GET', path.replace('/sub/', '/sub/0'))).status, 404);
});
