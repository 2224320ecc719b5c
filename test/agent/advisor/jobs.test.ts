// AWS IoT Device Advisor, the case of jobs, against the real agent process (page
// device-advisor-tests-job-execution); and each operation of the unit once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { JobExecution } from '../../bench/cloud/jobs/wire.ts';
import { THING } from '../unit.ts';
import { Exam } from './exam.ts';

let exam: Exam;
before(async () => {
  exam = await Exam.open();
  await exam.unit.start();
  await exam.unit.untilUp(60_000);
});
after(async () => exam[Symbol.asyncDispose]());

async function job(jobId: string, document: object): Promise<JobExecution> {
  const jobs = exam.cloud.jobs(THING);
  jobs.create({ jobId, document: document as never });
  const find = (): JobExecution | undefined => jobs.list().find((one) => one.jobId === jobId);
  await exam.until(() => !/QUEUED|IN_PROGRESS/.test(find()!.status), `${jobId} ends`);
  return find()!;
}

test('Job_Execution', async () => {
  const { status, statusDetails } = await job('j1', { operation: 'diagnose' });
  assert.equal(status, 'SUCCEEDED');
  assert.match(statusDetails['verdict'] ?? '', /passed|warning|failed/);
  // The cloud knows it before the unit has heard so.
  let shown = '';
  for (const endMs = performance.now() + 20_000; performance.now() < endMs; await sleep(20)) {
    shown = await (await fetch(exam.unit.running.url)).text();
    if (shown.includes('<dd>diagnose: done')) break;
  }
  assert.match(shown, /Last jobs<\/dt><dd>diagnose: done/);
});

test('a job that came while the unit was off is done when it is back', async () => {
  await exam.unit.pull();
  const waiting = job('j2', { operation: 'diagnose' });
  await exam.unit.start();
  assert.equal((await waiting).status, 'SUCCEEDED');
});

test('collect-logs sends the report and the log, packed, in one commit', async () => {
  const { status, statusDetails } = await job('j3', { operation: 'collect-logs' });
  assert.equal(status, 'SUCCEEDED');
  assert.equal(statusDetails['parts'], '1');
  const isLogs = ({ payload }: { payload: Buffer }): boolean =>
    payload.toString().includes('"kind":"unit.logs"');
  const events = (): readonly { payload: Buffer }[] =>
    exam.cloud.messages(`clock/v1/${THING}/event/unit`).filter(isLogs);
  await exam.until(() => events().length > 0, 'the logs arrive');
  const { body } = JSON.parse(events()[0]!.payload.toString()) as { body: { gzip: string } };
  const text = gunzipSync(Buffer.from(body.gzip, 'base64')).toString();
  assert.match(text, /Clock IoT diagnostics/);
  assert.match(text, /<6>job j3 collect-logs: begins/);
});

test('apply-configuration takes over what the shadows say, and names what it cannot', async () => {
  exam.cloud.shadow(THING, 'unit').desire({ aliveSeconds: 30 });
  const good = await job('j4', { operation: 'apply-configuration' });
  assert.equal(good.status, 'SUCCEEDED');
  exam.cloud.shadow(THING, 'unit').desire({ aliveSeconds: 0 });
  const bad = await job('j5', { operation: 'apply-configuration' });
  assert.equal(bad.status, 'FAILED');
  assert.match(bad.statusDetails['aliveSeconds'] ?? '', />=10/);
});

test('what a workstation cannot do fails with the reason; what the unit does not have is rejected', async () => {
  const restart = await job('j6', { operation: 'restart-unit' });
  assert.equal(restart.status, 'FAILED');
  assert.ok(restart.statusDetails['why']);
  const service = await job('j7', {
    operation: 'restart-service',
    parameters: { service: 'locks' },
  });
  assert.equal(service.status, 'REJECTED');
});

test('renew-certificate begins the renewal, which the cloud hears of when it is done', async () => {
  const { status } = await job('j8', { operation: 'renew-certificate' });
  assert.equal(status, 'SUCCEEDED');
  await exam.until(
    () =>
      exam.cloud
        .messages(`clock/v1/${THING}/event/unit`)
        .some(({ payload }) => payload.toString().includes('"certificate.renewed"')),
    'renewed',
  );
});
