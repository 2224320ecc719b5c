// A small web server for systems that report over HTTP: listed addresses only, bounded in every way.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { codeOf } from '../core/errors.ts';
import {
  SERVED_BODY_BYTES_MAX,
  SERVED_CONNECTIONS_MAX,
  SERVED_MS_MAX,
} from '../core/line/limits.ts';
import type { ListenHttp, Serve } from '../core/line/ports.ts';
import { createNotes, listed, listenAgain } from './line-listen.ts';
import { peerOf, plain } from './line-socket.ts';

type Answer = Awaited<ReturnType<Serve>>;

export function createListenHttp(random: () => number): ListenHttp {
  return ({ port, from }, serve, note = () => {}) => {
    const isListed = listed(from);
    const noted = createNotes(note);
    let server: Server | undefined;
    const make = (): Server => {
      server = createServer({ requestTimeout: SERVED_MS_MAX, headersTimeout: SERVED_MS_MAX / 3 });
      server.maxConnections = SERVED_CONNECTIONS_MAX;
      // Before the parser's own listener: it meets a socket that is gone.
      server.prependListener('connection', (socket) => {
        socket.on('error', () => {});
        if (socket.remoteAddress !== undefined && isListed(socket.remoteAddress)) return;
        noted.turnedAway(`${plain(socket.remoteAddress ?? 'somebody')} is not on the list`);
        socket.destroy();
      });
      server.on('request', (request, response) => void answer(request, response, serve));
      return server;
    };
    const failed = (why: string): void => note(`cannot listen on port ${port}: ${why}`);
    const listener = listenAgain(port, { make, failed, random });
    return {
      close: async () => {
        noted.close();
        const closed = listener.close();
        server?.closeAllConnections();
        await closed;
      },
    };
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  serve: Serve,
): Promise<void> {
  response.on('error', () => {});
  const peer = peerOf(request.socket);
  const body = await collect(request).catch(() => 'cut' as const);
  if (body === 'cut') return void request.destroy();
  if (body === 'too-large') {
    // Not read to its end: the connection cannot be used again.
    response.once('finish', () => request.destroy());
    return send(response, { status: 413 }, { Connection: 'close' });
  }
  const { method = '', url = '', headers } = request;
  const plainHeaders = Object.fromEntries(
    Object.entries(headers).filter((one): one is [string, string] => typeof one[1] === 'string'),
  );
  const asked = { method, path: url, headers: plainHeaders, body, peer };
  const given = await serve(asked).catch((error: unknown) => ({
    status: 500,
    body: codeOf(error),
  }));
  return send(response, given);
}

function send(
  response: ServerResponse,
  { status, type = 'text/plain; charset=utf-8', body = '' }: Answer,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    ...{ 'Content-Type': type, 'Content-Length': bytes.length },
    ...headers,
  });
  response.end(bytes);
}

async function collect(request: IncomingMessage): Promise<Buffer | 'too-large'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((done, fail) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= SERVED_BODY_BYTES_MAX) return void chunks.push(chunk);
      request.removeAllListeners('data').pause();
      return done('too-large');
    });
    request.once('end', () => done(Buffer.concat(chunks)));
    request.once('error', fail);
    request.once('close', () => fail(new Error('cut')));
  });
}
