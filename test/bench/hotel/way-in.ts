// From this process into the hotel's LAN: through the router's SOCKS server, which listens on a unix
// socket (a file, so it is the same in every network namespace). No route, no address is needed.
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

const FETCH_MS_MAX = 30_000;
/** A page has tens of kilobytes. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;
const RAW_MS_MAX = 15_000;
const RAW_CHARS_MAX = 64 * 1024;

export interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs?: number;
}

export interface WayIn {
  /** socks5://127.0.0.1:PORT */
  readonly proxy: string;
  /** Like fetch(), for http: addresses and names of the LAN; follows no redirect. */
  fetch(url: string, options?: FetchOptions): Promise<Response>;
  /** Sends bytes as they are; the first line of the answer, '' when there was none. */
  raw(host: string, port: number, bytes: Uint8Array): Promise<string>;
  close(): Promise<void>;
}

/** `socketFile`: where inside/router.ts listens. */
export async function openWayIn(socketFile: string): Promise<WayIn> {
  const sockets = new Set<Socket>();
  const relay = createServer((browser) => {
    const router = connect(socketFile);
    for (const socket of [browser, router]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => {
        sockets.delete(socket);
        browser.destroy();
        router.destroy();
      });
    }
    browser.pipe(router);
    router.pipe(browser);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  // A test that forgets to close must not hang because of it.
  relay.unref();
  return {
    proxy: `socks5://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    fetch: async (url, options = {}) => fetchThrough(socketFile, url, options),
    raw: async (host, port, bytes) => sendRaw(await dial(socketFile, host, port), bytes),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => relay.close(() => resolve()));
    },
  };
}

/** A connection to a port in the LAN (RFC 1928, CONNECT by name). */
async function dial(socketFile: string, host: string, port: number): Promise<Socket> {
  const socket = connect(socketFile);
  const name = Buffer.from(host);
  socket.on('error', () => socket.destroy());
  socket.write(Buffer.from([5, 1, 0]));
  socket.write(
    Buffer.concat([
      Buffer.from([5, 1, 0, 3, name.length]),
      name,
      Buffer.of(port >> 8, port & 0xff),
    ]),
  );
  // Two answers: 2 bytes (no authentication), 10 bytes (the outcome).
  const answer = await new Promise<Buffer>((resolve) => {
    let got = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      got = Buffer.concat([got, chunk]);
      if (got.length < 12) return;
      socket.off('data', take).pause();
      if (got.length > 12) socket.unshift(got.subarray(12));
      resolve(got);
    };
    socket.on('data', take);
    socket.once('close', () => resolve(got));
  });
  if (answer.length >= 12 && answer[3] === 0) return socket;
  socket.destroy();
  throw Object.assign(new Error(`${host}:${port} in the hotel does not answer`), {
    code: 'ECONNREFUSED',
  });
}

async function fetchThrough(
  socketFile: string,
  url: string,
  { method = 'GET', headers = {}, body, timeoutMs = FETCH_MS_MAX }: FetchOptions,
): Promise<Response> {
  const { host, hostname, port } = new URL(url);
  const socket = await dial(socketFile, hostname, Number(port || 80));
  return new Promise<Response>((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error(`${url}: no answer`)), timeoutMs);
    socket.once('close', () => clearTimeout(timer));
    const call = request(url, {
      method,
      headers: { Host: host, Connection: 'close', ...headers },
      createConnection: () => socket,
    });
    call.on('error', reject);
    // dial() paused it; the server speaks second, so there is nothing to lose before.
    call.once('socket', (used) => used.resume());
    call.once('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > BODY_BYTES_MAX) socket.destroy(new Error(`${url}: an answer without end`));
        else chunks.push(chunk);
      });
      response.once('error', reject);
      response.once('end', () => {
        socket.destroy();
        const status = response.statusCode ?? 0;
        const isEmpty = status === 204 || status === 304;
        const known = Object.entries(response.headersDistinct).flatMap(([name, values]) =>
          (values ?? []).map((value): [string, string] => [name, value]),
        );
        resolve(new Response(isEmpty ? null : Buffer.concat(chunks), { status, headers: known }));
      });
    });
    call.end(body);
  });
}

async function sendRaw(socket: Socket, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer = (answer + chunk.toString('latin1')).slice(0, RAW_CHARS_MAX);
    });
    socket.resume();
    socket.setTimeout(RAW_MS_MAX, () => socket.destroy());
    socket.once('close', () => resolve(answer.split('\r\n')[0] ?? ''));
    socket.end(bytes);
  });
}
