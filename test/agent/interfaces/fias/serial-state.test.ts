// ACK, NAK and ENQ on a serial line, with time as a number.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACK,
  ENQ,
  NAK,
  serialDueMs,
  serialInitial,
  serialNext,
} from '../../../../agent/interfaces/fias/serial-state.ts';
import type { SerialEffect, SerialEvent } from '../../../../agent/interfaces/fias/serial-state.ts';

type Timeless<T> = T extends unknown ? Omit<T, 'nowMs'> : never;

function line() {
  let state = serialInitial;
  let nowMs = 0;
  let id = 0;
  const said = (effect: SerialEffect): string => {
    if (effect.do === 'write') {
      const names: Record<number, string> = { [ACK]: 'ACK', [NAK]: 'NAK', [ENQ]: 'ENQ' };
      return effect.bytes.length === 1 ? names[effect.bytes[0]!]! : effect.bytes.toString();
    }
    if (effect.do === 'deliver') return `got ${effect.body.toString()}`;
    if (effect.do === 'lost') return 'lost';
    return `${effect.do} ${effect.id}`;
  };
  const tell = (event: Timeless<SerialEvent>): readonly string[] => {
    const step = serialNext(state, { ...event, nowMs });
    state = step.state;
    return step.effects.map(said);
  };
  return {
    send: (text: string) => {
      id += 1;
      return tell({ on: 'send', record: { id, frame: Buffer.from(text) } });
    },
    frame: (text: string) => tell({ on: 'frame', body: Buffer.from(text) }),
    control: (byte: number) => tell({ on: 'control', byte }),
    bad: () => tell({ on: 'bad' }),
    noise: () => tell({ on: 'noise' }),
    /** What happens within so long, each with its second. */
    wait: (ms: number) => {
      const untilMs = nowMs + ms;
      const all: string[] = [];
      for (
        let dueMs = serialDueMs(state);
        dueMs !== undefined && dueMs <= untilMs;
        dueMs = serialDueMs(state)
      ) {
        nowMs = dueMs;
        all.push(...tell({ on: 'due' }).map((text) => `${nowMs / 1_000} ${text}`));
      }
      nowMs = untilMs;
      return all;
    },
  };
}

test('a record is sent, acknowledged, and the next one follows', () => {
  const wire = line();
  assert.deepEqual(wire.send('one'), ['one']);
  assert.deepEqual(wire.send('two'), []);
  assert.deepEqual(wire.control(ACK), ['sent 1', 'two']);
  assert.deepEqual(wire.control(ACK), ['sent 2']);
});

test('without an answer ENQ is sent three times, then the record again: 3, 6, 9, 12 s', () => {
  const wire = line();
  wire.send('one');
  assert.deepEqual(wire.wait(12_000), ['3 ENQ', '6 ENQ', '9 ENQ', '12 one']);
  assert.deepEqual(wire.wait(2_999), []);
  assert.deepEqual(wire.control(ACK), ['sent 1']);
  assert.deepEqual(wire.wait(60_000), []);
});

test('who answers nothing three times over is lost, and all that waited with it', () => {
  const wire = line();
  wire.send('one');
  wire.send('two');
  assert.deepEqual(wire.wait(36_000).slice(-3), ['36 dropped 1', '36 dropped 2', '36 lost']);
});

test('NAK has the record sent again three times, then it is dropped and the next follows', () => {
  const wire = line();
  wire.send('one');
  wire.send('two');
  for (let sends = 2; sends <= 4; sends += 1) assert.deepEqual(wire.control(NAK), ['one']);
  assert.deepEqual(wire.control(NAK), ['dropped 1', 'two']);
});

test('an unexpected character while an answer is awaited is asked about with ENQ', () => {
  const wire = line();
  assert.deepEqual(wire.noise(), []);
  wire.send('one');
  assert.deepEqual(wire.noise(), ['ENQ']);
  assert.deepEqual(wire.control(NAK), ['one']);
  assert.deepEqual(wire.control(ACK), ['sent 1']);
});

test('a record is acknowledged, a wrong one is not, and ENQ repeats the last answer', () => {
  const wire = line();
  assert.deepEqual(wire.control(ENQ), ['NAK']);
  assert.deepEqual(wire.frame('x'), ['ACK', 'got x']);
  wire.wait(2_900);
  assert.deepEqual(wire.control(ENQ), ['ACK']);
  wire.wait(3_000);
  assert.deepEqual(wire.control(ENQ), ['ACK']);
  assert.deepEqual(wire.bad(), ['NAK']);
  assert.deepEqual(wire.control(ENQ), ['NAK']);
});

test('after anything that is no ENQ, and after too long, ENQ is answered with NAK', () => {
  const noisy = line();
  noisy.frame('x');
  noisy.noise();
  assert.deepEqual(noisy.control(ENQ), ['NAK']);
  const stray = line();
  stray.frame('x');
  stray.control(ACK);
  assert.deepEqual(stray.control(ENQ), ['NAK']);
  const late = line();
  late.frame('x');
  late.wait(4_001);
  assert.deepEqual(late.control(ENQ), ['NAK']);
});

test('both sides may send at once: each gets its answer', () => {
  const wire = line();
  wire.send('ours');
  assert.deepEqual(wire.frame('theirs'), ['ACK', 'got theirs']);
  // Its ACK of ours does not touch what we said of theirs.
  assert.deepEqual(wire.control(ACK), ['sent 1']);
  assert.deepEqual(wire.control(ENQ), ['ACK']);
});

test('a queue that is full refuses, and loses nothing of what it has', () => {
  const wire = line();
  for (let count = 0; count <= 1_000; count += 1) wire.send('record');
  assert.deepEqual(wire.send('one too many'), ['dropped 1002']);
  assert.deepEqual(wire.control(ACK), ['sent 1', 'record']);
});
