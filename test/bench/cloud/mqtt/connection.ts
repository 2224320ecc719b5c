// One client's MQTT connection: judges its packets, answers them, and asks the broker for the rest.
// Knows no socket: a Link carries its packets.
import type { Certificate } from '../certificates/registry.ts';
import type { FaultBook } from '../faults.ts';
import type { Limits } from '../limits.ts';
import type { Broker } from './broker.ts';
import {
  CONNACK,
  PerSecond,
  judgeConnect,
  judgePublish,
  judgeSubscribe,
  keepAliveMs,
} from './rules.ts';
import type { Standing, Verdict } from './rules.ts';
import { allows } from './policy.ts';
import type { Session } from './session.ts';
import { describe } from './wire.ts';
import type { Connect, DisconnectReason, Message, Packet, Publish, Subscribe } from './wire.ts';

/** What carries the packets of one connection. */
export interface Link {
  readonly port: 'mqtt' | 'alpn' | 'https';
  send(packet: Packet): void;
  /** Ends the transport, after what was sent. */
  end(): void;
}

/** The will, which is published when the client goes without DISCONNECT. */
type Will = Pick<Message, 'topic' | 'payload' | 'qos' | 'retain'>;

type State =
  | { readonly at: 'new' }
  | {
      readonly at: 'up';
      readonly session: Session;
      readonly keepAliveMs: number;
      readonly will: Will | undefined;
    }
  | { readonly at: 'closed' };

export class Connection {
  readonly certificate: Certificate;
  readonly link: Link;
  readonly sinceMs: number;
  clientId = '';
  keepAliveSeconds = 0;
  received = 0;
  sent = 0;
  readonly #broker: Broker;
  readonly #limits: Limits;
  readonly #faults: FaultBook;
  readonly #publishes = new PerSecond();
  readonly #unanswered = new Set<number>();
  readonly #heldBack: Publish[] = [];
  #state: State = { at: 'new' };
  #heardMs: number;

  constructor(broker: Broker, link: Link, certificate: Certificate) {
    this.#broker = broker;
    this.#limits = broker.limits;
    this.#faults = broker.faults;
    this.link = link;
    this.certificate = certificate;
    this.sinceMs = broker.nowMs();
    this.#heardMs = this.sinceMs;
  }

  get session(): Session | undefined {
    return this.#state.at === 'up' ? this.#state.session : undefined;
  }
  get isClosed(): boolean {
    return this.#state.at === 'closed';
  }

  /** A packet has arrived. */
  receive(packet: Packet): void {
    if (this.#state.at === 'closed' || this.#isDead()) return;
    this.received += 1;
    this.#broker.say(`${this.#name(packet)} → ${describe(packet)}`);
    const topic = packet.cmd === 'publish' ? packet.topic : undefined;
    const clientId = packet.cmd === 'connect' ? packet.clientId : this.clientId;
    const fault = this.#faults.take('receive', {
      ...this.#who(clientId),
      packet: packet.cmd,
      topic,
    });
    if (fault?.do === 'drop') return this.close('CONNECTION_LOST', 'a scripted fault');
    if (fault?.do === 'throttle') return this.close('THROTTLED', 'a scripted fault');
    if (fault?.do === 'swallow') return undefined;
    // Quotas: these four restart the keep-alive timer (PUBLISH, SUBSCRIBE, PINGREQ, PUBACK).
    if (/^(connect|publish|subscribe|pingreq|puback)$/.test(packet.cmd)) {
      this.#heardMs = this.#broker.nowMs();
    }
    return this.#answer(packet);
  }

  #answer(packet: Packet): void {
    if (packet.cmd === 'connect') return this.#connect(packet);
    if (this.#state.at !== 'up') {
      return this.close('CLIENT_ERROR', `${packet.cmd} before CONNECT was answered`);
    }
    switch (packet.cmd) {
      case 'publish':
        return this.#publish(packet);
      case 'subscribe':
        return this.#subscribe(packet);
      case 'unsubscribe':
        for (const filter of packet.unsubscriptions)
          this.#state.session.subscriptions.delete(filter);
        return this.#send({ cmd: 'unsuback', messageId: packet.messageId!, granted: [] });
      case 'puback':
        return this.#state.session.acknowledge(packet.messageId ?? 0);
      case 'pingreq':
        return this.#send({ cmd: 'pingresp' });
      case 'disconnect':
        return this.close('CLIENT_INITIATED_DISCONNECT', 'DISCONNECT');
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
      case 'connack':
      case 'suback':
      case 'unsuback':
      case 'pingresp':
      case 'auth':
        return this.close('CLIENT_ERROR', `a client does not send ${packet.cmd}`);
    }
  }

  #connect(packet: Connect): void {
    if (this.#state.at !== 'new') return this.close('CLIENT_ERROR', 'a second CONNECT');
    const { clientId, will } = packet;
    this.clientId = clientId;
    const fault = this.#faults.take('connect', this.#who(clientId));
    const verdict: Verdict =
      fault === undefined
        ? judgeConnect(packet, this.#standing(), this.#broker.sinceConnect(clientId))
        : { is: 'refused', code: fault.code, why: 'a scripted fault' };
    if (!this.#stands(verdict)) return undefined;
    if (will?.qos === 2) return this.close('CLIENT_ERROR', 'a will of QoS 2');
    const { session, isPresent } = this.#broker.admit(this, packet.clean ?? true);
    this.keepAliveSeconds = packet.keepalive ?? 0;
    this.#state = {
      at: 'up',
      session,
      keepAliveMs: keepAliveMs(this.keepAliveSeconds, this.#limits),
      will: will && {
        topic: will.topic,
        payload: Buffer.from(will.payload),
        qos: will.qos === 1 ? 1 : 0,
        retain: will.retain ?? false,
      },
    };
    this.#send({ cmd: 'connack', returnCode: 0, sessionPresent: isPresent });
    this.#broker.arrived(this);
    // Page mqtt: stored messages come right after CONNACK.
    return this.tick(this.#broker.nowMs());
  }

  #publish(packet: Publish): void {
    const { topic, qos, retain, messageId = 0 } = packet;
    if (!this.#stands(judgePublish(packet, this.#standing()))) return;
    const nowMs = this.#broker.nowMs();
    const max = this.#limits.publishesPerSecondMax;
    if (!this.#publishes.takes(1, { max, nowMs })) {
      return this.#broker.say(`${this.#name()} · discarded: more than ${max} PUBLISH a second`);
    }
    if (qos === 1) {
      const isFull = this.#unanswered.size >= this.#limits.unacknowledgedMax;
      if (isFull && !this.#unanswered.has(messageId)) {
        return this.#broker.say(`${this.#name()} · discarded: too many without PUBACK`);
      }
      this.#unanswered.add(messageId);
    }
    const payload = Buffer.from(packet.payload);
    // Retain means: keep it. Who is subscribed now gets it as an ordinary message.
    const message = {
      topic,
      payload,
      qos: qos === 1 ? 1 : 0,
      retain,
      from: this.clientId,
      atMs: nowMs,
    };
    this.#broker.take(message as Message, this);
    if (qos === 1) this.#send({ cmd: 'puback', messageId });
    return undefined;
  }

  #subscribe(packet: Subscribe): void {
    const { session } = this;
    if (session === undefined) return;
    const standing = this.#standing();
    const { verdict, forbidden } = judgeSubscribe(packet, standing, session.subscriptions);
    if (!this.#stands(verdict)) return;
    if (forbidden.size > 0 && this.#broker.unauthorisedSubscribe === 'close') {
      return this.close('AUTH_ERROR', `policy: iot:Subscribe to ${[...forbidden].join(' ')}`);
    }
    const nowMs = this.#broker.nowMs();
    const granted = packet.subscriptions.map(({ topic, qos }) => {
      if (forbidden.has(topic)) return 0x80;
      const fromMs = nowMs + this.#broker.subscriptionLagMs;
      session.subscribe(topic, { qos: qos === 1 ? 1 : 0, fromMs });
      return qos;
    });
    this.#send({ cmd: 'suback', messageId: packet.messageId!, granted });
    for (const [index, { topic }] of packet.subscriptions.entries()) {
      // Page mqtt: a filter with a wildcard brings no retained messages.
      if (granted[index] !== 0x80) this.#broker.bringRetained(topic, this);
    }
    return undefined;
  }

  /** Hands a message to the client if its policy lets it receive it; `isDirect`: unasked for. */
  deliver(message: Message, isDirect = false): void {
    if (this.#state.at !== 'up') return;
    const { session } = this.#state;
    const nowMs = this.#broker.nowMs();
    const subscribed = isDirect ? message.qos : session.qosFor(message.topic, nowMs);
    if (subscribed === undefined) return;
    const { policy, principal } = this.#standing();
    if (!allows(policy, { action: 'iot:Receive', topic: message.topic }, principal)) return;
    const qos = Math.min(subscribed, message.qos) as 0 | 1;
    const packet = session.offer({ ...message, qos }, nowMs);
    if (packet !== undefined) this.#deliverPacket(packet);
  }

  #deliverPacket(packet: Publish): void {
    const fault = this.#faults.take('deliver', { ...this.#who(), topic: packet.topic });
    if (fault?.do === 'reorder') {
      this.#heldBack.push(packet);
      if (this.#heldBack.length < fault.count) return;
      for (const held of this.#heldBack.splice(0).toReversed()) this.#send(held);
      return;
    }
    this.#send(packet);
    if (fault?.do === 'repeat') this.#send(this.session!.copyOf(packet, this.#broker.nowMs()));
  }

  /** What is due by now: stored messages, repeats, and the end of a silent client. */
  tick(nowMs: number): void {
    const state = this.#state;
    if (state.at === 'closed') return;
    const silentMs = nowMs - this.#heardMs;
    if (state.at === 'new') {
      if (silentMs > this.#limits.connectTimeoutMs) this.close('CLIENT_ERROR', 'no CONNECT');
      return;
    }
    if (silentMs > state.keepAliveMs) {
      return this.close('MQTT_KEEP_ALIVE_TIMEOUT', `silent for ${Math.round(silentMs / 1_000)} s`);
    }
    for (const packet of state.session.due(nowMs)) this.#deliverPacket(packet);
  }

  /** Ends the connection for a reason; the second time, nothing. */
  close(reason: DisconnectReason, why: string): void {
    const state = this.#state;
    if (state.at === 'closed') return;
    this.#state = { at: 'closed' };
    this.#broker.say(`${this.#name()} · closed: ${reason}, ${why}`);
    if (!this.#isDead()) this.link.end();
    this.#broker.left(this, { reason, why, wasUp: state.at === 'up' });
    const will = state.at === 'up' ? state.will : undefined;
    if (will === undefined || reason === 'CLIENT_INITIATED_DISCONNECT') return;
    const asPublish: Publish = { cmd: 'publish', dup: false, ...will };
    if (judgePublish(asPublish, this.#standing()).is !== 'ok') return;
    this.#broker.take({ ...will, from: this.clientId, atMs: this.#broker.nowMs() }, this);
  }

  /** Performs a verdict; whether to go on. */
  #stands(verdict: Verdict): boolean {
    switch (verdict.is) {
      case 'ok':
        return true;
      case 'ignored':
        this.#broker.say(`${this.#name()} · ignored: ${verdict.why}`);
        return false;
      case 'closed':
        this.close(verdict.reason, verdict.why);
        return false;
      case 'refused': {
        this.#send({ cmd: 'connack', returnCode: verdict.code, sessionPresent: false });
        const isForbidden = verdict.code === CONNACK.notAuthorised;
        this.close(isForbidden ? 'AUTH_ERROR' : 'CLIENT_ERROR', verdict.why);
        return false;
      }
    }
  }

  #send(packet: Packet): void {
    if (this.#state.at === 'closed' || this.#isDead()) return;
    const topic = packet.cmd === 'publish' ? packet.topic : undefined;
    const fault = this.#faults.take('send', { ...this.#who(), packet: packet.cmd, topic });
    if (fault?.do === 'swallow') {
      return this.#broker.say(`${this.#name()} · swallowed: ${describe(packet)}`);
    }
    if (fault?.do === 'drop') return this.close('CONNECTION_LOST', 'a scripted fault');
    if (fault?.do === 'delay') return this.#broker.later(fault.ms, () => this.#sendNow(packet));
    return this.#sendNow(packet);
  }

  #sendNow(packet: Packet): void {
    if (this.#state.at === 'closed') return;
    if (packet.cmd === 'puback') this.#unanswered.delete(packet.messageId!);
    if (/^(connack|suback|unsuback)$/.test(packet.cmd)) this.#broker.commit();
    this.sent += 1;
    this.#broker.say(`${this.#name()} ← ${describe(packet)}`);
    this.link.send(packet);
  }

  #isDead(): boolean {
    return this.#faults.take('link', this.#who()) !== undefined;
  }

  #who(clientId = this.clientId): { readonly clientId: string; readonly port: Link['port'] } {
    return { clientId, port: this.link.port };
  }

  #name(packet?: Packet): string {
    return (packet?.cmd === 'connect' ? packet.clientId : this.clientId) || this.link.port;
  }

  #standing(): Standing {
    const { policy, policyFromMs, thing, commonName } = this.certificate;
    return {
      limits: this.#limits,
      policy: this.#broker.nowMs() < policyFromMs ? undefined : policy,
      principal: { clientId: this.clientId, thing, commonName },
    };
  }
}
