// The queue of one API user over simulated time: never too fast, nobody forgotten, bounded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CALL_MS_MIN, IN_FLIGHT_MAX, WAITING_MAX, WAIT_MS_MAX } from '../../../agent/pms/limits.ts';
import { PRIORITIES } from '../../../agent/pms/ports.ts';
import { emptyQueue, next } from '../../../agent/pms/queue.ts';
import type { Event } from '../../../agent/pms/queue.ts';
import { randomFrom, testSeed } from '../random.ts';

const SEED = testSeed();
const RUNS = process.env['CLOCK_TEST_LONG'] === '1' ? 2_000 : 15;

/** Drives the queue as user.ts does: one alarm, every effect performed. */
class Simulated {
  queue = emptyQueue;
  nowMs = 0;
  alarmMs: number | undefined;
  readonly started: { readonly id: number; readonly atMs: number }[] = [];
  readonly ended = new Map<number, 'started' | 'refused'>();

  feed(event: Event): void {
    const { state, effects } = next(this.queue, event);
    this.queue = state;
    this.alarmMs = undefined;
    for (const effect of effects) {
      if (effect.do === 'wait') {
        this.alarmMs = this.nowMs + effect.delayMs;
        continue;
      }
      assert.ok(!this.ended.has(effect.id), 'told once');
      this.ended.set(effect.id, effect.do === 'start' ? 'started' : 'refused');
      if (effect.do === 'start') this.started.push({ id: effect.id, atMs: this.nowMs });
    }
    assert.ok(this.queue.inFlight.length <= IN_FLIGHT_MAX);
    assert.ok(this.queue.waiting.length <= WAITING_MAX);
  }
}

test(`whatever is asked and however slow Clock is, calls keep their distance (seed ${SEED})`, () => {
  for (let run = 0; run < RUNS; run += 1) {
    const random = randomFrom(SEED + run);
    const one = new Simulated();
    const inFlight = new Map<number, number>();
    const [load, slowMs] = [random() * 0.2, random() * 8_000];
    let lastId = 0;
    for (; one.nowMs < 150_000; one.nowMs += 50) {
      const { nowMs } = one;
      if (one.alarmMs !== undefined && one.alarmMs <= nowMs) one.feed({ on: 'due', nowMs });
      for (const [id, endMs] of inFlight) {
        if (endMs > nowMs) continue;
        inFlight.delete(id);
        if (random() < 0.05) one.feed({ on: 'throttled', count: 1, nowMs });
        one.feed({ on: 'ended', id, nowMs });
      }
      if (nowMs < 60_000 && random() < load) {
        for (let burst = Math.ceil(random() ** 8 * 300); burst > 0; burst -= 1) {
          lastId += 1;
          const priority = PRIORITIES[Math.floor(random() * PRIORITIES.length)]!;
          one.feed({ on: 'asked', id: lastId, priority, again: random() < 0.1, nowMs });
        }
      }
      for (const { id } of one.started.slice(inFlight.size > 0 ? -20 : 0)) {
        const isOn = one.queue.inFlight.includes(id);
        if (isOn && !inFlight.has(id)) inFlight.set(id, nowMs + random() * slowMs);
      }
    }
    one.started.forEach(({ atMs }, index) => {
      const before = one.started[index - 1];
      assert.ok(before === undefined || atMs - before.atMs >= CALL_MS_MIN, `run ${run}`);
    });
    assert.equal(one.ended.size, lastId, `run ${run}: everybody was told`);
    assert.deepEqual(one.queue.waiting, []);
  }
});

test('an urgent call goes before a full queue, and takes the place of the least', () => {
  const one = new Simulated();
  for (let id = 1; id <= WAITING_MAX + 1; id += 1) {
    one.feed({ on: 'asked', id, priority: 'idle', again: false, nowMs: 0 });
  }
  one.feed({ on: 'asked', id: 1_000, priority: 'urgent', again: false, nowMs: 0 });
  assert.equal(one.ended.get(WAITING_MAX + 1), 'refused', 'the newest of the lowest');
  one.nowMs = CALL_MS_MIN;
  one.feed({ on: 'due', nowMs: CALL_MS_MIN });
  assert.deepEqual(
    one.started.map(({ id }) => id),
    [1, 1_000],
  );
  one.feed({ on: 'asked', id: 1_001, priority: 'idle', again: false, nowMs: CALL_MS_MIN });
  one.feed({ on: 'asked', id: 1_002, priority: 'idle', again: false, nowMs: CALL_MS_MIN });
  assert.equal(one.ended.get(1_002), 'refused');
  one.nowMs = WAIT_MS_MAX;
  one.feed({ on: 'due', nowMs: WAIT_MS_MAX });
  assert.equal(one.ended.get(2), 'refused', 'too late');
});

test('hung reads leave room for the reception', () => {
  const one = new Simulated();
  for (let id = 1; id <= IN_FLIGHT_MAX; id += 1) {
    one.nowMs += CALL_MS_MIN;
    one.feed({ on: 'asked', id, priority: 'read', again: false, nowMs: one.nowMs });
  }
  one.nowMs += CALL_MS_MIN;
  one.feed({ on: 'due', nowMs: one.nowMs });
  assert.equal(one.started.length, 4);
  one.feed({ on: 'asked', id: 99, priority: 'urgent', again: false, nowMs: one.nowMs });
  assert.equal(one.ended.get(99), 'started');
});
