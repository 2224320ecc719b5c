// The pure parts: topics, policies, packets from broken bytes, certificates as openssl sees them.
import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { elements, fromPem } from './certificates/der.ts';
import {
  issueForDevice,
  makeAuthority,
  makeKeyPair,
  nameOf,
  readCsr,
} from './certificates/issue.ts';
import { makeCsr } from './certificates/request.ts';
import { AWS_LIMITS } from './limits.ts';
import { allows } from './mqtt/policy.ts';
import { keepAliveMs } from './mqtt/rules.ts';
import { filterProblem, isPublishable, matches, topicProblem } from './mqtt/topics.ts';
import { PacketReader, UnreadablePacket, toBytes } from './mqtt/wire.ts';
import type { Packet } from './mqtt/wire.ts';
import { claimPolicy, unitPolicy } from './policies.ts';
import { difference, merged } from './shadow/document.ts';

test('matches() follows MQTT but for a/#, which is not a', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['a/b', 'a/b', true],
    ['a/+', 'a/b', true],
    ['a/+', 'a/b/c', false],
    ['a/+', 'a', false],
    ['a/#', 'a/b/c', true],
    ['a/#', 'a/', true],
    ['a/#', 'a', false],
    ['#', 'a', true],
    ['#', '$aws/a', false],
    ['+/a', '$aws/a', false],
    ['$aws/+', '$aws/a', true],
    ['a//b', 'a//b', true],
    ['+/+', '/a', true],
  ];
  for (const [filter, topic, expected] of cases) {
    assert.equal(matches(filter, topic), expected, `${filter} ${topic}`);
  }
});

test('topics and filters have the limits of AWS', () => {
  assert.equal(topicProblem('a/b/c/d/e/f/g/h', AWS_LIMITS), undefined);
  assert.match(topicProblem('a/b/c/d/e/f/g/h/i', AWS_LIMITS)!, /7 slashes/);
  assert.match(topicProblem('ä'.repeat(129), AWS_LIMITS)!, /256 bytes/);
  for (const topic of ['', 'a/+', 'a/#', 'a\0']) assert.ok(topicProblem(topic, AWS_LIMITS), topic);
  for (const filter of ['a/#/b', 'a#', 'a+/b', '$aws/rules/x/y', '$share/g/a', '']) {
    assert.ok(filterProblem(filter, AWS_LIMITS), filter);
  }
  assert.equal(isPublishable('$aws/things/T/jobs/J/update'), true);
  assert.equal(isPublishable('$aws/things/T/jobs/notify'), false);
  assert.equal(isPublishable('$SYS/x'), false);
});

test("the product's policies fit into AWS: 2,048 characters", () => {
  for (const policy of [unitPolicy(), claimPolicy('clock-unit')]) {
    assert.ok(JSON.stringify(policy).length <= AWS_LIMITS.policyCharsMax);
  }
});

test('allows() denies by default, lets Deny win, and knows no thing without its client id', () => {
  const by = { clientId: 'T', thing: 'T', commonName: 'T' };
  const topic = 'clock/v1/T/event/x';
  const asked = { action: 'iot:Publish', topic } as const;
  assert.equal(allows(undefined, asked, by), false);
  assert.equal(allows(unitPolicy(), asked, by), true);
  assert.equal(allows(unitPolicy(), asked, { ...by, commonName: 'x', clientId: 'x' }), false);
  assert.equal(allows(unitPolicy(), asked, { ...by, commonName: 'x', thing: undefined }), false);
  const deny = { Effect: 'Deny', Action: 'iot:Publish', Resource: '*' } as const;
  const both = { ...unitPolicy(), Statement: [...unitPolicy().Statement, deny] };
  assert.equal(allows(both, asked, by), false);
  // A name with a wildcard in it opens nothing.
  assert.equal(allows(unitPolicy(), asked, { clientId: '*', thing: '*', commonName: '*' }), false);
  const unknown = {
    Effect: 'Allow',
    Action: 'iot:Publish',
    Resource: 'topic/${iot:Other}',
  } as const;
  assert.throws(
    () => allows({ Version: '2012-10-17', Statement: [unknown] }, asked, by),
    /no policy variable/,
  );
});

test('keep-alive counts from 30 to 1,200 s, and none as the longest', () => {
  const counted = [0, 1, 30, 60, 1_200, 9_000].map(
    (seconds) => keepAliveMs(seconds, AWS_LIMITS) / 1_500,
  );
  assert.deepEqual(counted, [1_200, 30, 30, 60, 1_200, 1_200]);
});

test('packets come out the same however the bytes are cut; broken bytes throw and nothing else', () => {
  const packets: Packet[] = [
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: 'x',
      clean: true,
      keepalive: 9,
    },
    {
      cmd: 'publish',
      topic: 'a/b',
      payload: Buffer.alloc(300, 7),
      qos: 1,
      dup: false,
      retain: false,
      messageId: 1,
    },
    { cmd: 'pingreq' },
  ];
  const bytes = Buffer.concat(packets.map(toBytes));
  const reader = new PacketReader(AWS_LIMITS.payloadBytesMax);
  const read = [...bytes].flatMap((byte) => reader.push(Buffer.of(byte)));
  assert.deepEqual(
    read.map(({ cmd }) => cmd),
    ['connect', 'publish', 'pingreq'],
  );
  let seed = 1;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 0x7fffffff;
    return seed % below;
  };
  for (let round = 0; round < 2_000; round++) {
    const broken = Buffer.from(bytes);
    for (let flips = 0; flips <= random(4); flips++) broken[random(bytes.length)] = random(256);
    try {
      new PacketReader(AWS_LIMITS.payloadBytesMax).push(broken.subarray(0, random(bytes.length)));
    } catch (error) {
      assert.ok(error instanceof UnreadablePacket, String(error));
    }
  }
});

test('readCsr() takes RSA, P-256 and P-384, and no other key or signature', () => {
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  assert.equal(readCsr(makeCsr('x', p256)).ok, true);
  assert.equal(readCsr(makeCsr('x', generateKeyPairSync('ec', { namedCurve: 'P-384' }))).ok, true);
  const odd = readCsr(makeCsr('x', generateKeyPairSync('ec', { namedCurve: 'secp256k1' })));
  assert.match(odd.ok ? '' : odd.why, /of a kind/);
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const forged = readCsr(makeCsr('x', { publicKey: p256.publicKey, privateKey: other.privateKey }));
  assert.match(forged.ok ? '' : forged.why, /not by the key/);
  for (const text of [
    '',
    '-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----',
  ]) {
    assert.equal(readCsr(text).ok, false);
  }
});

test('certificates are what node:crypto reads: names, dates, issuer', () => {
  const validity = { fromMs: Date.UTC(2020, 0), toMs: Date.UTC(2049, 11, 31, 23, 59, 59) };
  const authority = makeAuthority('Some CA', validity);
  const { spki } = makeKeyPair();
  const made = issueForDevice(authority, { subject: nameOf('clockrpi-0'), spki, validity });
  const [read, by] = [new X509Certificate(made), new X509Certificate(authority.certPem)];
  assert.deepEqual([read.subject, read.issuer], ['CN=clockrpi-0', 'CN=Some CA']);
  assert.deepEqual([read.validToDate.getTime(), read.ca, by.ca], [validity.toMs, false, true]);
  assert.equal(read.verify(by.publicKey), true);
  assert.throws(() => elements(fromPem('CERTIFICATE', made)!.subarray(0, 40)), RangeError);
});

test('a shadow merges objects, replaces lists, and removes what is null', () => {
  const before = { a: { b: 1, c: 2 }, d: [1, 2] };
  assert.deepEqual(merged(before, { a: { b: null, e: 3 }, d: [3] }), { a: { c: 2, e: 3 }, d: [3] });
  assert.deepEqual(difference({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: 1 }, d: [1] }), {
    a: { c: 2 },
  });
  assert.equal(difference({ a: 1 }, { a: 1, b: 2 }), undefined);
});
