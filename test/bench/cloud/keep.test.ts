// What a cloud that keeps knows after its end, and that a kill at any moment loses nothing it has
// acknowledged. CLOCK_TEST_SEED repeats a run, CLOCK_TEST_LONG=1 kills 60 times instead of 4.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomFrom, testSeed } from '../../agent/random.ts';
import type { Credentials } from './api.ts';
import { CloudApart } from './apart.ts';
import { connectPacket, connectRaw } from './client.ts';
import type { Raw } from './client.ts';
import { openCloud } from './cloud.ts';
import type { Publish } from './mqtt/wire.ts';

const THING = 'clockrpi-0123456789abcdef0123456789abcdef';
const COMMAND = `clock/v1/${THING}/command/pbx`;
const EVENT = `clock/v1/${THING}/event/pbx`;
const KILLS = process.env['CLOCK_TEST_LONG'] === '1' ? 60 : 4;

const home = await mkdtemp(join(tmpdir(), 'cloud-keep-'));
after(async () => rm(home, { recursive: true, force: true }));

test('authorities, certificates, things, shadows, jobs and the clock outlive the cloud', async () => {
  const keep = join(home, 'services');
  const first = await openCloud({ keep });
  const { rootsPem, ports } = first;
  const unit = first.addThing(THING);
  const other = first.addThing('other');
  const claim = first.makeClaim();
  first.setCertificate(other.certificateId, 'REVOKED');
  first.deleteThing('other');
  first.shadow(THING, 'services').desire({ pbx: { enabled: true } });
  first.shadow(THING, 'gone').desire({ a: 1 });
  first.shadow(THING, 'gone').delete();
  first.jobs(THING).create({ jobId: 'one', document: { operation: 'collect-logs' } });
  first.jobs(THING).create({ jobId: 'two', document: {} });
  first.jobs(THING).cancel('two');
  first.advance(3_600_000);
  const before = first.view();
  await first.close();

  await using second = await openCloud({ keep, ports });
  assert.equal(second.rootsPem, rootsPem);
  const { units, certificates, nowMs } = second.view();
  assert.deepEqual(units, before.units);
  assert.deepEqual(certificates, before.certificates);
  assert.equal(certificates.length, 3);
  assert.ok(nowMs >= before.nowMs, 'the clock does not go back');
  assert.equal(second.shadow(THING, 'gone').desire({ a: 1 }), 2, 'the version goes on');
  assert.equal(second.jobs(THING).list().length, 2);
  for (const { certPem, keyPem } of [unit, claim]) {
    const raw = await connectRaw(second, { ...unit, certPem, keyPem });
    raw.send(connectPacket(THING));
    await raw.next('connack');
    raw.close();
    second.advance(1_100);
  }
});

async function connect(cloud: CloudApart, unit: Credentials): Promise<Raw> {
  const raw = await connectRaw(cloud.where, unit);
  raw.send(connectPacket(THING, { clean: false }));
  await raw.next('connack');
  return raw;
}
const publishing = (payload: string, messageId: number): Publish => ({
  ...{ cmd: 'publish', topic: EVENT, payload, qos: 1 },
  ...{ dup: false, retain: false, messageId },
});
const textOf = (packet: unknown): string => String((packet as Publish).payload);

test('a session and what it has not acknowledged outlive kill -9; what it has does not come again', async () => {
  await using cloud = new CloudApart({ keep: join(home, 'session'), hosts: ['localhost'] });
  await cloud.start();
  const { ports, rootsPem } = cloud.where;
  const unit = await cloud.ask('addThing', THING);
  const raw = await connect(cloud, unit);
  raw.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: COMMAND, qos: 1 }] });
  await raw.next('suback');
  for (const text of ['a', 'b', 'c']) await cloud.ask('publish', COMMAND, text);
  const a = await raw.next('publish');
  raw.send({ cmd: 'puback', messageId: (a as Publish).messageId! });
  raw.send(publishing('an event', 7));
  await raw.next('puback');
  await cloud.kill();
  await assert.rejects(cloud.ask('view'), /not running/);
  await cloud.start();
  assert.deepEqual({ ...cloud.where.ports }, { ...ports });
  assert.equal(cloud.where.rootsPem, rootsPem);
  assert.deepEqual((await cloud.ask('messages', EVENT)).map(textOf), ['an event']);
  await cloud.ask('publish', COMMAND, 'd');
  const again = await connect(cloud, unit);
  const came = [];
  for (const _ of 'bcd') came.push(textOf(await again.next('publish')));
  assert.deepEqual(came.toSorted(), ['b', 'c', 'd']);
  assert.deepEqual((await cloud.ask('waitingFor', THING)).map(textOf).toSorted(), ['b', 'c', 'd']);
  again.close();
});

test(`${KILLS} kills in the middle of publishing: every event with a PUBACK is there`, async (t) => {
  const seed = testSeed();
  const random = randomFrom(seed);
  await using cloud = new CloudApart({
    ...{ keep: join(home, 'kills'), hosts: ['localhost'] },
    limits: { publishesPerSecondMax: 1e6, bytesPerSecondMax: 1e9 },
  });
  await cloud.start();
  const unit = await cloud.ask('addThing', THING);
  let told = 0;
  for (let life = 0; life < KILLS; life += 1) {
    const raw = await connect(cloud, unit);
    const acknowledged: string[] = [];
    let isOver = false;
    const flow = async (): Promise<void> => {
      for (let i = 1; !isOver; i = (i % 65_000) + 1) {
        raw.send(publishing(`${life}.${i}`, i));
        // A dead cloud answers no more.
        await Promise.race([raw.next('puback').catch(() => (isOver = true)), raw.end]);
        isOver ||= raw.socket.destroyed;
        if (raw.packets.at(-1)?.messageId === i) acknowledged.push(`${life}.${i}`);
      }
    };
    const flowing = flow();
    await sleep(50 + random() * 100);
    await cloud.kill();
    isOver = true;
    await flowing;
    raw.close();
    await cloud.start();
    // In each life: the double forgets the oldest of many.
    const kept = new Set((await cloud.ask('messages', EVENT)).map(textOf));
    const lost = acknowledged.filter((text) => !kept.has(text));
    assert.deepEqual(lost, [], `seed ${seed}`);
    told += acknowledged.length;
  }
  t.diagnostic(`seed ${seed}: ${told} acknowledged`);
  assert.ok(told > KILLS * 10, 'the test tests something');
});
