// One request to the lock server, by events alone: what is asked again, and what never is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begin, next } from '../../../../agent/interfaces/salto/state.ts';
import type { End, Event, Request, Step } from '../../../../agent/interfaces/salto/state.ts';
import { frame, framer } from '../../../../agent/interfaces/salto/wire.ts';
import { ENQS_MAX, SENDS_MAX } from '../../../../agent/interfaces/salto/limits.ts';
import { randomFrom, testSeed } from '../../random.ts';

const ANSWER_MS = 30_000;
const ACK: Event = { on: 'piece', piece: { is: 'control', byte: 6 } };
const NAK: Event = { on: 'piece', piece: { is: 'control', byte: 21 } };
const NOISE: Event = { on: 'piece', piece: { is: 'noise', count: 3, head: Buffer.from('abc') } };
const DUE: Event = { on: 'due' };
const CLOSED: Event = { on: 'closed', why: 'ECONNRESET' };
const GIVEN_UP: Event = { on: 'given-up' };
const [ANSWER] = framer()
  .push(frame(['CN', '1']))
  .map((piece): Event => ({ on: 'piece', piece }));
const BAD: Event = { on: 'piece', piece: { is: 'bad', why: 'check', body: Buffer.of() } };

/** What was done, in order, and the end. */
function played(events: readonly Event[]): { did: string; end: End | undefined } {
  let { state, effects } = begin;
  let end: End | undefined;
  const did: string[] = [];
  const note = (): void => {
    for (const effect of effects) {
      if (effect.do === 'end') {
        assert.equal(end, undefined, 'one end');
        end = effect.end;
      } else did.push(effect.do === 'wait' ? String(effect.ms) : effect.do);
    }
  };
  note();
  for (const event of events) {
    ({ state, effects } = next(state, event, ANSWER_MS));
    note();
  }
  return { did: did.join(' '), end };
}
const cameOf = (events: readonly Event[]): string => {
  const { end } = played(events);
  return end?.came === 'nothing' ? end.why : (end?.came ?? 'open');
};

test('a request is asked, sent, taken and answered', () => {
  const { did, end } = played([ACK, ACK, ANSWER!]);
  assert.equal(did, 'ask 5000 send 30000 30000');
  assert.deepEqual(end, { came: 'answer', fields: ['CN', '1'] });
});

test('an answer counts though the ACK before it was lost', () => {
  assert.equal(cameOf([ACK, NOISE, ANSWER!]), 'answer');
});

test('"not now" to ENQ is asked again, in all three times, 0.2 s apart', () => {
  const events = Array.from({ length: ENQS_MAX - 1 }, () => [NAK, DUE]).flat();
  assert.equal(played(events).did, 'ask 5000 200 ask 5000 200 ask 5000');
  assert.equal(cameOf([...events, NAK]), 'busy');
  assert.equal(cameOf([...events, ACK, ACK, ANSWER!]), 'answer');
});

test('a frame refused with NAK is sent again, in all three times', () => {
  const again = [NAK, DUE, ACK];
  const sends = (events: readonly Event[]): number =>
    played(events)
      .did.split(' ')
      .filter((one) => one === 'send').length;
  const all = [ACK, ...Array.from({ length: SENDS_MAX - 1 }, () => again).flat()];
  assert.equal(sends(all), SENDS_MAX);
  assert.equal(cameOf([...all, NAK]), 'refused');
  assert.equal(cameOf([...all, ACK, ANSWER!]), 'answer');
});

test('before the frame was sent nothing was done', () => {
  assert.equal(cameOf([DUE]), 'offline');
  assert.equal(cameOf([CLOSED]), 'offline');
  assert.equal(cameOf([NAK, CLOSED]), 'offline');
  assert.equal(cameOf([GIVEN_UP]), 'expired');
  assert.equal(cameOf([ACK, NAK, GIVEN_UP]), 'expired');
});

test('once the frame was sent it may have been done, whatever ends it without an answer', () => {
  const ends: readonly Event[] = [DUE, CLOSED, GIVEN_UP, BAD];
  for (const taken of [[ACK], [ACK, ACK]]) {
    for (const event of ends) {
      assert.equal(cameOf([...taken, event]), 'silence');
    }
  }
  // A NAK after the ACK is no refusal of the frame.
  assert.equal(cameOf([ACK, ACK, NAK, DUE]), 'silence');
});

test('whatever happens: one end, and never a frame after one that may have been taken', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const all = [ACK, NAK, NOISE, DUE, CLOSED, GIVEN_UP, ANSWER!, BAD];
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 20_000;
  for (let round = 0; round < rounds; round += 1) {
    let state: Request = begin.state;
    let sends = 0;
    let ends = 0;
    let mayBeTaken = false;
    for (let step = 0; step < 20; step += 1) {
      const event: Event = all[Math.floor(random() * all.length)]!;
      const was = state.at;
      const { state: now, effects }: Step = next(state, event, ANSWER_MS);
      state = now;
      if (was === 'sent' && event === ACK) mayBeTaken = true;
      for (const effect of effects) {
        if (effect.do === 'end') ends += 1;
        if (effect.do === 'send') {
          sends += 1;
          assert.ok(!mayBeTaken && ends === 0);
        }
      }
    }
    assert.ok(ends <= 1 && sends <= SENDS_MAX);
  }
});
