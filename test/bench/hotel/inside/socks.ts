// A SOCKS 5 server (RFC 1928; only CONNECT, no authentication): browsers and tests of this machine
// reach the hotel's network through it. Names are asked of the hotel's own server.
import { Resolver } from 'node:dns/promises';
import { connect, createServer, isIP } from 'node:net';
import type { Server, Socket } from 'node:net';
import { LAN } from '../places.ts';

/** A request has at most 4 + 1 + 255 + 2 bytes. */
const HEAD_BYTES_MAX = 512;
const CONNECT_MS_MAX = 10_000;
/** A page under test may take its time; a forgotten connection must not stay. */
const IDLE_MS_MAX = 120_000;
const CONNECTIONS_MAX = 512;

const REPLY = { done: 0, failed: 1, refused: 5, unsupported: 7 } as const;

export function createSocks(): Server {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => client.destroy());
    client.setTimeout(IDLE_MS_MAX, () => client.destroy());
    void serve(client).catch(() => client.destroy());
  });
  server.maxConnections = CONNECTIONS_MAX;
  return server;
}

async function serve(client: Socket): Promise<void> {
  const read = reader(client);
  const [, methods = 0] = await read(2);
  await read(methods);
  client.write(Buffer.from([5, 0]));
  const [, command, , kind] = await read(4);
  const host = await hostOf(kind, read);
  const port = (await read(2)).readUInt16BE();
  if (command !== 1 || host === undefined) return refuse(client, REPLY.unsupported);
  const address = isIP(host) === 0 ? await lookUp(host) : host;
  if (address === undefined) return refuse(client, REPLY.failed);
  const target = connect({ host: address, port, allowHalfOpen: true });
  const timer = setTimeout(() => target.destroy(), CONNECT_MS_MAX);
  const isOpen = await new Promise<boolean>((resolve) => {
    target.once('connect', () => resolve(true));
    target.once('close', () => resolve(false));
    target.on('error', () => target.destroy());
  });
  clearTimeout(timer);
  if (!isOpen) return refuse(client, REPLY.refused);
  client.once('close', () => target.destroy());
  target.once('close', () => client.destroy());
  client.write(reply(REPLY.done));
  read.rest((early) => target.write(early));
  client.pipe(target);
  target.pipe(client);
}

type Read = ((bytes: number) => Promise<Buffer>) & { rest(take: (early: Buffer) => void): void };

/** Reads exact numbers of bytes; `rest` hands over what came early and lets go of the socket. */
function reader(socket: Socket): Read {
  let buffer = Buffer.alloc(0);
  let wake: () => void = () => {};
  const collect = (chunk: Buffer): void => {
    buffer = Buffer.concat([buffer, chunk]);
    if (buffer.length > HEAD_BYTES_MAX) socket.pause();
    wake();
  };
  socket.on('data', collect);
  socket.once('close', () => wake());
  const read = async (bytes: number): Promise<Buffer> => {
    while (buffer.length < bytes) {
      if (socket.destroyed || socket.readableEnded) throw new Error('closed early');
      await new Promise<void>((resolve) => (wake = resolve));
    }
    const taken = buffer.subarray(0, bytes);
    buffer = buffer.subarray(bytes);
    return taken;
  };
  const rest = (take: (early: Buffer) => void): void => {
    socket.off('data', collect);
    if (buffer.length > 0) take(buffer);
  };
  return Object.assign(read, { rest });
}

async function hostOf(kind: number | undefined, read: Read): Promise<string | undefined> {
  if (kind === 1) return [...(await read(4))].join('.');
  if (kind !== 3) return undefined;
  const [length = 0] = await read(1);
  return (await read(length)).toString('latin1');
}

async function lookUp(name: string): Promise<string | undefined> {
  const resolver = new Resolver({ timeout: 1_500, tries: 2 });
  resolver.setServers([LAN.router]);
  return resolver.resolve4(name).then(
    ([address]) => address,
    () => undefined,
  );
}

function refuse(client: Socket, code: number): void {
  client.end(reply(code));
}

function reply(code: number): Buffer {
  return Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
}
