// Formats of the outside world: NTP, leases, kernel tables, HTTP answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isDockerRange,
  isInArp,
  judgeHttp,
  ntpAnswer,
  ntpRequest,
  parseGateway,
  parseLease,
  parseMemory,
} from '../../../agent/diagnostics/wire.ts';

const MARK = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const NOW_MS = 1_700_000_000_000;

/** A server's answer whose clock is `ahead` seconds before ours. */
function answer(ahead: number): Uint8Array {
  const packet = new Uint8Array(48);
  const view = new DataView(packet.buffer);
  packet[0] = 0x24; // version 4, mode 4 (server)
  packet[1] = 2;
  packet.set(MARK, 24);
  for (const at of [32, 40]) view.setUint32(at, NOW_MS / 1_000 + 2_208_988_800 + ahead);
  return packet;
}
const at = { mark: MARK, sentMs: NOW_MS, gotMs: NOW_MS };

test('ntpAnswer() measures how far the server is ahead, halving the way', () => {
  assert.deepEqual(ntpAnswer(answer(42), at), { offsetSeconds: 42, stratum: 2 });
  const later = ntpAnswer(answer(0), { ...at, gotMs: NOW_MS + 400 });
  assert.ok(Math.abs((later?.offsetSeconds ?? 0) + 0.2) < 1e-6);
});

test('ntpAnswer() takes no request, kiss of death, foreign or short packet for an answer', () => {
  assert.equal(ntpAnswer(ntpRequest(MARK), at), undefined);
  const kiss = answer(0);
  kiss[1] = 0;
  assert.equal(ntpAnswer(kiss, at), undefined);
  assert.equal(ntpAnswer(answer(0), { ...at, mark: new Uint8Array(8).fill(9) }), undefined);
  assert.equal(ntpAnswer(answer(0).subarray(0, 47), at), undefined);
});

const LEASE = `# This is private data. Do not parse.
ADDRESS=192.168.7.20
NETMASK=255.255.255.0
ROUTER=192.168.7.1
SERVER_ADDRESS=192.168.7.2
LIFETIME=3600
DNS=192.168.7.1 9.9.9.9
NTP=192.168.7.3
DOMAINNAME=hotel.test
CLIENTID=01dca632000001
`;

test('parseLease() reads what networkd keeps', () => {
  assert.deepEqual(parseLease(LEASE, 'end0'), {
    port: 'end0',
    address: '192.168.7.20',
    server: '192.168.7.2',
    routers: ['192.168.7.1'],
    nameServers: ['192.168.7.1', '9.9.9.9'],
    timeServers: ['192.168.7.3'],
    domains: ['hotel.test'],
  });
  assert.equal(parseLease('# nothing\n', 'end0'), undefined);
});

const ROUTES = `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask
end0\t0007A8C0\t00000000\t0001\t0\t0\t1024\t00FFFFFF
end0\t00000000\t0107A8C0\t0003\t0\t0\t1024\t00000000
`;

test('parseGateway() finds the default route, low byte first', () => {
  assert.equal(parseGateway(ROUTES), '192.168.7.1');
  assert.equal(parseGateway(ROUTES.split('\n').slice(0, 2).join('\n')), undefined);
  assert.equal(parseGateway('Iface\nend0\t00000000\tzz'), undefined);
});

test('isInArp() wants a complete entry', () => {
  const table = `IP address       HW type     Flags       HW address            Mask     Device
192.168.7.1      0x1         0x2         02:fc:00:00:00:05     *        end0
192.168.7.9      0x1         0x0         00:00:00:00:00:00     *        end0`;
  assert.equal(isInArp(table, '192.168.7.1'), true);
  assert.equal(isInArp(table, '192.168.7.9'), false);
  assert.equal(isInArp(table, '192.168.7.2'), false);
});

test('parseMemory() reads meminfo, and a node’s where the sandbox hides it', () => {
  assert.deepEqual(parseMemory('MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable:  600 kB\n'), {
    availableBytes: 614_400,
    totalBytes: 1_024_000,
  });
  const node =
    'Node 0 MemTotal:  1000 kB\nNode 0 MemFree:  100 kB\nNode 0 FilePages: 300 kB\nNode 0 Shmem: 50 kB';
  assert.equal(parseMemory(node)?.availableBytes, 350 * 1_024);
  assert.equal(parseMemory(''), undefined);
});

test('isDockerRange() knows 172.17.0.0/16', () => {
  assert.equal(isDockerRange('172.17.3.4'), true);
  assert.equal(isDockerRange('172.170.3.4'), false);
  assert.equal(isDockerRange('172.16.3.4'), false);
});

const HOST = 'sky-eu1.clock-software.com';
const page = { status: 200, location: undefined, type: 'text/html', body: '<p>Welcome</p>' };

test('judgeHttp() lets the host and its domain answer as they like', () => {
  const to = (location: string) => ({ ...page, status: 301, location });
  for (const answer of [
    to(`https://${HOST}/`),
    to('/login'),
    to('https://www.clock-software.com/'),
    page,
    { ...page, status: 404 },
    { ...page, status: 503 },
    { ...page, type: 'application/json', body: '{"form":"<form"}' },
  ]) {
    assert.deepEqual(judgeHttp(HOST, answer), { portal: false }, JSON.stringify(answer));
  }
});

test('judgeHttp() knows a captive portal by redirect, status, form or refresh', () => {
  const redirect = { ...page, status: 302, location: 'http://login.hotel.test/x' };
  assert.deepEqual(judgeHttp(HOST, redirect), { portal: true, to: 'login.hotel.test' });
  const alike = { ...redirect, location: 'http://evilclock-software.com/' };
  assert.equal(judgeHttp(HOST, alike).portal, true);
  const refresh = '<html><meta http-equiv="refresh" content="0;url=http://10.0.0.1/">';
  assert.deepEqual(judgeHttp(HOST, { ...page, body: refresh }), { portal: true, to: '10.0.0.1' });
  assert.equal(judgeHttp(HOST, { ...page, status: 511 }).portal, true);
  assert.equal(judgeHttp(HOST, { ...page, body: '<form><input name=room>' }).portal, true);
  assert.equal(judgeHttp(HOST, { ...redirect, location: 'http://' }).portal, true);
});
