// What AWS IoT lets a client do: each function judges one packet. Pure.
// Pages mqtt, limits (https://docs.aws.amazon.com/general/latest/gr/iot-core.html), life-cycle-events.
import type { Limits } from '../limits.ts';
import { allows } from './policy.ts';
import type { PolicyDocument, Principal } from './policy.ts';
import { filterProblem, isPublishable, topicProblem } from './topics.ts';
import type { Connect, DisconnectReason, Publish, Subscribe } from './wire.ts';

export type Verdict =
  | { readonly is: 'ok' }
  /** As if it had never arrived: no answer, connection stays. */
  | { readonly is: 'ignored'; readonly why: string }
  | { readonly is: 'closed'; readonly reason: DisconnectReason; readonly why: string }
  /** CONNACK with this code, then closed. */
  | { readonly is: 'refused'; readonly code: number; readonly why: string };

export interface Standing {
  readonly limits: Limits;
  readonly policy: PolicyDocument | undefined;
  readonly principal: Principal;
}

const OK: Verdict = { is: 'ok' };
const closed = (reason: DisconnectReason, why: string): Verdict => ({ is: 'closed', reason, why });

/** MQTT 3.1.1 section 3.2.2.3, and 7, with which AWS says "not authorised" (page mqtt). */
export const CONNACK = { version: 1, clientId: 2, unavailable: 3, notAuthorised: 7 };

export function judgeConnect(packet: Connect, standing: Standing, sinceLastMs: number): Verdict {
  const { limits, policy, principal } = standing;
  const { clientId } = packet;
  const refused = (code: number, why: string): Verdict => ({ is: 'refused', code, why });
  if (packet.protocolVersion !== 4) {
    return refused(CONNACK.version, 'this double speaks MQTT 3.1.1 only');
  }
  if (clientId === '' || clientId.startsWith('$')) {
    return refused(CONNACK.clientId, 'an empty or reserved client id');
  }
  if (Buffer.byteLength(clientId) > limits.clientIdBytesMax) {
    return refused(CONNACK.clientId, `a client id of more than ${limits.clientIdBytesMax} bytes`);
  }
  if (sinceLastMs < limits.connectIntervalMs) {
    return closed('THROTTLED', `CONNECT ${Math.round(sinceLastMs)} ms after the last one`);
  }
  if (!allows(policy, { action: 'iot:Connect', client: clientId }, principal)) {
    return refused(CONNACK.notAuthorised, `policy: iot:Connect as ${clientId}`);
  }
  return OK;
}

export function judgePublish(
  packet: Pick<Publish, 'topic' | 'payload' | 'qos' | 'retain' | 'messageId'>,
  standing: Standing,
): Verdict {
  const { limits, policy, principal } = standing;
  const { topic, payload, qos, retain, messageId } = packet;
  if (qos > 0 && messageId === 0) return closed('CLIENT_ERROR', 'packet id 0');
  const problem = topicProblem(topic, limits);
  if (problem !== undefined) return closed('CLIENT_ERROR', `${topic.slice(0, 80)}: ${problem}`);
  if (payload.length > limits.payloadBytesMax) {
    return closed('CLIENT_ERROR', `a payload of ${payload.length} bytes`);
  }
  if (retain && topic.startsWith('$')) return closed('CLIENT_ERROR', `retained on ${topic}`);
  if (qos === 2) return { is: 'ignored', why: 'QoS 2 is not supported' };
  if (!isPublishable(topic)) return closed('AUTH_ERROR', `${topic} is not for publishing`);
  const action = retain ? 'iot:RetainPublish' : 'iot:Publish';
  const isAllowed =
    allows(policy, { action: 'iot:Publish', topic }, principal) &&
    allows(policy, { action, topic }, principal);
  return isAllowed ? OK : closed('AUTH_ERROR', `policy: ${action} on ${topic}`);
}

/** Filters that the policy forbids are in `forbidden`; whether they close is the broker's choice. */
export function judgeSubscribe(
  { subscriptions, messageId }: Subscribe,
  standing: Standing,
  held: ReadonlyMap<string, unknown>,
): { readonly verdict: Verdict; readonly forbidden: ReadonlySet<string> } {
  const { limits, policy, principal } = standing;
  const decided = (verdict: Verdict): ReturnType<typeof judgeSubscribe> => ({
    verdict,
    forbidden: new Set(),
  });
  if (messageId === 0) return decided(closed('CLIENT_ERROR', 'packet id 0'));
  if (subscriptions.length > limits.filtersPerSubscribeMax) {
    return decided(closed('CLIENT_ERROR', `${subscriptions.length} filters in one SUBSCRIBE`));
  }
  for (const { topic } of subscriptions) {
    const problem = filterProblem(topic, limits);
    if (problem !== undefined) {
      return decided(closed('CLIENT_ERROR', `${topic.slice(0, 80)}: ${problem}`));
    }
  }
  if (subscriptions.some(({ qos }) => qos === 2)) {
    return decided({ is: 'ignored', why: 'QoS 2 is not supported' });
  }
  const total = new Set([...held.keys(), ...subscriptions.map(({ topic }) => topic)]).size;
  if (total > limits.subscriptionsMax) {
    return decided(closed('CLIENT_ERROR', `${total} subscriptions on one connection`));
  }
  const forbidden = subscriptions
    .map(({ topic }) => topic)
    .filter((filter) => !allows(policy, { action: 'iot:Subscribe', filter }, principal));
  return { verdict: OK, forbidden: new Set(forbidden) };
}

/** Quotas: none and too long count as the longest, too short as the shortest; dropped at 1.5 times. */
export function keepAliveMs(seconds: number, limits: Limits): number {
  const { keepAliveSecondsMin: min, keepAliveSecondsMax: max } = limits;
  const counted = seconds === 0 ? max : Math.min(max, Math.max(min, seconds));
  return counted * 1_500;
}

/** Counts what happens within a second, from the first one on. */
export class PerSecond {
  #fromMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  /** Whether `amount` more is within `max` a second; counts it only then. */
  takes(amount: number, options: { readonly max: number; readonly nowMs: number }): boolean {
    const { max, nowMs } = options;
    if (nowMs - this.#fromMs >= 1_000) {
      this.#fromMs = nowMs;
      this.#count = 0;
    }
    if (this.#count + amount > max) return false;
    this.#count += amount;
    return true;
  }
}
