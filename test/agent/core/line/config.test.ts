// The settings of lines: what a form may hold.
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import * as v from 'valibot';
import { LineSettings } from '../../../../agent/core/line/config.ts';
import { listed } from '../../../../agent/io/line-listen.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { below, pick } from '../frames/streams.ts';

const takes = (settings: object): boolean => v.safeParse(LineSettings, settings).success;
const from = (...sources: string[]): object => ({ kind: 'tcp-server', port: 5_000, from: sources });

test('LineSettings fills in what most devices have', () => {
  const reconnect = { firstSeconds: 1, maxSeconds: 60 };
  assert.deepEqual(v.parse(LineSettings, { kind: 'serial', device: '/dev/ttyUSB0' }), {
    ...{ kind: 'serial', device: '/dev/ttyUSB0', baud: 9_600, dataBits: 8, parity: 'none' },
    ...{ stopBits: 1, flow: 'none', reconnect },
  });
  assert.deepEqual(v.parse(LineSettings, from('10.0.0.1')), {
    ...{ kind: 'tcp-server', port: 5_000, from: ['10.0.0.1'], second: 'replace' },
  });
  assert.ok(takes({ kind: 'tcp-client', host: 'pbx.hotel', port: 23 }));
  assert.ok(takes({ kind: 'serial', device: '/dev/serial/by-id/usb-FTDI_FT232R_A5-if00-port0' }));
});

test('LineSettings takes no device but serial ports and printers', () => {
  for (const device of ['/dev/mem', '/dev/../dev/ttyS0', '/dev/serial/by-id/../../mem', '/dev/tty'])
    assert.ok(!takes({ kind: 'serial', device }), device);
  for (const device of ['/dev/usb/lp', '/dev/usb/../mem', '/dev/usb/hiddev0'])
    assert.ok(!takes({ kind: 'usb-printer', device }), device);
});

test('LineSettings takes only addresses and networks that a listener can judge by', () => {
  for (const one of ['10.1.2.3', '10.0.0.0/8', '::1', 'fd00::/8', '2001:db8::5', '::ffff:10.0.0.1'])
    assert.ok(takes(from(one)), one);
  const wrong = [
    'abc',
    '10.1.2',
    '10.1.2.256',
    '10.1.2.3/33',
    '::1/129',
    ':',
    '1::2::3',
    '01.2.3.4',
  ];
  for (const one of [...wrong, '', 'lock.hotel', '10.1.2.3/', '10.1.2.3/8/8'])
    assert.ok(!takes(from(one)), one);
  assert.ok(!takes(from()));
  const seed = testSeed();
  const random = randomFrom(seed);
  const letters = ['1', '25', '0', '.', '.', ':', ':', '::', 'a', 'ff', '/', '10.1.2.3', 'fd00'];
  for (let round = 0; round < 3_000; round += 1) {
    const one = Array.from({ length: 1 + below(random, 8) }, () => pick(random, letters)).join('');
    const label = `seed ${seed}: ${one}`;
    if (takes(from(one))) listed([one]);
    else if (isIP(one) !== 0) assert.fail(label);
  }
});
