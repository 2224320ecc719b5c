// The unit's messages to the cloud: their lanes, envelope and identifiers (docs: agent/README.md,
// "Messages"). Pure.

/**
 * In the order of sending: work and health never wait behind a backlog of the others. What each may
 * hold is outbox/limits.ts.
 */
export const LANES = ['work', 'health', 'business', 'records'] as const;
export type Lane = (typeof LANES)[number];

/** What must reach the cloud. */
export interface Message {
  /** Unique for ever: the receiver drops what it has seen. */
  readonly id: string;
  readonly lane: Lane;
  readonly topic: string;
  readonly payload: Buffer;
  /** When it was made, by the unit's clock: milliseconds since 1970. */
  readonly atMs: number;
  /** As in `Said`. */
  readonly share?: string;
}

/** What a capability says; id, time and thing are added where all is wired. */
export interface Said {
  readonly direction: 'event' | 'result';
  readonly lane: Lane;
  readonly service: string;
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
  /**
   * Whose share of the lane it takes: what is only told, of which the oldest goes when more waits than one may have
   * (outbox/limits.ts). Without it the message is nobody's, and is never dropped for another.
   */
  readonly share?: string;
}
export type MakeMessage = (said: Said) => Message;

/** A UUID of version 7 (RFC 9562, 5.7): sorts by time, and two units never make the same. */
export function uuidV7(wallMs: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(wallMs / 2 ** 32));
  view.setUint32(2, wallMs % 2 ** 32);
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...parts, hex.slice(20)].join('-');
}

/** `clock/v1/<thing>/<direction>/<service>` with `{ v, id, at, service, kind, body }`. */
export function envelope(
  options: Said & { readonly id: string; readonly thing: string; readonly atMs: number },
): Message {
  const { id, thing, direction, lane, service, kind, atMs, body, share } = options;
  const at = new Date(atMs).toISOString();
  return {
    id,
    lane,
    atMs,
    topic: `clock/v1/${thing}/${direction}/${service}`,
    payload: Buffer.from(JSON.stringify({ v: 1, id, at, service, kind, body })),
    ...(share !== undefined && { share }),
  };
}
