// Jobs over the real store against the double's Jobs service: one after the other, power cuts at every
// message, lost answers, versions, withdrawals, junk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TRIES_MAX } from '../../../agent/jobs/limits.ts';
import {
  parseAnswer,
  parseCurrent,
  parseDone,
  parseJobDocument,
  statusOf,
} from '../../../agent/jobs/wire.ts';
import { randomFrom, testSeed } from '../random.ts';
import { Office } from './office.ts';

test('one job after the other, each reported with its version', async () => {
  await using office = new Office();
  office.act = async ({ id }) =>
    id === 'b'
      ? { state: 'failed', why: 'no paper', details: { printer: 'bar' } }
      : { state: 'succeeded', details: { pages: '3' } };
  for (const id of ['a', 'b', 'c']) office.create(id);
  await office.untilStatus('c', 'SUCCEEDED');
  assert.deepEqual(
    office.runs.map(({ job }) => job.id),
    ['a', 'b', 'c'],
  );
  assert.equal(office.of('a')?.status, 'SUCCEEDED');
  assert.deepEqual(office.of('b')?.statusDetails, { why: 'no paper', printer: 'bar' });
  await office.until(() => office.jobs.recent()[0]?.state === 'succeeded');
  const seen = office.jobs.recent().map(({ id, state, why }) => [id, state, why]);
  assert.deepEqual(seen, [
    ['c', 'succeeded', undefined],
    ['b', 'failed', 'no paper'],
    ['a', 'succeeded', undefined],
  ]);
});

test('what is no job, or no operation of this unit, is rejected with the reason', async () => {
  await using office = new Office();
  office.create('a', { steps: [] });
  office.create('b', { operation: 'rm-rf' });
  await office.untilStatus('b', 'REJECTED');
  assert.match(office.of('a')?.statusDetails['why'] ?? '', /operation: expected/);
  assert.equal(office.of('b')?.statusDetails['why'], 'no such operation');
  assert.equal(office.runs.length, 0);
});

/** The power goes at the n-th message that passes, before it does. */
async function cutAt(
  count: number,
  isRepeatable: boolean,
): Promise<{ runs: number; last: string }> {
  await using office = new Office();
  office.isRepeatable = isRepeatable;
  office.cut();
  office.start();
  let passed = 0;
  let isCut = false;
  office.watch = () => {
    passed += 1;
    if (passed !== count || isCut) return false;
    isCut = true;
    office.cut();
    setImmediate(() => office.start());
    return true;
  };
  office.create('a');
  await office.until(() => /SUCCEEDED|FAILED/.test(office.of('a')?.status ?? ''), `cut ${count}`);
  await office.until(() => office.jobs.recent()[0]?.state !== 'under-way', `cut ${count}`);
  return { runs: office.runs.length, last: office.of('a')!.status };
}

test('a power cut at any message: the job ends once, and what may not be done twice is not', async () => {
  for (const isRepeatable of [true, false]) {
    for (let count = 1; count <= 10; count += 1) {
      const { runs, last } = await cutAt(count, isRepeatable);
      assert.equal(last, 'SUCCEEDED', `cut ${count}`);
      // Between two messages it is on the card how it ended.
      assert.equal(runs, 1, `cut ${count}`);
    }
  }
});

test('a power cut in the middle of it: run again if that is allowed, failed if not', async () => {
  for (const isRepeatable of [true, false]) {
    await using office = new Office();
    office.isRepeatable = isRepeatable;
    office.cut();
    office.start();
    office.act = async () => new Promise(() => {});
    office.create('a');
    await office.until(() => office.runs.length === 1);
    office.cut();
    office.boot = 'second';
    office.act = async () => ({ state: 'succeeded' });
    office.start();
    await office.untilStatus('a', isRepeatable ? 'SUCCEEDED' : 'FAILED');
    assert.equal(office.runs.length, isRepeatable ? 2 : 1);
    if (isRepeatable) assert.deepEqual(office.runs[1]?.job.begun, { boot: 'first' });
    else assert.equal(office.of('a')?.statusDetails['why'], 'interrupted');
  }
});

test('a job that brings the machine down is not tried for ever', async () => {
  await using office = new Office();
  office.act = async () => new Promise(() => {});
  office.create('a');
  for (let i = 1; i <= TRIES_MAX; i += 1) {
    await office.until(() => office.runs.length === i);
    office.cut();
    office.start();
  }
  await office.untilStatus('a', 'FAILED');
  assert.equal(office.runs.length, TRIES_MAX);
});

test('taken back while it runs, it is stopped and dropped; the next one follows', async () => {
  await using office = new Office();
  office.act = async ({ id }, signal) =>
    id === 'b'
      ? { state: 'succeeded' }
      : new Promise((done) => {
          signal.addEventListener('abort', () => done({ state: 'failed', why: 'stopped' }));
        });
  office.create('a');
  office.create('b');
  await office.until(() => office.runs.length === 1);
  office.tell(office.cloud.cancel('t', 'a', Date.now()));
  await office.untilStatus('b', 'SUCCEEDED');
  assert.equal(office.of('a')?.status, 'CANCELED');
  const states = office.jobs.recent().map(({ id, state }) => [id, state]);
  assert.deepEqual(states.at(-1), ['a', 'dropped']);
});

test('taken back while the unit was off, it is not begun again', async () => {
  await using office = new Office();
  office.act = async () => new Promise(() => {});
  office.create('a');
  await office.until(() => office.runs.length === 1);
  office.cut();
  office.cloud.delete('t', 'a', Date.now());
  office.start();
  await office.until(() => office.jobs.recent()[0]?.state === 'dropped');
  assert.equal(office.runs.length, 1);
});

test('a version that somebody else has raised is followed, as long as the job is under way', async () => {
  await using office = new Office();
  office.act = async () => {
    // A second hand at the same execution: AWS's console can do that.
    const payload = Buffer.from(JSON.stringify({ status: 'IN_PROGRESS' }));
    const topic = '$aws/things/t/jobs/a/update';
    const by = { clientId: 't' } as never;
    office.cloud.handle({ topic, payload, by, nowMs: Date.now(), waiting: 0 });
    return { state: 'succeeded' };
  };
  office.create('a');
  await office.untilStatus('a', 'SUCCEEDED');
  assert.equal(office.runs.length, 1);
});

test('junk and answers to others change nothing; wire forms are bounded', async (t) => {
  await using office = new Office();
  const receive = async (topic: string, text: string): Promise<void> =>
    office.jobs.remote.receive({
      topic: `$aws/things/t/jobs/${topic}`,
      payload: Buffer.from(text),
    });
  for (const text of ['', 'null', '[]', '{"execution":5}', '{"clientToken":"1"}']) {
    for (const topic of ['start-next/accepted', 'a/get/accepted', 'a/update/rejected', 'x']) {
      await receive(topic, text);
    }
  }
  office.create('a');
  await office.untilStatus('a', 'SUCCEEDED');
  assert.equal(office.runs.length, 1);

  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const whole = JSON.stringify({
    execution: {
      ...{ jobId: 'a', status: 'QUEUED', versionNumber: 1, executionNumber: 1 },
      jobDocument: { operation: 'work' },
    },
    clientToken: '1',
  });
  for (let i = 0; i < 10_000; i += 1) {
    const bytes = Buffer.from(whole.slice(0, below(4) === 0 ? below(whole.length) : undefined));
    for (let flips = below(4); flips > 0; flips -= 1) bytes[below(bytes.length)] = below(256);
    const { execution } = parseAnswer(bytes) ?? {};
    if (execution !== undefined) assert.match(execution.jobId, /^[A-Za-z0-9_-]{1,64}$/);
    assert.equal(parseCurrent(bytes.toString()), undefined);
    assert.deepEqual(parseDone(bytes.toString()), []);
  }
  assert.equal(parseJobDocument({ operation: 'a', pad: 'x'.repeat(40_000) }).ok, false);
  const details = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`ä ${i}`, 'x'.repeat(9_999)]),
  );
  const { statusDetails } = statusOf({ state: 'failed', why: 'w', details });
  assert.equal(Object.keys(statusDetails).length, 10);
  for (const [name, text] of Object.entries(statusDetails)) {
    assert.match(name, /^[A-Za-z0-9:_-]{1,128}$/);
    assert.ok(text.length <= 1_024);
  }
});
