// Unix sockets that bring lines: the agent listens, a service's process dials.
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { delimited, LF } from '../core/frames/delimited.ts';
import type { Piece } from '../core/frames/ports.ts';
import { LINES_AT_ONCE, LINE_BYTES_MAX, SERVICE_LINE_BYTES_MAX } from '../core/ipc/limits.ts';
import { createPace } from '../core/ipc/pace.ts';
import type { Pace } from '../core/ipc/pace.ts';
import type { Pipe } from '../core/ipc/peer.ts';
import { systemClock } from './clock.ts';

/** Unsent to one that does not read: two houses. Then it is hung up on. */
const UNSENT_BYTES_MAX = 2 * LINE_BYTES_MAX;
/** More processes than the unit has services, and some that are being tested. */
const CONNECTIONS_MAX = 64;

export interface PipeHears {
  /** False: hang up. */
  line(line: Buffer): boolean;
  closed(): void;
}

function attach(
  socket: Socket,
  hears: PipeHears,
  { lineBytesMax, pace }: { readonly lineBytesMax: number; readonly pace?: Pace },
): Pipe {
  const framer = delimited({ delimiters: [LF], lineBytesMax });
  const pieces: Piece[] = [];
  let timer: NodeJS.Timeout | undefined;
  const nap = (ms: number): void => {
    socket.pause();
    timer = setTimeout(work, ms);
  };
  const work = (): void => {
    for (let count = 0; pieces.length > 0 && !socket.destroyed; count += 1) {
      const waitMs = count < LINES_AT_ONCE ? (pace?.waitMs(systemClock.nowMs()) ?? 0) : 1;
      if (waitMs > 0) return nap(waitMs);
      const piece = pieces.shift()!;
      pace?.spend(piece.is === 'frame' ? piece.body.length : 0, systemClock.nowMs());
      // Whatever is no line is somebody who does not speak this: no second chance.
      if (piece.is !== 'frame' || !hears.line(piece.body)) return void socket.destroy();
    }
    socket.resume();
  };
  socket.on('data', (chunk: Buffer) => {
    const isIdle = pieces.length === 0;
    pieces.push(...framer.push(chunk));
    if (isIdle) work();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    clearTimeout(timer);
    hears.closed();
  });
  return {
    send: (line) => {
      if (socket.destroyed) return;
      pace?.spend(line.length, systemClock.nowMs());
      socket.write(`${line}\n`);
      if (socket.writableLength > UNSENT_BYTES_MAX) socket.destroy();
    },
    close: () => void socket.destroy(),
  };
}

/** Everybody on the machine may connect; who he is he must prove. Resolves when it listens. */
export async function listenIpc(
  path: string,
  greet: (pipe: Pipe) => PipeHears & { isKnown(): boolean },
): Promise<{ close(): void }> {
  rmSync(path, { force: true });
  const sockets = new Map<Socket, ReturnType<typeof greet>>();
  const server = createServer((socket) => {
    if (sockets.size >= CONNECTIONS_MAX) {
      // Whoever has not said who he is keeps nobody out.
      const [oldest] = [...sockets].find(([, one]) => !one.isKnown()) ?? [socket];
      oldest.destroy();
      sockets.delete(oldest);
    }
    if (socket.destroyed) return;
    const how = { lineBytesMax: SERVICE_LINE_BYTES_MAX, pace: createPace(systemClock.nowMs()) };
    let hears: ReturnType<typeof greet> | undefined;
    const pipe = attach(
      socket,
      { line: (line) => hears?.line(line) ?? false, closed: () => hears?.closed() },
      how,
    );
    hears = greet(pipe);
    sockets.set(socket, hears);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(path, done);
  });
  chmodSync(path, 0o666);
  return {
    close: () => {
      server.close();
      for (const socket of sockets.keys()) socket.destroy();
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
  return attach(socket, hears, { lineBytesMax: LINE_BYTES_MAX });
}
