// Runs in the LAN's namespace: what the hotel's router does itself, once a rule diverts traffic to it
// (TLS interception, login page), the way in for the test process (SOCKS on a unix socket), and the systems of the
// house, each at an address of its own, which are pipes to relay.ts.
// Usage: node router.ts AUTHORITY_FOLDER SOCKET RELAY_FOLDER SYSTEMS (JSON). Says "ready" when all of it listens.
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { connect, createServer as createTcp } from 'node:net';
import { createServer as createTls, createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { filesOf } from '../authority.ts';
import { HOSTS, INTERCEPTOR_PORT, PORTAL_PORT, PORTAL_URL } from '../places.ts';
import { joinSockets, relaySocket } from '../relay.ts';
import type { SystemPlace } from '../relay.ts';
import { createSocks } from './socks.ts';

const IDLE_MS_MAX = 30_000;
const LOGIN = '<!doctype html><title>Guest Wi-Fi</title><form><input type="password"></form>';

const [folder, socketFile, relayFolder, systems] = process.argv.slice(2);
if (
  folder === undefined ||
  socketFile === undefined ||
  relayFolder === undefined ||
  systems === undefined
) {
  throw new Error('usage: node router.ts AUTHORITY_FOLDER SOCKET RELAY_FOLDER SYSTEMS');
}

function contextOf(host: string): SecureContext {
  const { key, certificate } = filesOf(folder!, host);
  return createSecureContext({ key: readFileSync(key), cert: readFileSync(certificate) });
}

const contexts = new Map<string, SecureContext>(
  Object.values(HOSTS).map(({ name }) => [name, contextOf(name)]),
);
const interceptor = createTls(
  {
    SNICallback: (host, done) => done(null, contexts.get(host)),
    // It agrees to whatever the client wants, as a good interceptor does: only its issuer tells.
    ALPNCallback: ({ protocols }) => protocols[0],
  },
  (socket) => {
    socket.on('error', () => {});
    socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
    socket.resume();
  },
);
const portal = createHttp((request, response) => {
  if (request.headers.host === new URL(PORTAL_URL).host) {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(LOGIN);
  } else response.writeHead(302, { Location: PORTAL_URL }).end();
});

await new Promise<void>((resolve) => interceptor.listen(INTERCEPTOR_PORT, resolve));
await new Promise<void>((resolve) => portal.listen(PORTAL_PORT, resolve));
await new Promise<void>((resolve) => createSocks().listen(socketFile, resolve));
for (const { name, address, port } of JSON.parse(systems) as readonly SystemPlace[]) {
  const server = createTcp((socket) =>
    joinSockets(socket, connect(relaySocket(relayFolder, name))),
  );
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
}
console.log('ready');
