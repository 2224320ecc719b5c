// A lock server that takes its time or never answers: without sockets, with the time of the test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { rehearse } from '../../../../agent/core/line/rehearsal.ts';
import { createLockServer } from '../../../../agent/interfaces/salto/counterpart.ts';
import type { LockServer } from '../../../../agent/interfaces/salto/counterpart.ts';
import { salto } from '../../../../agent/interfaces/salto/run.ts';
import type { Order, OrderOutcome } from '../../../../agent/core/vocabulary.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import { checkOut, key, settings } from './examples.ts';

interface Stage extends AsyncDisposable {
  readonly server: LockServer;
  /** What came of it, and after how many milliseconds. */
  readonly order: (
    order: Order,
    signal?: AbortSignal,
  ) => Promise<{ readonly outcome: OrderOutcome; readonly ms: number }>;
  readonly pass: (ms: number) => Promise<void>;
  readonly talk: () => string | undefined;
}
const TICK_MS = 50;

async function stage(t: TestContext, placeMs = 0): Promise<Stage> {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const time = { ms: 0 };
  const clock = { nowMs: () => time.ms, wallMs: () => time.ms };
  const server = createLockServer(settings(), { clock, random: () => 0.5 }, { placeMs });
  const stand = standIn({ host: { ...rehearse(server), clock } });
  const running = salto.start(settings(), stand.host);
  const tick = async (): Promise<void> => {
    for (let index = 0; index < 10; index += 1) await turn();
    time.ms += TICK_MS;
    t.mock.timers.tick(TICK_MS);
  };
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += TICK_MS) await tick();
  };
  await pass(500);
  return {
    ...{ server, pass },
    talk: () => stand.talks.at(-1)?.at,
    order: async (order, signal = new AbortController().signal) => {
      const fromMs = time.ms;
      const over: { outcome?: OrderOutcome } = {};
      void running.handle(order, signal).then((outcome) => (over.outcome = outcome));
      while (over.outcome === undefined) await tick();
      return { outcome: over.outcome, ms: time.ms - fromMs };
    },
    [Symbol.asyncDispose]: async () => {
      await running.close();
      server.close();
      t.mock.timers.reset();
    },
  };
}
const whyOf = (outcome: OrderOutcome): string => (outcome.ok ? 'ok' : outcome.why);

test('a person who takes 25 seconds to place the card gets a key', async (t) => {
  await using hotel = await stage(t, 25_000);
  const { outcome, ms } = await hotel.order(key());
  assert.equal(whyOf(outcome), 'ok');
  assert.ok(ms >= 25_000 && ms < 26_000, `${ms} ms`);
});

test('an answer that never comes is unknown after thirty seconds, and nothing was sent twice', async (t) => {
  await using hotel = await stage(t);
  hotel.server.fault('silent');
  const { outcome, ms } = await hotel.order(key());
  assert.equal(whyOf(outcome), 'unknown');
  assert.ok(ms >= 30_000 && ms < 31_000, `${ms} ms`);
  assert.equal(hotel.server.requests.length, 1);
  // It was the encoder: the server is there.
  await hotel.pass(1_000);
  assert.equal(hotel.talk(), 'up');
  assert.equal(whyOf((await hotel.order(checkOut())).outcome), 'ok');
  hotel.server.fault('silent');
  hotel.server.fault('ask-silent');
  assert.equal(whyOf((await hotel.order(key())).outcome), 'unknown');
  await hotel.pass(6_000);
  assert.equal(hotel.talk(), 'down');
});

test('a server that does not answer ENQ is tried three times, each on a new connection', async (t) => {
  await using hotel = await stage(t);
  hotel.server.fault('ask-silent', 3);
  const { outcome, ms } = await hotel.order(key());
  assert.equal(whyOf(outcome), 'offline');
  assert.ok(ms >= 15_000 && ms < 20_000, `${ms} ms`);
  assert.equal(hotel.server.requests.length, 0);
  hotel.server.fault('ask-silent', 2);
  assert.equal(whyOf((await hotel.order(key())).outcome), 'ok');
  assert.equal(hotel.server.cards.length, 1);
});

test('an order that expires at the encoder is unknown at once', async (t) => {
  await using hotel = await stage(t, 600_000);
  const given = new AbortController();
  setTimeout(() => given.abort(), 10_000);
  const { outcome, ms } = await hotel.order(key(), given.signal);
  assert.equal(whyOf(outcome), 'unknown');
  assert.ok(ms >= 10_000 && ms < 10_500, `${ms} ms`);
});

test('a server that goes away is seen within a minute, and when it is back', async (t) => {
  await using hotel = await stage(t);
  assert.equal(hotel.talk(), 'up');
  hotel.server.fault('ask-silent');
  await hotel.pass(66_000);
  assert.equal(hotel.talk(), 'down');
  await hotel.pass(61_000);
  assert.equal(hotel.talk(), 'up');
});
