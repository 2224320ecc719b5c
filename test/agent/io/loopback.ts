// Real servers on loopback for the contract of the network: TCP, TLS, HTTP, NTP, DNS. Each is closed
// with the others.
import { createSocket } from 'node:dgram';
import { createServer as createHttpServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';

export class Loopback {
  readonly #closers: (() => void)[] = [];

  async tcp(onSocket: (socket: Socket) => void): Promise<number> {
    return this.#listen(createTcpServer(onSocket));
  }

  async tls(options: TlsOptions): Promise<number> {
    const server = createTlsServer(options, (socket) => socket.on('error', () => {}));
    server.on('tlsClientError', () => {});
    return this.#listen(server);
  }

  async http(onRequest: RequestListener): Promise<number> {
    return this.#listen(createHttpServer(onRequest));
  }

  /** `answer` makes the packets to send back; none: silent. */
  async udp(answer: (request: Buffer) => readonly Buffer[]): Promise<number> {
    const socket = createSocket('udp4');
    socket.on('message', (request, { address, port }) => {
      for (const packet of answer(request)) socket.send(packet, port, address);
    });
    await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
    this.#closers.push(() => socket.close());
    return socket.address().port;
  }

  /** A port on which nothing listens (any more). */
  async closedPort(): Promise<number> {
    const server = createTcpServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    return port;
  }

  close(): void {
    for (const close of this.#closers) close();
  }

  async #listen(server: Server): Promise<number> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    this.#closers.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return (server.address() as AddressInfo).port;
  }
}

/** An NTP server's answer (RFC 5905) whose clock is `aheadMs` before ours. */
export function ntpReply(request: Buffer, aheadMs: number): Buffer {
  const packet = Buffer.alloc(48);
  packet[0] = 0x24;
  packet[1] = 2;
  request.copy(packet, 24, 40, 48);
  const seconds = (Date.now() + aheadMs) / 1_000 + 2_208_988_800;
  for (const at of [32, 40]) {
    packet.writeUInt32BE(Math.floor(seconds), at);
    packet.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), at + 4);
  }
  return packet;
}

/** A DNS server's answer (RFC 1035) to one question: an address, or "no such name". */
export function dnsReply(query: Buffer, names: ReadonlyMap<string, string>): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length !== 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(12, at + 5);
  const isAddress = query.readUInt16BE(at + 1) === 1;
  const address = names.get(labels.join('.').toLowerCase());
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(address === undefined ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(1, 4);
  if (address === undefined || !isAddress) return Buffer.concat([header, question]);
  header.writeUInt16BE(1, 6);
  const record = Buffer.from('c00c00010001000000000004', 'hex');
  return Buffer.concat([header, question, record, Buffer.from(address.split('.').map(Number))]);
}
