// The link as a state machine: each rule by itself, then two thousand random histories.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACK_OFF_MS_MAX, IN_FLIGHT_MAX, REFUSED_MS_MAX } from '../../../agent/link/limits.ts';
import { initial, next } from '../../../agent/link/state.ts';
import type { Effect, Event, Link } from '../../../agent/link/state.ts';
import { randomFrom, testSeed } from '../random.ts';

/** Plays events; `nowMs` and `attempt` are filled in. */
class Played {
  link: Link = initial;
  nowMs = 0;
  effects: readonly Effect[] = [];
  play(event: Record<string, unknown> & { on: Event['on'] }): this {
    const whole = { nowMs: this.nowMs, random: 0.5, attempt: this.link.attempt, ...event };
    if (!['opened', 'closed', 'subscribed', 'acked', 'offered'].includes(event.on)) {
      delete (whole as { attempt?: number }).attempt;
    }
    const step = next(this.link, whole as unknown as Event);
    this.link = step.state;
    this.effects = step.effects;
    return this;
  }
  up(missing: readonly string[] = []): this {
    if (this.link.at === 'off') this.play({ on: 'start' });
    return this.play({ on: 'due' }).play({ on: 'opened', missing });
  }
  close(why = 'CLOSED', refused = false): this {
    return this.play({ on: 'closed', why, refused });
  }
  after(ms: number): this {
    this.nowMs += ms;
    return this;
  }
  did(what: Effect['do']): Effect | undefined {
    return this.effects.find((effect) => effect.do === what);
  }
  delayMs(): number {
    const wait = this.effects.find((effect) => effect.do === 'wait');
    assert.ok(wait !== undefined);
    return wait.delayMs;
  }
}

test('the first dial waits a moment, since power comes back for a whole town', () => {
  const played = new Played().play({ on: 'start', random: 0.99 });
  assert.equal(played.link.at, 'waiting');
  assert.ok(played.delayMs() > 1_000 && played.delayMs() <= 4_000);
});

test('filters are asked for eight at a time, and only those that the broker does not hold', () => {
  const filters = Array.from({ length: 20 }, (_, i) => `f/${i}`);
  const played = new Played().up(filters);
  const batches = played.effects.flatMap((e) => (e.do === 'subscribe' ? [e.filters.length] : []));
  assert.deepEqual(batches, [8, 8, 4]);
  assert.equal(new Played().up([]).did('subscribe'), undefined);
});

test('refused, it tries ever less often, up to a quarter of an hour; let in, it is as before', () => {
  const played = new Played().play({ on: 'start' });
  const delays: number[] = [];
  for (let i = 0; i < 14; i += 1) {
    played
      .play({ on: 'due' })
      .play({ on: 'closed', why: 'CONNACK_7', refused: true, random: 0.99 });
    delays.push(played.delayMs());
  }
  assert.ok(Math.max(...delays) > BACK_OFF_MS_MAX && Math.max(...delays) <= REFUSED_MS_MAX);
  played.play({ on: 'due' }).play({ on: 'opened', missing: [] }).after(61_000).close();
  assert.ok(played.delayMs() <= 4_000);
});

test('an unreachable way is followed by the next, a refusal stays on its way', () => {
  const played = new Played().play({ on: 'start' });
  const routes: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    routes.push(played.link.route);
    played.play({ on: 'due' }).close('ETIMEDOUT');
  }
  assert.deepEqual(routes, ['mqtt-8883', 'mqtt-443', 'https-8443', 'mqtt-8883']);
  const { route } = played.link;
  played.play({ on: 'due' }).close('CONNACK_7', true);
  assert.equal(played.link.route, route);
});

test('failures count on through short connections, and begin anew after a stable minute', () => {
  const played = new Played();
  for (let i = 1; i <= 5; i += 1) {
    played.up().after(1_000).close();
    assert.equal(played.link.failures, i);
  }
  played.up().after(60_000).play({ on: 'tick' });
  assert.equal(played.link.failures, 0);
  played.close();
  assert.equal(played.link.failures, 1);
});

test('a way on which connections die young three times is left', () => {
  const played = new Played();
  for (let i = 0; i < 3; i += 1) {
    assert.equal(played.link.route, 'mqtt-8883');
    played.up().after(1_000).close();
  }
  assert.equal(played.link.route, 'mqtt-443');
});

test('the best way is tried again after a day, from publish-only after an hour', () => {
  for (const [failures, ms] of [
    [1, 24 * 3_600_000],
    [2, 3_600_000],
  ] as const) {
    const played = new Played().play({ on: 'start' });
    for (let i = 0; i < failures; i += 1) played.play({ on: 'due' }).close('ETIMEDOUT');
    played.up().after(ms - 1);
    played.play({ on: 'tick' });
    assert.equal(played.link.at, 'up');
    played.after(1).play({ on: 'tick' });
    assert.ok(played.did('hang-up'));
    assert.equal(played.link.route, 'mqtt-8883');
  }
});

test('what is not acknowledged is sent again on the same connection, then the connection is given up', () => {
  const played = new Played().up(['f/1']).play({ on: 'offered', ids: ['a'] });
  for (let i = 0; i < 6; i += 1) {
    played.after(8_000).play({ on: 'tick' });
    assert.ok(played.did('resend'));
    assert.ok(played.did('resubscribe'));
    played.after(1_000).play({ on: 'tick' });
    assert.equal(played.did('resend'), undefined);
    played.after(-1_000);
  }
  played.after(8_000).play({ on: 'tick' });
  assert.ok(played.did('hang-up'));
  assert.equal(played.link.problem?.why, 'no-ack');
});

test('a message on which three connections die becomes a dead letter; its neighbours do not', () => {
  const played = new Played().up().play({ on: 'offered', ids: ['good', 'poison', 'other'] });
  played.play({ on: 'acked', id: 'good' }).after(100).close();
  assert.deepEqual(
    played.link.suspects.map(({ id }) => id),
    ['poison', 'other'],
  );
  for (const last of [false, true]) {
    played.up();
    assert.equal(played.did('ask'), undefined, 'quiet first');
    played.after(5_000).play({ on: 'tick' });
    const ask = played.effects.find((effect) => effect.do === 'ask');
    assert.equal(ask?.count, 1, 'one at a time');
    played
      .play({ on: 'offered', ids: ['poison'] })
      .after(100)
      .close();
    assert.deepEqual(
      played.effects.flatMap((effect) => (effect.do === 'bury' ? [effect.id] : [])),
      last ? ['poison'] : [],
    );
  }
  played
    .up()
    .after(5_000)
    .play({ on: 'tick' })
    .play({ on: 'offered', ids: ['other'] });
  played.play({ on: 'acked', id: 'other' });
  assert.deepEqual(played.link.suspects, []);
});

test('a network that drops connections makes no dead letters', () => {
  const played = new Played()
    .up()
    .play({ on: 'offered', ids: ['a'] })
    .after(100)
    .close();
  for (let i = 0; i < 50; i += 1) {
    played.up().after(2_000).play({ on: 'tick' }).close('ECONNRESET');
    assert.equal(played.did('bury'), undefined);
  }
  played.up().play({ on: 'tick' }).after(60_000).play({ on: 'tick' });
  played
    .play({ on: 'offered', ids: ['a'] })
    .after(20_000)
    .close();
  assert.equal(played.did('bury'), undefined);
});

test('no second carries more publishes than AWS takes, and a backlog still moves', () => {
  const played = new Played().up();
  const sentMs: number[] = [];
  let count = 0;
  while (played.nowMs < 20_000) {
    const ask = played.effects.find((effect) => effect.do === 'ask');
    if (ask !== undefined) {
      const ids = Array.from({ length: ask.count }, () => `m${count++}`);
      sentMs.push(...ids.map(() => played.nowMs));
      played.play({ on: 'offered', ids });
    } else if (played.link.at === 'up' && played.link.inFlight.length > 0) {
      played.after(1).play({ on: 'acked', id: played.link.inFlight[0]!.what });
    } else played.after(100).play({ on: 'ready' });
  }
  for (const [i, ms] of sentMs.entries()) {
    assert.ok((sentMs[i + 100] ?? Infinity) - ms > 1_000, `100 within a second after ${ms} ms`);
  }
  assert.ok(count > 20 * 70, `${count} in 20 s`);
});

test('what the card did not take is blamed on nobody: not the way, not what was in flight', () => {
  const played = new Played().up();
  const { route, failures } = played.link;
  for (let i = 0; i < 20; i += 1) {
    played.play({ on: 'offered', ids: ['good'] }).after(1_000);
    played.play({ on: 'closed', why: 'not stored: EIO', refused: false, isOurs: true });
    assert.equal(played.did('bury'), undefined);
    assert.ok(played.delayMs() <= 20_000);
    played.up();
  }
  const { link } = played;
  assert.deepEqual([link.route, link.failures, link.suspects], [route, failures, []]);
});

test('a suspect that is gone from the queue does not keep the link careful', () => {
  const played = new Played()
    .up()
    .play({ on: 'offered', ids: ['a'] })
    .after(10)
    .close();
  played.up().after(5_000).play({ on: 'tick' }).play({ on: 'offered', ids: [] });
  assert.deepEqual(played.link.suspects, []);
});

test('what an old connection says is not heard', () => {
  const played = new Played().up().play({ on: 'offered', ids: ['a'] });
  const old = played.link.attempt;
  played.after(100).close().up();
  const before = played.link;
  for (const on of ['closed', 'acked', 'opened', 'offered', 'subscribed'] as const) {
    played.play({ on, attempt: old, id: 'a', ids: ['z'], filters: [], missing: [], why: 'x' });
    assert.equal(played.link, before);
  }
});

test('an adapter that never answers is given up', () => {
  const played = new Played().play({ on: 'start' }).play({ on: 'due' }).after(30_000);
  played.play({ on: 'tick' });
  assert.ok(played.did('hang-up'));
  assert.equal(played.link.at, 'waiting');
});

/** One random history; checks after every step what must always hold. */
function history(random: () => number): void {
  const played = new Played();
  const deaths = new Map<string, number>();
  const known = new Set<string>();
  let dialledMs = -Infinity;
  let dueMs: number | undefined;
  let count = 0;
  played.play({ on: 'start', random: random() });
  for (let i = 0; i < 120; i += 1) {
    for (const effect of played.effects) {
      if (effect.do === 'wait') {
        assert.ok(effect.delayMs >= 1_000 && effect.delayMs <= REFUSED_MS_MAX);
        dueMs = played.nowMs + effect.delayMs;
      }
      if (effect.do === 'dial') {
        assert.ok(played.nowMs - dialledMs >= 1_000, 'one CONNECT a second');
        dialledMs = played.nowMs;
      }
      if (effect.do === 'bury') assert.ok((deaths.get(effect.id) ?? 0) >= 3);
      if (effect.do === 'settle') assert.ok(known.has(effect.id));
    }
    const { link } = played;
    if (link.at === 'up') {
      assert.ok(link.inFlight.length <= IN_FLIGHT_MAX);
      const ids = link.inFlight.map(({ what }) => what);
      assert.equal(new Set(ids).size, ids.length, 'nothing is in flight twice');
    }
    const ask = played.effects.find((effect) => effect.do === 'ask');
    const dice = random();
    if (ask !== undefined) {
      const ids = Array.from({ length: Math.floor(dice * (ask.count + 1)) }, () => `m${count++}`);
      for (const id of ids) known.add(id);
      played.play({ on: 'offered', ids });
    } else if (link.at === 'waiting' && dueMs !== undefined) {
      played.nowMs = dueMs;
      dueMs = undefined;
      played.play({ on: 'due' });
    } else if (dice < 0.2) {
      if (link.at === 'up') {
        for (const { what } of link.inFlight) deaths.set(what, (deaths.get(what) ?? 0) + 1);
      }
      played.play({ on: 'closed', why: 'x', refused: dice < 0.1, random: random() });
    } else if (dice < 0.5 && link.at === 'up' && link.inFlight.length > 0) {
      const at = Math.floor(random() * link.inFlight.length);
      played.play({ on: 'acked', id: link.inFlight[at]!.what });
    } else if (dice < 0.6) played.play({ on: 'opened', missing: ['f'] });
    else if (dice < 0.65) played.play({ on: 'ready' });
    else played.after(random() * 9_000).play({ on: 'tick', random: random() });
  }
}

test('in any history the limits hold: window, pace, one connection, no settling of the unknown', (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  const random = randomFrom(seed);
  for (let i = 0; i < 2_000; i += 1) history(random);
});
