// The conversation with the SX-200 by events alone: turns, retries, and that nothing is left unsettled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initial, next } from '../../../../agent/interfaces/mitel/state.ts';
import type { Event, Link } from '../../../../agent/interfaces/mitel/state.ts';
import { QUEUE_MAX, TRIES_MAX } from '../../../../agent/interfaces/mitel/limits.ts';
import { randomFrom, testSeed } from '../../random.ts';

const ACK: Event = { on: 'ack' };
const NAK: Event = { on: 'nak' };
const DUE: Event = { on: 'due' };
const UP: Event = { on: 'up' };
const ASKED: Event = { on: 'asked' };
const MESSAGE: Event = { on: 'message', body: Buffer.from('RM 2   101') };
const STORED: Event = { on: 'stored', ok: true };
const add = (id: number, ...frames: string[]): Event => ({
  on: 'add',
  job: { id, frames: (frames.length === 0 ? ['F'] : frames).map((one) => Buffer.from(one)) },
});

/** What was said and settled, in order: "ask", "ack", "nak", a frame's text, "1:ok". */
function played(events: readonly Event[], ways = { enquiry: true }): string {
  let state: Link = initial;
  const did: string[] = [];
  for (const event of events) {
    const step = next(state, event, ways);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.do === 'say') did.push({ 5: 'ask', 6: 'ack', 21: 'nak' }[effect.bytes[0]!] ?? '?');
      if (effect.do === 'send') did.push(effect.frame.toString());
      if (effect.do === 'settle') {
        did.push(`${effect.id}:${effect.result.ok ? 'ok' : effect.result.why}`);
      }
      if (effect.do === 'store') did.push('store');
      if (effect.do === 'drop') did.push('drop');
      if (effect.do === 'proven') did.push('proven');
    }
  }
  return did.join(' ');
}

test('after connecting the exchange is asked whether it is there', () => {
  assert.equal(played([UP, ACK]), 'ask proven');
  assert.equal(played([UP], { enquiry: false }), 'proven');
});

test('each frame waits for ENQ to be answered, and the next one for the ACK before it', () => {
  const told = played([UP, ACK, add(1, 'A', 'B'), add(2, 'C'), ACK, ACK, ACK, ACK, ACK, ACK]);
  assert.equal(told, 'ask proven ask A ask B 1:ok ask C 2:ok');
  const bare = played([UP, add(1, 'A'), add(2, 'B'), ACK, ACK], { enquiry: false });
  assert.equal(bare, 'proven A 1:ok B 2:ok');
});

test('silence is asked three times, then whoever waits is told and the line begins anew', () => {
  const told = played([UP, ACK, add(1), add(2), DUE, DUE, DUE]);
  assert.equal(told, 'ask proven ask ask ask 1:offline 2:offline drop');
});

test('a frame without an answer is sent again, three times in all', () => {
  const round = [DUE, ACK, DUE];
  const again = Array.from({ length: TRIES_MAX - 1 }, () => round).flat();
  const told = played([UP, ACK, add(1), ACK, ...again, DUE]);
  assert.equal(told, 'ask proven ask F ask F ask F 1:offline drop');
});

test('an ACK that comes late is not taken for that of the next frame', () => {
  // ENQ twice, both answered; the second ACK comes before the frame goes out.
  assert.equal(played([UP, ACK, add(1), DUE, ACK, ACK]), 'ask proven ask ask');
  assert.equal(played([UP, ACK, add(1), DUE, ACK, ACK, DUE, ACK]), 'ask proven ask ask F 1:ok');
});

test('NAK three times refuses this order; the next one gets its turn', () => {
  const round = [DUE, ACK, NAK];
  const told = played([
    UP,
    ACK,
    add(1, 'A'),
    add(2, 'B'),
    ACK,
    NAK,
    ...round,
    ...round,
    DUE,
    ACK,
    ACK,
  ]);
  assert.equal(told, 'ask proven ask A ask A ask A 1:refused ask B 2:ok');
});

test('"not now" to ENQ three times is busy', () => {
  const told = played([UP, ACK, add(1), NAK, DUE, NAK, DUE, NAK]);
  assert.equal(told, 'ask proven ask ask ask 1:busy');
});

test('a message is answered when it is stored, and its repeat only once', () => {
  assert.equal(
    played([UP, ACK, ASKED, MESSAGE, MESSAGE, ASKED, STORED]),
    'ask proven ack store ack',
  );
  assert.equal(played([UP, ACK, MESSAGE, { on: 'stored', ok: false }]), 'ask proven store nak');
  assert.equal(played([UP, ACK, { on: 'bad' }]), 'ask proven nak');
});

test('when both ask, the exchange goes first', () => {
  const told = played([UP, ACK, add(1), ASKED, MESSAGE, STORED, ACK, DUE, ACK]);
  assert.equal(told, 'ask proven ask ack store ack ask F 1:ok');
});

test('an order that is given up in the queue is not sent; one that was sent is finished', () => {
  const cancel = (id: number): Event => ({ on: 'cancel', id });
  const told = played([UP, ACK, add(1, 'A'), add(2, 'B'), ACK, cancel(2), cancel(1), ACK]);
  assert.equal(told, 'ask proven ask A 2:expired 1:ok');
});

test('while the line is down orders are offline; those that wait when it goes are, too', () => {
  assert.equal(played([add(1)]), '1:offline');
  assert.equal(
    played([UP, ACK, add(1), add(2), { on: 'down' }]),
    'ask proven ask 1:offline 2:offline',
  );
});

test('the queue is bounded', () => {
  const told = played([UP, ...Array.from({ length: QUEUE_MAX + 1 }, (_unused, id) => add(id))]);
  assert.ok(told.endsWith(`${QUEUE_MAX}:busy`));
});

test('whatever happens, every order is settled once, and what was added comes out', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 50_000 : 1_000;
  for (let round = 0; round < rounds; round += 1) {
    let state: Link = initial;
    let id = 0;
    let waits = false;
    const open = new Set<number>();
    const put = (event: Event): void => {
      if (event.on === 'add') open.add(event.job.id);
      const step = next(state, event, { enquiry: round % 2 === 0 });
      state = step.state;
      if (event.on === 'due' || event.on === 'down') waits = false;
      for (const effect of step.effects) {
        if (effect.do === 'settle') assert.ok(open.delete(effect.id), 'settled once');
        if (effect.do === 'wait') waits = true;
        if (effect.do === 'drop') waits = true;
      }
      // Nothing waits for ever: whoever is in the queue has a timer that will speak.
      if (state.at === 'up' && state.queue.length > 0) assert.ok(waits);
    };
    put(UP);
    const events: readonly (() => Event)[] = [
      ...[ACK, ACK, ACK, NAK, DUE, ASKED, MESSAGE, STORED, UP].map((event) => () => event),
      () => ({ on: 'down' }),
      () => add((id += 1), 'A', 'B'),
      () => ({ on: 'cancel', id: Math.ceil(random() * id) }),
    ];
    for (let step = 0; step < 60; step += 1) {
      const event = events[Math.floor(random() * events.length)]!();
      // A new connection only after the old one.
      if (event.on === 'up') put({ on: 'down' });
      put(event);
    }
    put({ on: 'down' });
    assert.equal(open.size, 0);
  }
});
