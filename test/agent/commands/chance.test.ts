// Commands by chance: sent, repeated, cancelled, ended, cut off, with a clock that comes and goes, in any
// order. Whatever happens: none is begun too often, each ends, and its end is told and never taken back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { STOP_MS_MAX, TRIES_MAX } from '../../../agent/commands/limits.ts';
import { randomFrom, testSeed } from '../random.ts';
import { Desk, NOW_MS } from './desk.ts';

const ROUNDS = process.env['CLOCK_TEST_LONG'] === '1' ? 300 : 8;
const STEPS = 60;
const IDS = 8;
const isFinal = (state: string): boolean => state !== 'received' && state !== 'processing';

async function play(seed: number, isRepeatable: boolean): Promise<number> {
  const random = randomFrom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  await using desk = new Desk();
  desk.isRepeatable = isRepeatable;
  desk.cut();
  desk.start();
  const seen = new Set<string>();
  let cuts = 0;
  const send = (id: string): void => {
    seen.add(id);
    // Of each id always the same: it is a repeat.
    const expiresAt = new Date(NOW_MS + 50 * Number(id.slice(1))).toISOString();
    const more = Number(id.slice(1)) % 3 === 0 ? { expiresAt } : {};
    desk.send(id, more).catch(() => {});
  };
  const steps: readonly (() => unknown)[] = [
    () => send(`c${below(IDS)}`),
    () => send(`c${below(IDS)}`),
    () => desk.begun.at(-1)?.end({ state: 'processed' }),
    () => desk.begun.at(-1)?.end({ state: 'error', why: 'no-encoder' }),
    () => {
      const body = { command: `c${below(IDS)}` };
      desk.send(`x${below(1_000)}`, { kind: 'command.cancel', body }).catch(() => {});
    },
    () => (desk.wallMs = below(3) === 0 ? undefined : NOW_MS + below(400)),
    () => (desk.aheadMs += below(STOP_MS_MAX)),
    async () => sleep(below(4)),
    async () => sleep(below(4)),
    () => {
      cuts += 1;
      desk.cut();
      desk.start();
    },
  ];
  for (let i = 0; i < STEPS; i += 1) await steps[below(steps.length)]!();

  desk.wallMs = NOW_MS;
  await desk.until(() => {
    for (const id of seen) send(id);
    for (const job of desk.begun) job.end({ state: 'processed' });
    desk.aheadMs += 1_000;
    return [...seen].every((id) => isFinal(desk.statesOf(id).at(-1) ?? 'received'));
  });
  for (const id of seen) {
    const states = desk.statesOf(id);
    const begun = desk.begun.filter(({ command }) => command.id === id).length;
    assert.ok(begun <= (isRepeatable ? TRIES_MAX : 1), `${id} begun ${begun}: ${states.join()}`);
    const ends = states.filter(isFinal);
    assert.equal(new Set(ends).size, 1, `${id} has two ends: ${states.join()}`);
    assert.deepEqual(states.slice(-ends.length), ends, `${id} is taken back: ${states.join()}`);
    if (ends[0] === 'processed') assert.ok(begun > 0, `${id} was never done`);
  }
  return cuts;
}

test(`${ROUNDS} days of chance: none begun too often, each with one end`, async (t) => {
  const seed = testSeed();
  t.diagnostic(`seed ${seed}`);
  let cuts = 0;
  for (let i = 0; i < ROUNDS; i += 1) cuts += await play(seed + i, i % 2 === 0);
  t.diagnostic(`${cuts} power cuts`);
  assert.ok(cuts > ROUNDS);
});
