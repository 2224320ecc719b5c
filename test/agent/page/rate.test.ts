// One client's requests are bounded, another's are not touched, and so is the memory for both.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestRate } from '../../../agent/page/rate.ts';

test('a client may ask sixty times at once, then twenty times a second', () => {
  const rate = new RequestRate();
  const taken = (nowMs: number): number =>
    Array.from({ length: 200 }, () => rate.take('a', nowMs)).filter(Boolean).length;
  assert.equal(taken(0), 60);
  assert.equal(taken(1_000), 20);
  assert.equal(taken(1_000), 0);
  assert.equal(taken(100_000), 60);
  assert.equal(rate.take('b', 100_000), true);
});

test('the memory of who asked is bounded', () => {
  const rate = new RequestRate();
  for (let i = 0; i < 5_000; i += 1) rate.take(`client ${i}`, i);
  assert.equal(rate.size, 512);
});
