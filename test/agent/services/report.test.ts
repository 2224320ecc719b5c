// The report in the shadow fits into it, however much is wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeServices } from '../../../agent/services/config.ts';
import { newEntry, reportOf } from '../../../agent/services/entry.ts';
import { REPORT_BYTES_MAX, SERVICES_MAX } from '../../../agent/services/limits.ts';

const entryOf = (id: string, field: string, count: number) =>
  newEntry({
    ...{ id, packaged: undefined, setup: '', token: '' },
    wanted: { interface: 'i'.repeat(32), active: true, settings: {} },
    judgement: {
      ok: false,
      problems: Array.from({ length: count }, () => ({ field, problem: 'not a setting' })),
    },
  });
const sizeOf = (report: object): number => Buffer.byteLength(JSON.stringify(report));

test('a setting with a very long name does not hide how the others are', () => {
  const entries = new Map([['a', entryOf('a', 'x'.repeat(7_000), 1)]]);
  const report = reportOf(entries, judgeServices({}));
  assert.ok(sizeOf(report) < 600, `${sizeOf(report)} bytes`);
});

test('twenty services with everything wrong fit', () => {
  const ids = Array.from({ length: SERVICES_MAX }, (_none, at) => `${'s'.repeat(30)}${at}`);
  const entries = new Map(ids.map((id) => [id, entryOf(id, 'ж'.repeat(60), 50)]));
  const typos = Object.fromEntries(ids.map((id) => [`${'Ж'.repeat(200)}${id}`, 1]));
  const report = reportOf(entries, judgeServices(typos));
  assert.ok(sizeOf(report) <= REPORT_BYTES_MAX, `${sizeOf(report)} bytes`);
  assert.equal(Object.keys(report['services'] as object).length, SERVICES_MAX);
});
