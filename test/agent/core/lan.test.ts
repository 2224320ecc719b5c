// Local addresses: what is one, what is not, and that two texts of one address become one.
import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import { isAddress, lanAddress, lanRange } from '../../../agent/core/lan.ts';
import { randomFrom, testSeed } from '../random.ts';

test('lanRange() takes what lies in local networks, in one form', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['10.1.2.3', '10.1.2.3/32'],
    ['10.1.2.3/16', '10.1.0.0/16'],
    ['172.16.0.0/12', '172.16.0.0/12'],
    ['192.168.255.255', '192.168.255.255/32'],
    ['100.64.0.1', '100.64.0.1/32'],
    ['fe80::1', 'fe80:0:0:0:0:0:0:1/128'],
    ['FD00:0::0:1', 'fd00:0:0:0:0:0:0:1/128'],
    ['fd12::/16', 'fd12:0:0:0:0:0:0:0/16'],
    ['fc00:1:2:3:4:5:6:7', 'fc00:1:2:3:4:5:6:7/128'],
  ];
  for (const [text, expected] of cases) {
    const found = lanRange(text);
    assert.equal(found && `${found.address}/${found.prefix}`, expected, text);
  }
});

test('lanRange() takes nothing else', () => {
  const texts = [
    ...[
      '',
      '/',
      '10.1.2',
      '10.1.2.3.4',
      '10.1.2.256',
      '010.1.2.3',
      '10.1.2.3/33',
      '10.1.2.3/',
      '10.1.2.3/08',
    ],
    ...[
      '10.0.0.0/7',
      '172.16.0.0/11',
      '0.0.0.0/0',
      '::/0',
      '127.0.0.1',
      '::1',
      '8.8.8.8',
      '172.32.0.1',
    ],
    ...[
      '224.0.0.1',
      '255.255.255.255',
      'ff02::1',
      '2001:db8::1',
      '::ffff:10.1.2.3',
      '::ffff:a01:203',
    ],
    ...[
      'fe80::1%eth0',
      'fe80:::1',
      'fe80::1::2',
      ':fe80::1',
      'fe80',
      'fd00::12345',
      'fd00:1:2:3:4:5:6:7:8',
    ],
    ...['fd00:1:2:3:4:5:6::7:8', '10.1.2.3/16/8', ' 10.1.2.3', '10.1.2.3\n', '10.1.2.3 10.1.2.4'],
  ];
  for (const text of texts) assert.equal(lanRange(text), undefined, JSON.stringify(text));
  assert.equal(lanAddress('10.1.2.3/32'), undefined);
  assert.equal(isAddress('8.8.8.8'), true);
  assert.equal(isAddress('pbx.hotel.lan'), false);
});

test("addresses by chance are judged as Node's own block list judges them", () => {
  const local = new BlockList();
  for (const [net, prefix] of [
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
  ] as const) {
    local.addSubnet(net, prefix, 'ipv4');
  }
  for (const [net, prefix] of [
    ['fc00::', 7],
    ['fe80::', 10],
  ] as const)
    local.addSubnet(net, prefix, 'ipv6');
  const random = randomFrom(testSeed());
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  for (let round = 0; round < 20_000; round += 1) {
    const parts = Array.from({ length: 4 }, () =>
      pick([0, 9, 10, 15, 16, 31, 32, 63, 64, 100, 127, 128, 168, 169, 172, 192, 254, 255]),
    );
    const groups = Array.from({ length: 8 }, () =>
      pick(['fe80', 'fec0', 'fd00', 'fbff', '0', '1', 'ffff']),
    );
    if (random() < 0.5) groups.splice(Math.floor(random() * 7), 2, '');
    const text = random() < 0.5 ? parts.join('.') : groups.join(':');
    const family = isIP(text);
    assert.equal(isAddress(text), family !== 0, text);
    if (family === 0) continue;
    const isLocal = local.check(text, family === 4 ? 'ipv4' : 'ipv6');
    assert.equal(lanAddress(text) !== undefined, isLocal, text);
  }
});
