// Every strict rule of the broker, seen to bite: with stock mqtt.js where it can break the rule, with a
// bare socket where it is too polite.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import type { Cloud, Credentials } from './api.ts';
import { closed, connectMqtt, connectPacket, connectRaw, until } from './client.ts';
import type { Raw } from './client.ts';
import { openCloud } from './cloud.ts';
import type { Packet, Publish } from './mqtt/wire.ts';

const THING = 'clockrpi-0123456789abcdef0123456789abcdef';
const OWN = `clock/v1/${THING}`;
let cloud: Cloud;
let unit: Credentials;

before(async () => {
  cloud = await openCloud();
  unit = cloud.addThing(THING);
});
after(async () => cloud.close());
// One CONNECT a second and client id is a rule of its own; the cloud's clock steps over it.
beforeEach(() => cloud.advance(1_100));

const connect = async (options = {}): Promise<MqttClient> =>
  connectMqtt(cloud, unit, { clientId: THING, ...options });
const connectBare = async (more = {}): Promise<Raw> => {
  const raw = await connectRaw(cloud, unit);
  raw.send(connectPacket(THING, more));
  return raw;
};
/** What the broker wrote down about the last one that went. */
const lastLeft = (): { readonly reason: string; readonly why: string } => {
  const { disconnectReason = '', why = '' } = cloud.events(THING).at(-1)!;
  return { reason: disconnectReason, why };
};
const subscribe = (topics: readonly string[], qos: 0 | 1 | 2 = 1): Packet => ({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: topics.map((topic) => ({ topic, qos })),
});
const publish = (topic: string, more: Partial<Publish> = {}): Publish => ({
  cmd: 'publish',
  topic,
  payload: 'x',
  qos: 0,
  dup: false,
  retain: false,
  ...more,
});

/** Sends packets after CONNACK and expects the cloud to close for this reason. */
async function closesOn(packets: readonly (Packet | Uint8Array)[], reason: RegExp): Promise<void> {
  const raw = await connectBare();
  await raw.next('connack');
  raw.send(...packets);
  await raw.end;
  const { reason: said, why } = lastLeft();
  assert.match(`${said}: ${why}`, reason);
}

test('nine filters in one SUBSCRIBE close the connection, eight do not', async () => {
  const topics = Array.from({ length: 9 }, (_, index) => `${OWN}/command/${index}`);
  const client = await connect();
  await client.subscribeAsync(topics.slice(0, 8), { qos: 1 });
  await client.endAsync();
  cloud.advance(1_100);
  await closesOn([subscribe(topics)], /^CLIENT_ERROR: 9 filters/);
});

test('the 51st subscription of a connection closes it', async () => {
  const client = await connect({ subscribeBatchSize: 8 });
  const topics = Array.from({ length: 50 }, (_, index) => `${OWN}/command/${index}`);
  await client.subscribeAsync(topics, { qos: 1 });
  await client.subscribeAsync(topics[0]!, { qos: 0 });
  client.subscribe(`${OWN}/command/one-more`, () => {});
  await closed(client);
  assert.match(lastLeft().why, /51 subscriptions/);
});

test('a payload over 128 KB closes the connection, one of 128 KB is taken', async () => {
  const client = await connect();
  await client.publishAsync(`${OWN}/event/big`, Buffer.alloc(128 * 1024), { qos: 1 });
  client.publish(`${OWN}/event/big`, Buffer.alloc(128 * 1024 + 1), { qos: 0 });
  await closed(client);
  assert.match(`${lastLeft().reason} ${lastLeft().why}`, /^CLIENT_ERROR a payload of 131073/);
});

test('a packet that only announces too much closes before it is read', async () => {
  const header = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]);
  await closesOn([header], /^CLIENT_ERROR: a packet of 268435460 bytes/);
});

test('a topic over 256 bytes or 7 slashes closes; basic ingest does not count its prefix', async () => {
  await closesOn([publish(`${OWN}/${'a'.repeat(256)}`)], /CLIENT_ERROR.*more than 256 bytes/);
  cloud.advance(1_100);
  await closesOn([publish(`${OWN}/a/b/c/d/e/f`)], /CLIENT_ERROR.*more than 7 slashes/);
  cloud.advance(1_100);
  // Not within this policy, but no longer too deep.
  await closesOn([publish('$aws/rules/r/a/b/c/d/e/f/g/h')], /AUTH_ERROR/);
});

test("another unit's topic, read or written, closes the connection", async () => {
  await closesOn([publish('clock/v1/clockrpi-other/event/x')], /^AUTH_ERROR: policy: iot:Publish/);
  cloud.advance(1_100);
  const other = '$aws/things/clockrpi-other/shadow/name/unit/get/accepted';
  await closesOn([subscribe([other])], /^AUTH_ERROR: policy: iot:Subscribe/);
  cloud.advance(1_100);
  await closesOn([subscribe(['#'])], /^AUTH_ERROR/);
});

test('topics under $ that are for subscribing only are not for publishing', async () => {
  const topic = `$aws/things/${THING}/shadow/name/unit/update/accepted`;
  await closesOn([publish(topic)], /^AUTH_ERROR: .* is not for publishing/);
});

test('retaining is refused on $aws and without permission', async () => {
  const topic = `$aws/things/${THING}/shadow/name/unit/get`;
  await closesOn([publish(topic, { retain: true })], /^CLIENT_ERROR: retained/);
  cloud.advance(1_100);
  const own = publish(`${OWN}/event/x`, { retain: true });
  await closesOn([own], /^AUTH_ERROR: policy: iot:RetainPublish/);
});

test('QoS 2 is never answered, and the connection stays', async () => {
  const raw = await connectBare();
  await raw.next('connack');
  raw.send(subscribe([`${OWN}/command/x`], 2));
  raw.send(publish(`${OWN}/event/x`, { qos: 2, messageId: 7 }));
  raw.send({ cmd: 'pingreq' });
  await raw.next('pingresp');
  assert.deepEqual(
    raw.packets.map(({ cmd }) => cmd),
    ['connack', 'pingresp'],
  );
  raw.close();
});

test('nothing may be sent before CONNECT, and CONNECT only once', async () => {
  const raw = await connectRaw(cloud, unit);
  raw.send({ cmd: 'pingreq' });
  await raw.end;
  await closesOn([connectPacket(THING)], /^CLIENT_ERROR: a second CONNECT/);
});

test('two CONNECTs of one client id within a second: the second is dropped without CONNACK', async () => {
  const first = await connectBare();
  await first.next('connack');
  const second = await connectBare();
  await second.end;
  assert.deepEqual(second.packets, []);
  assert.equal(lastLeft().reason, 'THROTTLED');
  first.close();
});

test('the same client id again closes the older connection', async () => {
  const first = await connect();
  cloud.advance(1_100);
  const second = await connect();
  await closed(first);
  assert.ok(cloud.events(THING).some((event) => event.disconnectReason === 'DUPLICATE_CLIENTID'));
  assert.equal(second.connected, true);
  await second.endAsync();
});

test("a client id that is not the certificate's thing is answered with CONNACK 7", async () => {
  const raw = await connectRaw(cloud, unit);
  raw.send(connectPacket('clockrpi-other'));
  const connack = await raw.next('connack');
  assert.equal('returnCode' in connack && connack.returnCode, 7);
  await raw.end;
});

test('MQTT 5 is answered with "unacceptable protocol version"', async () => {
  const raw = await connectBare({ protocolVersion: 5 });
  const connack = await raw.next('connack');
  assert.equal('returnCode' in connack && connack.returnCode, 1);
  await raw.end;
});

test('a silent client is dropped at 1.5 times its keep-alive, which is 30 s at least', async () => {
  const client = await connect({ keepalive: 10 });
  cloud.advance(44_000);
  assert.equal(cloud.view().connections.length, 1);
  cloud.advance(2_000);
  await closed(client);
  assert.equal(lastLeft().reason, 'MQTT_KEEP_ALIVE_TIMEOUT');
});

test('the 101st PUBLISH within a second is discarded', async () => {
  const raw = await connectBare();
  await raw.next('connack');
  const before = cloud.messages(`${OWN}/event/flood`).length;
  raw.send(...Array.from({ length: 150 }, () => publish(`${OWN}/event/flood`)));
  raw.send({ cmd: 'pingreq' });
  await raw.next('pingresp');
  assert.equal(cloud.messages(`${OWN}/event/flood`).length - before, 100);
  raw.close();
});

test('beyond 512 KiB a second a client waits', async () => {
  const client = await connect();
  const began = performance.now();
  const big = Buffer.alloc(128 * 1024);
  await Promise.all(
    Array.from({ length: 6 }, async () => client.publishAsync(`${OWN}/event/big`, big, { qos: 1 })),
  );
  assert.ok(performance.now() - began > 700);
  await client.endAsync();
});

test('of 120 messages without PUBACK, 100 are under way', async () => {
  cloud.advance(1_100);
  const raw = await connectBare();
  await raw.next('connack');
  raw.send(subscribe([`${OWN}/command/+`]));
  await raw.next('suback');
  for (let index = 0; index < 60; index++) cloud.publish(`${OWN}/command/x`, String(index));
  cloud.advance(1_001);
  for (let index = 60; index < 120; index++) cloud.publish(`${OWN}/command/x`, String(index));
  raw.send({ cmd: 'pingreq' });
  await raw.next('pingresp');
  assert.equal(raw.packets.filter(({ cmd }) => cmd === 'publish').length, 100);
  const session = cloud.view().sessions.find(({ clientId }) => clientId === THING);
  assert.deepEqual([session?.unacknowledged, session?.stored], [100, 20]);
  raw.close();
});

test('an unacknowledged message comes again, under another packet id and without DUP', async () => {
  const raw = await connectBare();
  await raw.next('connack');
  raw.send(subscribe([`${OWN}/command/+`]));
  await raw.next('suback');
  cloud.publish(`${OWN}/command/x`, 'again');
  const first = await raw.next('publish');
  cloud.advance(10_000);
  const second = await raw.next('publish');
  assert.notEqual(second.messageId, first.messageId);
  assert.ok('dup' in second && !second.dup);
  // The first id acknowledges both.
  raw.send({ cmd: 'puback', messageId: first.messageId! });
  raw.send({ cmd: 'pingreq' });
  await raw.next('pingresp');
  assert.equal(cloud.view().sessions[0]?.unacknowledged, 0);
  raw.close();
});

test('a/# does not match a, and a wildcard brings no retained message', async () => {
  cloud.publish(`${OWN}/command`, 'parent');
  cloud.publish(`${OWN}/command/kept`, 'kept', { retain: true });
  const client = await connect();
  const got: string[] = [];
  client.on('message', (topic, payload, { retain }) =>
    got.push(`${topic} ${payload.toString()} ${retain}`),
  );
  await client.subscribeAsync(`${OWN}/command/#`, { qos: 1 });
  cloud.publish(`${OWN}/command`, 'parent');
  cloud.publish(`${OWN}/command/x`, 'child');
  await client.subscribeAsync(`${OWN}/command/kept`, { qos: 1 });
  await until(() => got.length >= 2);
  assert.deepEqual(got, [`${OWN}/command/x child false`, `${OWN}/command/kept kept true`]);
  await client.endAsync();
});

test('a last will is published when a client goes without DISCONNECT, and only then', async () => {
  const will = { topic: `${OWN}/event/will`, payload: Buffer.from('gone'), qos: 1 as const };
  const polite = await connect({ will });
  await polite.endAsync();
  await cloud.connected(THING, { is: false });
  assert.equal(cloud.messages(`${OWN}/event/will`).length, 0);
  cloud.advance(1_100);
  const rude = await connect({ will });
  rude.stream.destroy();
  assert.equal((await cloud.nextMessage(`${OWN}/event/will`)).payload.toString(), 'gone');
});

test('malformed bytes close the connection', async () => {
  await closesOn([Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])], /^CLIENT_ERROR/);
});
