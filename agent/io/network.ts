// The network as diagnostics see it, on node:net, node:tls, node:dns, node:dgram and node:http.
// Every call ends within the limits of core/limits.ts.
import { X509Certificate, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { request } from 'node:http';
import { connect as connectTcp, isIP, isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls, createSecureContext, rootCertificates } from 'node:tls';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../core/clock.ts';
import { codeOf } from '../core/errors.ts';
import {
  CONNECT_MS_MAX,
  DNS_MS_MAX,
  HTTP_BYTES_MAX,
  NOTE_CHARS_MAX,
  NTP_MS_MAX,
} from '../core/limits.ts';
import { ntpAnswer, ntpRequest } from '../diagnostics/wire.ts';
import { openTunnel } from './proxy.ts';
import type { Proxy } from './proxy.ts';
import type { Handshake, HttpAnswer, Network, NetInterface, Target } from '../diagnostics/ports.ts';

/** What Node trusts: Mozilla's list, as it was when the runtime was built. */
export const publicRoots: readonly string[] = rootCertificates;

/** What ends the chains of AWS IoT's ATS endpoints (AWS IoT guide, "Server authentication"). */
const AMAZON = /CN=(Amazon Root CA [1-4]|Starfield Services Root Certificate Authority - G2)$/m;

export function amazonRoots(): string[] {
  return publicRoots.filter((pem) => AMAZON.test(new X509Certificate(pem).subject));
}

/** The real network. Roots are prepared once per list: reading 140 of them costs 20 ms. */
export function realNetwork(clock: Clock, proxy?: Proxy): Network {
  const contexts = new WeakMap<readonly string[], SecureContext>();
  const contextOf = (roots: readonly string[]): SecureContext => {
    const known = contexts.get(roots) ?? createSecureContext({ ca: [...roots] });
    contexts.set(roots, known);
    return known;
  };
  return {
    interfaces,
    resolve,
    connect: async (target, { timeoutMs } = { timeoutMs: CONNECT_MS_MAX }) => {
      (await open(target, timeoutMs)).destroy();
    },
    handshake: async (target, { roots, serverName, alpn }) =>
      shakeHands(await (proxy === undefined ? open(target) : openThrough(proxy, target)), {
        secureContext: contextOf(roots),
        // An address may not stand in SNI (RFC 6066, 3); Node then compares it as an address.
        ...(isIP(serverName) === 0 ? { servername: serverName } : { host: serverName }),
        ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
      }),
    ntp: async (target) => askTime(target, clock),
    http,
  };
}

function interfaces(): NetInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? [])
      .filter(({ internal }) => !internal)
      .map(({ address, family, mac }) => ({ name, mac, address, family })),
  );
}

/** By c-ares, not getaddrinfo: off the thread pool, with a time limit, past resolved's cache. */
async function resolve(host: string, servers: readonly string[]): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const resolver = new Resolver({ timeout: 1_500, tries: 2 });
  if (servers.length > 0)
    resolver.setServers(servers.map((one) => (isIPv6(one) ? `[${one}]` : one)));
  const timer = setTimeout(() => resolver.cancel(), DNS_MS_MAX);
  try {
    return await resolver.resolve4(host).catch(async (error: unknown) => {
      if (codeOf(error) === 'ECANCELLED') throw failure('ETIMEOUT');
      if (codeOf(error) !== 'ENODATA') throw error;
      return resolver.resolve6(host);
    });
  } finally {
    clearTimeout(timer);
  }
}

async function open({ address, port }: Target, timeoutMs = CONNECT_MS_MAX): Promise<Socket> {
  return new Promise<Socket>((done, fail) => {
    const socket = connectTcp({ host: address, port });
    const timer = setTimeout(() => socket.destroy(failure('ETIMEDOUT')), timeoutMs);
    socket.once('close', () => clearTimeout(timer));
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      // Whoever uses it listens too; without any listener a late error would end the process.
      socket.on('error', () => {});
      done(socket);
    });
  });
}

async function shakeHands(
  socket: Socket,
  options: {
    secureContext: SecureContext;
    servername?: string;
    host?: string;
    ALPNProtocols?: string[];
  },
): Promise<Handshake> {
  return new Promise<Handshake>((done) => {
    const secure = connectTls({
      socket,
      // The answer is what is asked for: an untrusted chain is reported, nothing is ever sent on it.
      rejectUnauthorized: false,
      ...options,
    });
    const end = (handshake: Handshake): void => {
      clearTimeout(timer);
      done(handshake);
      secure.destroy();
      socket.destroy();
    };
    const timer = setTimeout(() => end({ speaks: 'nothing', why: 'ETIMEDOUT' }), CONNECT_MS_MAX);
    secure.on('error', (error) => end(refusal(error)));
    secure.once('close', () => end({ speaks: 'nothing', why: 'ECONNRESET' }));
    secure.once('secureConnect', () => end(seenIn(secure)));
  });
}

function seenIn(secure: TLSSocket): Handshake {
  const { issuer } = secure.getPeerCertificate();
  const names = issuer === undefined ? [] : [issuer.O, issuer.CN].flat().filter(Boolean);
  // The declared type is Error; Node puts a code there (tls.TLSSocket, authorizationError).
  const reason = secure.authorizationError as unknown;
  return {
    speaks: 'tls',
    issuer: [...new Set(names)].join(', ').slice(0, NOTE_CHARS_MAX) || '?',
    untrusted: secure.authorized ? undefined : typeof reason === 'string' ? reason : codeOf(reason),
    alpn: typeof secure.alpnProtocol === 'string' ? secure.alpnProtocol : undefined,
  };
}

/** OpenSSL does not name all of them so. */
const ALERT = /ALERT|TLSV1_(UNRECOGNIZED_NAME|UNSUPPORTED_EXTENSION|BAD_CERTIFICATE)/;

/**
 * An alert proves that TLS is spoken; anything else is no TLS. TLS 1.3 has one that says: only your
 * certificate is missing (RFC 8446, 6.2); TLS 1.2 has none that could be told from a refusal.
 */
function refusal(error: Error): Handshake {
  const why = codeOf(error);
  const wantsCertificate = /ALERT_CERTIFICATE_REQUIRED/.test(why);
  return ALERT.test(why) ? { speaks: 'alert', why, wantsCertificate } : { speaks: 'nothing', why };
}

async function openThrough(proxy: Proxy, { address, port }: Target): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  openTunnel(
    proxy,
    { host: address, port },
    {
      open: resolve,
      failed: (code) => reject(failure(code)),
    },
  );
  return promise;
}

async function askTime(
  { address, port }: Target,
  clock: Clock,
): Promise<{ offsetSeconds: number; stratum: number }> {
  return new Promise((done, fail) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const mark = randomBytes(8);
    let sentMs = 0;
    let startMs = 0;
    const timer = setTimeout(() => end(() => fail(failure('ETIMEDOUT'))), NTP_MS_MAX);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      settle();
    };
    socket.once('error', (error) => end(() => fail(error)));
    socket.on('message', (message) => {
      // The way is measured on the clock that does not jump: timesyncd may step the other meanwhile.
      const gotMs = sentMs + (clock.nowMs() - startMs);
      const answer = ntpAnswer(message, { mark, sentMs, gotMs });
      // What does not answer our question may be anybody's: wait for what does.
      if (answer !== undefined) end(() => done(answer));
    });
    // Connected: the kernel then tells of a refusal (ICMP), and lets nobody else answer.
    socket.connect(port, address, () => {
      sentMs = clock.wallMs();
      startMs = clock.nowMs();
      socket.send(ntpRequest(mark));
    });
  });
}

async function http({ address, port }: Target, host: string): Promise<HttpAnswer> {
  return new Promise<HttpAnswer>((done, fail) => {
    const call = request({
      host: address,
      port,
      path: '/',
      agent: false,
      maxHeaderSize: HTTP_BYTES_MAX,
      headers: { Host: host, Connection: 'close', 'User-Agent': 'clock-unit-diagnostics' },
    });
    const timer = setTimeout(() => call.destroy(failure('ETIMEDOUT')), CONNECT_MS_MAX);
    // Also without an error, after "101 Switching Protocols": Node then just hangs up.
    call.once('close', () => {
      clearTimeout(timer);
      fail(failure('ECONNRESET'));
    });
    call.on('error', fail);
    call.once('response', (response) => {
      let body = '';
      const end = (): void => {
        done({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          type: response.headers['content-type'] ?? '',
          body,
        });
        call.destroy();
      };
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        body = (body + chunk).slice(0, HTTP_BYTES_MAX);
        if (body.length >= HTTP_BYTES_MAX) end();
      });
      response.on('error', fail);
      response.once('end', end);
    });
    call.end();
  });
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
