// Before the printer is there: the test against the bundled simulator, and a receipt on it, in each dialect.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIALECTS } from '../../../../agent/interfaces/datecs/config.ts';
import { datecs } from '../../../../agent/interfaces/datecs/run.ts';
import { rehearse } from '../../../../agent/core/line/rehearsal.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import { receipt, settingsOf } from './bench.ts';

for (const dialect of DIALECTS) {
  test(`${dialect}: the simulator passes the test, and prints`, async () => {
    const line = { kind: 'serial', device: '/dev/ttyUSB0' };
    const settings = settingsOf(dialect, { line });
    const double = datecs.counterpart(settings, { clock: systemClock, random: () => 0.5 });
    const stand = standIn({ host: rehearse(double) });
    const { signal } = new AbortController();
    const steps = await datecs.test(settings, stand.host, signal);
    assert.ok(steps.length > 1 && steps.every(({ ok }) => ok), JSON.stringify(steps));
    const service = datecs.start(settings, stand.host);
    await stand.until('up', () => stand.talks.at(-1)?.at === 'up');
    assert.equal((await service.handle(receipt(7), signal)).ok, true);
    await service.close();
    double.close();
  });
}
