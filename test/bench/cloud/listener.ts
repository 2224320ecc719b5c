// The cloud's sockets: TLS with client certificates on three ports, and what comes out of it to the
// broker (MQTT) or to the HTTP server. Loopback only.
// Pages protocols, transport-security, x509-client-certs.
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Ports } from './api.ts';
import type { ServerCertificates } from './certificates/servers.ts';
import { certificateIdOf } from './certificates/issue.ts';
import type { Certificate, Registry } from './certificates/registry.ts';
import type { FaultBook } from './faults.ts';
import { rememberPeer } from './https.ts';
import type { HttpsHandler } from './https.ts';
import type { Limits } from './limits.ts';
import type { Broker } from './mqtt/broker.ts';
import { PerSecond } from './mqtt/rules.ts';
import { PacketReader, toBytes } from './mqtt/wire.ts';

export interface ListenerOptions {
  readonly hosts: readonly string[];
  readonly ports: Partial<Ports>;
  readonly certificates: ServerCertificates;
  readonly registry: Registry;
  readonly broker: Broker;
  readonly faults: FaultBook;
  readonly limits: Limits;
  readonly https: HttpsHandler;
  readonly say: (line: string) => void;
}

export interface Listener {
  readonly ports: Ports;
  close(): Promise<void>;
}

type Port = keyof Ports;

/** Page protocols: what is spoken on 443 is chosen by ALPN. */
const ALPN = { mqtt: 'x-amzn-mqtt-ca', https: 'x-amzn-http-ca' };
/** As AWS: a client that stops in the middle of the handshake is not waited for. */
const HANDSHAKE_MS_MAX = 10_000;
/** A client that no longer reads is cut off: 100 of the largest messages and their like. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;
/** So long a client may take to read what was sent before the end. */
const END_MS_MAX = 1_000;

/** Opens the three ports. Throws what listen() throws: a fixed port may be taken. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const http = createHttpServer(options.https);
  const open = async (port: Port): Promise<Server> => {
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => {}); // the peer's end; 'close' follows
      if (sockets.size > options.limits.connectionsMax) socket.destroy();
      else greet(socket, port, { ...options, http });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port: options.ports[port] ?? 0 }, resolve);
    });
    return server;
  };
  const [mqtt, alpn, https] = [await open('mqtt'), await open('alpn'), await open('https')];
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  return {
    ports: { mqtt: portOf(mqtt), alpn: portOf(alpn), https: portOf(https) },
    close: async () => {
      const closed = [mqtt, alpn, https].map(
        async (server) => new Promise((resolve) => server.close(resolve)),
      );
      for (const socket of sockets) socket.destroy();
      http.closeAllConnections();
      await Promise.all(closed);
    },
  };
}

type Greeting = ListenerOptions & { readonly http: ReturnType<typeof createHttpServer> };

/** TLS on a new socket. */
function greet(socket: Socket, port: Port, options: Greeting): void {
  const { faults, hosts, certificates, say } = options;
  const fault = faults.take('accept', { port });
  if (fault?.do === 'drop') return void socket.destroy();
  if (fault?.do === 'black-hole') return void socket.pause();
  // Without SNI the bare context stays, which has no certificate: the handshake fails.
  const secured = new TLSSocket(socket, {
    isServer: true,
    secureContext: certificates.bare,
    requestCert: true,
    rejectUnauthorized: false,
    SNICallback: (name, done) => {
      if (!hosts.includes(name)) return done(new Error(`no endpoint ${name}`));
      const shown = faults.take('handshake', { port })?.do ?? 'right';
      return done(null, certificates.context(shown));
    },
    ...(port === 'alpn' && { ALPNProtocols: [ALPN.mqtt, ALPN.https] }),
  });
  const tooLate = setTimeout(() => socket.destroy(), HANDSHAKE_MS_MAX);
  secured.once('close', () => clearTimeout(tooLate));
  secured.on('error', (error) => {
    clearTimeout(tooLate);
    say(`${port} · TLS failed: ${error.message.split('\n')[0]}`);
    socket.destroy();
  });
  secured.once('secure', () => {
    clearTimeout(tooLate);
    const certificate = certificateOf(secured, options);
    if (typeof certificate === 'string') {
      say(`${port} · refused: ${certificate}`);
      return void secured.destroy();
    }
    return pass(secured, port, { ...options, certificate });
  });
}

/** The registered certificate of the peer, or why it may not come in. */
function certificateOf(secured: TLSSocket, { registry }: Greeting): Certificate | string {
  const { raw } = secured.getPeerX509Certificate() ?? {};
  if (raw === undefined) return 'no client certificate';
  const id = certificateIdOf(raw);
  const known = registry.certificates.get(id);
  if (known === undefined) return `certificate ${id.slice(0, 8)} is not registered`;
  if (known.status !== 'ACTIVE') return `certificate ${id.slice(0, 8)} is ${known.status}`;
  return known;
}

/** What the port and ALPN agreed on. */
function pass(
  secured: TLSSocket,
  port: Port,
  options: Greeting & { readonly certificate: Certificate },
): void {
  const { http, say, certificate } = options;
  const protocol = port === 'alpn' ? secured.alpnProtocol : ALPN[port];
  if (protocol === ALPN.mqtt) return speakMqtt(secured, port, options);
  if (protocol === ALPN.https) {
    rememberPeer(secured, certificate);
    return void http.emit('connection', secured);
  }
  // Page protocols: MQTT with a client certificate on 443 needs ALPN.
  say(`${port} · refused: no ALPN ${ALPN.mqtt}`);
  return void secured.destroy();
}

function speakMqtt(
  secured: TLSSocket,
  port: Port,
  { broker, limits, faults, certificate }: Greeting & { readonly certificate: Certificate },
): void {
  const reader = new PacketReader(limits.payloadBytesMax);
  const throughput = new PerSecond();
  const link = {
    port,
    send: (packet: Parameters<typeof toBytes>[0]) => {
      secured.write(toBytes(packet));
      if (secured.writableLength > UNREAD_BYTES_MAX) secured.destroy();
    },
    end: () => {
      const tooLong = setTimeout(() => secured.destroy(), END_MS_MAX);
      secured.end(() => secured.destroy());
      secured.once('close', () => clearTimeout(tooLong));
    },
  };
  const connection = broker.accept(link, certificate);
  secured.on('data', (bytes: Buffer) => {
    if (connection.isClosed) return;
    // Quotas: what is beyond the throughput is delayed.
    const max = limits.bytesPerSecondMax;
    if (!throughput.takes(Math.min(bytes.length, max), { max, nowMs: performance.now() })) {
      secured.pause();
      secured.unshift(bytes);
      return broker.later(100, () => secured.resume());
    }
    try {
      for (const packet of reader.push(bytes)) connection.receive(packet);
    } catch (error) {
      connection.close('CLIENT_ERROR', error instanceof Error ? error.message : 'unreadable');
    }
  });
  secured.once('close', () => {
    const isDead = faults.take('link', { clientId: connection.clientId, port }) !== undefined;
    // The cloud would not hear of it on a dead line.
    if (!isDead) connection.close('CONNECTION_LOST', 'the client closed without DISCONNECT');
  });
}
