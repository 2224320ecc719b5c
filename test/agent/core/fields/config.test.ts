// What a person is told of wrong settings: every field at once, and no value of any.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { distinct, parseSettings } from '../../../../agent/core/fields/config.ts';
import { Host, Port, TcpServer } from '../../../../agent/core/line/config.ts';

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
      { field: 'password', problem: 'at least 20 characters' },
      { field: 'list.1.port', problem: 'not a port' },
      { field: 'more', problem: 'not a setting' },
    ],
  });
  const nothing = parseSettings(Form, {});
  assert.ok(!nothing.ok && nothing.problems.every(({ problem }) => problem === 'missing'));
});

test('parseSettings() speaks to who typed, not to who programs', () => {
  const Choice = v.strictObject({
    kind: v.picklist(['a', 'b']),
    bits: v.picklist([7, 8]),
    line: v.variant('kind', [TcpServer]),
    many: v.pipe(v.array(v.string()), v.maxLength(1)),
    seconds: v.pipe(v.number(), v.integer(), v.maxValue(60)),
    on: v.boolean(),
  });
  const typed = { kind: 'c', bits: 9, line: { kind: 'x' }, many: ['', ''], seconds: 61, on: 'yes' };
  const parsed = parseSettings(Choice, typed);
  assert.ok(!parsed.ok);
  assert.deepEqual(
    parsed.problems.map(({ field, problem }) => `${field}: ${problem}`),
    [
      'kind: one of a, b',
      'bits: one of 7, 8',
      'line.kind: one of tcp-server',
      'many: at most 1 entries',
      'seconds: at most 60',
      'on: expected true or false',
    ],
  );
  assert.deepEqual(parseSettings(Choice, 'secret'), {
    ok: false,
    problems: [{ field: 'settings', problem: 'expected settings in braces' }],
  });
});

test('a host and its port are two fields', () => {
  const problems = (host: string) => parseSettings(v.strictObject({ host: Host }), { host });
  for (const host of ['10.1.2.3', 'pbx.lan', 'fd00::1']) assert.ok(problems(host).ok, host);
  const both = problems('10.1.2.3:8090');
  assert.deepEqual(both, {
    ok: false,
    problems: [{ field: 'host', problem: 'the port is a field of its own' }],
  });
});

test('parseSettings() gives the settings with what they leave out', () => {
  const line = { kind: 'tcp-server', port: 5_000, from: ['10.0.0.1'] };
  const parsed = parseSettings(Form, { line, password: 'x'.repeat(20), list: [] });
  assert.ok(parsed.ok);
  assert.equal(parsed.settings.line.second, 'replace');
});

test('distinct() finds a value that stands there twice, beside all else that is wrong', () => {
  const Row = v.strictObject({ name: v.string(), port: Port });
  const rows = v.pipe(v.array(Row), distinct('name', 'a name stands there twice'));
  const List = v.strictObject({ list: rows, password: v.string() });
  const [a, b] = ['a', 'b'].map((name) => ({ name, port: 5_000 }));
  assert.ok(parseSettings(List, { list: [a, b], password: '' }).ok);
  assert.deepEqual(parseSettings(List, { list: [a, b, a] }), {
    ok: false,
    problems: [
      { field: 'list', problem: 'a name stands there twice' },
      { field: 'password', problem: 'missing' },
    ],
  });
});
