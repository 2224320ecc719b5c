// The running agent renews its certificate against the bench's cloud; the plug is pulled (SIGKILL) at
// every step, answers are lost, tokens expire: it ends with one certificate that works, the one it holds.
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
const SAMPLE = 2;
/** With the day that certificates reach back, more than two thirds of it are over at once. */
const SHORT_MS = 6 * 3_600_000;
const HOURS_MS = 2 * 3_600_000;
const seed = testSeed();
const random = randomFrom(seed);

let cloud: Cloud;
before(async () => {
  cloud = await openCloud({ hosts: ['localhost'] });
});
after(async () => cloud.close());

/** A unit that has a certificate that is due; what it gets next is not. Not running. */
async function dueUnit(): Promise<Unit> {
  cloud.setLifetime(SHORT_MS);
  const unit = await Unit.prepare(cloud);
  // Keeps the renewal from going further than its key while the test gets ready.
  const held = cloud.inject({ at: 'request', topic: CREATE, do: 'lose-answer', after: 1 });
  await unit.start();
  await unit.said(/provisioning: done$/);
  await unit.pull();
  held.undo();
  cloud.setLifetime(undefined);
  return unit;
}

const inUse = (): string[] =>
  cloud
    .view()
    .certificates.filter(({ thing, status }) => thing === THING && status === 'ACTIVE')
    .map(({ certificateId }) => certificateId);

/** It has another certificate than `old`, is connected with it, and nothing of a renewal is left. */
async function assertRenewed(unit: Unit, old: string): Promise<void> {
  const endMs = performance.now() + 120_000;
  const isDone = async (): Promise<boolean> => {
    const { next, certificateId } = await unit.saved();
    const used = cloud.view().connections.find(({ clientId }) => clientId === THING);
    return next === undefined && certificateId !== old && used?.certificateId === certificateId;
  };
  while (!(await isDone())) {
    if (performance.now() > endMs) throw new Error(`Still ${JSON.stringify(await unit.saved())}`);
    await sleep(50);
  }
  assert.deepEqual(inUse(), [await unit.certificateId()]);
  await unit.until(({ link }) => link.at === 'up');
  const endKeysMs = performance.now() + 5_000;
  const keys = async (): Promise<string[]> =>
    (await unit.files()).filter((name) => /key|claim|\.new$/.test(name));
  while ((await keys()).length > 1 && performance.now() < endKeysMs) await sleep(20);
  assert.equal((await keys()).length, 1, (await keys()).join());
}

async function leave(unit: Unit): Promise<void> {
  await unit.remove();
  cloud.deleteThing(THING);
  for (const { certificateId, kind } of cloud.view().certificates) {
    if (kind === 'unit') cloud.setCertificate(certificateId, 'INACTIVE');
  }
}

test('a certificate of which two thirds are over is renewed, once, and the cloud is told', async () => {
  const unit = await dueUnit();
  try {
    const old = await unit.certificateId();
    await unit.start();
    await assertRenewed(unit, old);
    const endMs = performance.now() + 20_000;
    const told = (): boolean =>
      cloud
        .messages(`clock/v1/${THING}/event/unit`)
        .some(({ payload }) => payload.toString().includes('"kind":"certificate.renewed"'));
    while (!told() && performance.now() < endMs) await sleep(50);
    assert.ok(told());
    // The key that it was renewed with is the one that a restart finds.
    await unit.stop();
    await unit.start();
    await unit.untilUp();
    assert.deepEqual(inUse(), [await unit.certificateId()]);
    // With years to come, nothing is renewed.
    await sleep(1_500);
    assert.ok(!unit.running.lines.some((line) => line.includes('renewal')));
  } finally {
    await leave(unit);
  }
});

/** Runs until the step, and pulls the plug there. */
type Step = (unit: Unit) => Promise<void>;
const atState =
  (state: string): Step =>
  async (unit) => {
    const slow = [CREATE, REGISTER].map((topic) =>
      cloud.inject({ at: 'request', topic, do: 'delay-answer', ms: 150 }),
    );
    slow.push(cloud.inject({ at: 'send', packet: 'connack', do: 'delay', ms: 150 }));
    const old = await unit.certificateId();
    await unit.start();
    const endMs = performance.now() + 60_000;
    const isThere = async (): Promise<boolean> => {
      const { next, certificateId } = await unit.saved();
      return state === 'done' ? certificateId !== old : next?.at === state;
    };
    while (!(await isThere()) && performance.now() < endMs) await sleep(2);
    await sleep(random() * 60);
    await unit.pull();
    for (const one of slow) one.undo();
  };
const afterDeed =
  (topic: string, advanceMs = 0): Step =>
  async (unit) => {
    const lost = cloud.inject({ at: 'request', topic, do: 'lose-answer' });
    await unit.start();
    for (let i = 0; i < 2_000 && lost.hits === 0; i += 1) await sleep(10);
    assert.ok(lost.hits > 0, 'the cloud was asked');
    await unit.pull();
    lost.undo();
    cloud.advance(advanceMs);
  };
/** The new certificate has let the unit in, the old one is retired, and the card does not know. */
const afterTrial: Step = async (unit) => {
  await unit.start();
  await unit.said(/renewal: trial/);
  const [old] = inUse();
  for (let i = 0; i < 2_000 && inUse().includes(old!); i += 1) await sleep(1);
  await unit.pull();
};

const STEPS: Readonly<Record<string, Step>> = {
  'the new key is on the card': atState('keyed'),
  'the new certificate is on the card': atState('certified'),
  'the new registration is on the card': atState('trial'),
  'the new certificate has worked': afterTrial,
  'all is done': atState('done'),
  'the new certificate is made, its answer lost': afterDeed(CREATE),
  'the new certificate is registered, its answer lost': afterDeed(REGISTER),
  'it is registered, its answer lost, and the token expired': afterDeed(REGISTER, HOURS_MS),
};
const names = Object.keys(STEPS);
const chosen =
  process.env['CLOCK_TEST_LONG'] === '1'
    ? names
    : names
        .map((name) => ({ name, at: random() }))
        .toSorted((a, b) => a.at - b.at)
        .slice(0, SAMPLE)
        .map(({ name }) => name);

for (const name of chosen) {
  test(`the plug pulled when ${name}: one certificate that works`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const unit = await dueUnit();
    try {
      const old = await unit.certificateId();
      await STEPS[name]!(unit);
      await unit.start();
      await assertRenewed(unit, old);
    } finally {
      await leave(unit);
    }
  });
}
