// The lock server's frames, dates, authorisations: the published frames byte by byte, every cut, any bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  authorisationChar,
  authorisationsOf,
  cardFields,
  cardOf,
  checkOutFields,
  dateField,
  dateOf,
  fieldsOf,
  frame,
  framer,
  mobileFields,
  readFields,
} from '../../../../agent/interfaces/salto/wire.ts';
import type { Fields } from '../../../../agent/interfaces/salto/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const latin = (bytes: Buffer): string => bytes.toString('latin1');
const ENCODER = 'Online Encoder 1';

/** Published, or made by hand from the published rules. */
const FRAMES: readonly (readonly [Fields, string])[] = [
  [checkOutFields('W10011'), '02 B3 43 4F B3 30 B3 57 31 30 30 31 31 B3 03 59'],
  [checkOutFields('101'), '02 B3 43 4F B3 30 B3 31 30 31 B3 03 0F'],
  [
    ['CN', ENCODER, 'R', 'Room 1'],
    '02 B3 43 4E B3 4F 6E 6C 69 6E 65 20 45 6E 63 6F 64 65 72 20 31 B3 52 B3 52 6F 6F 6D 20 31 B3 03 8B',
  ],
  [['CN', ENCODER], '02 B3 43 4E B3 4F 6E 6C 69 6E 65 20 45 6E 63 6F 64 65 72 20 31 B3 03 F7'],
  [
    readFields(ENCODER),
    '02 B3 4C 54 B3 4F 6E 6C 69 6E 65 20 45 6E 63 6F 64 65 72 20 31 B3 45 B3 03 14',
  ],
  [['TD'], '02 B3 54 44 B3 03 13'],
  [
    cardFields({
      ...{ is: 'new', encoder: '1', cardEnd: 'retain', rooms: ['101'], granted: '' },
      ...{ from: '1600101022', to: '1100221022', operator: 'Op', serialNumber: 'none' },
    }),
    '02 B3 43 4E B3 31 B3 52 B3 31 30 31 B3 B3 B3 B3 B3 B3 31 36 30 30 31 30 31 30 32 32 B3 31 31 30 30 32 32 31 30 32 32 B3 4F 70 B3 B3 B3 B3 30 B3 03 E7',
  ],
];

test('frame() makes the published frames, and the framer reads them', () => {
  for (const [fields, bytes] of FRAMES) {
    assert.deepEqual(frame(fields), hex(bytes));
    const [piece, ...more] = framer().push(hex(bytes));
    assert.ok(piece?.is === 'frame' && more.length === 0);
    assert.deepEqual(fieldsOf(piece.body), fields);
  }
});

test('the framer reads frames cut at each byte, and all of them in one piece', () => {
  for (const [fields, bytes] of FRAMES) {
    const whole = Buffer.concat([Buffer.of(6), hex(bytes)]);
    for (let at = 1; at < whole.length; at += 1) {
      const cut = framer();
      const pieces = [...cut.push(whole.subarray(0, at)), ...cut.push(whole.subarray(at))];
      assert.deepEqual(
        pieces.map((piece) => (piece.is === 'frame' ? fieldsOf(piece.body) : piece.is)),
        ['control', fields],
      );
    }
  }
  const merged = framer().push(Buffer.concat(FRAMES.map(([, bytes]) => hex(bytes))));
  assert.deepEqual(
    merged.map((piece) => (piece.is === 'frame' ? fieldsOf(piece.body) : piece.is)),
    FRAMES.map(([fields]) => fields),
  );
});

test('a wrong LRC is seen, 0D waives it', () => {
  const right = frame(['TD']);
  right[right.length - 1] = 0x0d;
  assert.deepEqual(
    framer()
      .push(right)
      .map(({ is }) => is),
    ['frame'],
  );
  right[right.length - 1] = 0x14;
  assert.deepEqual(
    framer()
      .push(right)
      .map(({ is }) => is),
    ['bad'],
  );
});

test('frame() lets no value make a second field, a second frame or a foreign letter', () => {
  const bytes = frame(['CN', '1', 'E', '10³1\r\u0002\u0003', 'Zürich–Süd', 'София', 'Łódź', '雪']);
  assert.equal(latin(bytes.subarray(2, -3)), 'CN³1³E³101³Zurich-Sud³Sofiya³Lodz³?');
  assert.equal(framer().push(bytes).length, 1);
});

test('dateField() writes minutes, or whole hours that lock nobody out', () => {
  assert.equal(dateField('2022-10-10T16:00:00', 'minutes', 'from'), '1600101022');
  assert.equal(dateField('2026-12-31T23:45:00', 'minutes', 'to'), '2345311226');
  assert.equal(dateField('2026-12-31T23:45:00', 'hours', 'from'), '23311226');
  assert.equal(dateField('2026-12-31T23:45:00', 'hours', 'to'), '00010127');
  assert.equal(dateField('2026-12-31T11:00:00', 'hours', 'to'), '11311226');
});

test('dateOf() reads both forms and refuses what is no date', () => {
  assert.equal(dateOf('1600101022'), '2022-10-10T16:00:00');
  assert.equal(dateOf('16101022'), '2022-10-10T16:00:00');
  for (const bad of ['', '160010102', '2460101022', '1600310222', '1600001022', '16001010 2']) {
    assert.equal(dateOf(bad), undefined, bad);
  }
});

test('authorisations have the characters of the table, 1 to 62', () => {
  const some = [1, 9, 10, 35, 36, 40, 41, 62].map(authorisationChar).join('');
  assert.equal(some, '19az!&(}');
  const all = Array.from({ length: 62 }, (_unused, index) => index + 1);
  const chars = all.map(authorisationChar);
  assert.equal(new Set(chars).size, 62);
  assert.deepEqual(authorisationsOf(chars.join('')), all);
  assert.deepEqual(authorisationsOf(' A1~'), [1]);
});

test('mobileFields() puts the telephone number first, and the dates one place earlier', () => {
  const fields = mobileFields({
    ...{ is: 'copy', phone: '+359888123456', rooms: ['101', '102'], granted: '1' },
    ...{ from: '1600101022', to: '1100221022', operator: 'Op' },
  });
  const expected = 'CCM|+359888123456|101|102|||1||1600101022|1100221022|Op';
  assert.equal(fields.join('|'), expected);
});

test('cardOf() reads a guest card and those that are none', () => {
  const fields = 'LT|1|101|102|||CI|2|1!|1600101022|1100221022|Op'.split('|');
  assert.deepEqual(cardOf(fields), {
    ...{ card: 'guest', rooms: ['101', '102'], isCheckedIn: true, copy: '2' },
    ...{ authorisations: [1, 36], from: '2022-10-10T16:00:00', to: '2022-10-22T11:00:00' },
    operator: 'Op',
  });
  assert.deepEqual(cardOf(['LT', '1', 'LM']), { card: 'staff', rooms: [] });
  assert.deepEqual(cardOf(['LT', '1', 'LD']), { card: 'unidentified', rooms: [] });
  assert.deepEqual(cardOf(['LT']).rooms, []);
});

test('any bytes are read without throwing, and what was framed is read back', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 20_000;
  const likely = [0x02, 0x03, 0xb3, 0x06, 0x15, 0x05, 0x0d, 0x43, 0x4e, 0x31];
  const pieces = framer();
  for (let round = 0; round < rounds; round += 1) {
    const bytes = Buffer.from(
      Array.from({ length: Math.floor(random() * 40) }, () =>
        random() < 0.5 ? likely[Math.floor(random() * likely.length)]! : Math.floor(random() * 256),
      ),
    );
    for (const piece of pieces.push(bytes)) {
      if (piece.is !== 'frame') continue;
      const fields = fieldsOf(piece.body);
      if (fields === undefined) continue;
      const card = cardOf(fields);
      assert.ok(card.rooms.length <= 4);
    }
    const text = bytes.toString('latin1');
    pieces.reset();
    const [one, ...more] = pieces.push(frame(['CN', text, 'x']));
    assert.ok(one?.is === 'frame' && more.length === 0);
    assert.equal(fieldsOf(one.body)?.length, 3);
  }
});
