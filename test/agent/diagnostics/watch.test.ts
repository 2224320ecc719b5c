// A change of addresses starts a run, once, and not in the middle of another.
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ADDRESS_LOOK_MS } from '../../../agent/core/limits.ts';
import { watchAddresses } from '../../../agent/diagnostics/watch.ts';

test('addresses that come and go start a run each, after the one under way', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const port = { name: 'end0', mac: '', family: 'IPv4' } as const;
  let addresses = [{ ...port, address: '10.1.0.20' }];
  let isRunning = false;
  let starts = 0;
  const stop = watchAddresses({
    network: { interfaces: () => addresses },
    isRunning: () => isRunning,
    start: () => (starts += 1),
  });
  const look = (): number => {
    mock.timers.tick(ADDRESS_LOOK_MS);
    return starts;
  };
  assert.equal(look(), 0, 'nothing changed');
  addresses = [];
  assert.equal(look(), 1);
  assert.equal(look(), 1, 'once');
  isRunning = true;
  addresses = [{ ...port, address: '10.1.0.21' }];
  assert.equal(look(), 1, 'not in the middle of a run');
  isRunning = false;
  assert.equal(look(), 2);
  stop();
  addresses = [];
  assert.equal(look(), 2);
  mock.timers.reset();
});
