// The framer of STX … ETX: examples from the protocols, every cut, any bytes, bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FIAS_LRC, stxEtx, stxEtxFrame } from '../../../../agent/core/frames/stx-etx.ts';
import type { StxEtxOptions } from '../../../../agent/core/frames/stx-etx.ts';
import type { Piece } from '../../../../agent/core/frames/ports.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { below, bytesIn, pick, pushAll, told } from './streams.ts';
import type { Random } from './streams.ts';

const PLAIN: StxEtxOptions = { controls: [0x05, 0x06, 0x15], bodyBytesMax: 40 };
const SERIAL: StxEtxOptions = { ...PLAIN, check: FIAS_LRC };
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const frame = (text: string, options = PLAIN): Buffer =>
  stxEtxFrame(Buffer.from(text, 'latin1'), options);

test('stxEtx() reads the published check bytes of FIAS, one of which is NAK', () => {
  const known: readonly [string, number][] = [
    ['12345', 0x32],
    ['LS|DA161117|TI102926|', 0x77],
    ['LD|DA161117|TI103116|V#1.0|IFWW|', 0x3f],
    ['LA|DA161117|TI102111|', 0x69],
    ['LR|RIGI|FLRNGNGVG#GLGGGSSFA0A1A2A3A4A5A6A7A8A9|', 0x15],
  ];
  for (const [record, lrc] of known) {
    const bytes = Buffer.concat([Buffer.of(2), Buffer.from(record), Buffer.of(3, lrc)]);
    assert.deepEqual(frame(record, SERIAL), bytes);
    const pieces = stxEtx({ ...SERIAL, bodyBytesMax: 2_000 }).push(bytes);
    assert.deepEqual(told(pieces), [`frame ${JSON.stringify(record)}`]);
  }
});

test('stxEtx() reads frames of Salto, with the check and with the byte that waives it', () => {
  const check = { ...FIAS_LRC, waivers: [0x0d] };
  const right = '02 B3 43 4F B3 30 B3 31 30 31 B3 03';
  const framer = stxEtx({ check, bodyBytesMax: 100 });
  const body = JSON.stringify('\u00b3CO\u00b30\u00b3101\u00b3');
  const pieces = framer.push(hex(`${right} 0F ${right} 0D ${right} 0E`));
  assert.deepEqual(told(pieces), [`frame ${body}`, `frame ${body}`, `bad check ${body}`]);
});

test('stxEtx() counts the start byte, and not the end byte, where a protocol wants that', () => {
  const check = { from: 'start', to: 'before-end' } as const;
  const bytes = stxEtxFrame(Buffer.from('AB'), { check });
  assert.deepEqual(bytes, Buffer.of(2, 0x41, 0x42, 3, 2 ^ 0x41 ^ 0x42));
  assert.deepEqual(told(stxEtx({ check, bodyBytesMax: 9 }).push(bytes)), ['frame "AB"']);
});

test('stxEtx() knows a check byte by its place, though it looks like STX, ETX or ENQ', () => {
  for (const wanted of [0x02, 0x03, 0x05]) {
    // One byte that makes the XOR what is wanted.
    const body = `A${String.fromCharCode(0x41 ^ 3 ^ wanted)}`;
    const bytes = frame(body, SERIAL);
    assert.equal(bytes.at(-1), wanted);
    const pieces = stxEtx(SERIAL).push(Buffer.concat([bytes, Buffer.of(6), bytes]));
    const one = `frame ${JSON.stringify(body)}`;
    assert.deepEqual(told(pieces), [one, 'control 6', one]);
  }
});

test('stxEtx() gives control bytes outside of frames alone', () => {
  const pieces = stxEtx(PLAIN).push(hex('05 02 41 05 42 03 06 15 07'));
  assert.deepEqual(told(pieces), [
    'control 5',
    'frame "A\\u0005B"',
    'control 6',
    'control 15',
    'noise 1 07',
  ]);
});

test('stxEtx() begins anew at a start byte inside a body', () => {
  const framer = stxEtx(PLAIN);
  const lost = framer.push(Buffer.concat([hex('02 41 42'), frame('C')]));
  assert.deepEqual(told(lost), ['noise 3 024142', 'frame "C"']);
});

test('stxEtx() tells of a body that is too long, and reads the next frame', () => {
  for (const options of [PLAIN, SERIAL]) {
    const fits = 'x'.repeat(40);
    const framer = stxEtx(options);
    const stream = [frame(fits, options), frame(`${fits}yz`, options), frame('A', options)];
    const pieces = framer.push(Buffer.concat(stream));
    const kinds = pieces.map((piece) => (piece.is === 'bad' ? piece.why : piece.is));
    assert.deepEqual(kinds, ['frame', 'too-long', 'noise', 'frame']);
    assert.equal(framer.held(), 0);
  }
});

test('stxEtx() knows the check byte of a frame that is too long by its place, too', () => {
  // Its check byte is a start byte.
  const long = Buffer.concat([Buffer.alloc(41, 0x41), Buffer.of(0x41 ^ 3 ^ 2)]);
  const bytes = stxEtxFrame(long, SERIAL);
  assert.equal(bytes.at(-1), 2);
  const framer = stxEtx(SERIAL);
  const pieces = framer.push(Buffer.concat([bytes, Buffer.of(6), frame('A', SERIAL)]));
  assert.deepEqual(told(pieces).slice(2), ['control 6', 'frame "A"']);
});

test('stxEtx() forgets an unfinished frame when told to, and says what was lost', () => {
  const framer = stxEtx(SERIAL);
  assert.deepEqual([framer.held(), framer.reset()], [0, []]);
  framer.push(hex('02'));
  assert.equal(framer.held(), 1);
  assert.deepEqual(told(framer.reset()), ['noise 1 02']);
  framer.push(hex('02 41 03'));
  assert.ok(framer.held() > 0);
  assert.deepEqual(told(framer.reset()), ['noise 3 024103']);
  // The check byte of the forgotten frame belongs to nothing.
  assert.deepEqual(told(framer.push(Buffer.concat([hex('41'), frame('B', SERIAL)]))), [
    'noise 1 41',
    'frame "B"',
  ]);
  framer.push(Buffer.alloc(100, 0x02).fill(0x41, 1));
  assert.ok(framer.held() > 0);
  framer.reset();
  assert.deepEqual(told(framer.push(frame('C', SERIAL))), ['frame "C"']);
});

/** Frames, controls and noise in any order, and what must come of them. */
function conversation(random: Random, options: StxEtxOptions) {
  const parts: Buffer[] = [];
  const expected: Piece[] = [];
  const letters = (): Buffer => {
    const length = below(random, 12);
    return Buffer.from(Array.from({ length }, () => 0x20 + below(random, 0xe0)));
  };
  for (let count = below(random, 8); count >= 0; count -= 1) {
    const body = letters();
    const kind = pick(random, ['frame', 'frame', 'control', 'noise', 'bad'] as const);
    if (kind === 'control') {
      const byte = pick(random, options.controls!);
      parts.push(Buffer.of(byte));
      expected.push({ is: 'control', byte });
    } else if (kind === 'noise') {
      if (body.length === 0) continue;
      parts.push(body);
      expected.push({ is: 'noise', count: body.length, head: body.subarray(0, 16) });
    } else {
      const bytes = stxEtxFrame(body, options);
      const isBad = kind === 'bad' && options.check !== undefined;
      if (isBad) bytes[bytes.length - 1]! ^= 1 + below(random, 255);
      parts.push(bytes);
      expected.push(isBad ? { is: 'bad', why: 'check', body } : { is: 'frame', body });
    }
  }
  return { stream: Buffer.concat(parts), expected: told(expected) };
}

test('stxEtx() finds the same pieces wherever a stream is cut', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  for (let round = 0; round < 60; round += 1) {
    const options = pick(random, [PLAIN, SERIAL]);
    const { stream, expected } = conversation(random, options);
    assert.deepEqual(told(stxEtx(options).push(stream)), expected, `seed ${seed}`);
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const framer = stxEtx(options);
      const pieces = [
        ...framer.push(stream.subarray(0, cut)),
        ...framer.push(stream.subarray(cut)),
      ];
      assert.deepEqual(told(pieces), expected, `seed ${seed}, round ${round}, cut ${cut}`);
    }
    const single = pushAll(stxEtx(options), stream, { random, chunkMax: 1 });
    assert.deepEqual(told(single), expected, `seed ${seed}, round ${round}`);
  }
});

test('stxEtx() takes any bytes: it keeps to its limit, loses none, and recovers', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 5_000;
  // Bytes with a meaning are frequent.
  const bytes = [0x02, 0x02, 0x03, 0x05, 0x06, 0x15, 0x41, 0x42, 0xff];
  for (let round = 0; round < rounds; round += 1) {
    const options = { ...pick(random, [PLAIN, SERIAL]), bodyBytesMax: 1 + below(random, 6) };
    const framer = stxEtx(options);
    const stream = Buffer.from(
      Array.from({ length: below(random, 60) }, () => pick(random, bytes)),
    );
    const label = `seed ${seed}, round ${round}: ${stream.toString('hex')}`;
    const pieces: Piece[] = [];
    for (let at = 0; at < stream.length;) {
      const to = at + 1 + below(random, 9);
      pieces.push(...framer.push(stream.subarray(at, to)));
      assert.ok(framer.held() <= options.bodyBytesMax + 1, label);
      at = to;
    }
    pieces.push(...framer.reset());
    for (const piece of pieces) {
      if (piece.is === 'frame' || piece.is === 'bad')
        assert.ok(piece.body.length <= options.bodyBytesMax, label);
      if (piece.is === 'noise') assert.ok(piece.head.length <= 16, label);
    }
    // A frame has two or three bytes around its body; one that was too long has its start.
    const around = pieces.reduce((sum, piece) => {
      if (piece.is === 'bad' && piece.why === 'too-long') return sum + 1;
      const isFrame = piece.is === 'frame' || piece.is === 'bad';
      return isFrame ? sum + (options.check === undefined ? 2 : 3) : sum;
    }, 0);
    // A start byte that ended a stretch of a frame that was too long opens the next one, and counts there.
    assert.equal(bytesIn(pieces) + around, stream.length, label);
    assert.deepEqual(
      told(framer.push(stxEtxFrame(Buffer.of(0x41), options))),
      ['frame "A"'],
      label,
    );
  }
});

test('stxEtx() costs the same a byte, however long the noise', () => {
  const mebibytes = 8;
  for (const first of [0x02, 0x41]) {
    const framer = stxEtx({ ...SERIAL, bodyBytesMax: 2_000 });
    framer.push(Buffer.of(first));
    const chunk = Buffer.alloc(64 * 1024, 0x41);
    const from = performance.now();
    let pieces = 0;
    for (let round = 0; round < mebibytes * 16; round += 1) pieces += framer.push(chunk).length;
    // Quadratic code needs minutes for it; this needs a tenth of a second.
    assert.ok(performance.now() - from < 10_000);
    assert.ok(pieces <= mebibytes * 16 + 2);
  }
});
