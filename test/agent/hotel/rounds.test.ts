// When a round is gone again: at once, after a while, or not before something comes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../../../agent/core/log.ts';
import type { Pms } from '../../../agent/hotel/ports.ts';
import { createRounds } from '../../../agent/hotel/rounds.ts';
import { until } from './world.ts';

function stage(came: (round: number) => Promise<boolean>) {
  const [warnings, delays]: [string[], number[]] = [[], []];
  const stop = new AbortController();
  let rounds = 0;
  const note = (text: string): void => void warnings.push(text);
  const log = { debug: note, info: note, warning: note, error: note } as unknown as Log;
  // The rounds hand it on and look not into it.
  const pms = {} as Pms;
  const wait = async (ms: number): Promise<boolean> => delays.push(ms) > 0;
  const look = createRounds(
    { pms: () => pms, random: () => 0.5, log, wait },
    { name: 'test', signal: stop.signal, round: () => came((rounds += 1)) },
  );
  return { look, stop, warnings, delays, rounds: () => rounds };
}

test('a round that fails is gone again, later each time, and its trouble is told once', async () => {
  const it = stage(async (round) => {
    if (round > 3) return true;
    throw Object.assign(new Error('no'), { code: 'unreachable' });
  });
  it.look();
  await until(() => it.rounds() === 4, 'the fourth round');
  assert.equal(it.delays.length, 3);
  assert.ok(it.delays[0]! < it.delays[1]! && it.delays[1]! < it.delays[2]!);
  assert.deepEqual(it.warnings, ['hotel: test: unreachable']);
});

test('what comes during a round is looked at in another, and nothing once it is stopped', async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const it = stage(() => promise);
  it.look();
  it.look();
  assert.equal(it.rounds(), 1, 'one at a time');
  resolve(true);
  await until(() => it.rounds() === 2, 'the second round');
  assert.deepEqual(it.delays, []);
  it.stop.abort();
  it.look();
  assert.equal(it.rounds(), 2);
});
