// Commands over the real store: the six states, repeats, expiry, cancellation, power cuts, junk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLOCK_MS_MAX,
  FINISHED_MAX,
  FINISHED_MS_MAX,
  RUN_MS_MAX,
  STOP_MS_MAX,
  TRIES_MAX,
} from '../../../agent/commands/limits.ts';
import { initial, next } from '../../../agent/commands/state.ts';
import { parseCommand, parseOnCard } from '../../../agent/commands/wire.ts';
import { randomFrom, testSeed } from '../random.ts';
import { Desk, NOW_MS } from './desk.ts';

const isoIn = (ms: number): string => new Date(NOW_MS + ms).toISOString();

test('received, processing, processed: each on the card before the next, in this order', async () => {
  await using desk = new Desk();
  await desk.send('c1');
  assert.deepEqual(desk.statesOf('c1').slice(0, 1), ['received'], 'acknowledged when stored');
  const job = await desk.untilBegun(1);
  assert.deepEqual(job.command.body, { room: '101' });
  assert.deepEqual(desk.statesOf('c1'), ['received', 'processing'], 'begun when that is stored');
  job.end({ state: 'processed', body: { card: 7 } });
  await desk.untilLast('c1', 'processed');
  assert.deepEqual(desk.results().at(-1)?.body, { card: 7 });
  assert.equal(desk.commands.recent()[0]?.state, 'processed');
});

test('an error says why; what no service carries out, and a handler that falls, too', async () => {
  await using desk = new Desk();
  await desk.send('c1');
  (await desk.untilBegun(1)).end({ state: 'error', why: 'no-encoder', text: 'Encoder 3 is off' });
  await desk.untilLast('c1', 'error no-encoder');
  await desk.send('c2', { service: 'nobody' });
  await desk.untilLast('c2', 'error no-such-service');
  await desk.send('c3', { kind: 'key.melt' });
  await desk.untilLast('c3', 'error no-such-kind');
  await desk.send('c4', { service: 'broken', kind: 'fall' });
  await desk.untilLast('c4', 'error unknown');
  await desk.send('c5', { body: { text: 'x'.repeat(60_000) } });
  await desk.untilLast('c5', 'error too-large');
  assert.equal(desk.begun.length, 1);
});

test('a repeat is not carried out again; its end is told again, also after a restart', async () => {
  await using desk = new Desk();
  await desk.send('c1');
  await desk.send('c1');
  (await desk.untilBegun(1)).end({ state: 'processed' });
  await desk.untilLast('c1', 'processed');
  await desk.send('c1');
  desk.cut();
  desk.start();
  await desk.send('c1');
  assert.deepEqual(desk.statesOf('c1'), [
    'received',
    'processing',
    'processed',
    'processed',
    'processed',
  ]);
  assert.equal(desk.begun.length, 1);
});

test('what was done before the clock was set is not forgotten when it is', async () => {
  await using desk = new Desk();
  desk.wallMs = undefined;
  await desk.send('early');
  (await desk.untilBegun(1)).end({ state: 'processed' });
  await desk.untilLast('early', 'processed');
  desk.wallMs = NOW_MS;
  await desk.send('c2');
  (await desk.untilBegun(2)).end({ state: 'processed' });
  await desk.untilLast('c2', 'processed');
  await desk.send('early');
  desk.wallMs = NOW_MS + FINISHED_MS_MAX + 1;
  await desk.send('c3');
  await desk.untilBegun(3);
  await desk.send('early');
  assert.deepEqual(
    desk.begun.map(({ command }) => command.id),
    ['early', 'c2', 'c3'],
  );
  assert.deepEqual(desk.records(), ['c3', 'early'], 'only what has a date grows old');
});

test('one of a service at a time, in the order of arrival; other services do not wait', async () => {
  await using desk = new Desk();
  await desk.send('c1');
  await desk.send('c2');
  await desk.send('c3', { service: 'broken', kind: 'fall' });
  await desk.untilLast('c3', 'error unknown');
  assert.deepEqual(desk.statesOf('c2'), ['received']);
  (await desk.untilBegun(1)).end({ state: 'processed' });
  assert.equal((await desk.untilBegun(2)).command.id, 'c2');
});

test('what is too late is not begun; a unit without the time begins nothing that expires', async () => {
  await using desk = new Desk();
  await desk.send('late', { expiresAt: isoIn(-1) });
  await desk.untilLast('late', 'error expired');
  await desk.send('c1');
  await desk.send('waits', { expiresAt: isoIn(1_000) });
  const job = await desk.untilBegun(1);
  desk.wallMs = NOW_MS + 2_000;
  await desk.untilLast('waits', 'error expired');
  job.end({ state: 'processed' });
  await desk.untilLast('c1', 'processed');

  desk.wallMs = undefined;
  await desk.send('timeless', { expiresAt: isoIn(60_000) });
  await desk.send('behind');
  assert.equal(desk.begun.length, 1);
  desk.aheadMs += CLOCK_MS_MAX;
  await desk.untilLast('timeless', 'error clock-not-set');
  assert.equal((await desk.untilBegun(2)).command.id, 'behind');
});

test('one that expires or takes too long is stopped; one that does not stop is unknown', async () => {
  await using desk = new Desk();
  await desk.send('c1', { expiresAt: isoIn(1_000) });
  const job = await desk.untilBegun(1);
  desk.wallMs = NOW_MS + 1_000;
  await desk.until(() => job.signal.aborted);
  job.end({ state: 'error', why: 'aborted' });
  await desk.untilLast('c1', 'error expired');

  await desk.send('c2');
  const stuck = await desk.untilBegun(2);
  desk.aheadMs += RUN_MS_MAX;
  await desk.until(() => stuck.signal.aborted);
  desk.aheadMs += STOP_MS_MAX;
  await desk.untilLast('c2', 'error unknown');
  stuck.end({ state: 'processed' });
  await desk.send('c3');
  await desk.untilBegun(3);
  assert.equal(desk.statesOf('c2').at(-1), 'error unknown', 'said once');
});

test('cancelled: waiting at once, under way by signal, done already it stays done', async () => {
  await using desk = new Desk();
  const cancel = async (id: string, command: unknown): Promise<void> =>
    desk.send(id, { kind: 'command.cancel', body: { command } });
  await desk.send('c1');
  await desk.send('c2');
  const job = await desk.untilBegun(1);
  await cancel('x2', 'c2');
  await desk.untilLast('c2', 'cancelled');
  await cancel('x1', 'c1');
  await desk.until(() => job.signal.aborted);
  job.end({ state: 'error', why: 'aborted' });
  await desk.untilLast('c1', 'cancelled');
  assert.deepEqual(desk.statesOf('x1'), ['processed']);

  await desk.send('c3');
  const done = await desk.untilBegun(2);
  await cancel('x3', 'c3');
  done.end({ state: 'processed' });
  await desk.untilLast('c3', 'processed');

  await cancel('x4', 'not-yet');
  await desk.send('not-yet');
  assert.deepEqual(desk.statesOf('not-yet'), ['cancelled'], 'the cancellation overtook it');
  await cancel('x5', 5);
  await desk.untilLast('x5', 'error bad-body');
  assert.equal(desk.begun.length, 2);
});

test('a power cut: what waited is begun, what was under way is unknown or begun again', async () => {
  await using desk = new Desk();
  await desk.send('c1');
  await desk.send('c2');
  await desk.untilBegun(1);
  desk.cut();
  desk.start();
  await desk.untilLast('c1', 'error unknown');
  assert.equal((await desk.untilBegun(2)).command.id, 'c2');
  assert.deepEqual(desk.begun[1]?.command.body, { room: '101' });
});

test('what may be done twice is, but not for ever', async () => {
  await using desk = new Desk();
  desk.isRepeatable = true;
  desk.cut();
  desk.start();
  await desk.send('c1');
  for (let i = 1; i <= TRIES_MAX; i += 1) {
    await desk.untilBegun(i);
    desk.cut();
    desk.start();
  }
  await desk.untilLast('c1', 'error unknown');
  assert.equal(desk.begun.length, TRIES_MAX);
});

test('a cancellation survives a power cut', async () => {
  await using desk = new Desk();
  desk.isRepeatable = true;
  desk.cut();
  desk.start();
  await desk.send('c1');
  await desk.untilBegun(1);
  await desk.send('x1', { kind: 'command.cancel', body: { command: 'c1' } });
  desk.cut();
  desk.start();
  await desk.untilLast('c1', 'error unknown');
  assert.equal(desk.begun.length, 1);
});

test('cancellations of nothing fill no card', () => {
  let state = initial;
  const kept = new Set<string>();
  for (let i = 0; i < FINISHED_MAX * 2; i += 1) {
    const facts = { id: `x${i}`, service: 's', kind: 'command.cancel', expiresMs: undefined };
    const more = { atMs: 0, isRepeatable: undefined };
    const step = next(state, {
      ...{ on: 'cancel', facts: { ...facts, ...more }, target: `c${i}`, nowMs: i },
    });
    for (const effect of step.effects) {
      if (effect.do !== 'save') continue;
      kept.add(effect.facts.id);
      if (effect.target !== undefined) kept.add(effect.target.id);
      for (const id of effect.forget) kept.delete(id);
    }
    state = next(step.state, { on: 'saved', id: facts.id, nowMs: i, wallMs: undefined }).state;
  }
  assert.equal(kept.size, FINISHED_MAX);
  assert.equal(state.finished.length, FINISHED_MAX);
});

test('a flood is told busy, and nothing is kept of it', async () => {
  await using desk = new Desk();
  await Promise.all(Array.from({ length: 80 }, async (_, i) => desk.send(`c${i}`)));
  const busy = desk.results().filter(({ why }) => why === 'busy');
  assert.equal(busy.length, 16);
});

test('junk is dropped: no throw, no result, nothing run', async () => {
  await using desk = new Desk();
  for (const payload of ['', '{', '[]', 'null', '{"v":2,"id":"a","kind":"key.encode"}']) {
    await desk.raw('command/locks', payload);
  }
  await desk.raw('command/../etc', '{"v":1,"id":"a","kind":"key.encode"}');
  await desk.raw('command/locks', JSON.stringify({ v: 1, id: '../a', kind: 'key.encode' }));
  assert.deepEqual(desk.results(), []);
});

test('bytes flipped, cut and doubled anywhere in a command: it is one within bounds, or none', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const expiresAt = isoIn(1_000);
  const whole = JSON.stringify({ v: 1, id: 'c-1', kind: 'key.encode', expiresAt, body: { a: 1 } });
  let understood = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const bytes = Buffer.from(whole.slice(0, below(4) === 0 ? below(whole.length) : undefined));
    for (let flips = below(4); flips > 0; flips -= 1) bytes[below(bytes.length)] = below(256);
    const payload = below(9) === 0 ? Buffer.concat([bytes, bytes]) : bytes;
    const command = parseCommand('t', { topic: 'clock/v1/t/command/locks', payload });
    assert.equal(parseOnCard(payload.toString()), undefined);
    if (command === undefined) continue;
    understood += 1;
    assert.match(command.id, /^[0-9A-Za-z-]{1,64}$/);
    assert.match(command.kind, /^[a-z0-9.-]{1,64}$/);
    assert.ok(command.expiresMs === undefined || Number.isFinite(command.expiresMs));
  }
  assert.ok(understood > 1_000, `${understood} understood: the changes are too coarse`);
});
