// The bench's pure parts: the router's rules, leases, DNS packets, odd requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oddRequests } from '../fuzz.ts';
import { addressesIn, queryOf } from './dns.ts';
import { OPEN, ruleset } from './firewall.ts';
import { parseLeases } from './leases.ts';
import { BLOCKABLES } from './places.ts';

test('an open hotel has no rule that stops or diverts anything', () => {
  assert.doesNotMatch(ruleset(OPEN), /drop|reject|redirect/);
});

test('every thing that can be blocked has rules of its own', () => {
  const texts = BLOCKABLES.map((what) => ruleset({ ...OPEN, blocked: new Map([[what, 'drop']]) }));
  assert.equal(new Set(texts).size, BLOCKABLES.length);
  for (const text of texts) assert.match(text, / drop$/m);
});

test('leases are read with and without a host name; other lines are passed over', () => {
  const text = [
    '1795576989 ee:99:79:a7:31:6d 172.17.1.2 clockrpi-0123 01:ee:99:79:a7:31:6d',
    '1795576990 b8:27:eb:0c:00:01 172.17.1.3 * *',
    'duid 00:01:00:01:2f:5b',
    '',
  ].join('\n');
  assert.deepEqual(parseLeases(text), [
    {
      address: '172.17.1.2',
      mac: 'ee:99:79:a7:31:6d',
      hostName: 'clockrpi-0123',
      expiresSeconds: 1_795_576_989,
    },
    {
      address: '172.17.1.3',
      mac: 'b8:27:eb:0c:00:01',
      hostName: undefined,
      expiresSeconds: 1_795_576_990,
    },
  ]);
});

/** An answer as a multicast responder sends it: no question, the cache-flush bit set. */
function answerTo(name: string, tail: Buffer): Buffer {
  const question = queryOf(name);
  const header = Buffer.from([0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  const asked = question.subarray(12, question.length - 4);
  return Buffer.concat([header, asked, tail]);
}

test('an address is found in a multicast answer, whatever the case of its name', () => {
  const tail = Buffer.from([0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 172, 17, 1, 2]);
  assert.deepEqual(addressesIn(answerTo('ClockRPi-1.local', tail), 'clockrpi-1.LOCAL'), [
    '172.17.1.2',
  ]);
  assert.deepEqual(addressesIn(answerTo('other.local', tail), 'clockrpi-1.local'), []);
});

test('questions, cut packets and pointers in a circle hold no address', () => {
  const name = 'clockrpi-1.local';
  const tail = Buffer.from([0, 1, 0, 1, 0, 0, 0, 120, 0, 4, 172, 17, 1, 2]);
  const whole = answerTo(name, tail);
  assert.deepEqual(addressesIn(queryOf(name), name), []);
  for (let bytes = 0; bytes < whole.length - 4; bytes += 1) {
    assert.deepEqual(addressesIn(whole.subarray(0, bytes), name), []);
  }
  const circle = Buffer.concat([whole.subarray(0, 12), Buffer.from([0xc0, 12]), tail]);
  assert.deepEqual(addressesIn(circle, name), []);
});

test('odd requests are the same for the same seed, and most are no HTTP', () => {
  const make = (seed: number): string =>
    Buffer.concat([...oddRequests('unit', { seed, count: 500 })]).toString('latin1');
  assert.equal(make(7), make(7));
  assert.notEqual(make(7), make(8));
  const all = [...oddRequests('unit', { seed: 7, count: 500 })];
  const plain = all.filter((bytes) =>
    /^(GET|POST) \/\S* HTTP\/1\.1\r\nHost: unit\r\n\r\n/.test(bytes.toString()),
  );
  assert.ok(plain.length > 0 && plain.length < 100, String(plain.length));
});
