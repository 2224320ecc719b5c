// HTTPS to Clock: one request, one answer, within a deadline and a size. Follows nothing, keeps no cookie,
// unpacks nothing. Reads share connections; a write gets one of its own.
import { request } from 'node:https';
import type { Agent, RequestOptions } from 'node:https';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { codeOf } from '../core/errors.ts';
import { agentFor } from './proxy.ts';
import type { Proxy } from './proxy.ts';
import type { Http, HttpReply, HttpRequest } from '../pms/ports.ts';

/** Node gives up an address after 250 ms: too soon for a satellite (nodejs/node#54359). */
const ADDRESS_MS_MAX = 5_000;
/** Channels of an account wait on one each; reads come beside them. */
const SOCKETS_MAX = 40;
/** An idle connection is closed well before a firewall forgets it. */
const IDLE_MS_MAX = 30_000;

interface ClosableHttp {
  readonly http: Http;
  close(): void;
}

/** `roots` are PEM; nobody else is trusted. */
export function createHttps(roots: readonly string[], proxy?: Proxy): ClosableHttp {
  const agent = agentFor(proxy, {
    ...{ keepAlive: true, maxSockets: SOCKETS_MAX, timeout: IDLE_MS_MAX },
    ...{ scheduling: 'lifo' },
  });
  let context: SecureContext | undefined;
  /**
   * Read once. A write has a connection of its own: with roots of its own, too, each cost 20 ms and 200 KB that V8 does
   * not see and hence is in no hurry to collect (measured: 50 MB more after 300 charges).
   */
  const trust = (): SecureContext =>
    (context ??= createSecureContext({ ca: [...roots], minVersion: 'TLSv1.2' }));
  /** For one request each. */
  const alone = proxy === undefined ? false : agentFor(proxy, { keepAlive: false });
  const http: Http = async (asked) => {
    const shared = asked.method === 'GET';
    const first = await once(asked, { agent: shared ? agent : alone, trust });
    // The server closed a kept connection while we wrote into it: a read is asked again on a new one.
    const isStale = shared && !first.reply.ok && first.wasReused && !first.hasBegun;
    return isStale ? (await once(asked, { agent: alone, trust })).reply : first.reply;
  };
  return { http, close: () => agent.destroy() };
}

interface Once {
  readonly reply: HttpReply;
  readonly wasReused: boolean;
  /** Something of an answer came, or it was too late or unwanted: not to be asked again. */
  readonly hasBegun: boolean;
}

async function once(
  asked: HttpRequest,
  { agent, trust }: { readonly agent: Agent | false; readonly trust: () => SecureContext },
): Promise<Once> {
  const { host, port, method, target, headers, body, msMax, bytesMax, signal } = asked;
  const { promise, resolve } = Promise.withResolvers<Once>();
  let isSent = false;
  let hasBegun = false;
  const options: RequestOptions = {
    ...{ host, port, method, path: target, agent, servername: host },
    rejectUnauthorized: true,
    ...{ autoSelectFamilyAttemptTimeout: ADDRESS_MS_MAX },
    headers: {
      ...headers,
      'Accept-Encoding': 'identity',
      ...(body !== undefined && { 'Content-Length': String(body.length) }),
    },
  };
  let outgoing: ClientRequest;
  try {
    // Not in the types of https.request, which hands it to tls.connect.
    outgoing = request({ ...options, ...{ secureContext: trust() } });
  } catch (error) {
    // A header that a hostile challenge made unsendable; or roots that are none.
    return { reply: { ok: false, code: codeOf(error), sent: false }, wasReused: false, hasBegun };
  }
  const end = (reply: HttpReply): void => {
    clearTimeout(tooLate);
    signal?.removeEventListener('abort', stop);
    resolve({ reply, wasReused: outgoing.reusedSocket, hasBegun });
  };
  const fail = (code: string): void => end({ ok: false, code, sent: isSent });
  const giveUp = (code: string): void => {
    hasBegun = true;
    fail(code);
    outgoing.destroy();
  };
  const stop = (): void => giveUp('ABORTED');
  const tooLate = setTimeout(() => giveUp('TIMEOUT'), msMax);
  signal?.addEventListener('abort', stop, { once: true });
  outgoing.on('socket', (socket) => {
    // Before TLS stands nothing of the request has left.
    if (outgoing.reusedSocket) isSent = true;
    else socket.once('secureConnect', () => (isSent = true));
  });
  outgoing.on('error', (error) => fail(codeOf(error)));
  outgoing.on('response', (response) => {
    hasBegun = true;
    collect(response, bytesMax).then(
      (bytes) => {
        if (bytes === undefined) return giveUp('TOO_LARGE');
        const { statusCode: status = 0 } = response;
        return end({ ok: true, status, headers: plainHeaders(response), body: bytes });
      },
      (error: unknown) => fail(codeOf(error)),
    );
  });
  if (signal?.aborted === true) stop();
  else outgoing.end(body);
  return promise;
}

/** undefined: more than allowed. Rejects when the answer is cut off. */
async function collect(response: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function plainHeaders({ headers }: IncomingMessage): Readonly<Record<string, string | undefined>> {
  const texts = Object.entries(headers).filter((one): one is [string, string] => {
    return typeof one[1] === 'string';
  });
  return Object.fromEntries(texts);
}
