// Runs in any namespace: asks what it is told to ask, all at once, and prints what came back as JSON.
// Usage: node probe.ts 'JSON list of probes' [CA.pem]. Knows nothing of the agent, which it judges.
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Answer, Probe } from '../probes.ts';

/** A dropped packet is sent again after a second: what answers at all does so by then. */
const PROBE_MS_MAX = 2_500;

const [list = '[]', caFile] = process.argv.slice(2);
const probes = JSON.parse(list) as Probe[];

async function ask(probe: Probe): Promise<string> {
  switch (probe.ask) {
    case 'dns':
      return dns(probe.host, probe.server);
    case 'ntp':
      return ntp(probe.address);
    case 'tcp':
      return tcp(probe.address, probe.port);
    case 'http':
      return http(probe);
    case 'tls':
      return tls(probe);
  }
}

async function dns(host: string, server: string): Promise<string> {
  const resolver = new Resolver({ timeout: 1_000, tries: 2 });
  resolver.setServers([server]);
  return (await resolver.resolve4(host)).join(' ');
}

async function tcp(address: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, address, () => resolve('open'));
    socket.once('error', reject);
    socket.once('connect', () => socket.destroy());
  });
}

async function ntp(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.once('message', (answer) => {
      socket.close();
      // RFC 5905: mode 4 is a server; the stratum is the second byte.
      resolve((answer[0]! & 7) === 4 ? `stratum ${answer[1]}` : 'no server');
    });
    socket.connect(123, address, () => socket.send(Buffer.alloc(48, 0x23).fill(0, 1)));
  });
}

async function http({ address, host }: Extract<Probe, { ask: 'http' }>): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: address, port: 80, path: '/', headers: { Host: host } });
    call.once('error', reject);
    call.once('response', (response) => {
      response.resume();
      resolve(`${response.statusCode} ${response.headers.location ?? ''}`.trim());
    });
    call.end();
  });
}

async function tls({ address, port, host, alpn }: Extract<Probe, { ask: 'tls' }>): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host: address,
      port,
      servername: host,
      rejectUnauthorized: false,
      ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
      ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const { issuer } = socket.getPeerCertificate();
      const trust = socket.authorized ? 'trusted' : 'untrusted';
      const agreed = alpn === undefined ? '' : `, ${String(socket.alpnProtocol)}`;
      resolve(`${trust} ${String(issuer.O)}${agreed}`);
      socket.destroy();
    });
  });
}

const answers = await Promise.all(
  probes.map(async (probe): Promise<Answer> => {
    const tooLate = new Promise<string>((_resolve, reject) => {
      setTimeout(() => reject(new Error('no answer')), PROBE_MS_MAX);
    });
    return Promise.race([ask(probe), tooLate]).then(
      (answer) => ({ probe, answer }),
      (error: NodeJS.ErrnoException) => ({ probe, refused: error.code ?? error.message }),
    );
  }),
);
process.stdout.write(JSON.stringify(answers), () => process.exit(0));
