// HTTPS publish and shadows: what a unit has left when only 8443 is open. Page http.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Certificate } from './certificates/registry.ts';
import type { Limits } from './limits.ts';
import type { Broker } from './mqtt/broker.ts';
import { allows } from './mqtt/policy.ts';
import type { Action } from './mqtt/policy.ts';
import { judgePublish } from './mqtt/rules.ts';
import { shadowPrefix } from './shadow/wire.ts';
import type { Publication } from './services.ts';

export type HttpsHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpsOptions {
  readonly broker: Broker;
  readonly limits: Limits;
  readonly say: (line: string) => void;
}

/** Whose certificate an HTTPS connection was opened with. */
const peers = new WeakMap<object, Certificate>();

/** To be called before the HTTP server gets the socket. */
export function rememberPeer(socket: object, certificate: Certificate): void {
  peers.set(socket, certificate);
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

const SHADOW_ACTIONS = {
  GET: { verb: 'get', action: 'iot:GetThingShadow' },
  POST: { verb: 'update', action: 'iot:UpdateThingShadow' },
  DELETE: { verb: 'delete', action: 'iot:DeleteThingShadow' },
} as const;

const no = (status: number, message: string): Answer => ({ status, body: { message } });

/** Answers requests that came with a registered certificate; there is no way to subscribe. */
export function answerHttps(options: HttpsOptions): HttpsHandler {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const certificate = peers.get(request.socket);
    const body = await readBody(request, options.limits.payloadBytesMax);
    const { status, body: said } =
      certificate === undefined
        ? no(403, 'Forbidden')
        : decide(request, body, { ...options, certificate });
    options.say(`https · ${request.method} ${request.url} → ${status}`);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(said));
  };
  return (request, response) => {
    // A client that goes in the middle of its request gets no answer.
    answer(request, response).catch(() => response.destroy());
  };
}

type Deciding = HttpsOptions & { readonly certificate: Certificate };

function decide(request: IncomingMessage, body: Buffer | undefined, options: Deciding): Answer {
  const url = new URL(request.url ?? '/', 'https://cloud.example');
  if (body === undefined) return no(413, 'The payload exceeds the maximum size');
  const [, place = '', first = '', second] = url.pathname.split('/');
  try {
    if (place === 'topics' && request.method === 'POST') {
      return publish(url, body, options);
    }
    const shadow = SHADOW_ACTIONS[request.method as keyof typeof SHADOW_ACTIONS];
    if (place === 'things' && second === 'shadow' && shadow !== undefined) {
      const asked = { ...shadow, thing: decodeURIComponent(first) };
      return useShadow(asked, { name: url.searchParams.get('name') ?? '', body, ...options });
    }
  } catch {
    return no(400, 'Malformed request');
  }
  return no(404, 'Not found');
}

function publish(url: URL, payload: Buffer, { broker, limits, certificate }: Deciding): Answer {
  // Page http: the topic is one URL-encoded segment, or given with its slashes.
  const topic = decodeURIComponent(url.pathname.slice('/topics/'.length));
  const qos = url.searchParams.get('qos') ?? '0';
  if (!/^[01]$/.test(qos)) return no(400, 'qos is 0 or 1');
  const retain = url.searchParams.get('retain') === 'true';
  const packet = { topic, payload, retain, qos: qos === '1' ? 1 : 0, messageId: 1 } as const;
  const { policy, thing, commonName } = certificate;
  const principal = { clientId: undefined, thing, commonName };
  const verdict = judgePublish(packet, { limits, policy, principal });
  if (verdict.is !== 'ok') {
    const isForbidden = verdict.is === 'closed' && verdict.reason === 'AUTH_ERROR';
    return isForbidden ? no(403, 'Forbidden') : no(400, 'Invalid topic or payload');
  }
  broker.takeUnconnected({
    ...{ topic, payload, retain, qos: packet.qos },
    ...{ from: 'https', atMs: broker.nowMs() },
  });
  return { status: 200, body: { message: 'OK', traceId: crypto.randomUUID() } };
}

interface ShadowCall extends Deciding {
  readonly name: string;
  readonly body: Buffer;
}

function useShadow(
  { verb, action, thing }: Extract<Action, { thing: string }> & { readonly verb: string },
  { name, body, broker, certificate }: ShadowCall,
): Answer {
  const { policy, commonName } = certificate;
  const principal = { clientId: undefined, thing: certificate.thing, commonName };
  const resource = name === '' ? thing : `${thing}/${name}`;
  if (!allows(policy, { action, thing: resource }, principal)) return no(403, 'Forbidden');
  const published: Publication[] = [];
  const topic = `${shadowPrefix(thing, name)}/${verb}`;
  const by = { clientId: 'https', certificate };
  broker.serve({ topic, payload: body }, by, (publication) => published.push(publication));
  broker.tellSubscribers(published);
  const accepted = published.find((publication) => publication.topic === `${topic}/accepted`);
  if (accepted !== undefined) return { status: 200, body: accepted.body };
  const rejected = published.find((publication) => publication.topic === `${topic}/rejected`);
  const { code = 500 } = (rejected?.body ?? {}) as { code?: number };
  return { status: code, body: rejected?.body ?? { message: 'Internal error' } };
}

/** The body, or undefined when it is larger than allowed (it is then read to its end and dropped). */
async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
  }
  return bytes > bytesMax ? undefined : Buffer.concat(chunks);
}
