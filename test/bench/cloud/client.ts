// A plain mqtt.js as the tests' client, with everything of its own comfort turned off: no reconnecting,
// no subscribing again, one attempt. And a bare TLS socket, for what no well-behaved client sends.
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import mqtt from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import type { Cloud, Credentials, Ports } from './api.ts';
import { PacketReader, toBytes } from './mqtt/wire.ts';
import type { Connect, Packet } from './mqtt/wire.ts';

export interface ClientOptions extends IClientOptions {
  readonly port?: never;
  readonly at?: keyof Ports;
}

/** Where a cloud is, whichever process it lives in. */
type Place = Pick<Cloud, 'address' | 'hosts' | 'ports' | 'rootsPem'>;

/** How a client reaches one of the cloud's ports: TLS options of node:tls and mqtt.js alike. */
export function tlsOptions(
  cloud: Place,
  credentials: Credentials,
  at: keyof Ports = 'mqtt',
): ConnectionOptions & { readonly host: string; readonly port: number } {
  return {
    host: cloud.address,
    port: cloud.ports[at],
    servername: cloud.hosts[0]!,
    ca: cloud.rootsPem,
    cert: credentials.certPem,
    key: credentials.keyPem,
    ...(at === 'alpn' && { ALPNProtocols: ['x-amzn-mqtt-ca'] }),
  };
}

/** mqtt.js, connected; throws what it says when it is not let in. */
export async function connectMqtt(
  cloud: Place,
  credentials: Credentials,
  { at = 'mqtt', ...options }: ClientOptions = {},
): Promise<MqttClient> {
  const client = mqtt.connect({
    protocol: 'mqtts',
    ...(tlsOptions(cloud, credentials, at) as IClientOptions),
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: 3_000,
    ...options,
  });
  const { promise, resolve, reject } = Promise.withResolvers<MqttClient>();
  client.once('connect', () => resolve(client));
  client.on('error', reject);
  client.once('close', () => reject(new Error('closed before CONNACK')));
  return promise;
}

/** Resolves when the cloud has closed the connection. */
export async function closed(client: MqttClient): Promise<void> {
  if (client.stream.destroyed) return;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const tooLate = setTimeout(() => reject(new Error('still open')), 5_000);
  client.once('close', () => resolve());
  await promise.finally(() => clearTimeout(tooLate));
}

/** Looks again and again until something holds; throws when it does not within five seconds. */
export async function until(holds: () => boolean): Promise<void> {
  const tooLateMs = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > tooLateMs) throw new Error(`It never came true: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Raw {
  readonly socket: TLSSocket;
  /** Everything that has come, oldest first. */
  readonly packets: Packet[];
  send(...packets: readonly (Packet | Uint8Array)[]): void;
  /** The next packet of this kind that has not been returned yet. */
  next(cmd: Packet['cmd']): Promise<Packet>;
  /** Resolves when the cloud has closed. */
  readonly end: Promise<void>;
  close(): void;
}

/** A bare connection that sends what it is told; no CONNECT of its own. */
export async function connectRaw(cloud: Place, credentials: Credentials): Promise<Raw> {
  const socket = connectTls(tlsOptions(cloud, credentials));
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const reader = new PacketReader(1024 * 1024);
  const packets: Packet[] = [];
  let returned = 0;
  socket.on('data', (bytes: Buffer) => {
    packets.push(...reader.push(bytes));
    socket.emit('packets');
  });
  const end = Promise.withResolvers<void>();
  socket.once('close', () => end.resolve());
  return {
    socket,
    packets,
    send: (...sent) => {
      for (const one of sent) socket.write(one instanceof Uint8Array ? one : toBytes(one));
    },
    next: async (cmd) => {
      for (;;) {
        const index = packets.findIndex((packet, at) => at >= returned && packet.cmd === cmd);
        if (index >= 0) {
          returned = index + 1;
          return packets[index]!;
        }
        await once(socket, 'packets', { signal: AbortSignal.timeout(5_000) });
      }
    },
    end: end.promise,
    close: () => socket.destroy(),
  };
}

/** A CONNECT as a unit sends it. */
export const connectPacket = (clientId: string, more: Partial<Connect> = {}): Connect => ({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clientId,
  clean: true,
  keepalive: 60,
  ...more,
});
