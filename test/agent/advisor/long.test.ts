// AWS IoT Device Advisor, the long run, against the real agent process (page
// device-advisor-tests-long-duration): 4 rounds of losing the connection, 200 with CLOCK_TEST_LONG=1.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomFrom, testSeed } from '../random.ts';
import { THING } from '../unit.ts';
import { CONNECT, Exam, TRIGGER_TOPIC } from './exam.ts';

const LONG = process.env['CLOCK_TEST_LONG'] === '1';
const COMMAND = { v: 1, kind: 'key.encode', body: {} };

test('MQTT_Long_Duration', async (t) => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const rounds = LONG ? 200 : 4;
  await using exam = await Exam.open();
  await exam.unit.start();
  await exam.unit.untilUp(60_000);
  await exam.count(/← SUBACK/, 1);
  for (let i = 0; i < rounds; i += 1) {
    const id = `soak-${i}`;
    const back = random() < 0.5 ? await exam.away() : undefined;
    if (back === undefined) exam.cloud.disconnect(THING);
    exam.cloud.publish(TRIGGER_TOPIC, { ...COMMAND, id });
    await sleep(random() * 300);
    back?.();
    await exam.until(
      () =>
        exam.cloud
          .messages(`clock/v1/${THING}/result/trigger`)
          .some(({ payload }) => payload.toString().includes(`"command":"${id}"`)),
      `seed ${seed}: the result of ${id}`,
    );
  }
  // At rest it keeps the connection alive.
  exam.fresh();
  await exam.count(/→ PINGREQ/, 1);
  assert.deepEqual(exam.packets(CONNECT), [], `seed ${seed}`);
  t.diagnostic(`seed ${seed}: ${rounds} rounds`);
});
