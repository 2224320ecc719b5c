// Puts an interface's counterpart (the third party, pure) behind a real TCP server, a TCP client, a serial port or
// a web server on this machine, in the clear or over TLS, and can cut it off.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Counterpart } from '../../../agent/core/interface.ts';

/** It dials the port of the interface, again and again; or it is there. */
export type Place =
  | { readonly at: 'tcp-server'; readonly port?: number }
  | { readonly at: 'tcp-client'; readonly port: number; readonly host?: string }
  | { readonly at: 'pty' }
  | { readonly at: 'http'; readonly port?: number }
  | {
      readonly at: 'https';
      readonly port?: number;
      readonly keyPem: string;
      readonly certPem: string;
    };

export interface Behind extends AsyncDisposable {
  /** Loopback. */
  readonly host: string;
  /** 0 for a pty. */
  readonly port: number;
  /** "http://127.0.0.1:port" or "https://…"; empty but for a web server. */
  readonly url: string;
  /** The serial port of a pty, a link that comes and goes with it; else empty. */
  readonly device: string;
  /** Connections until now (of a pty: plugged in so often). */
  readonly connections: number;
  /** Cable pulled: connections are cut and none comes about until `plug`. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
}

const HOST = '127.0.0.1';
/** Between tries of a client, which a person's system makes more slowly. */
const DIAL_AGAIN_MS = 50;

export async function behind(counterpart: Counterpart, place: Place): Promise<Behind> {
  switch (place.at) {
    case 'tcp-server':
      return tcpServer(counterpart, place.port ?? 0);
    case 'tcp-client':
      return tcpClient(counterpart, { host: HOST, ...place });
    case 'pty':
      return pty(counterpart);
    case 'http':
      return webServer(counterpart, {
        scheme: 'http',
        wanted: place.port ?? 0,
        listener: createHttp,
      });
    case 'https': {
      const { keyPem: key, certPem: cert } = place;
      const listener = (answer: RequestListener): Server => createHttps({ key, cert }, answer);
      return webServer(counterpart, { scheme: 'https', wanted: place.port ?? 0, listener });
    }
  }
}

/** Joins the counterpart to one connection. */
function joinTo(counterpart: Counterpart, socket: Socket): void {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  if (counterpart.connect === undefined) throw new Error('This counterpart takes no connections');
  const other = counterpart.connect(
    (bytes) => void socket.write(bytes),
    () => void socket.end(),
  );
  socket.on('data', (chunk: Buffer) => other.bytes(chunk));
  socket.on('close', () => other.closed());
}

async function tcpServer(counterpart: Counterpart, wanted: number): Promise<Behind> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    joinTo(counterpart, socket);
  });
  const listen = async (port: number): Promise<number> => {
    server.listen(port, HOST);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(wanted);
  const unplug = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  };
  return {
    ...{ host: HOST, port, url: '', device: '', unplug },
    get connections() {
      return connections;
    },
    plug: async () => void (await listen(port)),
    [Symbol.asyncDispose]: async () => {
      await unplug();
      counterpart.close();
    },
  };
}

async function tcpClient(
  counterpart: Counterpart,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Behind> {
  let connections = 0;
  let going: AbortController | undefined;
  let done = Promise.resolve();
  const dialAgain = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const socket = connect({ host, port });
      socket.on('error', () => {});
      const cut = (): void => void socket.destroy();
      signal.addEventListener('abort', cut);
      socket.on('connect', () => {
        connections += 1;
        joinTo(counterpart, socket);
      });
      // Not once(): it would reject for the error that comes before.
      await new Promise<void>((gone) => socket.on('close', () => gone()));
      signal.removeEventListener('abort', cut);
      await sleep(DIAL_AGAIN_MS, undefined, { signal }).catch(() => {});
    }
  };
  const plug = async (): Promise<void> => {
    going = new AbortController();
    done = dialAgain(going.signal);
  };
  const unplug = async (): Promise<void> => {
    going?.abort();
    await done;
  };
  await plug();
  return {
    ...{ host, port, url: '', device: '', plug, unplug },
    get connections() {
      return connections;
    },
    [Symbol.asyncDispose]: async () => {
      await unplug();
      counterpart.close();
    },
  };
}

/** One end of a kernel terminal is the interface's serial port, the other the counterpart, by socat. */
async function pty(counterpart: Counterpart): Promise<Behind> {
  const folder = await mkdtemp(join(tmpdir(), 'pty-'));
  const device = join(folder, 'tty');
  let connections = 0;
  let socat: ChildProcess | undefined;
  const unplug = async (): Promise<void> => {
    const one = socat;
    socat = undefined;
    if (one === undefined || one.exitCode !== null || one.signalCode !== null) return;
    one.kill('SIGTERM');
    await once(one, 'close');
  };
  const plug = async (): Promise<void> => {
    const one = spawn('socat', [`pty,raw,echo=0,link=${device}`, '-'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    socat = one;
    connections += 1;
    one.stdin.on('error', () => {});
    if (counterpart.connect === undefined) throw new Error('This counterpart has no serial port');
    const other = counterpart.connect(
      (bytes) => void one.stdin.write(bytes),
      // A serial line cannot hang up.
      () => {},
    );
    one.stdout.on('data', (chunk: Buffer) => other.bytes(chunk));
    one.on('close', () => other.closed());
    await isThere(device, one);
  };
  await plug();
  return {
    ...{ host: '', port: 0, url: '', device, plug, unplug },
    get connections() {
      return connections;
    },
    [Symbol.asyncDispose]: async () => {
      await unplug();
      counterpart.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isThere(link: string, socat: ChildProcess): Promise<void> {
  const failed = once(socat, 'close').then(() => {
    throw new Error('socat ended: is it installed?');
  });
  failed.catch(() => {});
  const looked = async (): Promise<void> => {
    while (!(await readlink(link).catch(() => ''))) await sleep(5);
  };
  await Promise.race([failed, looked()]);
}

interface Web {
  readonly scheme: 'http' | 'https';
  readonly wanted: number;
  readonly listener: (answer: RequestListener) => Server;
}

async function webServer(
  counterpart: Counterpart,
  { scheme, wanted, listener }: Web,
): Promise<Behind> {
  const { serve } = counterpart;
  if (serve === undefined) throw new Error('This counterpart is no web server');
  let connections = 0;
  const server = listener((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '' } = request;
      const headers = request.headers as Record<string, string | undefined>;
      const peer = request.socket.remoteAddress ?? '';
      void serve({ method, path, headers, body: Buffer.concat(chunks), peer }).then(
        ({ status, type = 'text/plain', body = '' }) => {
          response.writeHead(status, { 'Content-Type': type });
          return response.end(body);
        },
      );
    });
  });
  server.on('connection', () => (connections += 1));
  const listen = async (port: number): Promise<number> => {
    server.listen(port, HOST);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(wanted);
  const unplug = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return {
    ...{ host: HOST, port, url: `${scheme}://${HOST}:${port}`, device: '', unplug },
    get connections() {
      return connections;
    },
    plug: async () => void (await listen(port)),
    [Symbol.asyncDispose]: async () => {
      await unplug();
      counterpart.close();
    },
  };
}
