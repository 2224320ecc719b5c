// Jobs by chance: created, taken back, answered late or never, cut off, reconnected, in any order. Whatever
// happens: none is begun too often, and each ends as the cloud is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobOutcome } from '../../../agent/core/jobs.ts';
import { TRIES_MAX } from '../../../agent/jobs/limits.ts';
import { randomFrom, testSeed } from '../random.ts';
import { Office } from './office.ts';

const ROUNDS = process.env['CLOCK_TEST_LONG'] === '1' ? 200 : 8;
const STEPS = 60;

async function play(seed: number, isRepeatable: boolean): Promise<number> {
  const random = randomFrom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  await using office = new Office();
  office.isRepeatable = isRepeatable;
  office.cut();
  office.start();
  let running: ((outcome: JobOutcome) => void)[] = [];
  office.act = async (_, signal) =>
    new Promise((done) => {
      running.push(done);
      signal.addEventListener('abort', () => done({ state: 'failed', why: 'stopped' }));
    });
  let loss = 25;
  // Of its own: how many messages there are depends on the machine's speed.
  const luck = randomFrom(seed + 2 ** 31);
  office.watch = () => loss > 0 && Math.floor(luck() * loss) === 0;
  let made = 0;
  let cuts = 0;
  let again = 0;
  const restart = (): void => {
    cuts += 1;
    if (office.jobs.recent()[0]?.state === 'under-way') again += 1;
    running = [];
    office.cut();
    office.boot = `${cuts}`;
    office.start();
  };
  const steps: readonly (() => unknown)[] = [
    async () => {
      made += 1;
      office.create(`j${made}`);
      await sleep(3);
    },
    () => running.at(-1)?.({ state: 'succeeded' }),
    () => running.at(-1)?.({ state: 'failed', why: 'no paper' }),
    () => made > 0 && office.tell(office.cloud.cancel('t', `j${1 + below(made)}`, Date.now())),
    () => office.reconnect(),
    () => office.jobs.remote.down(),
    () => office.jobs.remote.up(),
    async () => sleep(below(4)),
    async () => sleep(below(4)),
    restart,
  ];
  for (let i = 0; i < STEPS; i += 1) await steps[below(steps.length)]!();

  loss = 0;
  restart();
  const isOver = (status: string): boolean => !/QUEUED|IN_PROGRESS/.test(status);
  await office.until(() => {
    for (const end of running) end({ state: 'succeeded' });
    return office.cloud.list('t').every(({ status }) => isOver(status));
  }, `seed ${seed}`);
  await office.until(() => office.jobs.recent().every(({ state }) => state !== 'under-way'));
  const told = new Map(office.jobs.recent().map(({ id, state }) => [id, state]));
  for (const { jobId, status } of office.cloud.list('t')) {
    const begun = office.runs.filter(({ job }) => job.id === jobId).length;
    assert.ok(begun <= (isRepeatable ? TRIES_MAX : 1), `${jobId} begun ${begun}: ${status}`);
    if (status === 'SUCCEEDED') assert.ok(begun > 0, `${jobId} was never done`);
    const own = told.get(jobId);
    if (status !== 'CANCELED') assert.equal(own?.toUpperCase(), status, jobId);
  }
  return again;
}

test(`${ROUNDS} days of chance: none begun too often, each ends as the cloud is told`, async (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  let cuts = 0;
  for (let i = 0; i < ROUNDS; i += 1) cuts += await play(seed + i, i % 2 === 0);
  t.diagnostic(`${cuts} power cuts with a job under way`);
  assert.ok(cuts > 0);
});
