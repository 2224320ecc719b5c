// What a service's process says of itself, when it means no good.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReport, parseTrace, parseTried } from '../../../../agent/core/ipc/wire.ts';
import { renderEntry } from '../../../../agent/services/trace.ts';

const FORGED = 'down\r\n2026-01-01T00:00:00.000Z -> all is well\u2028again';
const CLEAN = 'down 2026-01-01T00:00:00.000Z -> all is well again';

test('a line of a trace is one line, and has a date', () => {
  const [entry] = parseTrace([{ atMs: 0, direction: 'in', text: FORGED }])!;
  assert.equal(renderEntry(entry!), `1970-01-01T00:00:00.000Z <- ${CLEAN}`);
  for (const atMs of [1e300, 8.64e15 + 1, -1, '0', null]) {
    assert.equal(parseTrace([{ atMs, direction: 'in', text: '' }]), undefined);
  }
  const [last] = parseTrace([{ atMs: 8.64e15, direction: 'note', text: '' }])!;
  assert.match(renderEntry(last!), /^\+275760-/);
});

test('what a service says of itself is a line in reports, whatever it holds', () => {
  const report = parseReport({ talk: { at: 'down', why: FORGED }, counters: {} });
  assert.deepEqual(report?.talk, { at: 'down', why: CLEAN });
  const steps = [{ step: FORGED, ok: true, text: FORGED }];
  const tried = parseTried({ is: 'steps', steps });
  assert.deepEqual(tried, { is: 'steps', steps: [{ step: CLEAN, ok: true, text: CLEAN }] });
  const counters = { 'a\nb': 1 };
  assert.equal(parseReport({ talk: { at: 'up', with: '' }, counters }), undefined);
});
