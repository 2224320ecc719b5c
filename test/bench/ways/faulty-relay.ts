// A way with faults: leads TCP connections of loopback on to a port, and does to them what networks do.
// A fault holds for connections that are open and for new ones, until another is set.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export type Fault =
  /** None. */
  | 'pass'
  /** New connections are taken and reset at once (RST). */
  | 'reset'
  /** Whatever is sent disappears, either way, and nobody says so: a firewall that forgot. */
  | 'swallow'
  /** One byte a second and direction. */
  | 'trickle';

const TRICKLE_MS = 1_000;
/** A unit has one connection or two. */
const CONNECTIONS_MAX = 50;

export class FaultyRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #fault: Fault = 'pass';
  #to: number;
  /** Connections that it took. */
  taken = 0;

  private constructor(to: number) {
    this.#to = to;
    this.#server = createServer((near) => this.#take(near));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  static async open(to: number): Promise<FaultyRelay> {
    const relay = new FaultyRelay(to);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  set(fault: Fault): void {
    this.#fault = fault;
  }

  /** Where new connections come out: another port, another server. */
  leadTo(port: number): void {
    this.#to = port;
  }

  /** Resets what is open: a router that restarts. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** The far side loses its connections; the near side is not told: a half-open connection. */
  loseFarSide(): void {
    this.set('swallow');
    for (const [, far] of this.#pairs) far.destroy();
  }

  #take(near: Socket): void {
    this.taken += 1;
    near.on('error', () => {});
    if (this.#fault === 'reset') {
      near.resetAndDestroy();
      return;
    }
    const far = connect(this.#to, '127.0.0.1');
    far.on('error', () => {});
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    this.#lead(near, far);
    this.#lead(far, near);
    near.once('close', () => {
      this.#pairs.delete(pair);
      far.destroy();
    });
    far.once('close', () => {
      if (this.#fault !== 'swallow') near.destroy();
    });
  }

  #lead(from: Socket, to: Socket): void {
    let waiting = Buffer.alloc(0);
    let timer: NodeJS.Timeout | undefined;
    const drip = (): void => {
      timer = undefined;
      const count = this.#fault === 'trickle' ? 1 : waiting.length;
      if (to.writable) to.write(waiting.subarray(0, count));
      waiting = waiting.subarray(count);
      if (waiting.length > 0) timer = setTimeout(drip, TRICKLE_MS);
    };
    from.on('data', (bytes: Buffer) => {
      if (this.#fault === 'swallow') return;
      waiting = Buffer.concat([waiting, bytes]);
      if (timer === undefined) drip();
    });
    from.once('close', () => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
