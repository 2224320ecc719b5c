// Reading and writing of FIAS records: check bytes, what vendors really send, what may go out, and noise.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIAS_LRC, stxEtx, stxEtxFrame } from '../../../../agent/core/frames/stx-etx.ts';
import { CODE_PAGES, codePage } from '../../../../agent/interfaces/fias/codepage.ts';
import { charsMax } from '../../../../agent/interfaces/fias/fields.ts';
import { traced } from '../../../../agent/interfaces/fias/trace.ts';
import { readRecord, recordOf, writeRecord } from '../../../../agent/interfaces/fias/wire.ts';
import type { FiasRecord } from '../../../../agent/interfaces/fias/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';

/** Record text and its check byte; the last one equals NAK. */
const CHECKS: readonly (readonly [string, number])[] = [
  ['12345', 0x32],
  ['LS|DA161117|TI102926|', 0x77],
  ['LS|DA161117|TI103020|', 0x79],
  ['LD|DA161117|TI103116|V#1.0|IFWW|', 0x3f],
  ['LA|DA161117|TI103118|', 0x61],
  ['LA|DA161117|TI103024|', 0x6f],
  ['LS|DA161117|TI102107|', 0x7c],
  ['LD|DA161117|TI102203|V#1.0|IFWW|', 0x39],
  ['LA|DA161117|TI102204|', 0x6e],
  ['LA|DA161117|TI102111|', 0x69],
  ['LE|DA161117|TI102631|', 0x68],
  ['LE|DA161117|TI102536|', 0x6c],
  ['LS|DA161117|TI102540|', 0x7b],
  ['LD|DA161117|TI102636|V#1.0|IFWW|', 0x3b],
  ['LA|DA161117|TI102637|', 0x6a],
  ['LA|DA161117|TI102543|', 0x6a],
  ['LE|DA161117|TI104524|', 0x69],
  ['LE|DA161117|TI104620|', 0x6e],
  ['LE|DA161117|TI102841|', 0x61],
  ['LR|RIGI|FLRNGNGVG#GLGGGSSFA0A1A2A3A4A5A6A7A8A9|', 0x15],
];

test('the check byte of a serial record is the one that the document names', () => {
  for (const [text, check] of CHECKS)
    assert.equal(stxEtxFrame(Buffer.from(text), { check: FIAS_LRC }).at(-1), check, text);
});

const read = (text: string): FiasRecord => {
  const result = readRecord(text);
  assert.ok(result.ok, text);
  return result.record;
};

test('readRecord() takes what vendors send', () => {
  assert.deepEqual(read('LA|'), { id: 'LA', fields: [] });
  assert.deepEqual(read('LA'), { id: 'LA', fields: [] });
  assert.deepEqual(read(' LA|DA260401'), { id: 'LA', fields: [['DA', '260401']] });
  assert.deepEqual(read('GI|RN 0101 |SF||X|ZZnew|\r\n').fields, [
    ['RN', ' 0101 '],
    ['SF', ''],
    ['ZZ', 'new'],
  ]);
  assert.deepEqual(read('PS|RN1\u000001|CTa\u0085b|').fields, [
    ['RN', '101'],
    ['CT', 'ab'],
  ]);
  assert.deepEqual(read('XL|MTone\r\ntwo\u0007|').fields, [['MT', 'one\r\ntwo']]);
  for (const wrong of ['', '|', 'ls|', '<LS/>', '{"a":1}', 'LSX|', `PS|${'A1|'.repeat(500)}`])
    assert.equal(readRecord(wrong).ok, false, wrong);
});

test('writeRecord() lets out neither controls nor bars nor what is too long', () => {
  const guest = recordOf('GI', [
    ['RN', '101'],
    ['GN', `O|Ne\u0002il\u0003${'x'.repeat(300)}`],
    ['GF', undefined],
    ['SF', ''],
  ]);
  const text = writeRecord(guest)!;
  assert.equal(text, `GI|RN101|GNONeil${'x'.repeat(195)}|SF|`);
  assert.equal(writeRecord(recordOf('GI', [['RN', '1'.repeat(21)]])), undefined);
  assert.equal(writeRecord(recordOf('PA', [['P#', '123456789']])), undefined);
  const message = recordOf('XL', [
    ['RN', '101'],
    ['MT', 'm'.repeat(3_000)],
    ['G#', '7'],
  ]);
  assert.equal(writeRecord(message)!.length, 2_000);
  const short = writeRecord(message, 200)!;
  assert.equal(short.length, 200);
  // RL is of messages only.
  assert.equal(writeRecord(guest, 100), text);
  assert.match(short, /^XL\|RN101\|MTm+\|G#7\|$/);
});

test('every code page brings its own letters back, and writes the others as people would', () => {
  for (const name of CODE_PAGES) {
    const page = codePage(name);
    const bytes = Buffer.from(Array.from({ length: 0x80 }, (_value, index) => index));
    assert.deepEqual(page.encode(page.decode(bytes)), bytes, name);
    if (name === 'utf-8') continue;
    for (let byte = 0xa0; byte < 0x100; byte += 1) {
      const char = page.decode(Buffer.of(byte));
      if (char !== '\ufffd')
        assert.deepEqual(page.encode(char), Buffer.of(byte), `${name} ${byte}`);
    }
  }
  const said = (name: (typeof CODE_PAGES)[number], text: string) =>
    codePage(name).encode(text).toString('latin1');
  assert.equal(said('windows-1252', 'Иванова Şahin Łódź'), 'Ivanova Sahin L\u00f3dz');
  assert.equal(
    said('windows-1251', 'Иванова Müller'),
    '\u00c8\u00e2\u00e0\u00ed\u00ee\u00e2\u00e0 Muller',
  );
  assert.equal(said('cp850', 'Müller'), 'M\u0081ller');
  assert.equal(said('cp437', 'ß'), '\u00e1');
  assert.equal(said('iso-8859-1', '€'), 'EUR');
  assert.equal(said('iso-8859-15', '€'), '\u00a4');
  assert.equal(said('ascii', 'Ärger 山'), 'Arger ?');
  assert.equal(codePage('utf-8').encode('Ж').toString('hex'), 'd096');
});

test('a trace shows what a record says, and nothing of a guest', () => {
  const text = 'GI|RN101|G#7001|GNIvanova|GFAnn Marie|GTDr|DD0049891234567|$2123456|MTcall me|A0x|';
  assert.equal(traced(read(text)), 'GI|RN101|G#7001|GNI…|GFA… M…|GTD…|DD…67|$2…56|MT…|A0…|');
});

const IS_LONG = process.env['CLOCK_TEST_LONG'] === '1';
const seed = testSeed();

test(`a stream of records comes through whatever pieces it is in (seed ${seed})`, () => {
  const random = randomFrom(seed);
  const page = codePage('windows-1252');
  const pick = (max: number) => Math.floor(random() * max);
  for (const check of [undefined, FIAS_LRC]) {
    const records = Array.from({ length: 60 }, () =>
      recordOf(
        ['GI', 'GO', 'PS', 'RE'][pick(4)]!,
        Array.from({ length: pick(12) }, () => [
          ['RN', 'GN', 'G#', 'A0'][pick(4)]!,
          page.decode(Buffer.from(Array.from({ length: pick(8) }, () => 0x20 + pick(0xe0)))),
        ]),
      ),
    );
    const texts = records
      .map((record) => writeRecord(record)!)
      .filter((text) => text !== undefined);
    const stream = Buffer.concat(texts.map((text) => stxEtxFrame(page.encode(text), { check })));
    const framesOf = (pieces: readonly Buffer[]) => {
      const framer = stxEtx({ bodyBytesMax: 6_000, check, controls: [5, 6, 0x15] });
      return pieces.flatMap((piece) =>
        framer.push(piece).map((found) => (found.is === 'frame' ? page.decode(found.body) : found)),
      );
    };
    for (let at = 1; at < stream.length; at += 1)
      assert.deepEqual(framesOf([stream.subarray(0, at), stream.subarray(at)]), texts);
    assert.deepEqual(framesOf(Array.from(stream, (byte) => Buffer.of(byte))), texts);
  }
});

test(`readRecord() survives anything, and what it reads can be written (seed ${seed})`, () => {
  const random = randomFrom(seed);
  const pieces = [
    '|',
    'GI',
    'PS',
    'RN',
    'G#',
    'TA',
    '101',
    '\u0003',
    '\u0002',
    'ü',
    '\ud800',
    'MT',
  ];
  const count = IS_LONG ? 1_000_000 : 20_000;
  for (let run = 0; run < count; run += 1) {
    let text = run % 3 === 0 ? '' : 'PS|';
    const length = random() * 30;
    for (let index = 0; index < length; index += 1)
      text +=
        random() < 0.7
          ? pieces[Math.floor(random() * pieces.length)]!
          : String.fromCharCode(random() * 0x180);
    const result = readRecord(text);
    if (!result.ok) continue;
    const written = writeRecord(result.record);
    if (written === undefined) continue;
    const again = read(written);
    assert.equal(writeRecord(again), written);
    for (const [id, value] of again.fields)
      assert.ok(Array.from(value).length <= charsMax(again.id, id));
    assert.doesNotMatch(written.replaceAll(/\|MT[^|]*/g, ''), /\p{Cc}/u);
  }
});
