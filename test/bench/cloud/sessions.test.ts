// What the cloud remembers of an absent client, and the trouble a test can script.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import type { Cloud, Credentials } from './api.ts';
import { closed, connectMqtt, connectPacket, connectRaw, tlsOptions, until } from './client.ts';
import type { ClientOptions, Raw } from './client.ts';
import { openCloud } from './cloud.ts';
import { toBytes } from './mqtt/wire.ts';
import type { Packet, Publish } from './mqtt/wire.ts';

const THING = 'clockrpi-0123456789abcdef0123456789abcdef';
const COMMAND = `clock/v1/${THING}/command/pbx`;
const EVENT = `clock/v1/${THING}/event/pbx`;
let cloud: Cloud;
let unit: Credentials;

before(async () => {
  cloud = await openCloud();
  unit = cloud.addThing(THING);
});
after(async () => cloud.close());
beforeEach(() => cloud.advance(1_100));

const connect = async (options: ClientOptions = {}): Promise<MqttClient> =>
  connectMqtt(cloud, unit, { clientId: THING, ...options });

async function connectBare(
  clean: boolean,
): Promise<{ readonly raw: Raw; readonly isPresent: boolean }> {
  const raw = await connectRaw(cloud, unit);
  raw.send(connectPacket(THING, { clean }));
  const connack = await raw.next('connack');
  return { raw, isPresent: 'sessionPresent' in connack && connack.sessionPresent };
}
const subscribeTo = (topic: string): Packet => ({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: [{ topic, qos: 1 }],
});
const publishing = (topic: string, payload: string): Publish => ({
  ...{ cmd: 'publish', topic, payload, qos: 1 },
  ...{ dup: false, retain: false, messageId: 5 },
});
const textOf = (packet: Packet): string => String((packet as Publish).payload);
/** Leaves no session and no connection to the next test. */
async function forget(): Promise<void> {
  cloud.advance(1_100);
  const { raw } = await connectBare(true);
  raw.send({ cmd: 'disconnect' });
  await raw.end;
}

test('a persistent session keeps QoS 1 messages, brings them ten a second, and expires', async () => {
  const first = await connectBare(false);
  assert.equal(first.isPresent, false);
  first.raw.send(subscribeTo(COMMAND));
  await first.raw.next('suback');
  first.raw.send({ cmd: 'disconnect' });
  await first.raw.end;
  for (let index = 0; index < 12; index++) cloud.publish(COMMAND, String(index));
  cloud.publish(COMMAND, 'lost', { qos: 0 });

  cloud.advance(1_100);
  const second = await connectBare(false);
  assert.equal(second.isPresent, true);
  const stored = (): string[] =>
    second.raw.packets.filter(({ cmd }) => cmd === 'publish').map(textOf);
  await until(() => stored().length >= 10);
  assert.deepEqual(stored(), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  cloud.advance(1_000);
  await until(() => stored().length >= 12);
  assert.deepEqual(stored().slice(10), ['10', '11']);
  // None was acknowledged: all wait for the next connection.
  second.raw.close();
  await cloud.connected(THING, { is: false });
  assert.equal(cloud.view().sessions[0]?.stored, 12);

  cloud.advance(3_600_001);
  const third = await connectBare(false);
  assert.equal(third.isPresent, false);
  third.raw.close();
  await forget();
});

test('a clean connection ends the session', async () => {
  const { raw } = await connectBare(false);
  raw.send(subscribeTo(COMMAND));
  await raw.next('suback');
  raw.send({ cmd: 'disconnect' });
  await raw.end;
  await forget();
  cloud.advance(1_100);
  const again = await connectBare(false);
  assert.equal(again.isPresent, false);
  again.raw.close();
  await forget();
});

test('a subscription is in force only after its delay', async () => {
  await using slow = await openCloud({ subscriptionLagMs: 500 });
  const client = await connectMqtt(slow, slow.addThing(THING), { clientId: THING });
  const got: string[] = [];
  client.on('message', (_topic, payload) => got.push(payload.toString()));
  await client.subscribeAsync(COMMAND, { qos: 1 });
  slow.publish(COMMAND, 'early');
  slow.advance(600);
  slow.publish(COMMAND, 'late');
  await until(() => got.length > 0);
  assert.deepEqual(got, ['late']);
  await client.endAsync();
});

test('an unauthorised subscription can be answered with 0x80 instead', async () => {
  await using mild = await openCloud({ unauthorisedSubscribe: 'suback-128' });
  const client = await connectMqtt(mild, mild.addThing(THING), { clientId: THING });
  await assert.rejects(
    client.subscribeAsync('clock/v1/other/command/x', { qos: 1 }),
    /128|Unspecified/i,
  );
  assert.equal(client.connected, true);
  await client.endAsync();
});

test('scripted: TCP dropped or left without an answer', async () => {
  cloud.inject({ at: 'accept', do: 'drop', port: 'mqtt', times: 1 });
  await assert.rejects(connect());
  cloud.inject({ at: 'accept', do: 'black-hole', times: 1 });
  await assert.rejects(connect({ connectTimeout: 200 }));
  const client = await connect();
  await client.endAsync();
});

test('scripted: CONNACK refused, withheld, late', async () => {
  const refusing = cloud.inject({ at: 'connect', do: 'refuse', code: 3, times: 1 });
  await assert.rejects(connect(), /Server unavailable/i);
  assert.equal(refusing.hits, 1);
  cloud.advance(1_100);
  const silent = cloud.inject({ at: 'send', packet: 'connack', do: 'swallow', clientId: THING });
  await assert.rejects(connect({ connectTimeout: 200 }));
  silent.undo();
  cloud.advance(1_100);
  const late = cloud.inject({ at: 'send', packet: 'connack', do: 'delay', ms: 150 });
  const began = performance.now();
  const client = await connect();
  assert.ok(performance.now() - began > 140);
  late.undo();
  await client.endAsync();
});

test('scripted: PUBACK withheld, so the same packet id with DUP is taken again', async () => {
  const { raw } = await connectBare(true);
  const fault = cloud.inject({ at: 'send', packet: 'puback', do: 'swallow', times: 1 });
  const before = cloud.messages(EVENT).length;
  const packet = publishing(EVENT, 'x');
  raw.send(packet);
  await cloud.nextMessage(EVENT);
  assert.equal(fault.hits, 1);
  raw.send({ ...packet, dup: true });
  assert.equal((await raw.next('puback')).messageId, 5);
  assert.equal(cloud.messages(EVENT).length - before, 2);
  raw.close();
});

test('scripted: disconnected after three messages, once', async () => {
  const client = await connect();
  cloud.inject({ at: 'receive', packet: 'publish', do: 'drop', after: 3, times: 1 });
  for (let index = 0; index < 3; index++) await client.publishAsync(EVENT, 'x', { qos: 1 });
  client.publish(EVENT, 'x', { qos: 1 });
  await closed(client);
  assert.equal(cloud.events(THING).at(-1)?.disconnectReason, 'CONNECTION_LOST');
});

test('scripted: throttled', async () => {
  const client = await connect();
  cloud.inject({ at: 'receive', packet: 'publish', topic: EVENT, do: 'throttle', times: 1 });
  client.publish(EVENT, 'x', { qos: 1 });
  await closed(client);
  assert.equal(cloud.events(THING).at(-1)?.disconnectReason, 'THROTTLED');
});

test('scripted: a message twice under two packet ids, and three backwards', async () => {
  const client = await connect();
  const got: string[] = [];
  client.on('message', (_topic, payload) => got.push(payload.toString()));
  await client.subscribeAsync(COMMAND, { qos: 1 });
  const twice = cloud.inject({ at: 'deliver', topic: COMMAND, do: 'repeat', times: 1 });
  cloud.publish(COMMAND, 'a');
  assert.equal(twice.hits, 1);
  cloud.inject({ at: 'deliver', topic: COMMAND, do: 'reorder', count: 3, times: 3 });
  for (const text of ['1', '2', '3', '4']) cloud.publish(COMMAND, text);
  await until(() => got.length >= 6);
  assert.deepEqual(got, ['a', 'a', '3', '2', '1', '4']);
  await client.endAsync();
});

test('scripted: half-open, so that only the keep-alive tells, on either side', async () => {
  const client = await connect({ keepalive: 1 });
  const dead = cloud.inject({ at: 'link', do: 'half-open', clientId: THING });
  client.on('error', () => {});
  await closed(client);
  // The cloud heard of nothing.
  assert.equal(cloud.view().connections.length, 1);
  dead.undo();
  cloud.advance(46_000);
  assert.equal(cloud.events(THING).at(-1)?.disconnectReason, 'MQTT_KEEP_ALIVE_TIMEOUT');
});

test('the cloud ends a connection when asked, and says who is connected', async () => {
  const client = await connect();
  await cloud.connected(THING);
  const [connection] = cloud.view().connections;
  assert.deepEqual([connection?.clientId, connection?.port], [THING, 'mqtt']);
  cloud.disconnect(THING);
  await closed(client);
  await cloud.connected(THING, { is: false });
  await assert.rejects(cloud.connected(THING, { withinMs: 20 }), /has not seen it within 20 ms/);
});

test('who comes and goes is published, with the reason, where AWS publishes it', async () => {
  const policy = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'iot:*', Resource: '*' }],
  } as const;
  await using open = await openCloud({ policies: { unit: policy } });
  const watcher = await connectMqtt(open, open.addThing('watcher'), { clientId: 'watcher' });
  const got: unknown[] = [];
  watcher.on('message', (topic, payload) => {
    const { disconnectReason } = JSON.parse(payload.toString()) as { disconnectReason?: string };
    got.push([topic.slice('$aws/events/presence/'.length), disconnectReason]);
  });
  await watcher.subscribeAsync('$aws/events/presence/+/+', { qos: 1 });
  const client = await connectMqtt(open, open.addThing(THING), { clientId: THING });
  client.publish('a/b/c/d/e/f/g/h/i', 'x');
  await closed(client);
  await until(() => got.length === 2);
  assert.deepEqual(got, [
    [`connected/${THING}`, undefined],
    [`disconnected/${THING}`, 'CLIENT_ERROR'],
  ]);
  await watcher.endAsync();
});

test('the cloud survives 200 clients that send broken bytes, and no connection stays', async () => {
  await using open = await openCloud({ limits: { connectIntervalMs: 0 } });
  const by = open.addThing(THING);
  const whole = Buffer.concat(
    [
      connectPacket(THING),
      subscribeTo(COMMAND),
      publishing(`$aws/things/${THING}/jobs/start-next`, '{"statusDetails":{"a":"b"}}'),
      publishing(`$aws/things/${THING}/shadow/name/unit/update`, '{"state":{"reported":{"a":1}}}'),
    ].map(toBytes),
  );
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 0x7fffffff;
    return seed % below;
  };
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(whole);
    for (let flips = 0; flips <= random(5); flips++) bytes[random(bytes.length)] = random(256);
    const raw = await connectRaw(open, by);
    raw.send(bytes.subarray(0, random(bytes.length)));
    raw.socket.end();
    await raw.end;
  }
  await until(() => open.view().connections.length === 0);
  assert.ok(open.view().sessions.length < 200);
  const client = await connectMqtt(open, by, { clientId: THING });
  await client.endAsync();
});

test('closing the cloud ends every connection and frees its ports', async () => {
  const short = await openCloud();
  const client = await connectMqtt(short, short.addThing(THING), { clientId: THING });
  const { port } = tlsOptions(short, unit);
  await short.close();
  await closed(client);
  await using next = await openCloud({ ports: { mqtt: port } });
  assert.equal(next.ports.mqtt, port);
});
