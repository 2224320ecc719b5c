// Unix sockets that bring lines: the agent listens, a service's process dials.
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { delimited, LF } from '../core/frames/delimited.ts';
import { LINE_BYTES_MAX, SERVICE_LINE_BYTES_MAX } from '../core/ipc/limits.ts';
import type { Pipe } from '../core/ipc/peer.ts';

/** Unsent to one that does not read: two houses. Then it is hung up on. */
const UNSENT_BYTES_MAX = 2 * LINE_BYTES_MAX;
/** More processes than the unit has services, and some that are being tested. */
const CONNECTIONS_MAX = 64;

export interface PipeHears {
  /** False: hang up. */
  line(line: Buffer): boolean;
  closed(): void;
}

function attach(socket: Socket, lineBytesMax: number, hears: PipeHears): Pipe {
  const framer = delimited({ delimiters: [LF], lineBytesMax });
  socket.on('data', (chunk: Buffer) => {
    for (const piece of framer.push(chunk)) {
      // Whatever is no line is somebody who does not speak this: no second chance.
      if (piece.is !== 'frame' || !hears.line(piece.body)) return void socket.destroy();
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => hears.closed());
  return {
    send: (line) => {
      if (socket.destroyed) return;
      socket.write(`${line}\n`);
      if (socket.writableLength > UNSENT_BYTES_MAX) socket.destroy();
    },
    close: () => void socket.destroy(),
  };
}

/** Everybody on the machine may connect; who he is he must prove. Resolves when it listens. */
export async function listenIpc(
  path: string,
  greet: (pipe: Pipe) => PipeHears,
): Promise<{ close(): void }> {
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    let hears: PipeHears | undefined;
    const pipe = attach(socket, SERVICE_LINE_BYTES_MAX, {
      line: (line) => hears?.line(line) ?? false,
      closed: () => hears?.closed(),
    });
    hears = greet(pipe);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(path, done);
  });
  chmodSync(path, 0o666);
  return {
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Resolves when connected; rejects with the system's code. */
export async function dialIpc(path: string, hears: PipeHears): Promise<Pipe> {
  const socket = connect(path);
  await new Promise<void>((done, fail) => {
    socket.once('connect', done);
    socket.once('error', fail);
  });
  return attach(socket, LINE_BYTES_MAX, hears);
}
