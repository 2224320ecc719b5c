// A service that reports without end: what the others report still has room.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../../agent/core/log.ts';
import { createLedger } from '../../../agent/hotel/ledger.ts';
import { LEDGER_OPEN_EACH_MAX, LEDGER_OPEN_MAX } from '../../../agent/hotel/limits.ts';
import { keys, render } from '../../../agent/hotel/wire.ts';
import type { Row } from '../../../agent/hotel/wire.ts';

const what = { is: 'call', extension: '101', at: '2026-04-01T10:15:00' } as const;
const rows = (service: string, count: number) =>
  Array.from({ length: count }, (_none, index) => {
    const row: Row = { v: 1, seq: index + 1, atMs: 0, service, state: 'stored', what };
    return { key: keys.row(`${service}/${index}`), value: render(row) };
  });
function ledgerOf(stored: ReturnType<typeof rows>) {
  const values = new Map(stored.map(({ key, value }) => [key, value]));
  return createLedger({
    records: {
      get: (key) => values.get(key),
      list: () => stored,
      change: async () => {},
    },
    trustedWallMs: () => 0,
    log: createLog(() => {}),
    wait: async () => true,
  });
}
const taken = (service: string) => ({ service, ids: [`${service}/new`], what: [what] });

test('one service cannot fill the ledger for the others', async () => {
  const ledger = ledgerOf(rows('bad', LEDGER_OPEN_EACH_MAX));
  assert.equal(await ledger.take(taken('bad')), 'full');
  assert.equal(await ledger.take(taken('good')), 'new');
  // A repeat is no more than was there.
  const repeat = { service: 'bad', ids: ['bad/0'], what: [what] };
  assert.equal(await ledger.take(repeat), 'repeat');
  ledger.close();
});

test('all of them together have no more than the ledger holds', async () => {
  const half = LEDGER_OPEN_MAX / 2;
  const ledger = ledgerOf([...rows('a', half), ...rows('b', half)]);
  assert.equal(await ledger.take(taken('a')), 'full');
  assert.equal(await ledger.take(taken('c')), 'full');
  ledger.close();
});
