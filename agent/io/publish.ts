// Publishing to AWS IoT over HTTPS, for networks that let MQTT through on no port: no commands come in
// on it (AWS IoT developer guide, "http"). Looks like a connection; is a request for each message.
import { request } from 'node:https';
import type { Connection, ConnectionEvent, DialOptions } from '../core/connection.ts';
import { codeOf } from '../core/errors.ts';
import { agentFor } from './proxy.ts';
import { isRefusal, tlsOptions } from './tls.ts';
import type { Place } from './tls.ts';

/** AWS holds idle connections for a while; four carry a backlog. */
const SOCKETS_MAX = 4;
const ANSWER_MS_MAX = 10_000;

/** "Opened" means: the server answers over TLS. See core/connection.ts. */
export function dialHttps(
  place: Place,
  { credentials }: DialOptions,
  hear: (event: ConnectionEvent) => void,
): Connection {
  const agent = agentFor(place.proxy, { keepAlive: true, maxSockets: SOCKETS_MAX });
  let isClosed = false;
  const end = (why: string, refused: boolean): void => {
    if (isClosed) return;
    isClosed = true;
    agent.destroy();
    hear({ on: 'closed', why, refused });
  };
  const send = (
    { method, path, body }: { method: string; path: string; body?: Buffer },
    onStatus: (status: number) => void,
  ): void => {
    const call = request({
      ...tlsOptions(place, credentials),
      agent,
      port: place.ports.https,
      method,
      path,
      headers: body === undefined ? {} : { 'Content-Length': body.length },
    });
    const timer = setTimeout(() => call.destroy(timeout()), ANSWER_MS_MAX);
    call.once('close', () => clearTimeout(timer));
    call.on('error', (error) => end(codeOf(error), isRefusal(codeOf(error))));
    call.once('response', (response) => {
      response.resume();
      response.on('error', () => {});
      if (!isClosed) onStatus(response.statusCode ?? 0);
    });
    call.end(body);
  };
  try {
    // Whatever is answered here, it is the cloud that answers.
    send({ method: 'GET', path: '/' }, () => hear({ on: 'opened', sessionPresent: false }));
  } catch (error) {
    queueMicrotask(() => end(codeOf(error), false));
  }
  return {
    publish: (key, { topic, payload }) => {
      const path = `/topics/${encodeURIComponent(topic)}?qos=1`;
      send({ method: 'POST', path, body: payload }, (status) => {
        if (status === 200) hear({ on: 'acked', key });
        else end(`HTTP_${status}`, status === 401 || status === 403);
      });
    },
    // A request is worth more than such a message.
    mention: () => {},
    subscribe: () => {},
    resubscribe: () => {},
    // A request that is not answered ends by itself.
    resend: () => {},
    close: () => {
      isClosed = true;
      agent.destroy();
    },
  };
}

const timeout = (): Error => Object.assign(new Error('ETIMEDOUT'), { code: 'ETIMEDOUT' });
