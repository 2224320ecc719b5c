// The framer of lines: every cut, any bytes, bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delimited } from '../../../../agent/core/frames/delimited.ts';
import type { Piece } from '../../../../agent/core/frames/ports.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { below, bytesIn, pick, pushAll, told } from './streams.ts';

const LINES = { lineBytesMax: 20 };
const text = (value: string): Buffer => Buffer.from(value, 'latin1');

test('delimited() gives lines, whichever delimiter ends them, and no empty ones', () => {
  const framer = delimited({ delimiters: [0x0d, 0x0a, 0x0c], lineBytesMax: 20 });
  const pieces = framer.push(text('\r\nA\r\nB\n\n\fC D\f rest'));
  assert.deepEqual(told(pieces), ['frame "A"', 'frame "B"', 'frame "C D"']);
  assert.equal(framer.held(), 5);
  assert.deepEqual(told(framer.flush()), ['frame " rest"']);
  assert.deepEqual([framer.held(), framer.flush()], [0, []]);
});

test('delimited() tells of a line that is too long, and reads the next', () => {
  const framer = delimited(LINES);
  const pieces = framer.push(text(`${'x'.repeat(20)}\n${'y'.repeat(25)}\nA\n`));
  assert.deepEqual(told(pieces), [
    `frame "${'x'.repeat(20)}"`,
    `bad too-long "${'y'.repeat(20)}"`,
    'noise 5 7979797979',
    'frame "A"',
  ]);
});

test('delimited() forgets an unfinished line when told to', () => {
  const framer = delimited(LINES);
  framer.push(text('AB'));
  assert.deepEqual(told(framer.reset()), ['noise 2 4142']);
  framer.push(text('y'.repeat(30)));
  assert.equal(framer.held(), 1);
  framer.reset();
  assert.deepEqual(told(framer.push(text('A\r'))), ['frame "A"']);
});

test('delimited() finds the same lines wherever a stream is cut', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 5_000;
  for (let round = 0; round < rounds; round += 1) {
    const lines = Array.from({ length: below(random, 6) }, () => 'x'.repeat(below(random, 24)));
    const stream = text(lines.map((line) => line + pick(random, ['\r', '\n', '\r\n'])).join(''));
    const label = `seed ${seed}, round ${round}: ${stream.toString('hex')}`;
    const whole = told(delimited(LINES).push(stream));
    const expected = lines
      .filter((line) => line.length > 0)
      .flatMap((line) => {
        const over = line.length - 20;
        if (over <= 0) return [`frame "${line}"`];
        return [`bad too-long "${'x'.repeat(20)}"`, `noise ${over} ${'78'.repeat(over)}`];
      });
    assert.deepEqual(whole, expected, label);
    const framer = delimited(LINES);
    const pieces: Piece[] = pushAll(framer, stream, { random, chunkMax: 1 + below(random, 7) });
    assert.deepEqual(told(pieces), expected, label);
    assert.equal(framer.held(), 0, label);
    const inLines = lines.reduce((sum, line) => sum + line.length, 0);
    assert.equal(bytesIn(pieces), inLines, label);
  }
});

test('delimited() costs the same a byte, however long the noise', () => {
  const framer = delimited({ lineBytesMax: 1_000 });
  const chunk = Buffer.alloc(64 * 1024, 0x41);
  const from = performance.now();
  for (let round = 0; round < 8 * 16; round += 1) framer.push(chunk);
  assert.ok(performance.now() - from < 10_000);
  assert.equal(framer.held(), 1);
});
