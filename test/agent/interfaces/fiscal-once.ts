// What every fiscal printer's service must keep: each folio is printed once as ordered, or not, or reported unknown.
import assert from 'node:assert/strict';
import type { OrderOutcome } from '../../../agent/core/vocabulary.ts';
import type { StandIn } from '../../bench/systems/stand-in.ts';

/** What an answer promises must be so; `printed`: of this folio. */
export function checkOnce<Printed>(
  printed: readonly Printed[],
  {
    isWhole,
    outcome,
    label,
  }: {
    readonly isWhole: (one: Printed) => boolean;
    readonly outcome: OrderOutcome;
    readonly label: string;
  },
): void {
  const said = `${label}: ${JSON.stringify(outcome)}`;
  assert.ok(printed.length <= 1, `${said}: printed ${printed.length} times`);
  assert.ok(printed.every(isWhole), `${said}: not what was ordered`);
  if (outcome.ok) assert.equal(printed.length, 1, said);
  else if (outcome.why !== 'unknown') assert.equal(printed.length, 0, said);
}

export const isUp = (one: { readonly stand: StandIn }): Promise<void> =>
  one.stand.until('the printer answers', () => one.stand.talks.at(-1)?.at === 'up');
