// The network as diagnostics see it, on node:net, node:tls, node:dns and node:dgram.
import { createSocket } from 'node:dgram';
import { Resolver, lookup } from 'node:dns/promises';
import { connect as connectTcp } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { CONNECT_MS_MAX, DNS_MS_MAX, NTP_MS_MAX } from '../core/limits.ts';
import { ntpOffset, ntpRequest } from '../diagnostics/wire.ts';
import type { Network, Tls } from '../diagnostics/ports.ts';

/** The real network. Every call ends within the limits of core/limits.ts. */
export function realNetwork(): Network {
  return { addresses, resolve, connect, tls, ntp };
}

function addresses(): { name: string; address: string; mac: string }[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4')
      .map(({ address, mac }) => ({ name, address, mac })),
  );
}

async function resolve(host: string): Promise<string[]> {
  const resolver = new Resolver({ timeout: DNS_MS_MAX / 2, tries: 2 });
  return resolver.resolve4(host);
}

async function connect(host: string, port: number): Promise<void> {
  await new Promise<void>((done, fail) => {
    const socket = connectTcp({ host, port });
    const end = (error?: Error): void => {
      socket.destroy();
      if (error === undefined) done();
      else fail(new Error(`${host}:${port} ${codeOf(error)}`, { cause: error }));
    };
    socket.setTimeout(CONNECT_MS_MAX, () => end(new Error('no answer')));
    socket.once('connect', () => end());
    socket.once('error', end);
  });
}

async function tls(host: string, port: number, alpn?: string): Promise<Tls> {
  return new Promise<Tls>((done, fail) => {
    const socket = connectTls({
      host,
      port,
      servername: host,
      // The answer is what is asked for: an untrusted chain is reported, nothing is ever sent over it.
      rejectUnauthorized: false,
      ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    });
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), CONNECT_MS_MAX);
    socket.once('close', () => clearTimeout(timer));
    socket.once('error', (error) => {
      fail(new Error(`${host}:${port} ${codeOf(error)}`, { cause: error }));
    });
    socket.once('secureConnect', () => {
      const { issuer } = socket.getPeerCertificate();
      const name = [issuer.O, issuer.CN].flat().filter(Boolean).join(' ');
      const reason = socket.authorized ? undefined : String(socket.authorizationError);
      done({ issuer: name, untrusted: reason, alpn: socket.alpnProtocol ?? false });
      socket.destroy();
    });
  });
}

async function ntp(host: string): Promise<number> {
  const { address } = await lookup(host, { family: 4 });
  return new Promise<number>((done, fail) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => end(new Error('no answer')), NTP_MS_MAX);
    const sentMs = Date.now();
    const end = (error: Error | undefined, offset = 0): void => {
      clearTimeout(timer);
      socket.close();
      if (error === undefined) done(offset);
      else fail(error);
    };
    socket.once('error', (error) => end(error));
    socket.once('message', (answer) => {
      const offset = ntpOffset(answer, { sentMs, gotMs: Date.now() });
      end(offset === undefined ? new Error('unusable answer') : undefined, offset);
    });
    socket.send(ntpRequest(), 123, address);
  });
}

function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.message;
}
