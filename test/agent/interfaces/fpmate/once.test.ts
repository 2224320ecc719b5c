// Each folio is printed once or reported unknown, and never twice, on an Epson RT printer: with every mishap, with the
// unit's power gone between any two steps, and with all of it by chance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RT_MISHAPS } from '../../../../agent/interfaces/fpmate/counterpart.ts';
import type { RtMishap } from '../../../../agent/interfaces/fpmate/counterpart.ts';
import type { OrderOutcome } from '../../../../agent/core/vocabulary.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { checkOnce, isUp } from '../fiscal-once.ts';
import { isWhole, receipt, unit } from './bench.ts';
import type { Unit } from './bench.ts';

function check(
  one: Unit,
  { folio, outcome, label }: { folio: number; outcome: OrderOutcome; label: string },
): void {
  const mine = one.rt.receipts.filter(({ items }) => items[0]?.name === `Camera "B&B" ${folio}`);
  checkOnce(mine, { isWhole, outcome, label });
}

/** What must come of one mishap, where the printer tells its last receipt and where it does not. */
const EXPECTED: Readonly<Record<RtMishap, readonly [boolean, boolean]>> = {
  // Printed, or surely not: in both cases known.
  lost: [true, false],
  mute: [true, false],
  slow: [true, false],
  garbage: [true, false],
  paper: [true, true],
  late: [true, false],
  other: [false, false],
};

test('a mishap to the printing request is settled by the number of the last receipt, or unknown', async () => {
  for (const mishap of RT_MISHAPS) {
    for (const tellsLast of [true, false]) {
      let isArmed = true;
      await using one = unit({
        tellsLast,
        mishap: (document) => {
          if (!isArmed || document !== 'printerFiscalReceipt') return undefined;
          isArmed = false;
          return mishap;
        },
      });
      // So that there is a last receipt.
      isArmed = false;
      await isUp(one);
      assert.ok((await one.order(receipt(1))).ok);
      isArmed = true;
      const label = `${mishap}, ${tellsLast ? 'tells' : 'does not tell'}`;
      const outcome = await one.order(receipt(7));
      check(one, { folio: 7, outcome, label });
      const isKnown = outcome.ok || outcome.why !== 'unknown';
      assert.equal(
        isKnown,
        EXPECTED[mishap][tellsLast ? 0 : 1],
        `${label}: ${JSON.stringify(outcome)}`,
      );
      one.rt.hasPaper = true;
      const again = await one.order(receipt(7));
      check(one, { folio: 7, outcome: again, label: `${label}, again` });
      assert.equal(again.ok, isKnown, label);
      // A person has looked.
      const isPrinted = one.rt.receipts.some(({ items }) => items[0]!.name.endsWith('7'));
      if (!isKnown && !isPrinted) {
        const looked = await one.order(receipt(7, { isLookedAt: true }));
        assert.ok(looked.ok, label);
        check(one, { folio: 7, outcome: looked, label });
      }
      check(one, { folio: 8, outcome: await one.order(receipt(8)), label });
    }
  }
});

async function oneKill(
  at: number,
  when: 'before' | 'after' | 'card-before' | 'card-after',
): Promise<void> {
  for (const tellsLast of [true, false]) {
    let count = 0;
    let isArmed = false;
    const strike = (): boolean => {
      if (!isArmed) return false;
      count += 1;
      if (count !== at) return false;
      isArmed = false;
      one.kill();
      return true;
    };
    await using one = unit({
      tellsLast,
      mishap: () => {
        if (when !== 'before' && when !== 'after') return undefined;
        return strike() && when === 'before' ? 'lost' : undefined;
      },
      onRemember: (isKept) => {
        if (when === (isKept ? 'card-after' : 'card-before')) strike();
      },
    });
    await isUp(one);
    await one.order(receipt(1));
    isArmed = true;
    const label = `killed ${when} ${at}, ${tellsLast ? 'tells' : 'does not tell'}`;
    const first = one.order(receipt(7));
    await Promise.race([first, one.stand.until('killed', () => !isArmed)]);
    isArmed = false;
    one.kill();
    const before = one.stand.talks.length;
    one.restart();
    await one.stand.until('up', () =>
      one.stand.talks.slice(before).some(({ at: is }) => is === 'up'),
    );
    for (const folio of [7, 7, 8])
      check(one, { folio, outcome: await one.order(receipt(folio)), label });
  }
}

test('the power of the unit gone between any two steps leaves each receipt printed once or unknown', async () => {
  const kills = (['before', 'after', 'card-before', 'card-after'] as const).flatMap((when) =>
    [1, 2, 3, 4].map((at) => oneKill(at, when)),
  );
  await Promise.all(kills);
});

async function byChance(seed: number): Promise<void> {
  const random = randomFrom(seed);
  let isArmed = true;
  await using one = unit({
    tellsLast: random() < 0.5,
    mishap: () => {
      if (!isArmed || random() > 0.2) return undefined;
      if (random() < 0.2 && one.kill()) {
        setImmediate(() => one.restart());
        return random() < 0.5 ? 'lost' : undefined;
      }
      const mishap = RT_MISHAPS[Math.floor(random() * RT_MISHAPS.length)]!;
      if (mishap === 'paper') setTimeout(() => (one.rt.hasPaper = true), 5);
      return mishap;
    },
  });
  const promised = new Map<number, OrderOutcome>();
  for (let turn = 0; turn < 8; turn += 1) {
    one.isPlugged = true;
    await isUp(one);
    one.isPlugged = random() > 0.1;
    const folio = 1 + Math.floor(random() * 4);
    const outcome = await one.orderOrDie(receipt(folio));
    if (outcome === undefined) continue;
    check(one, { folio, outcome, label: `seed ${seed} turn ${turn}` });
    promised.set(folio, outcome);
  }
  isArmed = false;
  one.isPlugged = true;
  one.rt.hasPaper = true;
  await isUp(one);
  for (let folio = 1; folio <= 4; folio += 1) {
    const outcome = await one.order(receipt(folio));
    check(one, { folio, outcome, label: `seed ${seed} at the end` });
    if (promised.get(folio)?.ok === true)
      assert.ok(outcome.ok, `seed ${seed}: ${folio} is forgotten`);
  }
}

test('mishaps and kills by chance never print a folio twice, and never forget one', async () => {
  const seed = testSeed();
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 2_000 : 40;
  for (let round = 0; round < rounds; round += 40) {
    const seeds = Array.from({ length: 40 }, (_none, index) => (seed + round + index) >>> 0);
    const results = await Promise.allSettled(seeds.map(byChance));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
});
