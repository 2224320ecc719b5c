// A hotel's HTTP proxy: asks it for a tunnel (CONNECT, RFC 9110, 9.3.6), in which TLS then runs end to
// end. What the proxy answers instead becomes a code that names it: PROXY_403, PROXY_ECONNREFUSED.
import { Agent } from 'node:https';
import type { AgentOptions, RequestOptions } from 'node:https';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import type { Connection, ConnectionEvent } from '../core/connection.ts';
import { codeOf } from '../core/errors.ts';

/** `endpoints.json`, "proxy"; user and password are for Basic (RFC 7617). */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Name, TCP and the proxy's answer, who first connects to the other side: as long as a dial may take. */
const TUNNEL_MS_MAX = 10_000;
/** A proxy's page of error is not read; its header has some 300 bytes. */
const ANSWER_BYTES_MAX = 8_192;
const ADDRESS_MS_MAX = 5_000;

interface Tunnel {
  close(): void;
}

/** Calls exactly one of the two, once, and never at once; none after `close`. */
export function openTunnel(
  proxy: Proxy,
  target: Target,
  on: { readonly open: (socket: Socket) => void; readonly failed: (code: string) => void },
): Tunnel {
  const { host, port } = proxy;
  const socket = connectTcp({ host, port, autoSelectFamilyAttemptTimeout: ADDRESS_MS_MAX });
  let answer = Buffer.alloc(0);
  let isDone = false;
  const stop = (): void => {
    isDone = true;
    clearTimeout(timer);
    socket.removeListener('data', read);
  };
  const fail = (why: string): void => {
    if (isDone) return;
    stop();
    socket.destroy();
    on.failed(`PROXY_${why}`);
  };
  const read = (bytes: Buffer): void => {
    answer = Buffer.concat([answer, bytes]);
    const end = answer.indexOf('\r\n\r\n');
    if (end < 0) return answer.length > ANSWER_BYTES_MAX ? fail('NO_HTTP') : undefined;
    const status = statusIn(answer);
    if (status === undefined) return fail('NO_HTTP');
    if (status < 200 || status > 299) return fail(String(status));
    stop();
    socket.pause();
    const rest = answer.subarray(end + 4);
    if (rest.length > 0) socket.unshift(rest);
    return on.open(socket);
  };
  const timer = setTimeout(() => fail('ETIMEDOUT'), TUNNEL_MS_MAX);
  // It stays: a late error of a socket that nobody listens to would end the process.
  socket.on('error', (error) => fail(codeOf(error)));
  socket.once('close', () => fail('CLOSED'));
  socket.on('data', read);
  socket.once('connect', () => socket.write(request(proxy, target)));
  return {
    close: () => {
      if (isDone) return;
      stop();
      socket.destroy();
    },
  };
}

function request({ user, password }: Proxy, { host, port }: Target): string {
  const where = `${host}:${port}`;
  const secret = Buffer.from(`${user}:${password ?? ''}`).toString('base64');
  const lines = [
    `CONNECT ${where} HTTP/1.1`,
    `Host: ${where}`,
    ...(user === undefined ? [] : [`Proxy-Authorization: Basic ${secret}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** RFC 9112, 4: the status line. */
function statusIn(answer: Buffer): number | undefined {
  const [, status] = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(answer.toString('latin1', 0, 64)) ?? [];
  return status === undefined ? undefined : Number(status);
}

/** Dials in a tunnel; the connection that `dial` makes is told of nothing before it is there. */
export function dialInTunnel(
  proxy: Proxy,
  target: Target,
  {
    dial,
    hear,
  }: {
    readonly dial: (socket: Socket) => Connection;
    readonly hear: (event: ConnectionEvent) => void;
  },
): Connection {
  let inside: Connection | undefined;
  const tunnel = openTunnel(proxy, target, {
    open: (socket) => (inside = dial(socket)),
    failed: (why) => hear({ on: 'closed', why, refused: false }),
  });
  return {
    subscribe: (filters) => inside?.subscribe(filters),
    publish: (key, message) => inside?.publish(key, message),
    mention: (message) => inside?.mention(message),
    resend: (key) => inside?.resend(key),
    resubscribe: (filters) => inside?.resubscribe(filters),
    close: () => {
      tunnel.close();
      inside?.close();
    },
  };
}

/** An agent of node:https whose connections go through the proxy; without one, Node's own. */
export function agentFor(proxy: Proxy | undefined, options: AgentOptions): Agent {
  return proxy === undefined ? new Agent(options) : new TunnelAgent(proxy, options);
}

class TunnelAgent extends Agent {
  readonly #proxy: Proxy;
  readonly #opening = new Set<Tunnel>();

  constructor(proxy: Proxy, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  /** See node:http, agent.createConnection. */
  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // On a failure there is no stream, which the declared type does not say.
    const done = callback as ((error: Error | null, stream?: Duplex) => void) | undefined;
    const target = { host: options.host ?? '', port: Number(options.port) };
    const tunnel = openTunnel(this.#proxy, target, {
      open: (socket) => {
        this.#opening.delete(tunnel);
        done?.(null, connectTls({ ...(options as ConnectionOptions), socket }));
      },
      failed: (code) => {
        this.#opening.delete(tunnel);
        done?.(Object.assign(new Error(code), { code }));
      },
    });
    this.#opening.add(tunnel);
  }

  /** A tunnel that is not open yet belongs to no request that Node would end. */
  override destroy(): void {
    for (const tunnel of this.#opening) tunnel.close();
    this.#opening.clear();
    super.destroy();
  }
}
