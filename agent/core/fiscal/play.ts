// Plays one receipt as its interface's state machine decides, until it has ended.
import type { Ending } from './journal.ts';

/** The last effect of every receipt. */
interface End<D extends string | number> {
  readonly do: 'end';
  readonly ending: Ending<D>;
}
interface Step<S, E, D extends string | number> {
  readonly state: S;
  readonly effect: E | End<D>;
}
const isEnd = <D extends string | number>(effect: { readonly do: string }): effect is End<D> =>
  effect.do === 'end';

/** `S` its states, `E` its effects but the last, `V` its events, `D` its documents' numbers. */
interface Player<S, E, V, D extends string | number> {
  readonly next: (state: S, event: V) => Step<S, E, D>;
  readonly perform: (effect: E) => Promise<V>;
  readonly stopped: AbortSignal;
}

/** One effect at a time. A service that is stopped leaves the receipt to the next process. */
export async function play<S, E extends { readonly do: string }, V, D extends string | number>(
  first: Step<S, E, D>,
  { next, perform, stopped }: Player<S, E, V, D>,
): Promise<Ending<D>> {
  let { state, effect } = first;
  while (!isEnd<D>(effect)) {
    const event = await perform(effect);
    if (stopped.aborted) return { is: 'unknown', text: 'the service was stopped', isPending: true };
    ({ state, effect } = next(state, event));
  }
  return effect.ending;
}
