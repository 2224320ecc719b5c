// Settings of a FIAS service as a test wants them: parsed, so that all defaults are there.
import assert from 'node:assert/strict';
import { parse } from '../../../../agent/interfaces/fias/config.ts';
import type { Settings } from '../../../../agent/interfaces/fias/config.ts';

export const TCP_SERVER = { kind: 'tcp-server', port: 5_001, from: ['127.0.0.1'] } as const;

export function settingsOf(changes: Readonly<Record<string, unknown>> = {}): Settings {
  const parsed = parse({ line: TCP_SERVER, ...changes });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.settings;
}
