// How a receipt is printed on a Datecs or Daisy printer: performs what state.ts decides. That it is printed once,
// core/fiscal/receipts.ts sees to.
import { play } from '../../core/fiscal/play.ts';
import { createReceipts as createCommon } from '../../core/fiscal/receipts.ts';
import type { Note, Receipts } from '../../core/fiscal/receipts.ts';
import type { ServiceHost } from '../../core/interface.ts';
import type { Dialect } from './config.ts';
import { jobOf } from './journal.ts';
import type { Plan } from './plan.ts';
import type { Printer } from './printer.ts';
import { begin, next, recover } from './state.ts';
import type { Effect, Event, Job } from './state.ts';
import { documentOf, transactionOf } from './wire.ts';

interface Timing {
  /** Ends early when the service stops. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly stopped: AbortSignal;
  /** How long a printer is waited for that is not there. */
  readonly absentMs: number;
}

export function createReceipts(
  {
    host,
    printer,
    dialect,
  }: { readonly host: ServiceHost; readonly printer: Printer; readonly dialect: Dialect },
  { sleep, stopped, absentMs }: Timing,
): Receipts<Plan> {
  const ask = async ({ command, isAction }: Extract<Effect, { do: 'ask' }>): Promise<Event> => {
    // An action that cannot go now is not kept for later: the printer is asked where it stands first.
    const isThere = printer.isUp || (!isAction && (await printer.whenUp(absentMs)));
    const answer = isThere ? await printer.ask(command, { isAction }) : undefined;
    const nowMs = host.clock.nowMs();
    if (answer?.ok !== true) return { on: 'lost', nowMs };
    const { reply, status } = answer;
    const transaction = transactionOf(reply.data, dialect);
    return { on: 'answer', status, transaction, document: documentOf(reply.data), nowMs };
  };
  const player = (note: Note<Job>) => ({
    next,
    stopped,
    perform: async (effect: Exclude<Effect, { do: 'end' }>): Promise<Event> => {
      switch (effect.do) {
        case 'ask':
          return ask(effect);
        case 'note':
          return { on: 'noted', isKept: await note(effect.job) };
        case 'pause':
          await sleep(effect.delayMs);
          return { on: 'paused', nowMs: host.clock.nowMs() };
      }
    },
  });
  return createCommon<Plan, Job>({
    ...{ host, jobOf, whenUp: () => printer.whenUp(absentMs), isUp: () => printer.isUp },
    begin: (plan, note) => play(begin(plan, dialect), player(note)),
    recover: (job, note) => play(recover(job, dialect), player(note)),
  });
}
