// A connection to AWS IoT over MQTT 3.1.1, on mqtt.js. One client a connection and never its own
// reconnecting: on that way it loses what is in flight, stops for ever when it is refused, and is
// deaf while it empties its store. What it does not do is done here: sending again on a live
// connection, and an 'error' never goes unheard (it comes twice at times).
import { connect as connectTls } from 'node:tls';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import mqtt from 'mqtt/lib/client';
import type { Connection, ConnectionEvent, DialOptions } from '../core/connection.ts';
import { portOf } from '../core/connection.ts';
import { codeOf } from '../core/errors.ts';
import { encodePublishAgain, encodeSubscribe } from '../link/wire.ts';
import { dialInTunnel } from './proxy.ts';
import { isRefusal, tlsOptions } from './tls.ts';
import type { Place } from './tls.ts';

const { default: MqttClient } = mqtt;
type Client = InstanceType<typeof MqttClient>;

/** AWS IoT asks for it on port 443. */
const ALPN = 'x-amzn-mqtt-ca';
/** Name, TCP, TLS and CONNACK together. */
const CONNECT_MS_MAX = 10_000;
/** AWS takes 30 s to 20 min; hotels' routers forget a silent connection after some minutes. */
const KEEP_ALIVE_SECONDS = 60;
/** MQTT 3.1.1, 3.14: DISCONNECT. */
const DISCONNECT = Buffer.of(0xe0, 0);
/** As long may the other side take to read our goodbye. */
const GOODBYE_MS_MAX = 1_000;

/** Connects at once, through the proxy if there is one; see core/connection.ts. */
export function dialMqtt(
  place: Place,
  options: DialOptions,
  hear: (event: ConnectionEvent) => void,
): Connection {
  const { host, ports, proxy } = place;
  if (proxy === undefined) return open({ ...place, socket: undefined }, options, hear);
  return dialInTunnel(
    proxy,
    { host, port: portOf(options.route, ports) },
    { dial: (socket) => open({ ...place, socket }, options, hear), hear },
  );
}

/** A place and, through a proxy, the tunnel to it. */
type Way = Place & { readonly socket: Socket | undefined };

function open(way: Way, options: DialOptions, hear: (event: ConnectionEvent) => void): Connection {
  try {
    return new MqttConnection(way, options, hear);
  } catch (error) {
    way.socket?.destroy();
    // A certificate that OpenSSL does not read, for example.
    queueMicrotask(() => hear({ on: 'closed', why: codeOf(error), refused: false }));
    const nothing = (): void => {};
    return {
      subscribe: nothing,
      publish: nothing,
      mention: nothing,
      resend: nothing,
      resubscribe: nothing,
      close: nothing,
    };
  }
}

interface Sent {
  readonly messageId: number;
  readonly topic: string;
  readonly payload: Buffer;
}

class MqttConnection implements Connection {
  readonly #client: Client;
  readonly #hear: (event: ConnectionEvent) => void;
  #socket!: TLSSocket;
  #isOpen = false;
  #isSecure = false;
  #isClosed = false;
  /** The first reason counts: the others follow from it. */
  #problem: { readonly why: string; readonly refused: boolean } | undefined;
  /** Which packet a message became: the client tells by the payload's identity. */
  readonly #keys = new Map<Buffer, string>();
  readonly #sent = new Map<string, Sent>();
  readonly #filters = new Map<number, readonly string[]>();

  constructor(way: Way, options: DialOptions, hear: (event: ConnectionEvent) => void) {
    this.#hear = hear;
    const { route, credentials, clientId, keepSession } = options;
    const withAlpn = route === 'mqtt-443';
    const tls = {
      ...tlsOptions(way, credentials),
      port: portOf(route, way.ports),
      ...(way.socket === undefined ? {} : { socket: way.socket }),
      ...(withAlpn ? { ALPNProtocols: [ALPN] } : {}),
    };
    this.#client = new MqttClient(() => this.#open(connectTls(tls), withAlpn), {
      protocolVersion: 4,
      clientId,
      clean: !keepSession,
      keepalive: KEEP_ALIVE_SECONDS,
      connectTimeout: CONNECT_MS_MAX,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      manualConnect: true,
    });
    this.#listen();
    this.#client.connect();
  }

  #open(socket: TLSSocket, withAlpn: boolean): TLSSocket {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', (error) => this.#blame(error));
    socket.once('secureConnect', () => {
      // Who ends TLS and speaks it anew forgets the protocol's name: an inspecting firewall.
      if (withAlpn && socket.alpnProtocol !== ALPN) {
        socket.destroy(Object.assign(new Error('no ALPN'), { code: 'NO_ALPN' }));
        return;
      }
      this.#isSecure = true;
    });
    return socket;
  }

  #listen(): void {
    const client = this.#client;
    client.on('connect', ({ sessionPresent }) => {
      this.#isOpen = true;
      this.#tell({ on: 'opened', sessionPresent });
    });
    // A malformed packet, too, only comes as an error and leaves the client "connected".
    client.on('error', (error) => {
      this.#blame(error);
      this.#socket.destroy();
    });
    client.on('close', () => this.#end());
    client.on('packetsend', (packet) => {
      if (packet.cmd === 'publish') this.#remember(packet as unknown as Sent);
      if (packet.cmd === 'subscribe') {
        const filters = packet.subscriptions.map(({ topic }) => topic);
        this.#filters.set(packet.messageId ?? 0, filters);
      }
    });
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'puback') this.#acked(packet.messageId ?? 0);
      if (packet.cmd === 'suback') this.#subscribed(packet.messageId ?? 0, packet.granted);
    });
    // The broker is acknowledged to when the message is safe; nothing behind it is read before.
    client.handleMessage = (packet, done) => {
      const { topic, payload } = packet;
      const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
      this.#tell({ on: 'message', topic, payload: bytes, taken: () => done() });
    };
  }

  #remember({ messageId, topic, payload }: Sent): void {
    const key = this.#keys.get(payload);
    if (key === undefined) return;
    this.#keys.delete(payload);
    this.#sent.set(key, { messageId, topic, payload });
  }

  #acked(messageId: number): void {
    for (const [key, sent] of this.#sent) {
      if (sent.messageId !== messageId) continue;
      this.#sent.delete(key);
      this.#tell({ on: 'acked', key });
      return;
    }
  }

  #subscribed(messageId: number, granted: unknown): void {
    const filters = this.#filters.get(messageId);
    if (filters === undefined) return;
    this.#filters.delete(messageId);
    const codes = Array.isArray(granted) ? (granted as readonly unknown[]) : [];
    const isGranted = (i: number): boolean => typeof codes[i] === 'number' && codes[i] < 0x80;
    this.#tell({ on: 'subscribed', filters, denied: filters.filter((_, i) => !isGranted(i)) });
  }

  /** CONNACK codes come as a number (MQTT 3.1.1, 3.2.2.3; AWS refuses with 7, too). */
  #blame(error: Error): void {
    const { code } = error as { code?: unknown };
    if (typeof code === 'number') this.#problem ??= { why: `CONNACK_${code}`, refused: true };
    const why = /connack timeout/.test(error.message) ? 'ETIMEDOUT' : codeOf(error);
    this.#problem ??= { why, refused: isRefusal(why) };
  }

  #end(): void {
    const { why, refused } = this.#problem ?? { why: 'CLOSED', refused: false };
    // Behind a good handshake only the cloud itself can hang up: it does so on what it does not want.
    const isSilentNo = this.#isSecure && !this.#isOpen && /^(CLOSED|ECONNRESET|EPIPE)$/.test(why);
    this.#tell({ on: 'closed', why, refused: refused || isSilentNo });
    this.#isClosed = true;
    this.#sent.clear();
    this.#keys.clear();
  }

  #tell(event: ConnectionEvent): void {
    if (!this.#isClosed) this.#hear(event);
  }

  subscribe(filters: readonly string[]): void {
    // The answer is read from the packet; the callback's error is the same again.
    if (this.#isOpen && !this.#isClosed) this.#client.subscribe([...filters], { qos: 1 }, () => {});
  }

  publish(key: string, { topic, payload }: { topic: string; payload: Buffer }): void {
    if (!this.#isOpen || this.#isClosed) return;
    // A view of its own: the client hands the same object back, and two messages may share one.
    const own = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#keys.set(own, key);
    this.#client.publish(topic, own, { qos: 1 }, () => {});
  }

  mention({ topic, payload }: { topic: string; payload: Buffer }): void {
    if (this.#isOpen && !this.#isClosed) this.#client.publish(topic, payload, { qos: 0 }, () => {});
  }

  resend(key: string): void {
    const sent = this.#sent.get(key);
    if (sent !== undefined && !this.#isClosed) this.#socket.write(encodePublishAgain(sent));
  }

  resubscribe(filters: readonly string[]): void {
    for (const [messageId, asked] of this.#filters) {
      if (asked.join('\n') !== filters.join('\n') || this.#isClosed) continue;
      this.#socket.write(encodeSubscribe({ messageId, filters }));
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isOpen) {
      this.#socket.destroy();
      return;
    }
    this.#socket.end(DISCONNECT);
    setTimeout(() => this.#socket.destroy(), GOODBYE_MS_MAX).unref();
  }
}
