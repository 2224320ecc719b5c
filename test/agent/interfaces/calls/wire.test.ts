// Records read and written: the vectors of the sources, formats, and any bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spanFormat, timeFormat } from '../../../../agent/interfaces/calls/format.ts';
import type { Layout } from '../../../../agent/interfaces/calls/config.ts';
import { someCall } from '../../../../agent/interfaces/calls/counterpart.ts';
import {
  keyOf,
  priceIn,
  readRecord,
  shapeOf,
  writeRecord,
} from '../../../../agent/interfaces/calls/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { below } from '../../core/frames/streams.ts';
import { COLUMNS, HOBIC, parsed, problemsOf, SERVER } from './settings.ts';

const NOW = '2026-03-02T09:00:00';
const hobic: Layout = parsed({ layout: HOBIC }).layout;
const VECTOR = '0001 HTL 03/01  7110 10:54 0002 $003.47 805-688-1000 L';

test('readRecord() reads the HOBIC record of the source', () => {
  assert.deepEqual(readRecord(hobic, VECTOR, NOW), {
    is: 'call',
    call: {
      ...{ at: '2026-03-01T10:54:00', extension: '7110', seconds: 120 },
      ...{ dialled: '8056881000', price: '3.47', direction: 'outgoing' },
    },
  });
});

test('readRecord() takes the year nearest to now, and no day that does not exist', () => {
  const at = (date: string, now: string): unknown => {
    const read = readRecord(hobic, VECTOR.replace('03/01', date), now);
    return read.is === 'call' ? read.call.at.slice(0, 10) : read;
  };
  assert.equal(at('12/31', '2026-01-01T00:01:00'), '2025-12-31');
  assert.equal(at('01/01', '2025-12-31T23:59:00'), '2026-01-01');
  assert.equal(at('02/29', '2027-01-10T00:00:00'), '2028-02-29');
  assert.deepEqual(at('02/30', NOW), { is: 'wrong', field: 'date' });
  assert.deepEqual(at('13/01', NOW), { is: 'wrong', field: 'date' });
  const european = parsed({ layout: { ...HOBIC, dateOrder: 'DD/MM' } }).layout;
  assert.equal(readRecord(european, VECTOR, '2026-01-10T00:00:00').is, 'call');
});

test('readRecord() says which field of a HOBIC record is wrong', () => {
  const wrong: readonly (readonly [string, string, string])[] = [
    ['0001', 'X001', 'sequence'],
    ['03/01', '03-01', 'date'],
    ['7110', 'room', 'extension'],
    ['10:54', '24:00', 'time'],
    ['0002', '2min', 'minutes'],
    ['$003.47', '$3.4.7', 'charge'],
    ['805-688-1000', '805_688', 'number'],
  ];
  for (const [was, is, field] of wrong) {
    assert.deepEqual(readRecord(hobic, VECTOR.replace(was, is), NOW), { is: 'wrong', field });
  }
  const free = readRecord(hobic, '0002 HTL 03/01 7110 10:55 0001 8056881000 L', NOW);
  assert.ok(free.is === 'call' && free.call.price === undefined);
  assert.equal(free.call.dialled, '8056881000');
});

const LINE = '01/03/26 10:54 7110  00:01:35 0049 89/1234567      12      3.47     7 O';
const { layout } = parsed({});

test('readRecord() reads fixed columns', () => {
  assert.deepEqual(readRecord(layout, LINE, NOW), {
    is: 'call',
    call: {
      ...{ at: '2026-03-01T10:54:00', extension: '7110', seconds: 95, dialled: '0049891234567' },
      ...{ line: '12', price: '3.47', impulses: 7, direction: 'outgoing' },
    },
  });
  // What stands behind the last column is not there: the line ends early.
  const short = readRecord(layout, LINE.slice(0, 29), NOW);
  assert.ok(short.is === 'call' && short.call.price === undefined);
  assert.equal(short.call.direction, 'ignore');
  assert.deepEqual(readRecord(layout, '* 01/03/26', NOW), { is: 'other' });
  assert.deepEqual(readRecord(layout, '-'.repeat(60), NOW), { is: 'wrong', field: 'at' });
  for (const [was, is, field] of [
    ['10:54', '10:64', 'at'],
    ['7110', '    ', 'extension'],
    ['00:01:35', '00:x1:35', 'duration'],
    ['3.47', '3..7', 'price'],
    [' 7 O', ' x O', 'impulses'],
  ] as const) {
    assert.deepEqual(readRecord(layout, LINE.replace(was, is), NOW), { is: 'wrong', field });
  }
});

test('readRecord() counts back from the end of a call where the record has that', () => {
  const at = { ...COLUMNS.fields.at, marks: 'end' };
  const ends = parsed({ layout: { ...COLUMNS, fields: { ...COLUMNS.fields, at } } }).layout;
  const read = readRecord(ends, LINE, NOW);
  assert.ok(read.is === 'call');
  assert.equal(read.call.at, '2026-03-01T10:52:25');
});

test('the filter: all conditions must be met', () => {
  const filter = [
    { is: 'columns', from: 16, to: 20, text: '7110' },
    { is: 'contains', text: '/03/' },
    { is: 'contains', text: 'ALARM', not: true },
  ];
  const filtered = parsed({ layout: { ...COLUMNS, filter } }).layout;
  const is = (line: string): string => readRecord(filtered, line, NOW).is;
  assert.equal(is(LINE), 'call');
  assert.equal(is(LINE.replace('7110', '711 ')), 'other');
  assert.equal(is(LINE.replace('/03/', '/02/')), 'other');
  assert.equal(is(`${LINE} ALARM`), 'other');
});

test('formats of time', () => {
  const read = (format: string, text: string): unknown => timeFormat(format).read(text);
  const noon = { hour: 12, minute: 5, second: 0 };
  assert.deepEqual(read('hh:mm tt', '12:05 pm'), noon);
  assert.deepEqual(read('hh:mmtt', '12:05AM'), { ...noon, hour: 0 });
  assert.deepEqual(read('hh:mmtt', ' 1:05PM'), { ...noon, hour: 13 });
  assert.deepEqual(read('HHmm', '1205'), noon);
  assert.deepEqual(read('MM/DD???HH:mm', ' 3/ 1 xy12:05'), { ...noon, month: 3, day: 1 });
  const full = { year: 2026, month: 3, day: 1, hour: 4, minute: 5, second: 6 };
  assert.deepEqual(read('YYYYMMDDHHmmss', '20260301040506'), full);
  for (const text of ['13:05 pm', '00:05 am', '12:05 xm', '12:05', '12:05 pmm', '1a:05 pm', '']) {
    assert.equal(read('hh:mm tt', text), undefined, text);
  }
});

test('formats of durations', () => {
  for (const [format, text, seconds] of [
    ['hh:mm:ss', '01:02:03', 3_723],
    ['h:mm', ' :02', undefined],
    ['hhmmss', '010203', 3_723],
    ['mmm', '  7', 420],
    ['sssss', '00095', 95],
    ["mm'ss", "12'30", 750],
    ['sss', '1e2', undefined],
    ['sss', '12', undefined],
  ] as const) {
    assert.equal(spanFormat(format).read(text), seconds, `${format} ${text}`);
  }
  assert.equal(spanFormat('hh:mm').write(3_599), '01:00');
  assert.equal(spanFormat('mmmm').write(61), '0002');
});

test('prices as exchanges write them', () => {
  for (const [text, decimals, price] of [
    ['$003.47', 0, '3.47'],
    ['3,47', 0, '3.47'],
    ['.47', 0, '0.47'],
    ['00347', 2, '3.47'],
    ['7', 2, '0.07'],
    ['12 EUR', 0, '12'],
    ['EUR 1.5', 0, '1.5'],
    ['', 2, undefined],
    ['0.00', 0, '0.00'],
    ['1.23456', 0, null],
    ['****', 0, null],
    ['-1.00', 0, null],
    ['1 2', 0, null],
  ] as const) {
    assert.equal(priceIn(text, decimals), price, text);
  }
});

test('parse() refuses a file, formats without sense and columns backwards, all at once', () => {
  const at = { from: 9, to: 1, format: 'DD HH' };
  const fields = { at, extension: { from: 0, to: 600 }, duration: { from: 1, to: 2, format: '' } };
  const layout = { kind: 'columns', fields };
  const told = problemsOf({ line: { kind: 'file', path: '/x' }, layout });
  assert.match(told['line'] ?? told['line.kind'] ?? '', /^not supported: the file lies on another/);
  assert.deepEqual(Object.keys(told).sort(), [
    ...['layout.fields.at', 'layout.fields.at.format', 'layout.fields.duration.format'],
    ...['layout.fields.extension.from', 'layout.fields.extension.to', 'line'],
  ]);
  const login = { user: 'u', password: 'p' };
  const serial = { kind: 'serial', device: '/dev/ttyUSB0' };
  assert.deepEqual(problemsOf({ line: serial, layout: HOBIC, login }), {
    login: 'only where the unit connects',
  });
  const none = { line: SERVER, layout: HOBIC, price: { from: 'tariff' } };
  assert.deepEqual(problemsOf(none), { tariff: 'missing' });
});

test('a key is the record: another twin, day or record has another', () => {
  const key = keyOf('2026-03-01T10:54:00', VECTOR, 0);
  assert.equal(keyOf('2026-03-01T10:54:00', `${VECTOR}  `, 0), key);
  const others = [
    keyOf('2026-03-01T10:54:00', VECTOR, 1),
    keyOf('2027-03-01T10:54:00', VECTOR, 0),
    keyOf('2026-03-01T10:54:00', VECTOR.replace('0001', '0002'), 0),
  ];
  assert.equal(new Set([key, ...others]).size, 4);
});

test('shapeOf() shows the columns and no digit or letter of them', () => {
  assert.equal(shapeOf('0001 HTL Müller 805-688\u0007'), '9999 AAA AAAAAA 999-999.');
});

test('what an exchange writes of a call is read as that call', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const settings = parsed({});
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 200_000 : 2_000;
  for (let round = 0; round < rounds; round += 1) {
    const made = someCall(
      { clock: { wallMs: () => 1_772_442_000_000 + round * 61_000 }, random },
      settings,
    );
    const call = { ...made, at: `${made.at.slice(0, 16)}:00` };
    const read = readRecord(
      settings.layout,
      writeRecord(settings.layout, { call, sequence: 1 }),
      NOW,
    );
    assert.deepEqual(read, { is: 'call', call }, `seed ${seed}, round ${round}`);
  }
});

test('readRecord() takes any bytes, and what it takes has a time and a line', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 20_000;
  let taken = 0;
  for (let round = 0; round < rounds; round += 1) {
    const of = round % 2 === 0 ? hobic : layout;
    const bytes = Buffer.from(of === hobic ? VECTOR : LINE, 'latin1');
    for (let n = below(random, 5); n > 0; n -= 1)
      bytes[below(random, bytes.length)] = below(random, 256);
    const read = readRecord(of, bytes.toString('latin1'), NOW);
    if (read.is !== 'call') continue;
    taken += 1;
    const { at, extension, dialled = '', price = '0' } = read.call;
    const told = `seed ${seed}, round ${round}: ${JSON.stringify(read.call)}`;
    assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/, told);
    assert.ok(extension.length > 0 && !/\p{Cc}/u.test(extension + dialled), told);
    assert.match(price, /^\d{1,11}(\.\d{1,4})?$/, told);
  }
  assert.ok(taken > rounds / 100);
});
