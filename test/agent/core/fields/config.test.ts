// What a person is told of wrong settings: every field at once, and no value of any.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { parseSettings } from '../../../../agent/core/fields/config.ts';
import { Port, TcpServer } from '../../../../agent/core/line/config.ts';

const Form = v.strictObject({
  line: TcpServer,
  password: v.pipe(v.string(), v.minLength(20)),
  list: v.array(v.strictObject({ port: Port })),
});

test('parseSettings() names every wrong field, and quotes none', () => {
  const line = { kind: 'tcp-server', port: 80, from: [] };
  const typed = { line, password: 'secret', list: [{ port: 1 }, { port: 'hidden' }], more: 1 };
  assert.deepEqual(parseSettings(Form, typed), {
    ok: false,
    problems: [
      { field: 'line.port', problem: 'below 1024' },
      { field: 'line.from', problem: 'name at least one' },
      { field: 'password', problem: 'expected >=20' },
      { field: 'list.1.port', problem: 'not a port' },
      { field: 'more', problem: 'not a setting' },
    ],
  });
  const nothing = parseSettings(Form, {});
  assert.ok(!nothing.ok && nothing.problems.every(({ problem }) => problem === 'missing'));
});

test('parseSettings() gives the settings with what they leave out', () => {
  const line = { kind: 'tcp-server', port: 5_000, from: ['10.0.0.1'] };
  const parsed = parseSettings(Form, { line, password: 'x'.repeat(20), list: [] });
  assert.ok(parsed.ok);
  assert.equal(parsed.settings.line.second, 'replace');
});
