// Jobs in trouble: refusals, lost answers, a card that takes nothing, names used twice, texts that AWS refuses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobOutcome } from '../../../agent/core/jobs.ts';
import { ANSWER_MS_MAX } from '../../../agent/jobs/limits.ts';
import { Office } from './office.ts';

const START_NEXT = '$aws/things/t/jobs/start-next';
const untilStopped = async (signal: AbortSignal): Promise<JobOutcome> =>
  new Promise((done) => {
    signal.addEventListener('abort', () => done({ state: 'failed', why: 'stopped' }));
  });

test('a refusal says nothing of the job under way: it goes on when there is an answer', async () => {
  await using office = new Office();
  office.act = async () => new Promise(() => {});
  office.create('a');
  await office.until(() => office.runs.length === 1);
  office.cut();
  let refused = 0;
  office.watch = (topic, body) => {
    if (topic !== START_NEXT || refused > 0) return false;
    refused += 1;
    const { clientToken } = body as { clientToken: string };
    const rejection = { code: 'InvalidRequest', message: 'not today', clientToken };
    office.tell([{ topic: `${topic}/rejected`, body: rejection, to: 'requester-unasked' }]);
    return true;
  };
  office.act = async () => ({ state: 'succeeded' });
  office.start();
  await office.until(() => office.log.some((line) => line.includes('refused: InvalidRequest')));
  assert.equal(office.jobs.recent()[0]?.state, 'under-way');
  office.reconnect();
  await office.untilStatus('a', 'SUCCEEDED');
  assert.equal(office.runs.length, 2);
});

test('taken back while the connection was lost, it is stopped at the next one', async () => {
  await using office = new Office();
  office.act = async (_, signal) => untilStopped(signal);
  office.create('a');
  await office.until(() => office.runs.length === 1);
  office.jobs.remote.down();
  office.cloud.cancel('t', 'a', Date.now());
  office.jobs.remote.up();
  await office.until(() => office.jobs.recent()[0]?.state === 'dropped');
  assert.equal(office.runs[0]?.signal.aborted, true);
});

test('an update whose answer is lost counts as what it said, not as a disagreement', async () => {
  for (const state of ['succeeded', 'failed'] as const) {
    await using office = new Office();
    office.act = async () => (state === 'failed' ? { state, why: 'no paper' } : { state });
    let lost = 0;
    office.watch = (topic) => {
      if (!topic.endsWith('/a/update/accepted') || lost > 0) return false;
      lost += 1;
      setImmediate(() => office.reconnect());
      return true;
    };
    office.create('a');
    await office.until(() => office.jobs.recent()[0]?.state === state);
    assert.equal(lost, 1);
    assert.equal(office.jobs.recent()[0]?.why, state === 'failed' ? 'no paper' : undefined);
  }
});

test('a card that takes no end is asked again: the job is done once and reported', async () => {
  await using office = new Office();
  office.act = async () => {
    office.isCardBad = true;
    return { state: 'succeeded' };
  };
  office.create('a');
  await office.until(() => office.log.some((line) => line.includes('jobs: disk')));
  assert.equal(office.of('a')?.status, 'IN_PROGRESS', 'nothing is said that is not on the card');
  office.isCardBad = false;
  office.reconnect();
  await office.untilStatus('a', 'SUCCEEDED');
  assert.equal(office.runs.length, 1);
});

test('another job of the same name is another job; the same one is never begun again', async () => {
  await using office = new Office();
  office.create('a');
  await office.untilStatus('a', 'SUCCEEDED');
  await office.until(() => office.jobs.recent()[0]?.state === 'succeeded');
  const nowMs = Date.now();
  office.cloud.delete('t', 'a', nowMs);
  const again = { jobId: 'a', document: { operation: 'work' } };
  office.tell(office.cloud.create('t', again, nowMs + 60_000));
  await office.untilStatus('a', 'SUCCEEDED');
  assert.equal(office.runs.length, 2);

  // A cloud that was put back to a copy of before.
  office.cloud.delete('t', 'a', nowMs);
  office.tell(office.cloud.create('t', again, nowMs + 60_000));
  await office.untilStatus('a', 'SUCCEEDED');
  assert.equal(office.runs.length, 2);
});

test('another job of that name replaces the one under way: that one is stopped', async () => {
  await using office = new Office();
  office.act = async (_, signal) => {
    if (office.runs.length > 1) return { state: 'succeeded' };
    return untilStopped(signal);
  };
  office.create('a');
  await office.until(() => office.runs.length === 1);
  office.tell(office.cloud.delete('t', 'a', Date.now()));
  const again = { jobId: 'a', document: { operation: 'work' } };
  office.tell(office.cloud.create('t', again, Date.now() + 60_000));
  await office.untilStatus('a', 'SUCCEEDED');
  assert.equal(office.runs.length, 2);
});

test('texts that AWS would refuse are made ones that it takes, on the card too', async () => {
  await using office = new Office();
  const long = `${'x'.repeat(399)}\u{1F600}`;
  office.act = async () => ({
    ...{ state: 'failed', why: 'two\nlines\u0000' },
    details: { empty: '', long, '': 'no name', pad: 'y'.repeat(200_000) },
  });
  office.create('a');
  await office.untilStatus('a', 'FAILED');
  const details = office.of('a')!.statusDetails;
  assert.equal(details['why'], 'two lines ');
  assert.equal(details['empty'], '-');
  assert.equal(details['-'], 'no name');
  assert.equal(details['long'], `${'x'.repeat(399)} `);
});

test('two questions on one topic: each hears its own answer', async () => {
  await using office = new Office();
  let lost = 0;
  office.watch = (topic) => {
    if (!topic.endsWith('/a/get') || lost > 0) return false;
    lost += 1;
    return true;
  };
  office.act = async ({ fresh }) => {
    const payload = Buffer.from('{}');
    void office.jobs.remote.receive({ topic: '$aws/things/t/jobs/notify-next', payload });
    await new Promise((done) => setImmediate(done));
    const parameters = await fresh();
    return { state: 'succeeded', details: { again: JSON.stringify(parameters) } };
  };
  const beganMs = performance.now();
  office.create('a', { operation: 'work', parameters: { url: 'u' } });
  await office.untilStatus('a', 'SUCCEEDED');
  assert.equal(lost, 1);
  assert.equal(office.of('a')?.statusDetails['again'], '{"url":"u"}');
  assert.ok(performance.now() - beganMs < ANSWER_MS_MAX, 'without asking again');
});
