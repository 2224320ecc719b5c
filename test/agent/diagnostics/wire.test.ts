// Pure rules of the checks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  judge,
  isDockerRange,
  ntpOffset,
  ntpRequest,
  worstFirst,
} from '../../../agent/diagnostics/wire.ts';

/** A server's answer whose clock is `ahead` seconds before ours. */
function answer(nowMs: number, ahead: number): Uint8Array {
  const packet = new Uint8Array(48);
  const view = new DataView(packet.buffer);
  packet[0] = 0x24; // version 4, mode 4 (server)
  packet[1] = 2;
  for (const at of [32, 40]) view.setUint32(at, Math.floor(nowMs / 1000) + 2_208_988_800 + ahead);
  return packet;
}

test('ntpOffset() measures how far the server is ahead', () => {
  const now = 1_700_000_000_000;
  assert.equal(ntpOffset(answer(now, 42), { sentMs: now, gotMs: now }), 42);
});

test('ntpOffset() takes no request, no kiss of death and no short packet for an answer', () => {
  const at = { sentMs: 0, gotMs: 0 };
  assert.equal(ntpOffset(ntpRequest(), at), undefined);
  const kiss = answer(0, 0);
  kiss[1] = 0;
  assert.equal(ntpOffset(kiss, at), undefined);
  assert.equal(ntpOffset(new Uint8Array(47), at), undefined);
});

test('judge() fails only what the unit needs', () => {
  assert.equal(judge('aws-8883', false, '').state, 'failed');
  assert.equal(judge('gems-5000', false, '').state, 'not-needed');
});

test('worstFirst() puts failures on top', () => {
  const sorted = worstFirst([
    judge('link', true, ''),
    judge('dns', false, ''),
    judge('clock-22', false, ''),
  ]);
  assert.deepEqual(
    sorted.map(({ id }) => id),
    ['dns', 'clock-22', 'link'],
  );
});

test('isDockerRange() knows 172.17.0.0/16', () => {
  assert.equal(isDockerRange('172.17.3.4'), true);
  assert.equal(isDockerRange('172.170.3.4'), false);
});
