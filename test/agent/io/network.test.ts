// The contract of the network, kept by the real adapter (against servers on loopback) and by the
// fake that the tests of the checks use.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, test } from 'node:test';
import { codeOf } from '../../../agent/core/errors.ts';
import type { Handshake, Network } from '../../../agent/diagnostics/ports.ts';
import { systemClock } from '../../../agent/io/clock.ts';
import { amazonRoots, publicRoots, realNetwork } from '../../../agent/io/network.ts';
import { fakeNetwork } from '../diagnostics/network.fake.ts';
import type { Listener } from '../diagnostics/network.fake.ts';
import { issue } from './certificates.ts';
import { Loopback, dnsReply, ntpReply } from './loopback.ts';

const ALPN = 'x-amzn-mqtt-ca';
const HOST = 'data.iot.test';
const HERE = '127.0.0.1';
const DAY_MS = 86_400_000;

const root = issue({ name: 'Test Root' });
const box = issue({ name: 'Middlebox CA' });
const good = issue({ name: 'leaf', by: root, hosts: [HOST] });
const foreign = issue({ name: 'leaf', by: box, hosts: [HOST] });
const other = issue({ name: 'leaf', by: root, hosts: ['other.test'] });
const early = issue({
  name: 'leaf',
  by: root,
  hosts: [HOST],
  fromMs: Date.now() + 100 * DAY_MS,
  toMs: Date.now() + 200 * DAY_MS,
});
const late = issue({
  name: 'leaf',
  by: root,
  hosts: [HOST],
  fromMs: Date.now() - 200 * DAY_MS,
  toMs: Date.now() - 100 * DAY_MS,
});

const loopback = new Loopback();
after(() => loopback.close());
const NAMES = new Map([[HOST, '192.0.2.7']]);
const pair = ({ certPem, keyPem }: typeof good) => ({ cert: certPem, key: keyPem });

/** One port for each thing that may listen. */
const ports = {
  open: await loopback.tcp(() => {}),
  reset: await loopback.tcp((socket) => socket.on('data', () => socket.resetAndDestroy())),
  noTls: await loopback.tcp((socket) => socket.end('220 not TLS\r\n')),
  closed: await loopback.closedPort(),
  good: await loopback.tls({ ...pair(good), ALPNProtocols: [ALPN] }),
  plain: await loopback.tls(pair(good)),
  otherAlpn: await loopback.tls({ ...pair(good), ALPNProtocols: ['h2'] }),
  // AWS asks for a client's certificate; the handshake must show the server's all the same.
  mutual: await loopback.tls({
    ...pair(good),
    requestCert: true,
    rejectUnauthorized: true,
    ca: root.certPem,
  }),
  foreign: await loopback.tls(pair(foreign)),
  other: await loopback.tls(pair(other)),
  early: await loopback.tls(pair(early)),
  late: await loopback.tls(pair(late)),
  http: await loopback.http((_request, response) => {
    response.writeHead(302, { Location: 'http://login.test/', 'Content-Type': 'text/html' });
    response.end('<html>moved</html>');
  }),
  ntp: await loopback.udp((request) => [ntpReply(request, 90_000)]),
  noNtp: await loopback.udp(() => []),
  dns: await loopback.udp((query) => [dnsReply(query, NAMES)]),
  noDns: await loopback.udp(() => []),
};

const trustedBy = (roots: readonly string[]): boolean => roots.includes(root.certPem);
const server = (change: object = {}): Listener => ({
  is: 'tls',
  issuer: root.name,
  trustedBy,
  names: [HOST],
  alpn: [],
  ...change,
});
const described: Readonly<Record<string, Listener>> = {
  open: { is: 'tcp' },
  reset: { is: 'tcp' },
  noTls: { is: 'tcp' },
  good: server({ alpn: [ALPN] }),
  plain: server(),
  otherAlpn: server({ alpn: ['h2'] }),
  mutual: server(),
  foreign: server({ issuer: box.name, trustedBy: () => false, why: 'UNABLE_TO_VERIFY' }),
  other: server({ names: ['other.test'] }),
  early: server({ trustedBy: () => false, why: 'CERT_NOT_YET_VALID' }),
  late: server({ trustedBy: () => false, why: 'CERT_HAS_EXPIRED' }),
  http: {
    is: 'http',
    answer: { status: 302, location: 'http://login.test/', type: 'text/html', body: '<html>' },
  },
  ntp: { is: 'ntp', offsetSeconds: 90 },
  noNtp: { is: 'silent' },
};
const fake = fakeNetwork({
  interfaces: [],
  names: new Map([...NAMES].map(([name, address]) => [name, [address]])),
  dropped: new Set(),
  listeners: new Map(
    Object.entries(described).map(([key, listener]) => [
      `${HERE}:${ports[key as keyof typeof ports]}`,
      listener,
    ]),
  ),
});

const at = (port: number) => ({ address: HERE, port });
const roots = [root.certPem];
const nameServer = [`${HERE}:${ports.dns}`];

for (const [kind, network] of [
  ['the real network', realNetwork(systemClock)],
  ['the fake network', fake],
] as const) {
  const shake = async (port: number, alpn?: string): Promise<Handshake> =>
    network.handshake(at(port), {
      serverName: HOST,
      roots,
      ...(alpn === undefined ? {} : { alpn }),
    });
  const code = async (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => 'fine',
      (error: unknown) => codeOf(error),
    );

  test(`${kind} opens what listens and says that nothing listens`, async () => {
    assert.equal(await code(network.connect(at(ports.open))), 'fine');
    assert.equal(await code(network.connect(at(ports.closed))), 'ECONNREFUSED');
    assert.equal(await code(shake(ports.closed)), 'ECONNREFUSED');
  });

  test(`${kind} trusts a chain to the roots it is given, and names the issuer`, async () => {
    const seen = await shake(ports.good, ALPN);
    assert.deepEqual(seen, { speaks: 'tls', issuer: root.name, untrusted: undefined, alpn: ALPN });
    assert.equal((await shake(ports.mutual)).speaks, 'tls');
  });

  test(`${kind} sees that no protocol name was agreed, or that it was refused`, async () => {
    const plain = await shake(ports.plain, ALPN);
    assert.equal(plain.speaks === 'tls' && plain.alpn, undefined);
    const refused = await shake(ports.otherAlpn, ALPN);
    assert.equal(refused.speaks === 'alert' && refused.wantsCertificate, false);
  });

  test(`${kind} tells why a chain is not trusted`, async () => {
    const why = async (port: number): Promise<string | undefined> => {
      const seen = await shake(port);
      return seen.speaks === 'tls' ? seen.untrusted : seen.speaks;
    };
    assert.match((await why(ports.foreign)) ?? '', /^UNABLE_TO_/);
    assert.equal(await why(ports.other), 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.equal(await why(ports.early), 'CERT_NOT_YET_VALID');
    assert.equal(await why(ports.late), 'CERT_HAS_EXPIRED');
    const seen = await shake(ports.foreign);
    assert.equal(seen.speaks === 'tls' && seen.issuer, box.name);
  });

  test(`${kind} knows a port that opens but speaks no TLS`, async () => {
    for (const port of [ports.reset, ports.noTls]) {
      assert.equal((await shake(port)).speaks, 'nothing', String(port));
    }
  });

  test(`${kind} finds names, and says when there is no such name`, async () => {
    assert.deepEqual(await network.resolve(HOST, nameServer), ['192.0.2.7']);
    assert.equal(await code(network.resolve('gone.test', nameServer)), 'ENOTFOUND');
    assert.deepEqual(await network.resolve(HERE, []), [HERE]);
  });

  test(`${kind} measures the offset to a time server, and hears its silence`, async () => {
    const { offsetSeconds } = await network.ntp(at(ports.ntp));
    assert.ok(Math.abs(offsetSeconds - 90) < 0.5, String(offsetSeconds));
    assert.equal(await code(network.ntp(at(ports.noNtp))), 'ETIMEDOUT');
    assert.equal(await code(network.ntp(at(ports.closed))), 'ECONNREFUSED');
  });

  test(`${kind} brings an HTTP answer's status, place and beginning`, async () => {
    const answer = await network.http(at(ports.http), HOST);
    assert.equal(answer.status, 302);
    assert.equal(answer.location, 'http://login.test/');
    assert.match(answer.body, /^<html>/);
    assert.equal(await code(network.http(at(ports.closed), HOST)), 'ECONNREFUSED');
  });
}

const real: Network = realNetwork(systemClock);

test('the real network gives up on a silent name server within its limit', async () => {
  const startMs = performance.now();
  const why = await real.resolve(HOST, [`${HERE}:${ports.noDns}`]).catch(codeOf);
  assert.match(String(why), /^ETIMEOUT$/);
  assert.ok(performance.now() - startMs < 6_000);
});

test('the real network takes no stranger’s NTP answer', async () => {
  const port = await loopback.udp((request) => {
    const forged = ntpReply(request, 1e9);
    forged.fill(0, 24, 32);
    return [forged, ntpReply(request, 5_000)];
  });
  const { offsetSeconds } = await real.ntp(at(port));
  assert.ok(Math.abs(offsetSeconds - 5) < 0.5);
});

test('the real network reads no more of an endless HTTP answer than its limit', async () => {
  const port = await loopback.http((_request, response) => {
    const pump = (): void => {
      while (!response.destroyed && response.write('x'.repeat(5_000)));
      response.once('drain', pump);
    };
    pump();
  });
  assert.equal((await real.http(at(port), HOST)).body.length, 16 * 1024);
});

test('the real network ends when a web server switches to a protocol of its own', async () => {
  const port = await loopback.tcp((socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  );
  assert.equal(await real.http(at(port), HOST).then(() => 'fine', codeOf), 'ECONNRESET');
});

test('Node’s own roots hold the five that AWS documents', () => {
  assert.ok(publicRoots.length > 100);
  const names = amazonRoots().map((pem) => /CN=(.*)/.exec(new X509Certificate(pem).subject)?.[1]);
  const expected = [
    'Amazon Root CA 1',
    'Amazon Root CA 2',
    'Amazon Root CA 3',
    'Amazon Root CA 4',
    'Starfield Services Root Certificate Authority - G2',
  ];
  assert.equal(names.length, expected.length);
  assert.deepEqual(new Set(names), new Set(expected));
});
