// Messages of the NEAX: those made by hand from the specification byte by byte, every cut, any bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  SAY,
  codeOf,
  createEar,
  frame,
  messageOf,
  violated,
} from '../../../../agent/interfaces/nec/wire.ts';
import type { Message } from '../../../../agent/interfaces/nec/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const of = (code: string, data = ''): Message => {
  const [feature = '', name = ''] = code.split('-');
  return { feature, function: name, extension: '2129', data };
};
const FRAMES: readonly (readonly [Message, string])[] = [
  [of('16-1'), '02 31 21 4C 31 36 31 31 31 32 31 32 39 20 20 03 61'],
  [of('16-2'), '02 31 21 4C 31 36 31 31 32 32 31 32 39 20 20 03 62'],
  [of('13-1'), '02 31 21 4C 31 33 31 31 31 32 31 32 39 20 20 03 64'],
  [of('15-1', '1  '), '02 31 21 4C 31 35 31 34 31 32 31 32 39 20 20 31 20 20 03 56'],
  [of('19-4', '07004'), '02 31 21 4C 31 39 31 36 34 32 31 32 39 20 20 30 37 30 30 34 03 5F'],
  [of('19-3', '07001'), '02 31 21 4C 31 39 31 36 33 32 31 32 39 20 20 30 37 30 30 31 03 5D'],
  [of('61-3', '03'), '02 31 21 4C 36 31 31 33 33 32 31 32 39 20 20 30 33 03 62'],
  [of('11-1', '12    '), '02 31 21 4C 31 31 31 37 31 32 31 32 39 20 20 31 32 20 20 20 20 03 63'],
];
/** "start", "ack", … or a message's code. */
const heard = (...chunks: readonly Uint8Array[]): string[] => {
  const ear = createEar();
  return chunks.flatMap((chunk) =>
    ear.hear(chunk).map((token) => {
      if (token.on !== 'message') return token.on;
      const parsed = messageOf(token.body);
      return parsed.ok ? codeOf(parsed.message) : parsed.why;
    }),
  );
};

test('frame() makes the messages of the specification, and they are read back', () => {
  for (const [message, bytes] of FRAMES) {
    assert.deepEqual(frame(message), hex(bytes));
    const [token] = createEar().hear(hex(bytes));
    assert.ok(token?.on === 'message');
    assert.deepEqual(messageOf(token.body), { ok: true, message });
  }
});

test('the counters of check-in with language and with name are those of the specification', () => {
  const counter = (message: Message): string => frame(message).toString('latin1').slice(6, 8);
  assert.equal(counter(of('16-A', '31')), '13');
  assert.equal(counter(of('16-B', `      31${'MULLER ANNA'.padEnd(15)}`)), '34');
  assert.equal(counter(of('21-6', 'MULLER ANNA'.padEnd(15))), '26');
});

test('a whole conversation is read cut at each byte', () => {
  const pieces = [SAY.start, SAY.ack, frame(of('16-1')), SAY.ack, SAY.end, SAY.query, SAY.nak];
  const dle = [0x3c, 0x3a, 0x7c, 0x3f].map((byte) => Buffer.of(0x10, byte));
  const whole = Buffer.concat([...pieces, ...dle, ...FRAMES.map(([message]) => frame(message))]);
  const all = heard(whole);
  const talk = 'start ack 16-1 ack end query nak interrupt abort abort pause';
  assert.deepEqual(all, [...talk.split(' '), ...FRAMES.map(([message]) => codeOf(message))]);
  for (let at = 1; at < whole.length; at += 1) {
    assert.deepEqual(heard(whole.subarray(0, at), whole.subarray(at)), all, `cut at ${at}`);
  }
});

test('a wrong BCC is bad; a wrong counter or another address is told', () => {
  const wrong = Buffer.from(frame(of('16-1')));
  wrong[wrong.length - 1]! ^= 1;
  assert.deepEqual(heard(wrong), ['bad']);
  const why = (text: string): string => {
    const parsed = messageOf(Buffer.from(text));
    return parsed.ok ? 'ok' : parsed.why;
  };
  assert.equal(why('1!L161112129  '), 'ok');
  assert.match(why('1!L161212129  '), /counter/);
  assert.match(why('2!L161112129  '), /addressed/);
  assert.match(why('1!L1'), /code/);
  assert.match(why('1!L161112129 \u0007'), /code/);
});

test('a feature code with 80 added is a message given back', () => {
  assert.equal(violated('96'), '16');
  assert.equal(violated('E1'), '61');
  assert.equal(violated('99'), '19');
  assert.equal(violated('16'), undefined);
});

test('frame() writes ASCII only, and no control character', () => {
  const bytes = frame({ ...of('13-1'), extension: '2\u0003\u00b31é' });
  assert.deepEqual(heard(bytes), ['13-1']);
});

test('any bytes are read without throwing', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 20_000;
  const whole = Buffer.concat([
    ...[SAY.start, SAY.ack, Buffer.of(0x10, 0x3c), SAY.end, SAY.query],
    ...FRAMES.slice(0, 3).map(([message]) => frame(message)),
  ]);
  const ear = createEar();
  let messages = 0;
  for (let round = 0; round < rounds; round += 1) {
    const bytes = Buffer.from(whole.subarray(Math.floor(random() * 20)));
    for (let change = 0; change < random() * 4; change += 1) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    }
    for (const token of ear.hear(bytes)) {
      if (token.on !== 'message') continue;
      const parsed = messageOf(token.body);
      if (!parsed.ok) continue;
      messages += 1;
      assert.deepEqual(messageOf(frame(parsed.message).subarray(1, -2)), parsed);
    }
    ear.hush();
    assert.deepEqual(
      ear.hear(SAY.start).map(({ on }) => on),
      ['start'],
    );
  }
  assert.ok(messages > rounds / 2, `${messages} messages`);
});
