// Settings of call records for tests.
import assert from 'node:assert/strict';
import type { CallSettings } from '../../../../agent/interfaces/calls/config.ts';
import { calls } from '../../../../agent/interfaces/calls/run.ts';

export const SERVER = { kind: 'tcp-client', host: '127.0.0.1', port: 5_000 } as const;
export const FAST = { firstSeconds: 0.1, maxSeconds: 0.2 } as const;

/** A page of an exchange of the nineties. */
export const COLUMNS = {
  kind: 'columns',
  headerLines: 2,
  filter: [{ is: 'prefix', text: '*', not: true }],
  fields: {
    at: { from: 1, to: 14, format: 'DD/MM/YY HH:mm' },
    extension: { from: 16, to: 20 },
    duration: { from: 22, to: 29, format: 'hh:mm:ss' },
    dialled: { from: 31, to: 50 },
    line: { from: 52, to: 54 },
    price: { from: 56, to: 63 },
    impulses: { from: 65, to: 69 },
    direction: { from: 71, to: 72, outgoing: ['O'], incoming: ['I'], internal: ['L'] },
  },
};
export const HOBIC = { kind: 'hobic', framing: 'hb' };
export const HX = { kind: 'hobic', framing: 'hx' };

export function parsed(settings: Record<string, unknown>): CallSettings {
  const result = calls.parse({ line: SERVER, layout: COLUMNS, ...settings });
  assert.ok(result.ok, JSON.stringify(result));
  return result.settings;
}

export function problemsOf(settings: unknown): Record<string, string> {
  const result = calls.parse(settings);
  assert.ok(!result.ok);
  return Object.fromEntries(result.problems.map(({ field, problem }) => [field, problem]));
}
