// Isolation: one thing broken in an open hotel turns exactly its own check, with its remedy; what
// depends on it says so; everything else stays as it was.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CloudView } from '../../../agent/core/cloud.ts';
import type { Listener } from './network.fake.ts';
import {
  check,
  connected,
  NOW_MS,
  openHotel,
  unlike,
  withBoard,
  withDropped,
  withListener,
} from './hotel.ts';
import type { Hotel } from './hotel.ts';

const CLOUD_NEEDS = (id: string): Record<string, string> => ({
  'clock-443': `not-checked needs ${id}`,
  'aws-443': `not-checked needs ${id}`,
  'aws-8443': `not-checked needs ${id}`,
  'aws-8883': `not-checked needs ${id}`,
  tls: `not-checked needs ${id}`,
  'clock-80': `not-checked needs ${id}`,
  'clock-22': `not-checked needs ${id}`,
  'gems-5000': `not-checked needs ${id}`,
  portal: `not-checked needs ${id}`,
});

const alert = (why: string): Listener => ({ is: 'alert', why });
const middlebox = (names: readonly string[], alpn: readonly string[] = []): Listener => ({
  is: 'tls',
  issuer: 'FortiGate CA',
  trustedBy: () => false,
  why: 'SELF_SIGNED_CERT_IN_CHAIN',
  names,
  alpn,
});

const cases: Readonly<Record<string, readonly [Hotel, Record<string, string>]>> = {
  'nothing broken': [openHotel, {}],
  'TCP 443 to Clock dropped': [
    withDropped(openHotel, '198.51.100.1:443'),
    { 'clock-443': 'failed port' },
  ],
  'TCP 443 to AWS dropped': [
    withDropped(openHotel, '198.51.100.2:443'),
    { 'aws-443': 'failed port' },
  ],
  'TCP 8443 dropped': [withDropped(openHotel, '198.51.100.2:8443'), { 'aws-8443': 'failed port' }],
  'TCP 8883 dropped': [withDropped(openHotel, '198.51.100.2:8883'), { 'aws-8883': 'failed port' }],
  'TCP 22 dropped': [withDropped(openHotel, '198.51.100.1:22'), { 'clock-22': 'not-needed' }],
  'TCP 5000 dropped': [withDropped(openHotel, '198.51.100.3:5000'), { 'gems-5000': 'not-needed' }],
  'TCP 80 dropped': [
    withDropped(openHotel, '198.51.100.1:80'),
    { 'clock-80': 'not-needed', portal: 'not-checked needs clock-80' },
  ],
  'a firewall that lets TCP 8883 open and cuts TLS': [
    withListener(openHotel, '198.51.100.2:8883', { is: 'silent' }),
    { 'aws-8883': 'failed port' },
  ],
  'UDP 123 dropped': [withDropped(openHotel, '198.51.100.4:123'), { ntp: 'failed ntp' }],
  'UDP 123 dropped before the clock was ever set': [
    withBoard(withDropped(openHotel, '198.51.100.4:123'), { timeSynchronised: false }),
    { ntp: 'failed ntp', time: 'not-checked needs ntp' },
  ],
  'a silent name server': [
    { ...openHotel, world: { ...openHotel.world, names: undefined } },
    { dns: 'failed dns', ntp: 'not-checked needs dns', ...CLOUD_NEEDS('dns') },
  ],
  'one AWS port intercepted': [
    withListener(openHotel, '198.51.100.2:8443', middlebox(['data.iot.amazonaws.test'])),
    { tls: 'failed interception' },
  ],
  'AWS answered by a public root that is not Amazon’s': [
    withListener(openHotel, '198.51.100.2:8883', {
      is: 'tls',
      issuer: 'public',
      trustedBy: (roots) => roots.includes('public'),
      names: ['data.iot.amazonaws.test'],
      alpn: [],
    }),
    { tls: 'failed interception' },
  ],
  'a certificate made out to another name': [
    withListener(openHotel, '198.51.100.1:443', {
      is: 'tls',
      issuer: 'public',
      trustedBy: () => true,
      names: ['hotspot.test'],
      alpn: [],
    }),
    { tls: 'failed interception' },
  ],
  'the protocol name removed on AWS 443': [
    withListener(openHotel, '198.51.100.2:443', {
      is: 'tls',
      issuer: 'amazon',
      trustedBy: () => true,
      names: ['data.iot.amazonaws.test'],
      alpn: [],
    }),
    { tls: 'failed alpn' },
  ],
  'the protocol name refused on AWS 443': [
    withListener(openHotel, '198.51.100.2:443', middlebox([], ['http/1.1'])),
    { 'aws-443': 'failed alpn' },
  ],
  'a handshake that somebody refuses by an alert': [
    withListener(openHotel, '198.51.100.2:8883', alert('ERR_SSL_TLSV1_UNRECOGNIZED_NAME')),
    { 'aws-8883': 'failed port' },
  ],
  'an AWS port that only misses our certificate': [
    withListener(
      openHotel,
      '198.51.100.2:8883',
      alert('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
    ),
    {},
  ],
  'a login page by redirect': [
    withListener(openHotel, '198.51.100.1:80', {
      is: 'http',
      answer: { status: 302, location: 'http://login.hotel.test/', type: '', body: '' },
    }),
    { portal: 'failed portal' },
  ],
  'no cable': [
    {
      ...withBoard(openHotel, {
        ports: [{ name: 'end0', mac: '', up: false, mbit: undefined }],
        leases: [],
        gateway: undefined,
      }),
      world: { ...openHotel.world, interfaces: [], names: undefined, listeners: new Map() },
    },
    {
      link: 'failed cable',
      dhcp: 'not-checked needs link',
      gateway: 'not-checked needs link',
      dns: 'not-checked needs link',
      ntp: 'not-checked needs link',
      ...CLOUD_NEEDS('link'),
    },
  ],
  'no DHCP server': [
    {
      ...withBoard(openHotel, { leases: [], gateway: undefined }),
      world: { ...openHotel.world, interfaces: [], names: undefined, listeners: new Map() },
    },
    {
      dhcp: 'failed dhcp',
      gateway: 'not-checked needs dhcp',
      dns: 'not-checked needs dhcp',
      ntp: 'not-checked needs dhcp',
      ...CLOUD_NEEDS('dhcp'),
    },
  ],
  'a lease whose address is not in use': [
    withBoard(openHotel, { leases: [{ ...openHotel.board.leases![0]!, address: '10.9.9.9' }] }),
    { dhcp: 'failed dhcp' },
  ],
  'a full card': [withBoard(openHotel, { freeBytes: 1e6 }), { storage: 'failed card-full' }],
  'a card gone read-only': [
    withBoard(openHotel, { write: { why: 'EROFS' } }),
    { storage: 'failed card-dead' },
  ],
  'a slow card': [withBoard(openHotel, { write: { ms: 3_000 } }), { storage: 'warning card-slow' }],
  'memory short': [withBoard(openHotel, { availableBytes: 1e7 }), { memory: 'warning memory' }],
  'no memory limits': [
    withBoard(openHotel, { memoryController: false }),
    { cgroup: 'failed cgroup' },
  ],
  heat: [withBoard(openHotel, { celsius: 85 }), { temperature: 'failed heat' }],
  'a weak power supply': [
    withBoard(openHotel, { underVoltage: true }),
    { voltage: 'failed power' },
  ],
  'a board without sensors': [
    withBoard(openHotel, { celsius: undefined, underVoltage: undefined }),
    { temperature: 'not-checked', voltage: 'not-checked' },
  ],
  'the card’s key on the card': [
    { ...openHotel, settings: { ...openHotel.settings, seal: 'card' } },
    { seal: 'warning seal' },
  ],
  'no serial': [
    { ...openHotel, settings: { ...openHotel.settings, serialProblem: 'ENOENT' } },
    { settings: 'failed serial' },
  ],
  'an invalid override': [
    { ...openHotel, settings: { ...openHotel.settings, endpointsProblem: 'region: odd' } },
    { settings: 'failed endpoints' },
  ],
  'additional roots': [
    { ...openHotel, settings: { ...openHotel.settings, extraRoots: 1 } },
    { settings: 'warning roots' },
  ],
};

for (const [name, [hotel, expected]] of Object.entries(cases)) {
  test(`with ${name}, exactly the checks concerned say so`, async () => {
    assert.deepEqual(unlike(await check(hotel)), expected);
  });
}

const dateError: Listener = {
  is: 'tls',
  issuer: 'amazon',
  trustedBy: () => false,
  why: 'CERT_NOT_YET_VALID',
  names: ['data.iot.amazonaws.test'],
  alpn: [],
};

test('certificate dates are no interception while the clock is not set', async () => {
  const hotel = withListener(openHotel, '198.51.100.2:8883', dateError);
  const unset = withBoard(hotel, { timeSynchronised: false });
  assert.deepEqual(unlike(await check(unset)), {
    time: 'failed time',
    tls: 'not-checked needs time',
  });
  const before = { ...withBoard(hotel, { timeSynchronised: undefined }), wallMs: 0 };
  assert.equal(unlike(await check(before))['tls'], 'not-checked needs time');
  const set = { ...withBoard(hotel, { timeSynchronised: true }), wallMs: NOW_MS };
  assert.deepEqual(unlike(await check(set)), { tls: 'failed interception' });
});

test('a foreign certificate is an interception whatever the clock says', async () => {
  const box = middlebox(['data.iot.amazonaws.test']);
  const hotel = withListener(openHotel, '198.51.100.2:8883', box);
  const outcomes = await check(withBoard(hotel, { timeSynchronised: false }));
  assert.equal(unlike(outcomes)['tls'], 'failed interception');
  assert.equal(outcomes.tls.notes[0]?.values['issuer'], 'FortiGate CA');
});

test('what an issuer calls itself stays one line, read from left to right', async () => {
  const box = { ...middlebox(['data.iot.amazonaws.test']), issuer: 'Box\r\n[passed] \u202Elive' };
  const { tls } = await check(withListener(openHotel, '198.51.100.2:8883', box));
  assert.equal(tls.notes[0]?.values['issuer'], 'Box [passed]  live');
});

test('time servers that DHCP offers are asked first, and need no names', async () => {
  const [lease] = openHotel.board.leases!;
  const offered = withBoard(openHotel, { leases: [{ ...lease!, timeServers: ['10.1.0.1'] }] });
  const hotel = withListener(offered, '10.1.0.1:123', { is: 'ntp', offsetSeconds: 0 });
  const silent = { ...hotel, world: { ...hotel.world, names: undefined } };
  const { ntp } = await check(silent);
  assert.equal(ntp.state, 'passed');
  assert.equal(ntp.notes[0]?.values['host'], '10.1.0.1');
});

test('172.17.x.x is a note, not a failure', async () => {
  const [own] = openHotel.world.interfaces;
  const interfaces = [own!, { ...own!, name: 'end1', address: '172.17.0.9' }];
  const outcomes = await check({ ...openHotel, world: { ...openHotel.world, interfaces } });
  assert.equal(outcomes.subnet.state, 'passed');
  assert.equal(outcomes.subnet.notes[0]?.say, 'subnet-clash');
});

const withLink = (link: Partial<CloudView['link']>): Hotel => ({
  ...openHotel,
  cloud: { ...connected, link: { ...connected.link, ...link } },
});
const withProvisioning = (provisioning: Partial<CloudView['provisioning']>): Hotel => ({
  ...openHotel,
  cloud: { ...connected, provisioning: { ...connected.provisioning, ...provisioning } },
});
const withOutbox = (outbox: Partial<CloudView['outbox']>): Hotel => ({
  ...openHotel,
  cloud: { ...connected, outbox: { ...connected.outbox, ...outbox } },
});
const withPairing = (pairing: Partial<CloudView['pairing']>, link = connected.link): Hotel => ({
  ...openHotel,
  cloud: { ...connected, link, pairing: { ...connected.pairing, ...pairing } },
});
const renewalOf = (failures: number): CloudView['renewal'] => ({
  failures,
  problem: { why: 'no', msAgo: 1 },
});
const withPms = (
  why: NonNullable<CloudView['pms']['accounts'][number]['problem']>['why'],
  text: string,
): Hotel => {
  const accounts = connected.pms.accounts.map((one) => ({
    ...one,
    problem: { why, text, msAgo: 1_000 },
  }));
  return { ...openHotel, cloud: { ...connected, pms: { ...connected.pms, accounts } } };
};
const down = { at: 'waiting', failures: 5, problem: { why: 'CLOSED', msAgo: 1 } } as const;
const connections: Readonly<Record<string, readonly [Hotel, Record<string, string>]>> = {
  'no agent to ask': [
    { ...openHotel, cloud: undefined },
    {
      connection: 'not-checked',
      pairing: 'not-checked',
      pms: 'not-checked',
      outbox: 'not-checked',
    },
  ],
  'shut out by the PMS, where nobody knocks then': [
    {
      ...withPms('banned', ''),
      cloud: {
        ...withPms('banned', '').cloud!,
        pms: { ...withPms('banned', '').cloud!.pms, bannedMs: 1 },
      },
    },
    {
      pms: 'failed pms-banned',
      ...{ portal: 'not-checked needs pms', 'clock-443': 'not-checked needs pms' },
      ...{ 'clock-80': 'not-checked needs pms', 'clock-22': 'not-checked needs pms' },
    },
  ],
  'no account': [
    withPairing({ accounts: [] }),
    { pairing: 'warning pairing', pms: 'not-checked needs pairing' },
  ],
  'no account, and no connection to get one by': [
    withPairing({ accounts: [] }, { ...connected.link, at: 'dialling' }),
    {
      connection: 'not-checked',
      pairing: 'not-checked needs connection',
      pms: 'not-checked needs connection',
    },
  ],
  'an account of the factory that is none': [
    withPairing({ accounts: [], recordProblem: 'unit.json: expected Array' }),
    { pairing: 'failed record', pms: 'not-checked needs pairing' },
  ],
  'a renewal that fails': [
    { ...openHotel, cloud: { ...connected, renewal: renewalOf(5) } },
    { connection: 'warning renewal' },
  ],
  'a renewal that failed once': [
    { ...openHotel, cloud: { ...connected, renewal: renewalOf(1) } },
    {},
  ],
  'an API user whose key is wrong': [withPms('key', ''), { pms: 'failed pms-key' }],
  'an API user without a right': [
    withPms('right', 'The User doesn’t have pms_api_rooms_index right'),
    { pms: 'failed pms-right' },
  ],
  'an address that Clock has shut out': [withPms('banned', ''), { pms: 'failed pms-banned' }],
  'an API that is not reached': [withPms('unreachable', 'ETIMEDOUT'), { pms: 'failed pms' }],
  'no claim': [withProvisioning({ step: 'claim' }), { connection: 'not-checked' }],
  'a registration under way': [
    withProvisioning({ step: 'certificate', failures: 1 }),
    { connection: 'not-checked' },
  ],
  'a refused claim': [
    withProvisioning({ step: 'certificate', failures: 3, refused: true }),
    { connection: 'failed claim' },
  ],
  'a link that only publishes': [
    withLink({ route: 'https-8443' }),
    { connection: 'warning publish-only' },
  ],
  'a first lost connection': [
    withLink({ at: 'waiting', failures: 1 }),
    { connection: 'not-checked' },
  ],
  'a refused certificate': [
    withLink({ ...down, refused: true }),
    { connection: 'failed certificate' },
  ],
  'a proxy that refuses': [
    withLink({ ...down, problem: { why: 'PROXY_403', msAgo: 1 } }),
    { connection: 'failed proxy' },
  ],
  'open ports and no connection': [withLink(down), { connection: 'failed connection' }],
  'a queue that does not open': [
    withOutbox({ at: 'closed', problem: 'busy' }),
    {
      connection: 'not-checked needs outbox',
      pairing: 'not-checked needs outbox',
      outbox: 'failed outbox',
    },
  ],
  'dead letters': [withOutbox({ dead: 2 }), { outbox: 'warning outbox' }],
  'a full queue': [withOutbox({ tight: true }), { outbox: 'failed card-full' }],
};
for (const [name, [hotel, expected]] of Object.entries(connections)) {
  test(`of the connection: with ${name}, exactly that is said`, async () => {
    assert.deepEqual(unlike(await check(hotel)), expected);
  });
}

test('a connection that fails behind a closed port is that port’s business', async () => {
  const hotel = withDropped(withLink(down), '198.51.100.2:8883');
  assert.deepEqual(unlike(await check(hotel)), {
    'aws-8883': 'failed port',
    connection: 'not-checked needs aws-8883',
  });
});
