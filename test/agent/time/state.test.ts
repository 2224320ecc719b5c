// When the unit goes by its clock: the rule, and the runner against a clock that a test moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTime } from '../../../agent/time/run.ts';
import { judge } from '../../../agent/time/state.ts';

const FLOOR = Date.UTC(2026, 5, 1);
const now = { wallMs: FLOOR + 1, floorMs: FLOOR, isSet: false, waitedMs: 0 };

test('a clock that a time server has set is gone by at once, whatever the floor', () => {
  assert.equal(judge({ ...now, isSet: true }), 'go');
  assert.equal(judge({ ...now, isSet: true, wallMs: 0 }), 'go');
});

test('one that is not set is waited for, but not for ever: time servers may be blocked', () => {
  assert.equal(judge(now), 'wait');
  assert.equal(judge({ ...now, waitedMs: 19_999 }), 'wait');
  assert.equal(judge({ ...now, waitedMs: 20_000 }), 'go');
});

test('one below the floor is never gone by, however long it takes', () => {
  for (const isSet of [false, undefined]) {
    const verdict = judge({ ...now, isSet, wallMs: FLOOR - 1, waitedMs: 1e9 });
    assert.equal(verdict, 'below-floor');
  }
});

test('where nobody tells whether it is set, it is gone by from the floor on', () => {
  assert.equal(judge({ ...now, isSet: undefined }), 'go');
});

test('below the floor it waits and says so once; when the clock is set it goes on', async () => {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  let isSet = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  const time = createTime(
    {
      clock: { nowMs: () => performance.now(), wallMs: () => 0 },
      log: { error: say, warning: say, info: say },
      isClockSet: async () => isSet,
      floorMs: async () => FLOOR,
    },
    resolve,
  );
  await new Promise((done) => setTimeout(done, 1_200));
  assert.equal(time.isWaiting(), true);
  assert.deepEqual(lines, [
    'cloud: waiting for the time: the clock says 1970-01-01T00:00, it is past 2026-06-01T00:00',
  ]);
  isSet = true;
  await promise;
  assert.equal(time.isWaiting(), false);
  time.close();
});
