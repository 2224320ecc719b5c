// MQTT 3.1.1 packets to bytes and back, by mqtt-packet (the codec of mqtt.js), and the values that
// the broker deals in. A packet's size is judged from its header, before any of it is kept. Pure.
import mqttPacket from 'mqtt-packet';
import type { Packet, Parser } from 'mqtt-packet';

export type {
  IConnectPacket as Connect,
  IPublishPacket as Publish,
  ISubscribePacket as Subscribe,
  IUnsubscribePacket as Unsubscribe,
  Packet,
  PacketCmd as PacketName,
} from 'mqtt-packet';

/** A message that the broker accepted. */
export interface Message {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** Client id, `https`, or `cloud` for what the cloud itself published. */
  readonly from: string;
  readonly atMs: number;
}

/** Page life-cycle-events: why AWS says a client went. */
export type DisconnectReason =
  | 'AUTH_ERROR'
  | 'CLIENT_INITIATED_DISCONNECT'
  | 'CLIENT_ERROR'
  | 'CONNECTION_LOST'
  | 'DUPLICATE_CLIENTID'
  | 'FORBIDDEN_ACCESS'
  | 'MQTT_KEEP_ALIVE_TIMEOUT'
  | 'SERVER_INITIATED_DISCONNECT'
  | 'API_INITIATED_DISCONNECT'
  | 'THROTTLED';

/** Page life-cycle-events, and `why` in words, which AWS does not give. */
export interface LifecycleEvent {
  readonly clientId: string;
  readonly timestamp: number;
  readonly eventType: 'connected' | 'disconnected' | 'refused';
  readonly principalIdentifier: string;
  readonly disconnectReason?: DisconnectReason;
  readonly why?: string;
}

/** The bytes are no MQTT, or more of it than AWS takes. */
export class UnreadablePacket extends Error {}

/** Fixed header, topic and packet id come on top of a payload of the largest size. */
const AROUND_PAYLOAD_BYTES = 512;

/** Cuts a stream of bytes into packets. One a connection. */
export class PacketReader {
  readonly #parser: Parser = mqttPacket.parser({ protocolVersion: 4 });
  readonly #bytesMax: number;
  #pending: Buffer = Buffer.alloc(0);
  #read: Packet[] = [];

  constructor(payloadBytesMax: number) {
    this.#bytesMax = payloadBytesMax + AROUND_PAYLOAD_BYTES;
    this.#parser.on('packet', (packet) => this.#read.push(packet));
    this.#parser.on('error', (error: Error) => {
      throw new UnreadablePacket(error.message);
    });
  }

  /** The packets that these bytes complete. Throws UnreadablePacket; nothing can be read after it. */
  push(bytes: Buffer): Packet[] {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    this.#read = [];
    for (;;) {
      const length = packetLength(this.#pending);
      if (length === undefined) break;
      if (length > this.#bytesMax) throw new UnreadablePacket(`a packet of ${length} bytes`);
      if (this.#pending.length < length) break;
      this.#parser.parse(this.#pending.subarray(0, length));
      this.#pending = this.#pending.subarray(length);
    }
    return this.#read;
  }
}

/** MQTT 3.1.1 section 2.2.3: whole length of the packet that begins here; undefined: not yet known. */
function packetLength(bytes: Buffer): number | undefined {
  let remaining = 0;
  for (let digit = 0; digit < 4; digit++) {
    const byte = bytes[1 + digit];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 128 ** digit;
    if (byte < 0x80) return 2 + digit + remaining;
  }
  throw new UnreadablePacket('a remaining length of more than four bytes');
}

export function toBytes(packet: Packet): Buffer {
  return mqttPacket.generate(packet);
}

/** For a person: what a packet says, without its payload. */
export function describe(packet: Packet): string {
  const { cmd, messageId = '' } = packet;
  if (cmd === 'connect') {
    const { clientId, clean, keepalive } = packet;
    return `CONNECT ${clientId} clean=${clean} keep-alive ${keepalive} s`;
  }
  if (cmd === 'connack') {
    return `CONNACK ${packet.returnCode} session-present=${packet.sessionPresent}`;
  }
  if (cmd === 'publish') {
    const { qos, dup, retain, topic, payload } = packet;
    const flags = `q${qos}${dup ? ' DUP' : ''}${retain ? ' retain' : ''}`;
    return `PUBLISH ${messageId} ${flags} ${topic} (${payload.length} bytes)`;
  }
  if (cmd === 'subscribe') {
    return `SUBSCRIBE ${messageId} ${packet.subscriptions.map(({ topic }) => topic).join(' ')}`;
  }
  if (cmd === 'unsubscribe') return `UNSUBSCRIBE ${messageId} ${packet.unsubscriptions.join(' ')}`;
  return `${cmd.toUpperCase()} ${messageId}`.trim();
}
