// A ledger in a folder of its own, for tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLedger } from '../../../image/ledger/ledger.ts';
import type { Ledger, UnitsWanted } from '../../../image/ledger/ledger.ts';
import type { FlashEnd } from '../../../image/ledger/ports.ts';

export const by = { operator: 'maria', station: 'bench-1' };
export const card = { bytes: 4e9, model: 'SD Card Reader', device: '/dev/sdb' };
export const registration = 'c0'.repeat(32);
export const done: FlashEnd = {
  ...{ result: 'done', sha256: 'ab'.repeat(32), bytes: 300_000_000 },
  ...{ writeMs: 15_000, readMs: 4_000 },
};
export const API_KEY = 'k3y-that-nobody-may-see';
/** What the agent reads from unit.json. */
export const record = {
  v: 1,
  accounts: [
    {
      ...{ kind: 'pms', host: 'sky-eu1.clock-software.com', subscriptionId: 7, accountId: 4711 },
      ...{ apiUser: 'unit', apiKey: API_KEY },
    },
  ],
};
export const hotel: UnitsWanted = {
  ...{ count: 1, order: 'A-17', name: 'Hotel Schöne Aussicht' },
  accounts: [
    { kind: 'pms', host: 'sky-eu1.clock-software.com', subscriptionId: 7, accountId: 4711 },
  ],
  services: ['pbx'],
  secret: { record, sealed: undefined },
};

export interface Sample extends Disposable {
  readonly folder: string;
  readonly file: string;
  readonly ledger: Ledger;
}

export function sample({
  recipient,
  nowMs,
}: { recipient?: string; nowMs?: () => number } = {}): Sample {
  const folder = mkdtempSync(join(tmpdir(), 'clock-ledger-'));
  const file = join(folder, 'ledger.db');
  let now = Date.UTC(2026, 0, 5, 8);
  const ledger = createLedger(file, { recipient, by, nowMs: nowMs ?? (() => (now += 1_000)) });
  return {
    ...{ folder, file, ledger },
    [Symbol.dispose]: () => {
      ledger.close();
      rmSync(folder, { recursive: true });
    },
  };
}
