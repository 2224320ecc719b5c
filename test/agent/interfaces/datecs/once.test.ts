// Each folio is printed once or reported unknown, and never twice: with every mishap at every command, with the
// unit's power gone between any two steps, and with all of it by chance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIALECTS } from '../../../../agent/interfaces/datecs/config.ts';
import type { Dialect } from '../../../../agent/interfaces/datecs/config.ts';
import { MISHAPS } from '../../../../agent/interfaces/datecs/counterpart.ts';
import type { Mishap, PrinterOptions } from '../../../../agent/interfaces/datecs/counterpart.ts';
import type { FiscalDocument } from '../../../../agent/interfaces/datecs/device.ts';
import type { OrderOutcome } from '../../../../agent/core/vocabulary.ts';
import { randomFrom, testSeed } from '../../random.ts';
import { checkOnce, isUp } from '../fiscal-once.ts';
import { isWhole, receipt, unit } from './bench.ts';
import type { Unit } from './bench.ts';

const isLong = process.env['CLOCK_TEST_LONG'] === '1';
/** More than one receipt takes. */
const COMMANDS_MAX = 24;
const HABITS: readonly PrinterOptions[] = [{}, { dropsUnpaid: true }, { countsAtOpen: true }];

const sales = (one: Unit) => one.printer.device.memory.filter(({ kind }) => kind === 'sale');
const folioOf = ({ lines }: FiscalDocument): number =>
  Number(/\d+/.exec(lines[0]?.name ?? '')?.[0]);

/** What an answer promises must be so. */
function check(
  one: Unit,
  { folio, outcome, label }: { folio: number; outcome: OrderOutcome; label: string },
): void {
  const mine = sales(one).filter((sale) => folioOf(sale) === folio);
  checkOnce(mine, { isWhole, outcome, label });
}

interface Case {
  readonly dialect: Dialect;
  readonly habits: PrinterOptions;
  readonly mishap: Mishap;
  /** The command it happens to. */
  readonly at: number;
}

/** One mishap, then the same order again: as the agent may do after anything but `unknown`. */
async function oneMishap({ dialect, habits, mishap, at }: Case): Promise<string> {
  let count = 0;
  let isArmed = false;
  await using one = unit(dialect, {
    ...habits,
    offMs: 20,
    mishap: () => {
      if (!isArmed) return undefined;
      count += 1;
      if (count !== at) return undefined;
      // Somebody puts in a new roll.
      if (mishap === 'paper') setTimeout(() => (one.printer.device.hasPaper = true), 12);
      return mishap;
    },
  });
  await isUp(one);
  isArmed = true;
  const label = `${dialect} ${JSON.stringify(habits)} ${mishap} at ${at}`;
  const outcome = await one.order(receipt(7));
  check(one, { folio: 7, outcome, label });
  await isUp(one);
  one.printer.device.hasPaper = true;
  const again = await one.order(receipt(7));
  check(one, { folio: 7, outcome: again, label: `${label}, again` });
  if (outcome.ok) assert.ok(again.ok, label);
  return outcome.ok ? 'printed' : outcome.why;
}

/** So many at once: they wait for silence most of the time. */
async function all<T>(
  cases: readonly T[],
  run: (one: T) => Promise<string>,
): Promise<Map<string, number>> {
  const tally = new Map<string, number>();
  const queue = [...cases];
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
      const ended = await run(one).catch((error: unknown) => {
        failures.push(error);
        return 'failed';
      });
      tally.set(ended, (tally.get(ended) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 40 }, worker));
  if (failures.length > 0) throw failures[0];
  return tally;
}

const sampled = <T>(cases: readonly T[], seed: number, share: number): readonly T[] => {
  const random = randomFrom(seed);
  return isLong ? cases : cases.filter(() => random() < share);
};

test('every mishap at every command leaves a receipt printed once, not printed, or unknown', async (context) => {
  const seed = testSeed();
  const cases = DIALECTS.flatMap((dialect) =>
    HABITS.flatMap((habits) =>
      MISHAPS.flatMap((mishap) =>
        Array.from({ length: COMMANDS_MAX }, (_none, at) => ({
          dialect,
          habits,
          mishap,
          at: at + 1,
        })),
      ),
    ),
  );
  const tally = await all(sampled(cases, seed, 0.15), oneMishap);
  // Almost all of them are mended: a person is asked only where nothing can be known.
  const printed = tally.get('printed') ?? 0;
  const total = [...tally.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(printed > total * 0.8, `seed ${seed}: ${JSON.stringify([...tally])}`);
  context.diagnostic(`seed ${seed}: ${JSON.stringify([...tally])}`);
});

interface Kill {
  readonly dialect: Dialect;
  readonly habits: PrinterOptions;
  /** At the so-many-th command that arrives at the printer, carried out or not; or when the card is written. */
  readonly at: number;
  readonly when: 'before' | 'after' | 'card-before' | 'card-after';
}

async function oneKill({ dialect, habits, at, when }: Kill): Promise<string> {
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
  await using one = unit(dialect, {
    ...habits,
    mishap: () => {
      if (when !== 'before' && when !== 'after') return undefined;
      return strike() && when === 'before' ? 'deaf' : undefined;
    },
    onRemember: (isKept) => {
      if (when === (isKept ? 'card-after' : 'card-before')) strike();
    },
  });
  await isUp(one);
  isArmed = true;
  const label = `${dialect} ${JSON.stringify(habits)} killed ${when} ${at}`;
  const first = one.order(receipt(7));
  await Promise.race([first, one.stand.until('killed', () => !isArmed)]);
  if (isArmed) {
    isArmed = false;
    one.kill();
  }
  const before = one.stand.talks.length;
  one.restart();
  await one.stand.until('up', () =>
    one.stand.talks.slice(before).some(({ at: is }) => is === 'up'),
  );
  const outcome = await one.order(receipt(7));
  check(one, { folio: 7, outcome, label });
  const again = await one.order(receipt(7));
  check(one, { folio: 7, outcome: again, label: `${label}, again` });
  const other = await one.order(receipt(8));
  check(one, { folio: 8, outcome: other, label: `${label}, another` });
  return outcome.ok ? 'printed' : outcome.why;
}

test('the power of the unit gone between any two steps leaves each receipt printed once or unknown', async (context) => {
  const seed = testSeed();
  const cases = DIALECTS.flatMap((dialect) =>
    HABITS.flatMap((habits) =>
      (['before', 'after', 'card-before', 'card-after'] as const).flatMap((when) =>
        Array.from({ length: when.startsWith('card') ? 5 : COMMANDS_MAX }, (_none, at) => ({
          ...{ dialect, habits, when, at: at + 1 },
        })),
      ),
    ),
  );
  const tally = await all(sampled(cases, seed, 0.25), oneKill);
  context.diagnostic(`seed ${seed}: ${JSON.stringify([...tally])}`);
});

async function byChance(seed: number): Promise<string> {
  const random = randomFrom(seed);
  const dialect = DIALECTS[Math.floor(random() * DIALECTS.length)]!;
  const habits = HABITS[Math.floor(random() * HABITS.length)]!;
  let isArmed = true;
  await using one = unit(dialect, {
    ...habits,
    offMs: 5,
    mishap: () => {
      if (!isArmed || random() > 0.08) return undefined;
      if (random() < 0.1) {
        if (one.kill()) setImmediate(() => one.restart());
        return random() < 0.5 ? 'deaf' : undefined;
      }
      const mishap = MISHAPS[Math.floor(random() * MISHAPS.length)]!;
      if (mishap === 'paper') setTimeout(() => (one.printer.device.hasPaper = true), 5);
      return mishap;
    },
  });
  const label = `seed ${seed}`;
  const promised = new Map<number, OrderOutcome>();
  for (let turn = 0; turn < 8; turn += 1) {
    await isUp(one);
    const folio = 1 + Math.floor(random() * 4);
    const outcome = await one.orderOrDie(receipt(folio));
    if (outcome === undefined) continue;
    check(one, { folio, outcome, label: `${label} turn ${turn}` });
    promised.set(folio, outcome);
  }
  isArmed = false;
  one.printer.device.hasPaper = true;
  await isUp(one);
  for (let folio = 1; folio <= 4; folio += 1) {
    const outcome = await one.order(receipt(folio));
    check(one, { folio, outcome, label: `${label} at the end` });
    if (promised.get(folio)?.ok === true) assert.ok(outcome.ok, `${label}: ${folio} is forgotten`);
  }
  return 'run';
}

test('mishaps and kills by chance never print a folio twice, and never forget one', async () => {
  const seed = testSeed();
  const rounds = isLong ? 5_000 : 40;
  await all(
    Array.from({ length: rounds }, (_none, round) => (seed + round) >>> 0),
    byChance,
  );
});
