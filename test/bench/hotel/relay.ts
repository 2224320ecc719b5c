// Doubles that run in this process, seen from the hotel: servers there (of the internet, of systems in the house) are
// pipes to unix sockets (files, so the same in every namespace), and this process leads them on to ports on loopback.
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { ServiceName } from './places.ts';

/** What openCloud() of ../cloud gives, as far as a hotel needs it. */
export interface CloudPlace {
  readonly ports: {
    readonly mqtt: number;
    readonly alpn: number;
    readonly https: number;
    /** Of openPackages(); else nobody answers there. */
    readonly bucket?: number;
  };
  readonly rootsPem: string;
}

/** A double of Clock's API, as openPms() of ../pms gives it: opened for the name of the host "clock". */
export interface PmsPlace {
  readonly port: number;
  readonly rootsPem: string;
}

/** A system in the house: at this address and port of the LAN, and on this machine's loopback. */
export interface SystemPlace {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly loopbackPort: number;
}

export interface Doubles {
  readonly cloud?: CloudPlace | undefined;
  readonly pms?: PmsPlace | undefined;
  readonly systems?: readonly SystemPlace[] | undefined;
}

/** Where the connections to a server come out: its own name, or a system's. inside/ leads them in. */
export const relaySocket = (folder: string, name: string): string => join(folder, `to-${name}`);

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

/** Names of sockets with the ports on loopback to which they lead. */
function routesOf({ cloud, pms, systems = [] }: Doubles): readonly (readonly [string, number])[] {
  const servers: [ServiceName | 'bucket', number][] = [];
  if (cloud !== undefined) {
    const { mqtt, alpn, https, bucket } = cloud.ports;
    servers.push(['aws-8883', mqtt], ['aws-443', alpn], ['aws-8443', https]);
    if (bucket !== undefined) servers.push(['bucket', bucket]);
  }
  if (pms !== undefined) servers.push(['clock-443', pms.port]);
  return [...servers, ...systems.map(({ name, loopbackPort }) => [name, loopbackPort] as const)];
}

export async function openRelay(
  folder: string,
  doubles: Doubles,
): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  for (const [name, to] of routesOf(doubles)) {
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      joinSockets(socket, connect(to, '127.0.0.1'));
    });
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve) => server.listen(relaySocket(folder, name), resolve));
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
