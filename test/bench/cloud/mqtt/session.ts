// What the broker remembers of a client: subscriptions, what it has not acknowledged, what waits for
// it. Outlives the connection when the client asked for it. No I/O; time is a parameter.
// Pages mqtt ("MQTT persistent sessions"), quotas.
import type { Limits } from '../limits.ts';
import { PerSecond } from './rules.ts';
import { matches } from './topics.ts';
import type { Message, Publish } from './wire.ts';

/** Where a persistent session's QoS 1 messages lie until they are acknowledged. */
export interface Shelf {
  put(message: Message): number;
  drop(key: number): void;
}

interface Held {
  readonly message: Message;
  /** On the shelf. */
  readonly key: number;
}

interface Flight extends Held {
  readonly firstMs: number;
  sentMs: number;
  /** Every packet id it went out under: an acknowledgement of any of them counts. */
  readonly ids: number[];
}

interface Subscription {
  readonly qos: 0 | 1;
  /** From then on it is in force: AWS says there is a delay after SUBACK. */
  readonly fromMs: number;
}

export class Session {
  readonly subscriptions = new Map<string, Subscription>();
  readonly #limits: Limits;
  readonly #shelf: Shelf;
  readonly #stored: Held[] = [];
  readonly #flights = new Set<Flight>();
  #lastId = 0;
  #outgoing = new PerSecond();
  #resumed = new PerSecond();
  /** Since when there is no connection; undefined while there is one. */
  absentSinceMs: number | undefined;
  readonly clean: boolean;

  /** With what waited for it in an earlier life. */
  constructor(
    limits: Limits,
    options: {
      readonly clean: boolean;
      readonly shelf: Shelf;
      readonly stored?: readonly Held[];
    },
  ) {
    this.#limits = limits;
    this.clean = options.clean;
    this.#shelf = options.shelf;
    this.#stored.push(...(options.stored ?? []));
  }

  get storedCount(): number {
    return this.#stored.length;
  }
  /** What this client has not acknowledged yet, sent or not. */
  get held(): readonly Message[] {
    return [...this.#flights, ...this.#stored].map(({ message }) => message);
  }
  get unacknowledged(): number {
    return this.#flights.size;
  }

  subscribe(filter: string, subscription: Subscription): void {
    this.subscriptions.set(filter, subscription);
  }

  /** The QoS a topic is subscribed with, the highest of all matching filters; undefined: it is not. */
  qosFor(topic: string, nowMs: number): 0 | 1 | undefined {
    let found: 0 | 1 | undefined;
    for (const [filter, { qos, fromMs }] of this.subscriptions) {
      if (fromMs <= nowMs && matches(filter, topic) && found !== 1) found = qos;
    }
    return found;
  }

  /** The packet to send now, or nothing: absent, discarded, or kept for later. */
  offer(message: Message, nowMs: number): Publish | undefined {
    if (this.absentSinceMs !== undefined) {
      // Page mqtt: only QoS 1 is stored, and only for a persistent session.
      const isKept =
        message.qos === 1 && !this.clean && this.#stored.length < this.#limits.storedMax;
      if (isKept) this.#store(message);
      return undefined;
    }
    const { unacknowledgedMax, publishesPerSecondMax: max } = this.#limits;
    if (message.qos === 1 && this.#flights.size >= unacknowledgedMax) {
      this.#store(message);
      return undefined;
    }
    if (!this.#outgoing.takes(1, { max, nowMs })) return undefined;
    const key = message.qos === 1 ? this.#keep(message) : 0;
    return this.#packet({ message, key }, nowMs);
  }

  #store(message: Message): void {
    this.#stored.push({ message, key: this.#keep(message) });
  }

  #keep(message: Message): number {
    return this.clean ? 0 : this.#shelf.put(message);
  }

  #land(flight: Flight): void {
    this.#flights.delete(flight);
    if (!this.clean) this.#shelf.drop(flight.key);
  }

  acknowledge(id: number): void {
    for (const flight of this.#flights) {
      if (flight.ids.includes(id)) this.#land(flight);
    }
  }

  /** The connection is gone: what it did not acknowledge comes first next time. */
  leave(nowMs: number): void {
    this.absentSinceMs = nowMs;
    if (!this.clean) this.#stored.unshift(...this.#flights);
    this.#flights.clear();
  }

  /** Stored messages whose turn it is, and unacknowledged ones again. Quotas: 10 a second. */
  due(nowMs: number): Publish[] {
    if (this.absentSinceMs !== undefined) return [];
    const packets: Publish[] = [];
    const { unacknowledgedMax, storedPerSecondMax: max } = this.#limits;
    while (
      this.#stored.length > 0 &&
      this.#flights.size < unacknowledgedMax &&
      this.#resumed.takes(1, { max, nowMs })
    ) {
      packets.push(this.#packet(this.#stored.shift()!, nowMs));
    }
    return [...packets, ...this.#again(nowMs)];
  }

  /** Page mqtt: a repeat may carry another packet id and no DUP. */
  #again(nowMs: number): Publish[] {
    const packets: Publish[] = [];
    for (const flight of this.#flights) {
      if (nowMs - flight.firstMs > this.#limits.redeliverForMs) this.#land(flight);
      else if (nowMs - flight.sentMs >= this.#limits.redeliverEveryMs) {
        packets.push(this.#repeat(flight, nowMs));
      }
    }
    return packets;
  }

  /** Another copy of a packet just made, for a QoS 1 message under an id of its own. */
  copyOf(packet: Publish, nowMs: number): Publish {
    const flight = [...this.#flights].find(({ ids }) => ids.includes(packet.messageId ?? 0));
    return flight === undefined ? { ...packet } : this.#repeat(flight, nowMs);
  }

  #repeat(flight: Flight, nowMs: number): Publish {
    const id = this.#nextId();
    flight.ids.push(id);
    flight.sentMs = nowMs;
    return publishOf(flight.message, id);
  }

  #packet({ message, key }: Held, nowMs: number): Publish {
    if (message.qos === 0) return publishOf(message);
    const id = this.#nextId();
    this.#flights.add({ message, key, firstMs: nowMs, sentMs: nowMs, ids: [id] });
    return publishOf(message, id);
  }

  #nextId(): number {
    const taken = new Set([...this.#flights].flatMap(({ ids }) => ids));
    do this.#lastId = (this.#lastId % 0xffff) + 1;
    while (taken.has(this.#lastId));
    return this.#lastId;
  }
}

function publishOf({ topic, payload, qos, retain }: Message, messageId?: number): Publish {
  const packet: Publish = { cmd: 'publish', topic, payload, qos, retain, dup: false };
  return messageId === undefined ? packet : { ...packet, messageId };
}
