// A line over TCP that the other side dials: one client at a time, from listed addresses only.
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { codeOf } from '../core/errors.ts';
import type { LineSettings } from '../core/line/config.ts';
import { ACCEPTS_MAX, ACCEPTS_WINDOW_MS, TCP_PIECE_BYTES } from '../core/line/limits.ts';
import type { Line, LineHears } from '../core/line/ports.ts';
import { createNotes, listed, listenAgain } from './line-listen.ts';
import { createWrites, isDown } from './line-writes.ts';
import type { Writes } from './line-writes.ts';
import { hangUp, peerOf, plain, prepare, put } from './line-socket.ts';

type TcpServer = Extract<LineSettings, { readonly kind: 'tcp-server' }>;

interface Client {
  readonly socket: Socket;
  readonly writes: Writes;
}

export function tcpServerLine(settings: TcpServer, hears: LineHears, random: () => number): Line {
  const isListed = listed(settings.from);
  const noted = createNotes((text) => hears.note(text));
  const leaving = new Set<Promise<void>>();
  let client: Client | undefined;
  let isClosed = false;
  let accepts = 0;
  const window = setInterval(() => (accepts = 0), ACCEPTS_WINDOW_MS);

  const end = (one: Client, why: string): void => {
    if (client !== one) return;
    client = undefined;
    one.writes.stop();
    const left = hangUp(one.socket).then(() => void leaving.delete(left));
    leaving.add(left);
    hears.down(why, true);
  };
  const accept = (socket: Socket): void => {
    prepare(socket);
    const turnAway = (why: string): void => {
      noted.turnedAway(`${plain(socket.remoteAddress ?? 'somebody')} ${why}`);
      socket.resetAndDestroy();
    };
    if (socket.remoteAddress === undefined || isClosed) return void socket.destroy();
    if (!isListed(socket.remoteAddress)) return turnAway('is not on the list');
    if (client !== undefined && settings.second === 'refuse')
      return turnAway(`came while ${peerOf(client.socket)} is connected`);
    accepts += 1;
    if (accepts > ACCEPTS_MAX) return turnAway('connects too often');
    if (client !== undefined) {
      hears.note(`${peerOf(socket)} takes the place of ${peerOf(client.socket)}`);
      end(client, 'another client took its place');
    }
    welcome(socket);
  };
  const welcome = (socket: Socket): void => {
    let error: string | undefined;
    const one: Client = {
      socket,
      writes: createWrites(async (piece) => put(socket, piece), {
        pieceBytes: TCP_PIECE_BYTES,
        slow: () => end(one, 'takes nothing'),
      }),
    };
    client = one;
    socket.on('error', (failure) => (error = codeOf(failure)));
    socket.on('data', (chunk: Buffer) => {
      if (client === one) hears.bytes(chunk);
    });
    socket.once('close', () => end(one, error ?? 'the other side has closed it'));
    hears.up(peerOf(socket));
  };
  const listener = listenAgain(settings.port, {
    make: () => createServer(accept),
    random,
    failed: (why) => hears.down(why, false),
  });
  return {
    write: async (bytes) => {
      if (client === undefined) throw isDown();
      return client.writes.write(bytes);
    },
    drop: (why) => {
      const one = client;
      if (one === undefined) return;
      one.writes.stop();
      queueMicrotask(() => {
        if (!isClosed) end(one, why);
      });
    },
    close: async () => {
      isClosed = true;
      clearInterval(window);
      noted.close();
      if (client !== undefined) {
        client.writes.stop();
        leaving.add(hangUp(client.socket));
        client = undefined;
      }
      await Promise.all([listener.close(), ...leaving]);
    },
  };
}
