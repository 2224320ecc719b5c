// The cloud's double in the hotel's internet: the servers of "aws" there are pipes to unix sockets (files,
// so the same in every namespace), and this process leads them on to the double's ports on loopback.
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';

/** What openCloud() of ../cloud gives, as far as a hotel needs it. */
export interface CloudPlace {
  readonly ports: { readonly mqtt: number; readonly alpn: number; readonly https: number };
  readonly rootsPem: string;
}

/** Where the connections to a port of "aws" come out: inside/internet.ts leads them in. */
export const relaySocket = (folder: string, port: number): string => join(folder, `aws-${port}`);

/** A hotel has one unit; more at once would be a leak. */
const CONNECTIONS_MAX = 100;

/** Joins two sockets; when one ends, both do. */
export function joinSockets(a: Socket, b: Socket): void {
  for (const socket of [a, b]) {
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      a.destroy();
      b.destroy();
    });
  }
  a.pipe(b);
  b.pipe(a);
}

export async function openRelay(
  folder: string,
  { mqtt, alpn, https }: CloudPlace['ports'],
): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  for (const [port, to] of [
    [8883, mqtt],
    [443, alpn],
    [8443, https],
  ] as const) {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      joinSockets(socket, connect(to, '127.0.0.1'));
    });
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve) => server.listen(relaySocket(folder, port), resolve));
    server.unref();
    servers.push(server);
  }
  return {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(
        servers.map(async (server) => new Promise((resolve) => server.close(resolve))),
      );
    },
  };
}
