// What a capability that talks to AWS IoT looks like to the link, and the link to it. Types only.

export interface Arrived {
  readonly topic: string;
  readonly payload: Buffer;
}

/** Shadows, jobs and the like. The link calls, the capability answers; neither throws. */
export interface Remote {
  /** What it listens to; the same for the life of the process. */
  readonly filters: readonly string[];
  /** AWS answers some requests without a subscription: the topic alone says whose it is. */
  owns(topic: string): boolean;
  /** Resolves when it is safe and the broker may forget it; rejects when the card does not take it. */
  receive(message: Arrived): Promise<void>;
  /** Connected, and every filter granted: now a question gets its answer. For every connection anew. */
  up(): void;
  /** Not connected for questions any more; what was asked is not answered. */
  down(): void;
}

/**
 * Sends now, QoS 1, and keeps nothing: false when there is no connection for it or too much waits
 * already. What must arrive goes through the outbox (core/records.ts) instead.
 */
export type Send = (topic: string, body: object) => boolean;
