// The agent as a process: from the factory's record to the hotel's business date in its status.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openCloud } from '../../bench/cloud/cloud.ts';
import type { Cloud } from '../../bench/cloud/api.ts';
import { openPms } from '../../bench/pms/pms.ts';
import type { Pms } from '../../bench/pms/api.ts';
import { Unit } from '../unit.ts';
import { accountOf } from './world.ts';

let cloud: Cloud;
let pms: Pms;
let unit: Unit;
before(async () => {
  cloud = await openCloud({ hosts: ['localhost'] });
  pms = await openPms({ rootsPem: cloud.rootsPem });
  const both = { ports: cloud.ports, rootsPem: pms.rootsPem, makeClaim: () => cloud.makeClaim() };
  unit = await Unit.prepare(both, { clockPort: pms.port });
  await mkdir(unit.folder, { recursive: true, mode: 0o700 });
  const accounts = [accountOf(pms.account('pms')), accountOf(pms.account('pos'))];
  await writeFile(join(unit.folder, 'unit.json'), JSON.stringify({ v: 1, accounts }));
  await unit.start();
});
after(async () => {
  await unit.remove();
  await pms.close();
  await cloud.close();
});

test('both accounts are reached: hotel, time zone, business date', async () => {
  const status = await unit.until(
    ({ pms: now }) => now.accounts.filter(({ reached }) => reached !== null).length === 2,
  );
  const [hotel, bar] = status.pms.accounts;
  assert.equal(hotel?.reached?.hotel, 'Hotel Balkan');
  assert.equal(hotel?.reached?.timeZone, 'Europe/Sofia');
  assert.match(hotel?.reached?.businessDate ?? '', /^\d{4}-\d\d-\d\d$/);
  assert.equal(bar?.reached?.hotel, 'Balkan Bar');
  assert.ok(pms.calls().every(({ path }) => /^\/(pms|base)_api\/71\/700[12](\/|$)/.test(path)));
  assert.match(unit.running.lines.join('\n'), /pms pms-7001: reached: Hotel Balkan, Europe\/Sofia/);
  assert.ok(!unit.running.lines.join('\n').includes(pms.account().apiKey));
});

test('a refusal is told in the PMS’s words, after a restart too', async () => {
  await unit.stop();
  const words = 'The trial period has expired';
  pms.inject({ at: 'work', path: '/7001', do: 'refuse', status: 422, text: words });
  await unit.start();
  const status = await unit.until(({ pms: now }) =>
    now.accounts.some(({ problem }) => problem !== null),
  );
  const { problem, reached } = status.pms.accounts.find(({ kind }) => kind === 'pms')!;
  assert.deepEqual([problem?.why, problem?.text, reached], ['rejected', words, null]);
});
