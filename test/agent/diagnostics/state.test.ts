// A run of checks as a state machine: order, bounds, rate, blame.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MEASUREMENTS_AT_ONCE_MAX, RUN_MS_FAILED_MAX } from '../../../agent/core/limits.ts';
import { CHECKS, CHECK_IDS, verdictOf, worstFirst } from '../../../agent/diagnostics/results.ts';
import type { CheckId, Outcome } from '../../../agent/diagnostics/results.ts';
import { initial, next, nextRunMs, viewsOf } from '../../../agent/diagnostics/state.ts';
import type { Diagnostics, Effect } from '../../../agent/diagnostics/state.ts';

const PASSED: Outcome = { state: 'passed', notes: [] };
const FAILED: Outcome = { state: 'failed', notes: [], remedy: 'fault' };

/** A whole run from `state`; `outcomeOf` says how each check ends. `seen` hears of every step. */
function runWhole(
  state: Diagnostics,
  outcomeOf: (id: CheckId) => Outcome,
  { startMs = 0, seen }: { startMs?: number; seen?: (state: Diagnostics) => void } = {},
): { state: Diagnostics; effects: Effect[]; order: CheckId[] } {
  let step = next(state, { on: 'asked', by: 'timer', nowMs: startMs });
  const effects = [...step.effects];
  const order: CheckId[] = [];
  while (step.state.at === 'running') {
    seen?.(step.state);
    const id = step.state.active[0]!;
    order.push(id);
    step = next(step.state, { on: 'ended', id, outcome: outcomeOf(id), nowMs: startMs + 100 });
    effects.push(...step.effects);
  }
  return { state: step.state, effects, order };
}

test('a run measures every check once, each after those it waits for', () => {
  const { effects, order } = runWhole(initial, () => PASSED);
  const measured = effects.flatMap((effect) => (effect.do === 'measure' ? [effect.id] : []));
  assert.deepEqual([...measured].sort(), [...CHECK_IDS].sort());
  for (const id of CHECK_IDS) {
    for (const before of CHECKS[id].after) {
      assert.ok(order.indexOf(before) < order.indexOf(id), `${before} before ${id}`);
    }
  }
  assert.equal(effects.at(-1)?.do, 'finish');
});

test('a run never has more measurements under way than the limit', () => {
  let most = 0;
  runWhole(initial, () => PASSED, {
    seen: (state) => {
      if (state.at === 'running') most = Math.max(most, state.active.length);
    },
  });
  assert.equal(most, MEASUREMENTS_AT_ONCE_MAX);
});

test('every check that blames or waits names checks that exist and end before it', () => {
  for (const id of CHECK_IDS) {
    const { after, blames } = CHECKS[id];
    const reach = (from: CheckId): CheckId[] =>
      CHECKS[from].after.flatMap((other) => [other, ...reach(other)]);
    for (const cause of blames) assert.ok(reach(id).includes(cause), `${id} blames ${cause}`);
    assert.ok(!reach(id).includes(id), `${id} waits for itself`);
    assert.equal(new Set(after).size, after.length);
  }
});

test('asking during a run, or too soon after one, is refused with the time to wait', () => {
  const running = next(initial, { on: 'asked', by: 'person', nowMs: 0 }).state;
  const again = next(running, { on: 'asked', by: 'person', nowMs: 20_000 });
  assert.equal(again.effects[0]?.do, 'refuse');
  assert.equal(again.state, running);
  const { state } = runWhole(initial, () => PASSED);
  const soon = next(state, { on: 'asked', by: 'person', nowMs: 4_000 });
  assert.deepEqual(soon.effects, [{ do: 'refuse', retryMs: 6_000 }]);
  const visit = next(state, { on: 'asked', by: 'visit', nowMs: 30_000 });
  assert.equal(visit.effects[0]?.do, 'refuse');
  for (const [by, nowMs] of [
    ['person', 10_000],
    ['visit', 60_000],
    ['timer', 1],
  ] as const) {
    assert.equal(next(state, { on: 'asked', by, nowMs }).effects[0]?.do, 'begin', by);
  }
});

test('an outcome nobody waits for changes nothing', () => {
  const stray = { on: 'ended', id: 'dns', outcome: FAILED, nowMs: 1 } as const;
  assert.equal(next(initial, stray).state, initial);
  const running = next(initial, { on: 'asked', by: 'timer', nowMs: 0 }).state;
  assert.equal(next(running, stray).state, running);
});

test('a failure behind a failure needs the first cause, over several steps', () => {
  const down = new Set<CheckId>(['link', 'dhcp', 'gateway', 'dns', 'aws-443', 'clock-22', 'seal']);
  const { state } = runWhole(initial, (id) => (down.has(id) ? FAILED : PASSED));
  const outcomes = new Map(viewsOf(state, 0).map(({ id, outcome }) => [id, outcome]));
  for (const id of ['dhcp', 'gateway', 'dns', 'aws-443', 'clock-22'] as const) {
    assert.deepEqual(outcomes.get(id), { state: 'not-checked', notes: [], needs: 'link' }, id);
  }
  assert.equal(outcomes.get('seal')?.state, 'failed');
});

test('a check remembers when it last passed, over failures', () => {
  const first = runWhole(initial, () => PASSED, { startMs: 0 });
  const second = runWhole(first.state, (id) => (id === 'ntp' ? FAILED : PASSED), {
    startMs: 60_000,
  });
  const view = viewsOf(second.state, 61_100).find(({ id }) => id === 'ntp')!;
  assert.equal(view.measuredMsAgo, 1_000);
  assert.equal(view.passedMsAgo, 61_000);
  const changed = second.effects.filter((effect) => effect.do === 'changed');
  assert.deepEqual(changed, [{ do: 'changed', id: 'ntp', from: 'passed', to: 'failed' }]);
});

test('during a second run the results of the first stay in view', () => {
  const { state } = runWhole(initial, () => PASSED);
  const again = next(state, { on: 'asked', by: 'timer', nowMs: 60_000 }).state;
  assert.ok(viewsOf(again, 60_000).every(({ outcome }) => outcome.state === 'passed'));
});

test('after failures the next run comes soon, then ever later up to the limit; well, it rests', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 60].map(nextRunMs),
    [15_000, 30_000, 60_000, 120_000, 240_000, 240_000, 240_000],
  );
  assert.ok(nextRunMs(0) > RUN_MS_FAILED_MAX);
});

test('worst comes first and decides the verdict; what is not needed does not count', () => {
  const view = (id: CheckId, state: string) => ({
    id,
    outcome: { state, notes: [], remedy: 'fault' } as unknown as Outcome,
    measuredMsAgo: 0,
    passedMsAgo: undefined,
  });
  const views = [view('link', 'passed'), view('clock-22', 'not-needed')];
  assert.equal(verdictOf(views), 'passed');
  views.push(view('memory', 'warning'));
  assert.equal(verdictOf(views), 'warning');
  views.push(view('dns', 'failed'));
  assert.equal(verdictOf(views), 'failed');
  assert.deepEqual(
    worstFirst(views).map(({ id }) => id),
    ['dns', 'memory', 'clock-22', 'link'],
  );
});
