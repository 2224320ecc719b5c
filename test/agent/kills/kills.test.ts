// One running flow, and kills (SIGKILL) of those in it: the agent, a source of events, the cloud, all at
// once. After each the queue of the killed is sound and accounts for everything that was acknowledged; at
// the end every command has its final answer, the same however often, and every event has arrived.
// CLOCK_TEST_SEED repeats a run, CLOCK_TEST_LONG=1 kills 220 processes instead of a sample of 10.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomFrom, testSeed } from '../random.ts';
import { Ledger } from './ledger.ts';
import { Bench } from './victims.ts';

const isLong = process.env['CLOCK_TEST_LONG'] === '1';
const ROUNDS = isLong ? 22 : 1;
type Victim = 'agent' | 'source' | 'cloud';
/** Ten processes. Shuffled. */
const ROUND: readonly (readonly Victim[])[] = [
  ['agent'],
  ['source'],
  ['source'],
  ['source'],
  ['cloud'],
  ['agent', 'source'],
  ['agent', 'cloud', 'source'],
];
/** After it is seen at work again, a victim lives on for up to this long. */
const LIFE_MS_MAX = 400;
/** How much must have come of a victim before it is killed again: it is at work. */
const AT_WORK = 5;
/** A back-off is two minutes at most; a busy machine takes longer for all. */
const WITHIN_MS = 300_000;

const seed = testSeed();
const random = randomFrom(seed);
const shuffled = <T>(list: readonly T[]): T[] =>
  list
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
const plan = Array.from({ length: ROUNDS }, () => shuffled(ROUND))
  .flat()
  .map((victims) => ({ victims, lifeMs: random() * LIFE_MS_MAX }));
const kills = plan.reduce((sum, { victims }) => sum + victims.length, 0);

test(`${kills} kills in one flow lose nothing, and nothing comes twice`, async (t) => {
  const ledger = new Ledger();
  await using bench = await Bench.open(ledger);
  bench.send();
  /** Resolves when the victim runs again. */
  const starting = new Map<Victim, Promise<unknown>>();
  const count = { agent: () => ledger.results.size, source: () => ledger.events.size };
  const startedAt = { agent: 0, source: 0 };
  const atWork = async (victim: Victim): Promise<void> => {
    await starting.get(victim);
    if (victim === 'cloud') return;
    const isAtWork = (): boolean => count[victim]() >= startedAt[victim] + AT_WORK;
    const what = (): string => `${victim} at work again, seed ${seed}`;
    await bench.until(isAtWork, { withinMs: WITHIN_MS, what });
  };
  const begunMs = performance.now();
  for (const { victims, lifeMs } of plan) {
    await Promise.all([...starting.values()]);
    for (const victim of victims) await atWork(victim);
    await sleep(lifeMs);
    const unit = bench.unit;
    await Promise.all([
      victims.includes('agent') && unit.pull(),
      victims.includes('source') && bench.killSource(),
      victims.includes('cloud') && bench.cloud.kill(),
    ]);
    if (victims.includes('cloud')) await bench.cloud.start();
    if (victims.includes('agent')) await bench.checkUnit();
    if (victims.includes('source')) await bench.checkSource();
    if (victims.includes('agent')) {
      startedAt.agent = count.agent();
      starting.set('agent', unit.start());
    }
    if (victims.includes('source')) {
      startedAt.source = count.source();
      starting.set('source', bench.startSource());
    }
  }
  await Promise.all([...starting.values()]);
  await bench.stopSending();
  // The source reports no more, and delivers what it has.
  await bench.killSource();
  await bench.startSource();
  await bench.until(() => ledger.missing() === '', {
    withinMs: WITHIN_MS,
    what: () => ledger.missing(),
  });
  await bench.unit.until(({ outbox }) => outbox.waiting === 0, WITHIN_MS);
  await bench.poll();
  ledger.checkEnd();
  const { commandsSent, eventsTaken, results, events, copies } = ledger;
  t.diagnostic(
    `seed ${seed}: ${kills} kills in ${((performance.now() - begunMs) / 1_000).toFixed(0)} s, ` +
      `${commandsSent.size} commands answered, ${eventsTaken.size} events arrived, ` +
      `${copies - results.size - events.size} copies of ${copies} dropped by id`,
  );
  assert.ok(commandsSent.size > kills * 10, 'the test tests something');
});
