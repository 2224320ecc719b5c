// When a service's process is started, started again and left alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES_MAX, GREET_MS_MAX, LASTS_MS, PARKED_MS } from '../../../agent/services/limits.ts';
import { next, off } from '../../../agent/services/state.ts';
import type { Event, Process } from '../../../agent/services/state.ts';
import { randomFrom, testSeed } from '../random.ts';

const seed = testSeed();
const ended = (nowMs: number): Event => ({ on: 'ended', why: 'exit code 1', nowMs, random: 1 });

test('next() pauses longer after each failure, then parks the service, and tries once an hour', () => {
  let state: Process = next(off, { on: 'wanted', nowMs: 0 }).state;
  let nowMs = 0;
  const pauses: number[] = [];
  for (let i = 1; i < FAILURES_MAX; i += 1) {
    state = next(state, ended(nowMs)).state;
    assert.ok(state.at === 'waiting');
    const { dueMs } = state;
    pauses.push(dueMs - nowMs);
    assert.deepEqual(next(state, { on: 'tick', nowMs: dueMs - 1 }).effects, []);
    nowMs = dueMs;
    const step = next(state, { on: 'tick', nowMs });
    assert.deepEqual(step.effects, ['start']);
    state = step.state;
  }
  assert.deepEqual(
    pauses,
    pauses.toSorted((a, b) => a - b),
  );
  assert.ok(pauses.at(-1)! > 10 * pauses[0]!);
  state = next(state, ended(nowMs)).state;
  assert.equal(state.at, 'parked');
  assert.deepEqual(next(state, { on: 'tick', nowMs: nowMs + PARKED_MS - 1 }).effects, []);
  assert.deepEqual(next(state, { on: 'tick', nowMs: nowMs + PARKED_MS }).effects, ['start']);
  assert.deepEqual(next(state, { on: 'wanted', nowMs }).effects, ['start']);
});

test('next() forgets failures once a process has lasted', () => {
  let state = next(off, { on: 'wanted', nowMs: 0 }).state;
  for (let i = 0; i < 3 * FAILURES_MAX; i += 1) {
    const nowMs = i * 10 * LASTS_MS;
    state = next({ ...state, at: 'starting', sinceMs: nowMs }, { on: 'greeted', nowMs }).state;
    state = next(state, ended(nowMs + LASTS_MS)).state;
    assert.equal(state.at, 'waiting');
    assert.equal(state.failures, 1);
  }
});

test('next() stops a process that does not say who it is, and counts it as a failure', () => {
  const { state } = next(off, { on: 'wanted', nowMs: 0 });
  const step = next(state, { on: 'tick', nowMs: GREET_MS_MAX });
  assert.deepEqual(step.effects, ['stop']);
  assert.equal(step.state.at, 'waiting');
});

test('next() never starts two at once, whatever comes in whatever order', (t) => {
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  for (let round = 0; round < 300; round += 1) {
    let state: Process = off;
    let running = false;
    let nowMs = 0;
    for (let i = 0; i < 60; i += 1) {
      nowMs += Math.floor(random() * 40_000);
      const events: Event[] = [
        { on: 'wanted', nowMs },
        { on: 'unwanted' },
        { on: 'tick', nowMs },
        ...(running ? [{ on: 'greeted', nowMs } as const, ended(nowMs)] : []),
      ];
      const event = events[Math.floor(random() * events.length)]!;
      if (event.on === 'ended') running = false;
      const step = next(state, event);
      for (const effect of step.effects) {
        if (effect === 'start') assert.equal(running, false, JSON.stringify({ state, event }));
        running = effect === 'start';
      }
      state = step.state;
      if (state.at === 'off') running = false;
    }
  }
});
