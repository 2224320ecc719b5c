// Performs runs of checks: measures what state.ts says, feeds the outcomes back, keeps the timer.
// A fault in a measurement is a failed check, never a failed agent.
import { codeOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { MEASUREMENT_MS_MAX } from '../core/limits.ts';
import { cloudChecks } from './checks/cloud.ts';
import { connectionChecks } from './checks/connection.ts';
import { noFacts, note } from './checks/facts.ts';
import type { Check, Facts, Needs } from './checks/facts.ts';
import { networkChecks } from './checks/network.ts';
import { unitChecks } from './checks/unit.ts';
import type { CheckId, CheckView, Outcome } from './results.ts';
import { initial, next, viewsOf } from './state.ts';
import type { Effect, Event } from './state.ts';

const MEASURE: Readonly<Record<CheckId, Check>> = {
  ...networkChecks,
  ...cloudChecks,
  ...connectionChecks,
  ...unitChecks,
};

export interface DiagnosticsRunner {
  views(): readonly CheckView[];
  isRunning(): boolean;
  /** Starts a run, or says after how many milliseconds asking again makes sense. */
  ask(by: 'person' | 'visit' | 'timer'): { readonly started: true } | { readonly retryMs: number };
  /** Resolves when no run is under way. */
  settled(): Promise<void>;
  close(): void;
}

/**
 * `repeat` keeps checking by itself (the agent); without it only `ask` starts a run (`diagnose`).
 * `needs` is asked for anew in every run.
 */
export function createDiagnostics(
  needs: () => Needs,
  { log, repeat }: { readonly log: Log; readonly repeat: boolean },
): DiagnosticsRunner {
  const { clock } = needs();
  let state = initial;
  let facts: Facts = noFacts();
  let timer: NodeJS.Timeout | undefined;
  let settle = Promise.withResolvers<void>();
  settle.resolve();
  let isClosed = false;

  const dispatch = (event: Event): readonly Effect[] => {
    const step = next(state, event);
    state = step.state;
    for (const effect of step.effects) perform(effect);
    return step.effects;
  };
  const perform = (effect: Effect): void => {
    switch (effect.do) {
      case 'begin':
        clearTimeout(timer);
        facts = noFacts();
        settle = Promise.withResolvers<void>();
        return;
      case 'measure':
        void feedBack(effect.id);
        return;
      case 'changed':
        if (effect.from !== 'unknown' || effect.to === 'failed') {
          const level = effect.to === 'failed' ? 'warning' : 'info';
          log[level](`check ${effect.id}: ${effect.from} -> ${effect.to}`);
        }
        return;
      case 'finish':
        settle.resolve();
        if (repeat && !isClosed) timer = setTimeout(() => runner.ask('timer'), effect.nextRunMs);
        return;
      case 'refuse':
        return;
    }
  };
  const feedBack = async (id: CheckId): Promise<void> => {
    const outcome = await measure(id, needs(), facts);
    if (!isClosed) dispatch({ on: 'ended', id, outcome, nowMs: clock.nowMs() });
  };
  const runner: DiagnosticsRunner = {
    views: () => viewsOf(state, clock.nowMs()),
    isRunning: () => state.at === 'running',
    ask: (by) => {
      const effects = dispatch({ on: 'asked', by, nowMs: clock.nowMs() });
      const refused = effects.find((effect) => effect.do === 'refuse');
      return refused === undefined ? { started: true } : { retryMs: refused.retryMs };
    },
    settled: async () => settle.promise,
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      settle.resolve();
    },
  };
  return runner;
}

async function measure(id: CheckId, needs: Needs, facts: Facts): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_done, fail) => {
    timer = setTimeout(() => fail(new Error('no end')), MEASUREMENT_MS_MAX);
  });
  try {
    return await Promise.race([MEASURE[id](needs, facts), tooLong]);
  } catch (error) {
    return { state: 'failed', notes: [note('fault', { why: codeOf(error) })], remedy: 'fault' };
  } finally {
    clearTimeout(timer);
  }
}
