// The two MQTT packets that are sent again by hand (MQTT 3.1.1, 4.4). Pure.

/** A PUBLISH with QoS 1 and DUP (MQTT 3.1.1, 3.3). */
export function encodePublishAgain(packet: {
  readonly messageId: number;
  readonly topic: string;
  readonly payload: Buffer;
}): Buffer {
  const { messageId, topic, payload } = packet;
  return encode(0x3a, Buffer.concat([text(topic), uint16(messageId), payload]));
}

/** A SUBSCRIBE with QoS 1 for every filter (MQTT 3.1.1, 3.8). */
export function encodeSubscribe(packet: {
  readonly messageId: number;
  readonly filters: readonly string[];
}): Buffer {
  const filters = packet.filters.flatMap((filter) => [text(filter), Buffer.of(1)]);
  return encode(0x82, Buffer.concat([uint16(packet.messageId), ...filters]));
}

/** The remaining length is in sevens of bits, the lowest first (MQTT 3.1.1, 2.2.3). */
function encode(header: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let left = body.length; left > 0 || length.length === 0; left >>= 7) {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
  }
  return Buffer.concat([Buffer.of(header, ...length), body]);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint16(bytes.length), bytes]);
}
