// Runs in the internet's namespace: the product's servers, as far as a connection test sees them.
// A server for which relay.ts has a socket in RELAY_FOLDER is a double: each connection goes on to it.
// Usage: node internet.ts AUTHORITY_FOLDER RELAY_FOLDER. Says "ready" when all of them listen.
import { existsSync, readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { connect, createServer as createTcp } from 'node:net';
import type { Server } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { filesOf } from '../authority.ts';
import { BUCKET, HOSTS, SERVICES, SERVICE_NAMES } from '../places.ts';
import type { ServiceName } from '../places.ts';
import { joinSockets, relaySocket } from '../relay.ts';

/** Nobody has business here for longer: what stays open is a leak of the caller. */
const IDLE_MS_MAX = 30_000;
const CONNECTIONS_MAX = 1_000;

const [folder, relayFolder] = process.argv.slice(2);
if (folder === undefined || relayFolder === undefined) {
  throw new Error('usage: node internet.ts AUTHORITY_FOLDER RELAY_FOLDER');
}

const relayed = (into: string): Server => createTcp((socket) => joinSockets(socket, connect(into)));

function serverOf(name: ServiceName): Server {
  const service = SERVICES[name];
  const host = HOSTS[service.host].name;
  const into = relaySocket(relayFolder!, name);
  if (existsSync(into)) return relayed(into);
  switch (service.speaks) {
    case 'tls': {
      const { key, certificate } = filesOf(folder!, host);
      const agreed: readonly string[] = 'alpn' in service ? service.alpn : [];
      return createTls(
        {
          key: readFileSync(key),
          cert: readFileSync(certificate),
          // As AWS IoT does: a certificate is asked for, the handshake ends without one.
          requestCert: service.host === 'aws',
          rejectUnauthorized: false,
          ...(agreed.length === 0
            ? {}
            : { ALPNCallback: ({ protocols }) => protocols.find((one) => agreed.includes(one)) }),
        },
        (socket) => {
          socket.on('error', () => {});
          socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
          socket.resume();
        },
      );
    }
    case 'http':
      return createHttp((request, response) => {
        response.writeHead(301, { Location: `https://${host}${request.url ?? '/'}` }).end();
      });
    case 'ssh':
      return createTcp((socket) => {
        socket.on('error', () => {});
        socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
        socket.write('SSH-2.0-bench\r\n');
      });
    case 'silence':
      return createTcp((socket) => {
        socket.on('error', () => {});
        socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
      });
  }
}

async function open(server: Server, port: number, address: string): Promise<void> {
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
}

for (const name of SERVICE_NAMES) {
  const { host, port } = SERVICES[name];
  await open(serverOf(name), port, HOSTS[host].address);
}
const bucket = relaySocket(relayFolder, 'bucket');
if (existsSync(bucket)) await open(relayed(bucket), BUCKET.port, BUCKET.address);
console.log('ready');
