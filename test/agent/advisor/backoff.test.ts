// AWS IoT Device Advisor, the cases of backing off, against the real agent process (page
// device-advisor-tests-mqtt). The process shows the shape with short times (exam.ts); with the product's
// own times the same state machine is played through simulated hours.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BACK_OFF_MS_MAX } from '../../../agent/link/limits.ts';
import { nextDelayMs } from '../../../agent/core/retry.ts';
import { initial, next } from '../../../agent/link/state.ts';
import type { Link } from '../../../agent/link/state.ts';
import { randomFrom, testSeed } from '../random.ts';
import { THING } from '../unit.ts';
import { CONNECT, EXAM, Exam } from './exam.ts';

const ATTEMPTS = 5;
/** A busy machine is late; and what it saw late makes the pause after it short. */
const LATE_MS = 3_000;
const SHORT_MS = 150;
/** A unit and a cloud for one case: the cases wait, mostly, and do so at the same time. */
async function openExam(): Promise<Exam> {
  const exam = await Exam.open();
  await exam.unit.start();
  // Up, not only registered: a CONNECT under way would use up one of a case's silences.
  await exam.unit.untilUp(60_000);
  return exam;
}

/** The pauses between CONNECTs, judged: never sooner than allowed, never beyond the cap, not constant. */
function judge(times: readonly number[], { waitsMs }: { readonly waitsMs: number }): number[] {
  const pauses = times.slice(1).map((at, i) => at - times[i]!);
  const leastMs = waitsMs + EXAM.floorMs;
  const meanMs = pauses.reduce((sum, pause) => sum + pause, 0) / pauses.length;
  assert.ok(meanMs >= leastMs, `${meanMs} ms is too soon`);
  for (const pause of pauses) {
    assert.ok(pause >= leastMs - SHORT_MS, `${pause} ms is too soon`);
    // Another way may have been tried and refused in between.
    const mostMs = waitsMs + 2 * EXAM.capMs + LATE_MS;
    assert.ok(pause <= mostMs, `${pause} ms is too late`);
  }
  const spreadMs = Math.max(...pauses) - Math.min(...pauses);
  assert.ok(spreadMs > 20, `constant: ${pauses.map(Math.round).join(' ')}`);
  return pauses;
}
const silence = (exam: Exam, times: number): ReturnType<Exam['cloud']['inject']> =>
  exam.cloud.inject({ at: 'send', packet: 'connack', do: 'swallow', times });
const timesOf = (seen: readonly { readonly atMs: number }[]): number[] =>
  seen.map(({ atMs }) => atMs);

describe('with a unit each', { concurrency: true }, () => {
  test('MQTT_Connect_Jitter_Backoff_Retries', async (t) => {
    await using exam = await openExam();
    for (const round of [1, 2]) {
      const fault = silence(exam, ATTEMPTS);
      if (round === 1) await exam.restart({ until: 'started' });
      else {
        exam.fresh();
        exam.cloud.disconnect(THING);
      }
      const connects = await exam.count(CONNECT, ATTEMPTS + 1);
      await exam.cloud.connected(THING, { withinMs: 20_000 });
      assert.equal(connects.length, ATTEMPTS + 1, 'the sixth is answered, and none follows');
      const pauses = judge(timesOf(connects), { waitsMs: EXAM.connectMs });
      t.diagnostic(`round ${round}: ${pauses.map(Math.round).join(' ')} ms`);
      fault.undo();
    }
  });

  test('MQTT_Connect_Exponential_Backoff_Retries', async (t) => {
    await using exam = await openExam();
    const fault = silence(exam, ATTEMPTS);
    await exam.restart({ until: 'started' });
    const connects = await exam.count(CONNECT, ATTEMPTS + 1);
    fault.undo();
    const pauses = judge(timesOf(connects), { waitsMs: EXAM.connectMs });
    t.diagnostic(pauses.map(Math.round).join(' '));
    await exam.unit.until(({ link }) => link.failures >= ATTEMPTS, 20_000);
  });

  test('MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect', async (t) => {
    await using exam = await openExam();
    await exam.restart();
    exam.fresh();
    const fault = silence(exam, ATTEMPTS);
    exam.cloud.disconnect(THING);
    const connects = await exam.count(CONNECT, ATTEMPTS + 1);
    fault.undo();
    t.diagnostic(judge(timesOf(connects), { waitsMs: EXAM.connectMs }).map(Math.round).join(' '));
    await exam.cloud.connected(THING, { withinMs: 20_000 });
  });

  test('MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection', async (t) => {
    await using exam = await openExam();
    await exam.restart();
    exam.fresh();
    for (let i = 1; i <= ATTEMPTS; i += 1) {
      exam.cloud.disconnect(THING);
      await exam.cloud.connected(THING, { is: false });
      await exam.count(CONNECT, i);
      await exam.cloud.connected(THING, { withinMs: 20_000 });
    }
    t.diagnostic(
      judge(timesOf(exam.packets(CONNECT)), { waitsMs: 0 })
        .map(Math.round)
        .join(' '),
    );
    const { link } = await exam.unit.status();
    assert.ok(link.failures >= ATTEMPTS, `${link.failures}: a CONNACK alone resets nothing`);
  });
});

test('the product’s own times: means double up to the cap, also over connections that do not last', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const runs = 4_000;
  for (const isUnstable of [false, true]) {
    const sums = Array.from({ length: 10 }, () => 0);
    for (let run = 0; run < runs; run += 1) {
      let link: Link = initial;
      let nowMs = 0;
      const play = (event: Parameters<typeof next>[1]): number => {
        const step = next(link, event);
        link = step.state;
        const wait = step.effects.find((effect) => effect.do === 'wait');
        return wait?.do === 'wait' ? wait.delayMs : 0;
      };
      nowMs += play({ on: 'start', nowMs, random: random() });
      for (let i = 0; i < sums.length; i += 1) {
        play({ on: 'due', nowMs });
        const { attempt } = link;
        if (isUnstable) play({ on: 'opened', attempt, missing: [], nowMs });
        nowMs += isUnstable ? 500 : 10_000;
        const why = isUnstable ? 'CLOSED' : 'ETIMEDOUT';
        const closed = { on: 'closed', attempt, why, refused: false, nowMs } as const;
        const delayMs = play({ ...closed, random: random() });
        assert.ok(delayMs >= 1_000 && delayMs <= BACK_OFF_MS_MAX, `seed ${seed}: ${delayMs}`);
        sums[i]! += delayMs;
        nowMs += delayMs;
      }
    }
    const means = sums.map((sum) => sum / runs);
    for (const [i, mean] of means.entries()) {
      const of = (value: number): number =>
        nextDelayMs({ failures: i + 1, random: value, capMs: BACK_OFF_MS_MAX });
      const expected = (of(0) + of(1)) / 2;
      assert.ok(Math.abs(mean / expected - 1) < 0.08, `seed ${seed}, try ${i + 1}: ${mean}`);
      const before = means[i - 1];
      if (before !== undefined && of(1) < BACK_OFF_MS_MAX) assert.ok(mean > before * 1.5);
    }
  }
});
