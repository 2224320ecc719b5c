// The login dialogue, in any pieces: what is sent, what is read as records, when it is given up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOGIN_BYTES_MAX } from '../../../../agent/interfaces/calls/limits.ts';
import { begin, next } from '../../../../agent/interfaces/calls/state.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { below } from '../../core/frames/streams.ts';
import { parsed } from './settings.ts';

const { login } = parsed({ login: { user: 'clock', password: 'secret' } });

/** What is said: "> sent", "! why", and all that is read, joined. */
function talked(pieces: readonly string[]): readonly string[] {
  const said: string[] = [];
  let read = '';
  let state = begin(login);
  for (const piece of pieces) {
    const step = next(state, piece, login);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.do === 'send') said.push(`> ${effect.text}`);
      else if (effect.do === 'read') read += effect.text;
      else said.push(`! ${effect.why}`);
    }
  }
  return [...said, read];
}
const SENT = ['> clock\r\n', '> secret\r\n'];

test('user and password are sent where they are asked for, wherever the dialogue is cut', () => {
  const banner = 'PBX v3\r\nLOGIN: ';
  for (let at = 0; at <= banner.length; at += 1) {
    const pieces = [banner.slice(0, at), banner.slice(at), 'Password:', '\r\nOK\r\n', 'record'];
    const whole = talked(pieces.filter((piece) => piece !== ''));
    assert.deepEqual(whole, [...SENT, '\r\nOK\r\nrecord'], String(at));
  }
  const characters = Array.from('Login:Password:');
  assert.deepEqual(talked(characters), [...SENT, '']);
});

test('a prompt that comes again means wrong; one that does not come is given up', () => {
  const [, , again] = talked(['login:', 'password:', '\r\nLogin incorrect\r\nlogin:', 'x']);
  assert.match(again ?? '', /^! .*user or password is wrong/);
  const [first] = talked(['x'.repeat(LOGIN_BYTES_MAX + 1)]);
  assert.match(first ?? '', /^! .*are the prompts right/);
});

test('any bytes: never more than user and password are sent, and little is held', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 5_000;
  const words = ['login:', 'password:', '\r\n', 'x', ' ', 'LOGIN', ':', 'y'.repeat(700)];
  for (let round = 0; round < rounds; round += 1) {
    let state = begin(login);
    let sent = 0;
    for (let n = below(random, 12); n > 0; n -= 1) {
      const step = next(state, words[below(random, words.length)]!, login);
      state = step.state;
      sent += step.effects.filter((effect) => effect.do === 'send').length;
      const held = 'heard' in state ? state.heard.length : 0;
      assert.ok(sent <= 2 && held <= LOGIN_BYTES_MAX, `seed ${seed}, round ${round}`);
    }
  }
});
