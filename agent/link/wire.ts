// Topics and envelopes of the unit's own messages (docs: agent/README.md, "Messages"), and the two
// MQTT packets that are sent again by hand. Pure.
import * as v from 'valibot';
import type { Command } from '../core/commands.ts';

/** AWS IoT delivers 128 KiB at most. */
const PAYLOAD_BYTES_MAX = 128 * 1024;

const SERVICE = /^[a-z0-9-]{1,32}$/;

/** What a command looks like; anything else is junk, acknowledged and dropped. */
const CommandMessage = v.object({
  v: v.literal(1),
  id: v.pipe(v.string(), v.regex(/^[0-9A-Za-z-]{1,64}$/)),
  kind: v.pipe(v.string(), v.regex(/^[a-z0-9.-]{1,64}$/)),
  body: v.optional(v.unknown()),
  /** A key order dies in seconds; what has no date is never too late. */
  expiresAt: v.optional(v.pipe(v.string(), v.maxLength(40), v.isoTimestamp())),
});

export const commandFilter = (thing: string): string => `clock/v1/${thing}/command/+`;

/** undefined: not a command for this thing. */
export function parseCommand(
  thing: string,
  message: { readonly topic: string; readonly payload: Buffer },
): Command | undefined {
  const prefix = `clock/v1/${thing}/command/`;
  const service = message.topic.startsWith(prefix) ? message.topic.slice(prefix.length) : '';
  if (!SERVICE.test(service) || message.payload.length > PAYLOAD_BYTES_MAX) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(message.payload.toString('utf8'));
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(CommandMessage, json);
  if (!parsed.success) return undefined;
  const { id, kind, body, expiresAt } = parsed.output;
  const expiresMs = expiresAt === undefined ? undefined : Date.parse(expiresAt);
  return { id, service, kind, body, expiresMs };
}

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
