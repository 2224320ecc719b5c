// Back-off with full jitter: within its bounds for any failures and any chance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextDelayMs } from '../../../agent/core/retry.ts';

test('nextDelayMs() is anything between a second and the doubled base, up to the cap', () => {
  const at = (failures: number, random: number) =>
    nextDelayMs({ failures, random, capMs: 120_000 });
  assert.equal(at(1, 0.999), 1_998);
  assert.equal(at(5, 0.5), 16_000);
  assert.equal(at(5, 0), 1_000);
  assert.equal(at(7, 0.999), 119_880);
  assert.equal(at(1e9, 0.999), 119_880);
  assert.equal(at(-1, 0.999), 1_000);
});
