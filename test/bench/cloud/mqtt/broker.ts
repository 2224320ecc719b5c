// Who is connected, who is remembered, and where a message goes. Knows no socket; time comes in.
// Pages mqtt, life-cycle-events, reserved-topics.
import type { Certificate } from '../certificates/registry.ts';
import type { FaultBook } from '../faults.ts';
import type { Kept, Shelved } from '../keep.ts';
import type { Limits } from '../limits.ts';
import type { Publication, Requester, Service } from '../services.ts';
import { Connection } from './connection.ts';
import type { Link } from './connection.ts';
import { Session } from './session.ts';
import type { DisconnectReason, LifecycleEvent, Message } from './wire.ts';

export interface BrokerOptions {
  readonly limits: Limits;
  readonly faults: FaultBook;
  readonly services: readonly Service[];
  readonly kept: Kept;
  readonly unauthorisedSubscribe: 'close' | 'suback-128';
  readonly subscriptionLagMs: number;
  /** Milliseconds since 1970 by the cloud's clock. */
  readonly nowMs: () => number;
  /** Performs something after so many real milliseconds, unless the cloud is closed by then. */
  readonly later: (ms: number, task: () => void) => void;
  readonly say: (line: string) => void;
}

/** A persistent session as it is kept; what waits for it lies on its shelf. */
interface SavedSession {
  readonly clientId: string;
  readonly subscriptions: readonly (readonly [
    string,
    { readonly qos: 0 | 1; readonly fromMs: number },
  ])[];
  readonly absentSinceMs?: number;
}

interface Leaving {
  readonly reason: DisconnectReason;
  readonly why: string;
  readonly wasUp: boolean;
}

export class Broker {
  readonly limits: Limits;
  readonly faults: FaultBook;
  readonly unauthorisedSubscribe: 'close' | 'suback-128';
  readonly subscriptionLagMs: number;
  readonly nowMs: () => number;
  readonly later: (ms: number, task: () => void) => void;
  readonly say: (line: string) => void;
  readonly connections = new Set<Connection>();
  readonly sessions = new Map<string, Session>();
  readonly messages: Message[] = [];
  readonly events: LifecycleEvent[] = [];
  /** Called when a client has published something, come or gone. */
  onChange: () => void = () => {};
  /** Called when a client is connected: a rule on `$aws/events/presence/connected/#` at AWS. */
  onArrival: (certificate: Certificate) => void = () => {};
  readonly #services: readonly Service[];
  readonly #kept: Kept;
  readonly #retained = new Map<string, Message>();
  readonly #connectedMs = new Map<string, number>();
  /** Requests whose answer is late, by thing and service. */
  readonly #waiting = new Map<string, number>();
  readonly #up = new Map<string, Connection>();

  constructor(options: BrokerOptions) {
    this.limits = options.limits;
    this.faults = options.faults;
    this.unauthorisedSubscribe = options.unauthorisedSubscribe;
    this.subscriptionLagMs = options.subscriptionLagMs;
    this.nowMs = options.nowMs;
    this.later = options.later;
    this.say = options.say;
    this.#services = options.services;
    this.#kept = options.kept;
  }

  /** What has changed is kept: to be called before anybody is told of it. */
  commit(): void {
    this.#kept.commit();
  }

  /** As it is kept. Retained messages are not: units neither send nor get any. */
  save(): readonly SavedSession[] {
    return [...this.sessions]
      .filter(([, { clean }]) => !clean)
      .map(([clientId, { subscriptions, absentSinceMs }]) => ({
        clientId,
        subscriptions: [...subscriptions],
        ...(absentSinceMs !== undefined && { absentSinceMs }),
      }));
  }

  /** From an earlier life: whoever was connected is absent from now on. */
  load(saved: readonly SavedSession[], shelved: (clientId: string) => readonly Shelved[]): void {
    for (const { clientId, subscriptions, absentSinceMs = this.nowMs() } of saved) {
      const shelf = this.#kept.shelf(clientId);
      const session = new Session(this.limits, { clean: false, shelf, stored: shelved(clientId) });
      for (const [filter, subscription] of subscriptions) session.subscribe(filter, subscription);
      session.absentSinceMs = absentSinceMs;
      this.sessions.set(clientId, session);
    }
  }

  /** A transport with a known certificate; what it carries is given to the connection. */
  accept(link: Link, certificate: Certificate): Connection {
    const connection = new Connection(this, link, certificate);
    this.connections.add(connection);
    return connection;
  }

  connectionOf(clientId: string): Connection | undefined {
    return this.#up.get(clientId);
  }

  /** How long ago this client id was last accepted. */
  sinceConnect(clientId: string): number {
    return this.nowMs() - (this.#connectedMs.get(clientId) ?? Number.NEGATIVE_INFINITY);
  }

  /** Gives a client its session. Page mqtt: a connection with the same client id is closed. */
  admit(
    connection: Connection,
    clean: boolean,
  ): { readonly session: Session; readonly isPresent: boolean } {
    const { clientId } = connection;
    this.connectionOf(clientId)?.close('DUPLICATE_CLIENTID', 'the client id connected again');
    if (this.#connectedMs.size >= this.limits.registryMax) this.#connectedMs.clear();
    this.#connectedMs.set(clientId, this.nowMs());
    const known = this.sessions.get(clientId);
    const isPresent = known !== undefined && !clean && !this.#isExpired(known);
    if (!isPresent) this.#kept.clearShelf(clientId);
    const session = isPresent
      ? known
      : new Session(this.limits, { clean, shelf: this.#kept.shelf(clientId) });
    session.absentSinceMs = undefined;
    this.sessions.set(clientId, session);
    this.#up.set(clientId, connection);
    return { session, isPresent };
  }

  arrived({ clientId, certificate }: Connection): void {
    this.#note({ clientId, eventType: 'connected', principalIdentifier: certificate.id });
    this.onArrival(certificate);
  }

  left(connection: Connection, { reason, why, wasUp }: Leaving): void {
    this.connections.delete(connection);
    const { clientId, certificate } = connection;
    const eventType = wasUp ? 'disconnected' : 'refused';
    if (wasUp) {
      this.#up.delete(clientId);
      this.#leaveSession(clientId);
    }
    this.#note({
      clientId,
      eventType,
      principalIdentifier: certificate.id,
      disconnectReason: reason,
      why,
    });
  }

  #leaveSession(clientId: string): void {
    const session = this.sessions.get(clientId);
    if (session?.clean === true) this.sessions.delete(clientId);
    session?.leave(this.nowMs());
  }

  /** A client's message, already judged: keeps it, hands it on, and lets the services answer. */
  take(message: Message, from: Connection): void {
    this.#keep(message);
    this.route(message);
    if (!message.topic.startsWith('$')) return;
    const { certificate, clientId } = from;
    const by: Requester = { clientId, certificate };
    this.serve(message, by, (publication) => this.#perform(publication, from));
  }

  /** A message that came over HTTPS. */
  takeUnconnected(message: Message): void {
    this.#keep(message);
    this.route(message);
  }

  /** Lets the service that knows the topic answer, as the faults will have it. */
  serve(
    { topic, payload }: Pick<Message, 'topic' | 'payload'>,
    by: Requester,
    perform: (publication: Publication) => void,
  ): void {
    const { clientId } = by;
    const fault = this.faults.take('request', { clientId, topic });
    const request = { topic, payload, by, nowMs: this.nowMs(), waiting: 0 };
    const service = this.#services.find((service) => service.serves(topic));
    if (service === undefined) return;
    const isLate = fault?.do === 'delay-answer';
    const place = topic.split('/').slice(0, 4).join('/');
    const waiting = this.#waiting.get(place) ?? 0;
    const answers =
      fault?.do === 'reject'
        ? service.reject(request, fault.error)
        : service.handle({ ...request, waiting });
    this.#kept.commit();
    if (isLate) this.#waiting.set(place, waiting + 1);
    for (const answer of answers) {
      // What others are told is not the answer: only that one is lost or late.
      const isAnswer = answer.to !== 'subscribers' || /\/(accepted|rejected)$/.test(answer.topic);
      if (isAnswer && fault?.do === 'lose-answer') continue;
      if (!isAnswer || !isLate) perform(answer);
      else {
        this.later(fault.ms, () => {
          this.#waiting.set(place, (this.#waiting.get(place) ?? 1) - 1);
          perform(answer);
        });
      }
    }
  }

  /** What a service publishes of its own accord, or because of a request over HTTPS. */
  tellSubscribers(publications: readonly Publication[]): void {
    for (const publication of publications) this.route(this.#messageOf(publication));
  }

  #messageOf({ topic, body }: Publication): Message {
    const payload = Buffer.from(JSON.stringify(body));
    return { topic, payload, qos: 1, retain: false, from: 'cloud', atMs: this.nowMs() };
  }

  #perform(publication: Publication, requester: Connection): void {
    const { to } = publication;
    const message = this.#messageOf(publication);
    if (to === 'subscribers') return this.route(message);
    // Page jobs-mqtt-api: sent to the requester whether it is subscribed or not.
    return requester.deliver(message, to === 'requester-unasked');
  }

  /** To everyone who is subscribed, present or not. */
  route(message: Message): void {
    if (message.retain) this.#retain(message);
    const plain = { ...message, retain: false };
    for (const [clientId, session] of this.sessions) {
      const connection = this.connectionOf(clientId);
      if (connection !== undefined) connection.deliver(plain);
      else {
        const subscribed = session.qosFor(message.topic, this.nowMs());
        if (subscribed === undefined) continue;
        session.offer({ ...plain, qos: Math.min(subscribed, message.qos) as 0 | 1 }, this.nowMs());
      }
    }
  }

  bringRetained(filter: string, to: Connection): void {
    const message = this.#retained.get(filter);
    if (message !== undefined) to.deliver(message);
  }

  /** What is due by the cloud's clock. */
  tick(nowMs: number): void {
    for (const connection of this.connections) connection.tick(nowMs);
    for (const [clientId, session] of this.sessions) {
      if (!this.#isExpired(session)) continue;
      this.sessions.delete(clientId);
      this.#kept.clearShelf(clientId);
    }
  }

  #isExpired({ absentSinceMs }: Session): boolean {
    return (
      absentSinceMs !== undefined && this.nowMs() - absentSinceMs > this.limits.sessionExpiryMs
    );
  }

  #retain(message: Message): void {
    if (message.payload.length === 0) this.#retained.delete(message.topic);
    else if (this.#retained.size < this.limits.registryMax)
      this.#retained.set(message.topic, message);
  }

  #keep(message: Message): void {
    this.messages.push(message);
    this.#kept.keepMessage(message);
    if (this.messages.length > this.limits.historyMax) {
      this.messages.shift();
      this.#kept.forgetMessages(this.limits.historyMax);
    }
    this.onChange();
  }

  #note(event: Omit<LifecycleEvent, 'timestamp'>): void {
    const noted = { ...event, timestamp: this.nowMs() };
    this.events.push(noted);
    if (this.events.length > this.limits.historyMax) this.events.shift();
    this.onChange();
    if (event.eventType === 'refused') return;
    // Page life-cycle-events; a 3.1.1 client is not told the reason any other way.
    const topic = `$aws/events/presence/${event.eventType}/${event.clientId}`;
    const payload = Buffer.from(JSON.stringify({ ...noted, why: undefined }));
    this.route({ topic, payload, qos: 1, retain: false, from: 'cloud', atMs: noted.timestamp });
  }
}
