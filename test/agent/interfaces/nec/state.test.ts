// Who has the line to a NEAX, by events alone: bids, retries, giving way, and that nothing is left unsettled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initial, next } from '../../../../agent/interfaces/nec/state.ts';
import type { Event, Link } from '../../../../agent/interfaces/nec/state.ts';
import {
  BIDS_MAX,
  QUERIES_MAX,
  QUEUE_MAX,
  REJECTS_MAX,
} from '../../../../agent/interfaces/nec/limits.ts';
import { SAY, codeOf, frame, messageOf } from '../../../../agent/interfaces/nec/wire.ts';
import { randomFrom, testSeed } from '../../random.ts';

const on = <K extends string>(kind: K): { readonly on: K } => ({ on: kind });
const [UP, DUE, ACK, NAK, START, END, QUERY] = [
  ...[on('up'), on('due'), on('ack'), on('nak'), on('start'), on('end'), on('query')],
] as [Event, Event, Event, Event, Event, Event, Event];
const bytes = (feature: string, extension = '101'): Buffer =>
  frame({ feature, function: '1', extension, data: '' });
const message = (feature: string, extension = '101'): Event => ({
  on: 'message',
  body: bytes(feature, extension).subarray(1, -2),
});
const STORED: Event = { on: 'stored', ok: true };
const add = (id: number, ...features: string[]): Event => ({
  on: 'add',
  job: { id, frames: (features.length === 0 ? ['16'] : features).map((one) => bytes(one)) },
});
const times = (count: number, ...events: Event[]): Event[] =>
  Array.from({ length: count }, () => events).flat();

const NAMES = new Map(Object.entries(SAY).map(([name, said]) => [said.toString('hex'), name]));
const SERIAL = { handshake: true, probes: true };
const LAN = { handshake: true, probes: false };
const ALONE = { handshake: false, probes: false };

function played(events: readonly Event[], ways = LAN): string {
  let state: Link = initial;
  const did: string[] = [];
  for (const event of events) {
    const step = next(state, event, ways);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.do === 'say') did.push(NAMES.get(Buffer.from(effect.bytes).toString('hex'))!);
      if (effect.do === 'send') {
        const parsed = messageOf(effect.frame.subarray(1, -2));
        did.push(parsed.ok ? codeOf(parsed.message) : '?');
      }
      if (effect.do === 'settle') {
        did.push(`${effect.id}:${effect.result.ok ? 'ok' : effect.result.why}`);
      }
      if (effect.do === 'store' || effect.do === 'drop' || effect.do === 'proven') {
        did.push(effect.do);
      }
    }
  }
  return did.join(' ');
}

test('a message is bid for, sent, ended, and done when the exchange has not given it back', () => {
  const events = [UP, add(1), ACK, ACK];
  assert.equal(played(events), 'proven start 16-1 end');
  assert.equal(played([...events, DUE]), 'proven start 16-1 end 1:ok');
  const back = [...events, START, message('96'), STORED, END, DUE];
  assert.equal(played(back), 'proven start 16-1 end ack 1:refused store ack');
});

test('another message in between is not taken for the one given back', () => {
  for (const other of [message('96', '102'), message('93'), message('13')]) {
    const told = played([UP, add(1), ACK, ACK, START, other, STORED, END, DUE]);
    assert.equal(told, 'proven start 16-1 end ack store ack 1:ok');
  }
});

test('frames of one order go one after the other, each with a turn of its own', () => {
  const told = played([UP, add(1, '16', '13'), add(2, '15'), ...times(3, ACK, ACK, DUE)]);
  assert.equal(told, 'proven start 16-1 end start 13-1 end 1:ok start 15-1 end 2:ok');
});

test('on a serial line the exchange is asked whether it is there, with nothing to say', () => {
  assert.equal(played([UP, ACK, DUE, DUE, ACK], SERIAL), 'start proven end start end');
});

test('a start sequence without an answer is sent sixteen times', () => {
  const told = played([UP, add(1), add(2), ...times(BIDS_MAX, DUE)]);
  const starts = 'start '.repeat(BIDS_MAX).trim();
  assert.equal(told, `proven ${starts} 1:offline 2:offline end drop`);
});

test('an ACK that comes late is not taken for that of the message', () => {
  assert.equal(played([UP, add(1), DUE, ACK, ACK]), 'proven start start');
  const told = played([UP, add(1), DUE, ACK, ACK, DUE, ACK, ACK, DUE]);
  assert.equal(told, 'proven start start 16-1 end 1:ok');
});

test('an answer to a message is queried for, not the message sent again', () => {
  const told = played([UP, add(1), ACK, DUE, DUE, ACK, DUE]);
  assert.equal(told, 'proven start 16-1 query query end 1:ok');
  const silent = played([UP, add(1), ACK, ...times(QUERIES_MAX + 1, DUE)]);
  assert.ok(silent.endsWith('query 1:offline end drop'));
});

test('the fourth refusal ends an order, and the next one gets its turn', () => {
  const refused = played([UP, add(1), add(2, '13'), ...times(REJECTS_MAX, ACK, NAK, DUE), ACK]);
  const rounds = 'start 16-1 end '.repeat(REJECTS_MAX - 1);
  assert.equal(refused, `proven ${rounds}start 16-1 1:refused end start 13-1`);
  for (const no of [NAK, on('pause'), on('abort'), on('interrupt')] as Event[]) {
    const busy = played([UP, add(1), ...times(REJECTS_MAX, no, DUE)]);
    assert.equal(busy, `proven ${'start end '.repeat(REJECTS_MAX - 1)}start 1:busy end`);
  }
});

test('between two messages there is half a second and more, whoever had the line', () => {
  for (const events of [
    [UP, add(1), ACK, ACK],
    [UP, START, message('11'), STORED, END],
  ]) {
    let state: Link = initial;
    let waited = 0;
    for (const event of events) {
      const step = next(state, event, LAN);
      state = step.state;
      for (const effect of step.effects) waited = effect.do === 'wait' ? effect.ms : waited;
    }
    assert.ok(waited > 500 && waited < 1_000, `${waited} ms`);
  }
});

test('when both bid, we give way, and bid again when the exchange has ended', () => {
  const told = played([UP, add(1), START, message('11'), STORED, END, DUE, ACK, ACK, DUE]);
  assert.equal(told, 'proven start ack store ack start 16-1 end 1:ok');
});

test('a message is answered when it is stored; a query before that is not, one after it is', () => {
  const told = played([UP, START, message('11'), QUERY, START, STORED, QUERY, END]);
  assert.equal(told, 'proven ack store ack ack');
  const later = played([UP, START, message('11'), { on: 'stored', ok: false }]);
  assert.equal(later, 'proven ack store nak');
});

test('a damaged message is refused, and one that never came is asked for', () => {
  assert.equal(played([UP, START, on('bad') as Event, message('11')]), 'proven ack nak store');
  assert.equal(played([UP, START, QUERY]), 'proven ack nak');
});

test('an exchange that takes the line and says nothing loses it', () => {
  assert.equal(played([UP, START, add(1), DUE, DUE]), 'proven ack start');
});

test('without handshake messages go alone, and count when they do not come back', () => {
  assert.equal(played([UP, add(1), DUE], ALONE), 'proven 16-1 1:ok');
  assert.equal(
    played([UP, add(1), message('96'), STORED, DUE], ALONE),
    'proven 16-1 1:refused store',
  );
  assert.equal(played([UP, message('11'), STORED], ALONE), 'proven store');
});

test('while the line is down orders are offline; given up ones are not sent', () => {
  assert.equal(played([add(1)]), '1:offline');
  assert.equal(played([UP, add(1), { on: 'down' }]), 'proven start 1:offline');
  const cancel: Event = { on: 'cancel', id: 1 };
  assert.equal(played([UP, add(1), cancel, ACK, DUE]), 'proven start 1:expired end');
  assert.equal(played([UP, add(1), ACK, cancel, ACK, cancel, DUE]), 'proven start 16-1 end 1:ok');
});

test('the queue is bounded', () => {
  const told = played([UP, ...Array.from({ length: QUEUE_MAX + 1 }, (_unused, id) => add(id))]);
  assert.ok(told.endsWith(`${QUEUE_MAX}:busy`));
});

test('whatever happens, every order is settled once, and nothing waits for ever', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 50_000 : 1_000;
  const fixed = ['ack', 'ack', 'ack', 'nak', 'due', 'start', 'end', 'query', 'pause', 'bad', 'up'];
  for (let round = 0; round < rounds; round += 1) {
    const ways = [SERIAL, LAN, ALONE][round % 3]!;
    let state: Link = initial;
    let id = 0;
    let waits = false;
    const open = new Set<number>();
    const put = (event: Event): void => {
      if (event.on === 'add') open.add(event.job.id);
      const step = next(state, event, ways);
      state = step.state;
      if (event.on === 'due' || event.on === 'down') waits = false;
      for (const effect of step.effects) {
        if (effect.do === 'settle') assert.ok(open.delete(effect.id), 'settled once');
        if (effect.do === 'wait' || effect.do === 'drop') waits = true;
      }
      if (state.at === 'up' && state.queue.length > 0) assert.ok(waits, 'a timer will speak');
    };
    put(UP);
    for (let step = 0; step < 60; step += 1) {
      const choice = Math.floor(random() * (fixed.length + 4));
      const kind = fixed[choice];
      if (kind === 'up') put(on('down'));
      if (kind !== undefined) put(on(kind) as Event);
      else if (choice === fixed.length) put(add((id += 1), '16', '13'));
      else if (choice === fixed.length + 1) put({ on: 'cancel', id: Math.ceil(random() * id) });
      else if (choice === fixed.length + 2) put(message(random() < 0.5 ? '96' : '11'));
      else put(STORED);
    }
    put(on('down'));
    assert.equal(open.size, 0);
  }
});
