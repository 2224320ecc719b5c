// Back-off with full jitter: within its bounds for any failures and any chance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextDelayMs } from '../../../agent/core/retry.ts';

test('nextDelayMs() is anything between a second and the doubled base, up to the cap', () => {
  const at = (failures: number, random: number) =>
    nextDelayMs({ failures, random, capMs: 120_000 });
  assert.equal(at(1, 0.999), 3_997);
  assert.equal(at(5, 0.5), 32_500);
  assert.equal(at(5, 0), 1_000);
  assert.equal(at(7, 0.999), 119_881);
  assert.equal(at(1e9, 0.999), 119_881);
  assert.equal(at(-1, 0.999), 1_999);
});

test('a thousand units that lost the cloud at once do not come back in the same second', () => {
  const delays = Array.from({ length: 1_000 }, (_, i) =>
    nextDelayMs({ failures: 1, random: i / 1_000, capMs: 120_000 }),
  );
  const perSecond = delays.map(
    (ms) => delays.filter((one) => one >= ms && one < ms + 1_000).length,
  );
  assert.ok(Math.max(...perSecond) < 350, `${Math.max(...perSecond)} in a second`);
});
