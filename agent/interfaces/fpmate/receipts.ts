// How a receipt is printed on an Epson RT printer: performs what state.ts decides. That it is printed once,
// core/fiscal/receipts.ts sees to.
import { play } from '../../core/fiscal/play.ts';
import { createReceipts as createCommon } from '../../core/fiscal/receipts.ts';
import type { Note, Receipts } from '../../core/fiscal/receipts.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { Plan } from './plan.ts';
import { begin, next, recover } from './state.ts';
import type { Effect, Event, Job } from './state.ts';
import type { Answer } from './wire.ts';

/** One request and what came of it; `isSent`: the printer may have acted on it. */
export type Posted =
  | { readonly ok: true; readonly answer: Answer }
  | { readonly ok: false; readonly isSent: boolean };

interface Needs {
  readonly host: ServiceHost;
  readonly askStatus: () => Promise<Posted>;
  readonly post: (document: string) => Promise<Posted>;
  readonly sleep: (ms: number) => Promise<void>;
  readonly stopped: AbortSignal;
}

export function createReceipts({ host, askStatus, post, sleep, stopped }: Needs): Receipts<Plan> {
  const player = (note: Note<Job>) => ({
    next,
    stopped,
    perform: async (effect: Exclude<Effect, { do: 'end' }>): Promise<Event> => {
      switch (effect.do) {
        case 'ask':
          return eventOf(await askStatus());
        case 'note':
          return { on: 'noted', isKept: await note(effect.job) };
        case 'print':
          return eventOf(await post(effect.document));
        case 'pause':
          await sleep(effect.delayMs);
          return { on: 'paused' };
      }
    },
  });
  return createCommon<Plan, Job>({
    ...{ host, jobOf },
    // Each request is a connection of its own: whether the printer is there, the first one shows.
    ...{ whenUp: async () => undefined, isUp: () => true },
    begin: (plan, note) => play(begin(plan), player(note)),
    recover: (job, note) => play(recover(job), player(note)),
  });
}

const eventOf = (posted: Posted): Event =>
  posted.ok ? { on: 'answer', answer: posted.answer } : { on: 'lost', isSent: posted.isSent };

/** Undefined: not a job as it was written. */
export function jobOf(value: unknown): Job | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, digest, total, before } = value as Partial<Record<keyof Job, unknown>>;
  if (typeof key !== 'string' || typeof digest !== 'string' || typeof total !== 'number')
    return undefined;
  if (before === undefined) return { key, digest, total, before };
  if (typeof before !== 'object' || before === null) return undefined;
  const { receipt, zReport } = before as Partial<Record<'receipt' | 'zReport', unknown>>;
  if (typeof receipt !== 'number' || typeof zReport !== 'number') return undefined;
  return { key, digest, total, before: { receipt, zReport } };
}
