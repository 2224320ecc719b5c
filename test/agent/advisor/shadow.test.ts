// AWS IoT Device Advisor, the cases of shadows, against the real agent process (page
// device-advisor-tests-shadow).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { THING } from '../unit.ts';
import { Exam } from './exam.ts';

let exam: Exam;
before(async () => {
  exam = await Exam.open();
  await exam.unit.start();
  await exam.unit.untilUp(60_000);
});
after(async () => exam[Symbol.asyncDispose]());

const reported = (name: string): Readonly<Record<string, unknown>> =>
  exam.cloud.shadow(THING, name).get()?.state.reported ?? {};

test('Shadow_Publish_Reported_State', async () => {
  await exam.until(() => 'release' in reported('unit'), 'it reports its state after connecting');
  assert.equal(reported('unit')['port'], exam.cloud.ports.mqtt);
  assert.deepEqual(reported('unit')['agent'], { version: '9.9.9', copy: 'built-in' });
  const { totalMiB, usedPercent } = reported('unit')['disk'] as Record<string, number>;
  assert.ok(totalMiB! > 0 && usedPercent! % 10 === 0 && usedPercent! <= 100);
  await exam.until(() => 'services' in reported('services'), 'of its services too');
});

test('Shadow_Update_Reported_State', async () => {
  const shadow = exam.cloud.shadow(THING, 'unit');
  shadow.desire({ aliveSeconds: 60 });
  await exam.until(() => reported('unit')['aliveSeconds'] === 60, 'desired is reported');
  assert.equal(shadow.get()?.state.delta, undefined);
  // What was set while it was away, too; and what it cannot do, it names.
  await exam.unit.stop();
  shadow.desire({ aliveSeconds: 'often', volume: 11 });
  exam.cloud.shadow(THING, 'services').desire({ services: { '9locks': { interface: 'salto' } } });
  await exam.unit.start();
  await exam.until(() => reported('unit')['refused'] !== undefined, 'refusals are reported');
  assert.deepEqual(Object.keys(reported('unit')['refused'] as object), ['aliveSeconds', 'volume']);
  await exam.until(() => reported('services')['refused'] !== undefined, 'of services');
  assert.deepEqual(reported('services')['refused'], {
    'services.9locks': 'not a name of a service',
  });
  // Deleted under it, it is there again.
  shadow.delete();
  await exam.until(() => 'release' in reported('unit'), 'it is reported anew');
});
