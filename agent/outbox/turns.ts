// Which lane is asked first: nearly always the most urgent one, but none waits for ever behind another
// that never runs empty. Pure.
import { LANES } from '../core/messages.ts';
import type { Lane } from '../core/messages.ts';
import { TURNS } from './limits.ts';

/** All lanes; every eighth time the second comes first, every eighth of those the third, and so on. */
export function lanesOf(turn: number): readonly Lane[] {
  let first = 0;
  for (let every = TURNS; first < LANES.length - 1 && turn % every === 0; every *= TURNS)
    first += 1;
  return [...LANES.slice(first), ...LANES.slice(0, first)];
}
