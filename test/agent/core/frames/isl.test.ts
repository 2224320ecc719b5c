// The framer of Datecs and Daisy printers: the frames that are known, every cut, any bytes, bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isl, islFrame } from '../../../../agent/core/frames/isl.ts';
import type { IslVariant } from '../../../../agent/core/frames/isl.ts';
import type { Piece } from '../../../../agent/core/frames/ports.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { below, pick, pushAll, told } from './streams.ts';
import type { Random } from './streams.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Seen on lines to real printers, or recomputed from their documents; facts/interfaces.md 8. */
const KNOWN: readonly (readonly [string, string])[] = [
  ['01 24 20 4A 05 30 30 39 33 03', '20 4A'],
  ['01 25 21 4A 58 05 30 30 3E 3D 03', '21 4A 58'],
  ['01 25 23 4A 58 05 30 30 3E 3F 03', '23 4A 58'],
  ['01 2D 21 30 31 2C 31 2C 30 30 30 30 31 05 30 32 32 3E 03', '21 30 31 2C 31 2C 30 30 30 30 31'],
  ['01 24 21 2D 05 30 30 37 37 03', '21 2D'],
  ['01 2C 2F 2D 50 04 88 80 C0 80 80 B0 05 30 34 35 39 03', '2F 2D 50 04 88 80 C0 80 80 B0'],
  [
    '01 31 20 4A 88 80 C0 80 80 B8 04 88 80 C0 80 80 B8 05 30 37 3A 34 03',
    '20 4A 88 80 C0 80 80 B8 04 88 80 C0 80 80 B8',
  ],
  [
    '01 38 21 30 30 30 30 30 35 30 2C 30 30 30 30 34 39 04 80 80 88 80 80 B8 05 30 36 35 30 03',
    '21 30 30 30 30 30 35 30 2C 30 30 30 30 34 39 04 80 80 88 80 80 B8',
  ],
  [
    '01 31 20 4A 80 80 88 80 80 B8 04 80 80 88 80 80 B8 05 30 37 32 34 03',
    '20 4A 80 80 88 80 80 B8 04 80 80 88 80 80 B8',
  ],
  ['01 2B 22 34 04 80 80 88 80 80 B8 05 30 33 3C 3A 03', '22 34 04 80 80 88 80 80 B8'],
  ['01 2B 20 4A 04 80 80 92 8F 80 B2 05 30 33 3F 31 03', '20 4A 04 80 80 92 8F 80 B2'],
  ['01 2C 21 2D 46 04 80 80 92 8F 80 B2 05 30 34 31 3C 03', '21 2D 46 04 80 80 92 8F 80 B2'],
];
const X_PROBE = ['01 30 30 32 3A 21 30 30 34 3A 05 30 31 3C 30 03', '21 30 30 34 3A'] as const;

test('isl() reads and islFrame() writes every frame that is known', () => {
  for (const [frame, body] of KNOWN) {
    assert.deepEqual(isl('classic').push(hex(frame)), [{ is: 'frame', body: hex(body) }]);
    assert.deepEqual(islFrame(hex(body), 'classic'), hex(frame));
  }
  const [frame, body] = X_PROBE;
  assert.deepEqual(isl('x').push(hex(frame)), [{ is: 'frame', body: hex(body) }]);
  assert.deepEqual(islFrame(hex(body), 'x'), hex(frame));
});

test('isl() refuses the frame whose sum is known to be wrong', () => {
  const frame = hex('01 2C 2F 2D 50 04 88 80 C0 80 80 B0 05 30 34 35 38 03');
  assert.deepEqual(isl('classic').push(frame), [
    { is: 'bad', why: 'check', body: frame.subarray(1) },
  ]);
});

test('isl() refuses every frame with one byte changed', () => {
  for (const [frame] of KNOWN) {
    const bytes = hex(frame);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x04;
      const framer = isl('classic');
      const pieces = framer.push(changed);
      assert.ok(!pieces.some(({ is }) => is === 'frame'), `${frame}, byte ${at}`);
    }
  }
});

test('isl() skips what a GSM modem writes before a frame, and hears busy and NAK', () => {
  const [frame, body] = KNOWN[0]!;
  const stream = Buffer.concat([Buffer.from('AT+CSQ\r\n'), hex(`16 16 15 ${frame} 16`)]);
  const pieces = isl('classic').push(stream);
  assert.deepEqual(told(pieces), [
    `noise 8 ${Buffer.from('AT+CSQ\r\n').toString('hex')}`,
    'control 16',
    'control 16',
    'control 15',
    `frame ${JSON.stringify(hex(body).toString('latin1'))}`,
    'control 16',
  ]);
});

test('isl() hears busy between the bytes of a frame, which stays whole', () => {
  const [frame, body] = KNOWN[0]!;
  const bytes = hex(frame);
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const stream = Buffer.concat([bytes.subarray(0, cut), hex('16'), bytes.subarray(cut)]);
    assert.deepEqual(isl('classic').push(stream), [
      { is: 'control', byte: 0x16 },
      { is: 'frame', body: hex(body) },
    ]);
  }
});

test('isl() gives lines, and finds the frame behind one that never ended', () => {
  const [frame, body] = KNOWN[0]!;
  const one = `frame ${JSON.stringify(hex(body).toString('latin1'))}`;
  const whole = isl('classic').push(
    Buffer.concat([Buffer.from('\u001aABC\n', 'latin1'), hex(frame)]),
  );
  assert.deepEqual(told(whole), ['frame "\\u001aABC"', one]);
  const cut = isl('classic').push(Buffer.concat([Buffer.from('\u001aABC', 'latin1'), hex(frame)]));
  assert.deepEqual(told(cut), ['noise 4 1a414243', one]);
});

test('isl() finds the frame behind one that was cut off, wherever it was cut', () => {
  for (const [frame, body] of KNOWN) {
    for (let cut = 1; cut < hex(frame).length; cut += 1) {
      const framer = isl('classic');
      const pieces = framer.push(Buffer.concat([hex(frame).subarray(0, cut), hex(frame)]));
      assert.equal(pieces[0]?.is, 'bad');
      assert.deepEqual(pieces.at(-1), { is: 'frame', body: hex(body) }, `${frame}, cut ${cut}`);
    }
  }
});

test('islFrame() says when a body does not fit', () => {
  assert.equal(islFrame(Buffer.alloc(220, 0x41), 'classic')[1], 0xfe);
  assert.throws(() => islFrame(Buffer.alloc(222, 0x41), 'classic'), RangeError);
});

function conversation(random: Random, variant: IslVariant) {
  const parts: Buffer[] = [];
  const expected: Piece[] = [];
  for (let count = below(random, 8); count >= 0; count -= 1) {
    const text = Array.from({ length: 6 + below(random, 12) }, () => 0x20 + below(random, 0xe0));
    const body = Buffer.from(text);
    const kind = pick(random, ['frame', 'frame', 'control', 'noise', 'line', 'bad'] as const);
    if (kind === 'control') {
      const byte = pick(random, [0x15, 0x16]);
      parts.push(Buffer.of(byte));
      expected.push({ is: 'control', byte });
    } else if (kind === 'noise') {
      parts.push(body);
      expected.push({ is: 'noise', count: body.length, head: body.subarray(0, 16) });
    } else if (kind === 'line') {
      parts.push(Buffer.of(0x1a), body, Buffer.of(0x0a));
      expected.push({ is: 'frame', body: Buffer.concat([Buffer.of(0x1a), body]) });
    } else {
      const frame = islFrame(body, variant);
      if (kind === 'bad') frame[frame.length - 2]! ^= 1;
      parts.push(frame);
      expected.push(
        kind === 'bad'
          ? { is: 'bad', why: 'check', body: frame.subarray(1) }
          : { is: 'frame', body },
      );
    }
  }
  return { stream: Buffer.concat(parts), expected: told(expected) };
}

test('isl() finds the same pieces wherever a stream is cut', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  for (let round = 0; round < 60; round += 1) {
    const variant = pick(random, ['classic', 'x'] as const);
    const { stream, expected } = conversation(random, variant);
    assert.deepEqual(told(isl(variant).push(stream)), expected, `seed ${seed}`);
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const framer = isl(variant);
      const pieces = [
        ...framer.push(stream.subarray(0, cut)),
        ...framer.push(stream.subarray(cut)),
      ];
      assert.deepEqual(told(pieces), expected, `seed ${seed}, round ${round}, cut ${cut}`);
    }
    const single = pushAll(isl(variant), stream, { random, chunkMax: 1 });
    assert.deepEqual(told(single), expected, `seed ${seed}, round ${round}`);
  }
});

test('isl() takes any bytes: it keeps to its limit, loses none, and recovers', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 5_000;
  const bytes = [
    0x01, 0x01, 0x03, 0x04, 0x05, 0x15, 0x16, 0x1a, 0x0a, 0x24, 0x25, 0x30, 0x32, 0x3a,
  ];
  for (let round = 0; round < rounds; round += 1) {
    const variant = pick(random, ['classic', 'x'] as const);
    const framer = isl(variant);
    const stream = Buffer.from(
      Array.from({ length: below(random, 60) }, () => pick(random, bytes)),
    );
    const label = `seed ${seed}, round ${round}: ${stream.toString('hex')}`;
    const pieces = [...pushAll(framer, stream, { random, chunkMax: 9 })];
    assert.ok(framer.held() <= 1_030, label);
    pieces.push(...framer.reset());
    let count = 0;
    for (const piece of pieces) {
      if (piece.is === 'noise') count += piece.count;
      else if (piece.is === 'control') count += 1;
      else if (piece.is === 'bad') count += piece.body.length + (piece.why === 'too-long' ? 0 : 1);
      else if (piece.body[0] === 0x1a) count += piece.body.length + 1;
      else count += piece.body.length + (variant === 'classic' ? 8 : 11);
    }
    assert.equal(count, stream.length, label);
    const frame = islFrame(hex('20 4A 41 41 41'), variant);
    assert.deepEqual(told(framer.push(frame)), ['frame " JAAA"'], label);
  }
});
