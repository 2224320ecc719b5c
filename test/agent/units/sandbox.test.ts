// The root helper's pure part: what a request must be, what is made of it, and that no request, however hostile,
// makes a line that is not one of ours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lanRange } from '../../../agent/core/lan.ts';
import { plan } from '../../../agent/units/state.ts';
import type { Device, Plan } from '../../../agent/units/state.ts';
import { parseAnswer, parseRequest, renderAnswer } from '../../../agent/units/wire.ts';
import { randomFrom, testSeed } from '../random.ts';

const PBX = {
  id: 'pbx-reception',
  interface: 'fias',
  memoryMb: 96,
  needs: [
    { need: 'connect', name: 'pbx.hotel.lan', addresses: ['10.1.2.3', 'fd00::3'], port: 5001 },
    { need: 'listen', port: 6001, from: ['10.1.0.0/16'] },
  ],
};
const DOORS = {
  id: 'doors',
  interface: 'salto',
  memoryMb: 64,
  needs: [{ need: 'device', path: '/dev/serial/by-id/usb-FTDI_FT232R-if00-port0' }],
};
const THERE: Device = { at: 'there', node: '/dev/ttyUSB0', number: '188:0' };

const requestOf = (...services: unknown[]): string =>
  JSON.stringify({ v: 1, request: 'r-1', services });

function planOf(
  text: string,
  { device = THERE, existing = [] }: { device?: Device; existing?: string[] } = {},
): Plan {
  const read = parseRequest(text);
  assert.ok(read.ok, read.ok ? '' : read.why);
  const base = { deviceOf: () => device, refusalOf: () => undefined, isPackaged: () => false };
  return plan(read.request, { ...base, existing });
}

test('a service gets the addresses, the ports and the names that it asks for, and the firewall its rules', () => {
  const { sandboxes, firewall, answers } = planOf(requestOf(PBX));
  assert.deepEqual([...answers], [['pbx-reception', undefined]]);
  assert.deepEqual(sandboxes[0]!.dropIn.split('\n').slice(1, -1), [
    '[Service]',
    'User=clock-pbx-reception',
    'MemoryMax=96M',
    'BindReadOnlyPaths=/run/clock-units/services/pbx-reception/hosts:/etc/hosts',
    'IPAddressAllow=10.1.2.3/32',
    'IPAddressAllow=fd00:0:0:0:0:0:0:3/128',
    'IPAddressAllow=10.1.0.0/16',
    'SocketBindAllow=ipv4:tcp:6001',
    'SocketBindAllow=ipv6:tcp:6001',
    'NFTSet=cgroup:inet:clock:service_pbx_reception',
  ]);
  assert.equal(
    sandboxes[0]!.hosts,
    '127.0.0.1 localhost\n10.1.2.3 pbx.hotel.lan\nfd00:0:0:0:0:0:0:3 pbx.hotel.lan\n',
  );
  const whose = 'socket cgroupv2 level 3 @service_pbx_reception accept';
  assert.deepEqual(firewall.trim().split('\n'), [
    'add set inet clock service_pbx_reception { type cgroupsv2; }',
    'flush chain inet clock services_in',
    'flush chain inet clock services_out',
    `add rule inet clock services_out ip daddr 10.1.2.3/32 tcp dport 5001 ${whose}`,
    `add rule inet clock services_out ip6 daddr fd00:0:0:0:0:0:0:3/128 tcp dport 5001 ${whose}`,
    `add rule inet clock services_in ip saddr 10.1.0.0/16 tcp dport 6001 ${whose}`,
  ]);
});

test('a service with a device alone gets that device and no network', () => {
  const { dropIn } = planOf(requestOf(DOORS)).sandboxes[0]!;
  for (const line of [
    'DeviceAllow=/dev/ttyUSB0 rw',
    'SupplementaryGroups=dialout',
    'PrivateNetwork=yes',
  ]) {
    assert.ok(dropIn.includes(`\n${line}\n`), line);
  }
  assert.doesNotMatch(dropIn, /IPAddressAllow|NFTSet|SocketBindAllow/);
  const absent = planOf(requestOf(DOORS), { device: { at: 'absent' } });
  assert.equal(absent.answers.get('doors'), undefined);
  assert.doesNotMatch(absent.sandboxes[0]!.dropIn, /DeviceAllow/);
});

test('every service has a user of its own, with a name that systemd takes', () => {
  const ids = ['a', 'a'.repeat(25), 'a'.repeat(26), 'a'.repeat(32), `${'a'.repeat(31)}b`];
  const { sandboxes } = planOf(requestOf(...ids.map((id) => ({ ...PBX, id, needs: [] }))));
  const users = sandboxes.map(({ dropIn }) => /^User=(.*)$/m.exec(dropIn)![1]!);
  assert.equal(new Set(users).size, ids.length);
  for (const user of users) assert.match(user, /^[a-z_][a-z0-9_-]{0,30}$/);
});

test('what is gone is closed: drop-in, rules and set', () => {
  const { gone, firewall } = planOf(requestOf(DOORS), { existing: ['pbx-reception', 'doors'] });
  assert.deepEqual(gone, ['pbx-reception']);
  assert.ok(firewall.includes('destroy set inet clock service_pbx_reception'));
  assert.ok(!firewall.includes('add rule'));
});

test('what is refused says why and where, is closed, and stops no other', () => {
  const refusals: readonly (readonly [unknown, RegExp, string])[] = [
    [
      { needs: [{ need: 'connect', addresses: ['8.8.8.8'], port: 1 }] },
      /local/,
      'needs.0.addresses.0',
    ],
    [{ needs: [{ need: 'connect', addresses: [], port: 1 }] }, /length/, 'needs.0.addresses'],
    [
      { needs: [{ need: 'connect', name: 'a b', addresses: ['10.0.0.1'], port: 1 }] },
      /name/,
      'needs.0.name',
    ],
    [{ needs: [{ need: 'listen', port: 80, from: ['10.0.0.0/8'] }] }, /1024/, 'needs.0.port'],
    [{ needs: [{ need: 'listen', port: 5353, from: ['10.0.0.0/8'] }] }, /own/, 'needs.0.port'],
    [{ needs: [{ need: 'listen', port: 5000, from: ['0.0.0.0/0'] }] }, /local/, 'needs.0.from.0'],
    [{ needs: [{ need: 'listen', port: 5000, from: [] }] }, /length/, 'needs.0.from'],
    [{ needs: [{ need: 'device', path: '/dev/mmcblk0' }] }, /serial/, 'needs.0.path'],
    [{ needs: [{ need: 'device', path: '/dev/serial/by-id/..' }] }, /serial/, 'needs.0.path'],
    [
      { needs: [{ need: 'device', path: '/dev/serial/by-id/../../mmcblk0' }] },
      /serial/,
      'needs.0.path',
    ],
    [{ needs: Array(25).fill(DOORS.needs[0]) }, /length/, 'needs'],
    [{ memoryMb: 4_096 }, /256/, 'memoryMb'],
    [{ memoryMb: '96M\nUser=root' }, /number/, 'memoryMb'],
    [{ interface: '../x' }, /interface/, 'interface'],
    [{ extra: 1 }, /never/, 'extra'],
  ];
  for (const [change, why, field] of refusals) {
    const text = requestOf({ ...PBX, ...(change as object) }, DOORS);
    const { answers, sandboxes, gone } = planOf(text, { existing: ['pbx-reception'] });
    assert.match(answers.get('pbx-reception')?.why ?? '', why);
    assert.equal(answers.get('pbx-reception')?.field, field);
    assert.deepEqual(
      sandboxes.map(({ id }) => id),
      ['doors'],
    );
    assert.deepEqual(gone, ['pbx-reception']);
  }
});

test('a port and a device have one service', () => {
  const other = { ...PBX, id: 'other' };
  const second = { ...DOORS, id: 'printer', needs: [{ need: 'device', path: '/dev/ttyUSB0' }] };
  const { answers } = planOf(requestOf(PBX, other, DOORS, second));
  assert.deepEqual(answers.get('other'), { why: 'another service has it', field: 'needs.1.port' });
  // Another path that leads to the same node.
  assert.deepEqual(answers.get('printer'), {
    why: 'another service has it',
    field: 'needs.0.path',
  });
});

test('a request that is none, names a service twice or not at all is refused as a whole', () => {
  const texts = [
    ...['', 'null', '[]', '{}', '{"v":2}', requestOf(PBX, PBX), requestOf({ ...PBX, id: 'Bad' })],
    ...[
      requestOf({ ...PBX, id: '../x' }),
      requestOf({ ...PBX, id: 'a'.repeat(33) }),
      requestOf({ ...PBX, id: 'a\n' }),
    ],
    ...[requestOf(...Array.from({ length: 22 }, (_, at) => ({ ...DOORS, id: `s${at}` })))],
    JSON.stringify({ v: 1, request: 'a/../b', services: [] }),
    JSON.stringify({ v: 1, request: 'r', services: [], more: 1 }),
  ];
  for (const text of texts) assert.equal(parseRequest(text).ok, false, text.slice(0, 60));
});

test('an answer is read by who asked, and by nobody else', () => {
  const answers = new Map([
    ['a', undefined],
    ['b', { why: 'no', field: 'needs.0.port' }],
  ] as const);
  const text = renderAnswer('r-1', answers);
  assert.deepEqual(parseAnswer(text, 'r-1'), answers);
  for (const other of [parseAnswer(text, 'r-2'), parseAnswer('{', 'r-1'), parseAnswer('', 'r-1')]) {
    assert.equal(other, undefined);
  }
});

/** Everything that a drop-in may say. Ranges are judged by lanRange, which lan.test.ts judges by Node's. */
const DROP_IN =
  /^(# [ -~]+|\[Service\]|User=clock[-_][a-z0-9-]{1,25}|MemoryMax=\d{2,3}M|BindReadOnlyPaths=\/run\/clock-units\/services\/[a-z][a-z0-9-]{0,31}\/hosts:\/etc\/hosts|LoadCredential=package\.(js|jws):\/run\/clock-units\/services\/[a-z][a-z0-9-]{0,31}\/package\.(js|jws)|IPAddressAllow=(?<range>[0-9a-f.:/]+)|SocketBindAllow=ipv[46]:tcp:(?<port>\d+)|NFTSet=cgroup:inet:clock:service_[a-z0-9_]+|PrivateNetwork=yes|PrivateDevices=no|RestrictAddressFamilies=(AF_UNIX)?|SupplementaryGroups=(dialout|lp|dialout lp|lp dialout)|DeviceAllow=\/dev\/ttyUSB0 rw)$/;
const FIREWALL =
  /^(add set inet clock service_[a-z0-9_]+ \{ type cgroupsv2; \}|destroy set inet clock service_[a-z0-9_]+|flush chain inet clock services_(in|out)|add rule inet clock services_(in|out) (ip|ip6) [sd]addr (?<range>[0-9a-f.:/]+) tcp dport (?<port>\d+) socket cgroupv2 level 3 @service_[a-z0-9_]+ accept)$/;

function assertOurs(made: Plan): void {
  const check = (line: string, grammar: RegExp): void => {
    const found = grammar.exec(line);
    assert.ok(found, JSON.stringify(line));
    const { range } = found.groups ?? {};
    if (range !== undefined) assert.ok(lanRange(range), line);
  };
  for (const { dropIn, hosts } of made.sandboxes) {
    for (const line of dropIn.trimEnd().split('\n')) check(line, DROP_IN);
    for (const line of hosts.trimEnd().split('\n'))
      assert.match(line, /^[0-9a-f.:]+ [A-Za-z0-9.-]+$/);
  }
  for (const line of made.firewall.trimEnd().split('\n')) check(line, FIREWALL);
}

/** What somebody would try who owns the agent. */
const EVIL: readonly unknown[] = [
  ...[
    '\n[Service]\nUser=root',
    '96M\nExecStart=/bin/sh',
    '%n',
    '$(id)',
    '../../etc',
    '/dev/mem',
    '; flush ruleset',
  ],
  ...[
    '0.0.0.0/0',
    '::/0',
    '10.0.0.1; accept',
    '10.0.0.1/0',
    '8.8.8.8',
    '127.0.0.1',
    'fe80::1%eth0',
    '',
    ' ',
    '\0',
  ],
  ...[
    '/dev/ttyUSB0 rw\nDeviceAllow=/dev/sda',
    '/dev/serial/by-id/../../sda',
    '/dev/ttyUSB0/../sda',
    'a',
    'A',
  ],
  ...[
    0,
    -1,
    1.5,
    1e9,
    22,
    80,
    1024,
    65_536,
    Number.MAX_SAFE_INTEGER,
    null,
    true,
    [],
    {},
    ['10.0.0.1'],
  ],
  ...[
    { need: 'connect' },
    { need: 'exec', path: '/bin/sh' },
    '__proto__',
    'x'.repeat(300),
    '10.1.2.3',
    '/dev/ttyUSB0',
  ],
];

test('no request makes a line that is not ours', (context) => {
  const seed = testSeed();
  context.diagnostic(`CLOCK_TEST_SEED=${seed}`);
  const random = randomFrom(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const mutate = (value: unknown, chance: number): unknown => {
    if (random() < chance) return pick(EVIL);
    if (Array.isArray(value)) {
      const items = value.map((item) => mutate(item, chance));
      return random() < chance ? [...items, ...items] : items;
    }
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([key, one]) => [key, mutate(one, chance)]);
    if (random() < chance)
      entries.push([pick(['User', 'v', '__proto__', 'needs', 'name', 'x\n']), pick(EVIL)]);
    return Object.fromEntries(entries);
  };
  let made = 0;
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 500_000 : 10_000;
  for (let round = 0; round < rounds; round += 1) {
    const third = {
      ...PBX,
      id: 'third',
      needs: [...DOORS.needs, { need: 'device', path: '/dev/usb/lp0' }],
    };
    const services = [PBX, DOORS, third].map((service) => mutate(service, 0.02));
    const read = parseRequest(requestOf(...services));
    if (!read.ok) continue;
    const seen = {
      deviceOf: () => THERE,
      refusalOf: () => undefined,
      isPackaged: (id: string) => id === 'doors',
      existing: ['gone-one', 'doors'],
    };
    const result = plan(read.request, seen);
    assertOurs(result);
    made += result.sandboxes.length;
  }
  assert.ok(made > rounds / 10, 'most were not refused');
});
