// The plug is pulled (SIGKILL) at every step of provisioning, answers are lost, tokens expire: the next
// start ends with one certificate in use, and it is the one that the unit holds.
// CI takes a seeded sample of the steps, CLOCK_TEST_LONG=1 all; CLOCK_TEST_SEED repeats a run.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cloud } from '../bench/cloud/api.ts';
import { openCloud } from '../bench/cloud/cloud.ts';
import { randomFrom, testSeed } from './random.ts';
import { THING, Unit } from './unit.ts';

const CREATE = '$aws/certificates/create-from-csr/json';
const REGISTER = '$aws/provisioning-templates/+/provision/json';
const SAMPLE = 4;
const isLong = process.env['CLOCK_TEST_LONG'] === '1';
const seed = testSeed();
const random = randomFrom(seed);

let cloud: Cloud;
before(async () => {
  // Each test is another unit of the same name: AWS's second between two CONNECTs of one is not theirs.
  cloud = await openCloud({ hosts: ['localhost'], limits: { connectIntervalMs: 10 } });
});
after(async () => cloud.close());

/** Slows the cloud down, so that the plug is pulled within the step and not after it. */
function slowly(): () => void {
  const faults = [
    cloud.inject({ at: 'send', packet: 'connack', do: 'delay', ms: 150 }),
    cloud.inject({ at: 'request', topic: CREATE, do: 'delay-answer', ms: 150 }),
    cloud.inject({ at: 'request', topic: REGISTER, do: 'delay-answer', ms: 150 }),
  ];
  return () => {
    for (const fault of faults) fault.undo();
  };
}

/** Runs until the step, and pulls the plug there. */
type Step = (unit: Unit) => Promise<void>;
const atState =
  (state: string): Step =>
  async (unit) => {
    const undo = slowly();
    await unit.start();
    await unit.said(new RegExp(`provisioning: ${state}$`));
    await sleep(random() * 60);
    await unit.pull();
    undo();
  };
/** The cloud has done it, and the unit never hears of it. */
const afterDeed =
  (topic: string, advanceMs = 0): Step =>
  async (unit) => {
    const lost = cloud.inject({ at: 'request', topic, do: 'lose-answer' });
    await unit.start();
    for (let i = 0; i < 1_000 && lost.hits === 0; i += 1) await sleep(10);
    assert.ok(lost.hits > 0, 'the cloud was asked');
    await unit.pull();
    lost.undo();
    cloud.advance(advanceMs);
  };
const atAnyMoment: Step = async (unit) => {
  const undo = slowly();
  for (let i = 0; i < 3; i += 1) {
    await unit.start();
    await sleep(random() * 900);
    await unit.pull();
  }
  undo();
};

const HOURS_MS = 2 * 3_600_000;
const STEPS: Readonly<Record<string, Step>> = {
  'the key is on the card': atState('keyed'),
  'the certificate is on the card': atState('certified'),
  'the registration is on the card': atState('registered'),
  'the first connection is on the card': atState('confirmed'),
  'all is done': atState('done'),
  'the certificate is made, its answer lost': afterDeed(CREATE),
  'the thing is registered, its answer lost': afterDeed(REGISTER),
  'the thing is registered, its answer lost, and the token expired': afterDeed(REGISTER, HOURS_MS),
  'some moment comes, three times': atAnyMoment,
};

const names = Object.keys(STEPS);
const chosen = isLong
  ? names
  : names
      .map((name) => ({ name, at: random() }))
      .sort((a, b) => a.at - b.at)
      .slice(0, SAMPLE)
      .map(({ name }) => name);

for (const name of chosen) {
  test(`the plug pulled when ${name}: one certificate in use`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const unit = await Unit.prepare(cloud);
    try {
      await STEPS[name]!(unit);
      await unit.start();
      const status = await unit.untilUp(60_000);
      assert.equal(status.provisioning.step, 'done');
      const { certificates, connections } = cloud.view();
      const inUse = certificates.filter((one) => one.kind === 'unit' && one.status === 'ACTIVE');
      const own = await unit.certificateId();
      assert.deepEqual(
        inUse.filter(({ thing }) => thing === THING).map(({ certificateId }) => certificateId),
        [own],
      );
      assert.equal(connections.find((one) => one.clientId === THING)?.certificateId, own);
      const files = await unit.files();
      assert.ok(!files.some((file) => /claim|\.new$/.test(file)), files.join());
    } finally {
      await unit.remove();
      cloud.deleteThing(THING);
      for (const { certificateId, kind } of cloud.view().certificates) {
        if (kind === 'unit') cloud.setCertificate(certificateId, 'INACTIVE');
      }
    }
  });
}
