// Before the printer is there: the test against the bundled simulator, and a receipt on it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fpmate } from '../../../../agent/interfaces/fpmate/run.ts';
import { rehearse } from '../../../../agent/core/line/rehearsal.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import { receipt, settingsOf } from './bench.ts';

test('the simulator passes the test, and prints', async () => {
  const settings = settingsOf();
  const double = fpmate.counterpart(settings, { clock: systemClock, random: () => 0.5 });
  const stand = standIn({ host: rehearse(double) });
  const { signal } = new AbortController();
  const steps = await fpmate.test(settings, stand.host, signal);
  assert.ok(steps.length > 1 && steps.every(({ ok }) => ok), JSON.stringify(steps));
  const service = fpmate.start(settings, stand.host);
  assert.equal((await service.handle(receipt(7), signal)).ok, true);
  await service.close();
  double.close();
});
