// Settings of receipt printers for tests.
import assert from 'node:assert/strict';
import type { ReceiptPart } from '../../../../agent/core/vocabulary.ts';
import type { EscposSettings, Printer } from '../../../../agent/interfaces/escpos/config.ts';
import { escpos } from '../../../../agent/interfaces/escpos/run.ts';

export const PAGES = [
  { page: 'cp437', number: 0 },
  { page: 'cp866', number: 17 },
  { page: 'cp858', number: 19 },
] as const;

export function parsed(printers: readonly Record<string, unknown>[], more = {}): EscposSettings {
  const given = printers.map((one) => ({
    ...{ name: 'bar', at: { kind: 'tcp', host: '127.0.0.1' }, codePages: PAGES },
    ...one,
  }));
  const result = escpos.parse({ printers: given, watchSeconds: 0, ...more });
  assert.ok(result.ok, JSON.stringify(result));
  return result.settings;
}
export const printerOf = (settings: Record<string, unknown> = {}): Printer =>
  parsed([settings]).printers[0]!;

export const line = (text: string, more: object = {}): ReceiptPart => ({
  is: 'line',
  text,
  ...more,
});
