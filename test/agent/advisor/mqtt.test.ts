// AWS IoT Device Advisor, the MQTT cases without back-off, and the policy, against the real
// agent process (pages device-advisor-tests-mqtt, -permissions-policies).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { unitPolicy } from '../../bench/cloud/policies.ts';
import { THING } from '../unit.ts';
import { CONNECT, Exam, TRIGGER_TOPIC } from './exam.ts';

const SUBSCRIBE = /→ SUBSCRIBE (\d+) .*command/;
const EVENT = /→ PUBLISH (\d+) q1.* clock\/v1\/\S+\/event\/unit /;
const COMMAND = { v: 1, kind: 'key.encode', body: {} };
let exam: Exam;
before(async () => {
  exam = await Exam.open();
  await exam.unit.start();
  await exam.unit.untilUp(60_000);
});
after(async () => exam[Symbol.asyncDispose]());

const idsOf = (pattern: RegExp): (string | undefined)[] =>
  exam.packets(pattern).map(({ line }) => pattern.exec(line)?.[1]);

test('MQTT_Connect', async () => {
  await exam.restart();
  assert.match(exam.packets(CONNECT)[0]!.line, /clean=false/);
});

test('MQTT_Subscribe', async () => {
  await exam.restart();
  await exam.count(SUBSCRIBE, 1);
});

test('MQTT_Publish', async () => {
  await exam.restart();
  await exam.count(/→ PUBLISH \d* ?q0 clock\/v1\/\S+\/event\/unit /, 1);
  await exam.until(
    () =>
      exam.cloud
        .messages(`clock/v1/${THING}/event/unit`)
        .some(({ qos, payload }) => qos === 0 && /"unit\.alive"/.test(payload.toString())),
    'it says that it is alive',
  );
});

test('MQTT_Client_Puback_QoS1', async () => {
  await exam.restart();
  await exam.count(SUBSCRIBE, 1);
  await exam.until(() => exam.packets(/← SUBACK/).length > 0, 'SUBACK');
  for (const size of [0, 1, 128 * 1024]) exam.cloud.publish(TRIGGER_TOPIC, Buffer.alloc(size));
  await exam.count(/→ PUBACK/, 3);
  await exam.until(() => exam.cloud.waitingFor(THING).length === 0, 'all are acknowledged');
});

test('MQTT_Publish_Retry_No_Puback', async () => {
  const fault = exam.cloud.inject({ at: 'send', packet: 'puback', do: 'swallow', times: 2 });
  await exam.restart({ until: 'started' });
  await exam.count(/→ PUBLISH \d+ q1 DUP .*event\/unit /, 1);
  const ids = idsOf(EVENT);
  assert.equal(new Set(ids).size, 1, `one packet id: ${ids.join(' ')}`);
  await exam.unit.until(({ outbox }) => outbox.waiting === 0, 60_000);
  assert.equal(exam.packets(CONNECT).length, 1, 'on the same connection');
  fault.undo();
});

test('MQTT_Subscribe_Retry_No_Suback', async () => {
  const fault = exam.cloud.inject({ at: 'send', packet: 'suback', do: 'swallow', times: 4 });
  await exam.restart({ until: 'started' });
  await exam.count(SUBSCRIBE, 2);
  assert.equal(new Set(idsOf(SUBSCRIBE)).size, 1, 'the same packet id');
  assert.equal(exam.packets(CONNECT).length, 1, 'on the same connection');
  fault.undo();
});

test('MQTT_No_Ack_PingResp', async () => {
  await exam.restart();
  exam.fresh();
  const faults = (['puback', 'suback', 'pingresp'] as const).map((packet) =>
    exam.cloud.inject({ at: 'send', packet, do: 'swallow' }),
  );
  await exam.count(/→ PINGREQ/, 1);
  await exam.count(CONNECT, 1);
  for (const fault of faults) fault.undo();
  await exam.unit.untilUp(60_000);
});

test('MQTT_Persistent_Session_Happy_Case', async () => {
  await exam.restart();
  await exam.count(/← SUBACK/, 1);
  const back = await exam.away();
  exam.fresh();
  exam.cloud.publish(TRIGGER_TOPIC, { ...COMMAND, id: 'stored' });
  back();
  await exam.count(/← CONNACK 0 session-present=true/, 1);
  await exam.count(/→ PUBACK/, 1);
  await exam.until(() => exam.cloud.waitingFor(THING).length === 0, 'it is acknowledged');
  assert.deepEqual(exam.packets(SUBSCRIBE), [], 'the session has it already');
});

test('MQTT_Expired_Persistent_Session', async () => {
  await exam.restart();
  const back = await exam.away();
  exam.fresh();
  exam.cloud.advance(2 * 3_600_000);
  back();
  await exam.count(/← CONNACK 0 session-present=false/, 1);
  await exam.count(SUBSCRIBE, 1);
});

test('Security_Device_Policies', () => {
  const VARIABLE = '${iot:Connection.Thing.ThingName}';
  const NAME = '${iot:Certificate.Subject.CommonName}';
  for (const { Action, Resource } of unitPolicy().Statement) {
    for (const action of [Action].flat()) assert.doesNotMatch(action, /[*?]/);
    for (const resource of [Resource].flat()) {
      assert.doesNotMatch(resource, /[?+#]/);
      const star = resource.indexOf('*');
      if (star < 0) continue;
      assert.equal(star, resource.length - 1, resource);
      assert.doesNotMatch(resource, /:client\//, resource);
      // A wildcard below the unit's own name, or below the answers of a service that only the asker gets.
      const isOwn = resource.includes(`/${VARIABLE}/`) || resource.includes(`/${NAME}/`);
      assert.ok(
        isOwn || /\$aws\/(certificates|provisioning-templates)\/\S+\/json\/\*$/.test(resource),
      );
    }
  }
});
