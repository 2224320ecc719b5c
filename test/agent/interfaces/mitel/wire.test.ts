// Frames of the SX-200: the published ones byte by byte, every cut, any bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, framer, messageOf, nameFrame } from '../../../../agent/interfaces/mitel/wire.ts';
import type { Message } from '../../../../agent/interfaces/mitel/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const FRAMES: readonly (readonly [Message, string])[] = [
  [{ function: 'CHK', status: '1', extension: '2129' }, '02 43 48 4B 31 20 20 32 31 32 39 03'],
  [{ function: 'CHK', status: '0', extension: '2129' }, '02 43 48 4B 30 20 20 32 31 32 39 03'],
  [{ function: 'MW', status: '1', extension: '101' }, '02 4D 57 20 31 20 20 20 31 30 31 03'],
];
const read = (bytes: Uint8Array): (Message | string | undefined)[] =>
  framer()
    .push(bytes)
    .map((piece) => (piece.is === 'frame' ? messageOf(piece.body) : piece.is));

test('frame() makes the published frames, and they are read back', () => {
  for (const [message, bytes] of FRAMES) {
    assert.deepEqual(frame(message), hex(bytes));
    assert.deepEqual(read(hex(bytes)), [message]);
  }
  const merged = Buffer.concat([Buffer.of(5), ...FRAMES.map(([, bytes]) => hex(bytes))]);
  assert.deepEqual(read(merged), ['control', ...FRAMES.map(([message]) => message)]);
});

test('frames are read cut at each byte', () => {
  for (const [message, bytes] of FRAMES) {
    const whole = hex(bytes);
    for (let at = 1; at < whole.length; at += 1) {
      const cut = framer();
      const pieces = [...cut.push(whole.subarray(0, at)), ...cut.push(whole.subarray(at))];
      assert.equal(pieces.length, 1);
      assert.ok(pieces[0]?.is === 'frame');
      assert.deepEqual(messageOf(pieces[0].body), message);
    }
  }
});

test('messageOf() takes the room on either side, and nothing of another length or function', () => {
  const of = (text: string): Message | undefined => messageOf(Buffer.from(text));
  assert.deepEqual(of('DND1 101  '), { function: 'DND', status: '1', extension: '101' });
  assert.deepEqual(of('RM 3   101'), { function: 'RM', status: '3', extension: '101' });
  // The nine characters that circulate.
  assert.equal(of('CHK1 2129'), undefined);
  for (const bad of [
    '',
    'XXX1   101',
    'CHK1      ',
    'CHK1  10 1',
    'CHK1  \u00e9101',
    'CHK1   1010',
  ]) {
    assert.equal(of(bad), undefined, bad);
  }
});

test('nameFrame() writes the room to the left and the name in capitals of ASCII', () => {
  const guest = {
    ...{ booking: 1, lastName: 'Müller', firstName: 'Jürgen-Maria' },
    ...{ arrival: '2026-04-01', departure: '2026-04-05' },
  };
  const body = nameFrame('101', guest).subarray(1, -1).toString('latin1');
  assert.equal(body, '101  MULLER, JURGEN-');
});

test('any bytes are read without throwing', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 20_000;
  const whole = Buffer.concat([...FRAMES.map(([, bytes]) => hex(bytes)), Buffer.of(5, 6, 21)]);
  const pieces = framer();
  let messages = 0;
  for (let round = 0; round < rounds; round += 1) {
    // Some of the published frames, with a few bytes changed.
    const bytes = Buffer.from(whole.subarray(Math.floor(random() * 20)));
    for (let change = 0; change < random() * 4; change += 1) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    }
    for (const piece of pieces.push(bytes)) {
      const message = piece.is === 'frame' ? messageOf(piece.body) : undefined;
      if (message === undefined) continue;
      messages += 1;
      assert.deepEqual(read(frame(message)), [
        { ...message, extension: message.extension.toUpperCase() },
      ]);
    }
    // A frame after anything is read, when what was begun is forgotten.
    pieces.reset();
    assert.equal(pieces.push(frame(FRAMES[0]![0])).length, 1);
  }
  assert.ok(messages > rounds / 2, `${messages} messages`);
});
