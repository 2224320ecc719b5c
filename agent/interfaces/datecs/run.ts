// One fiscal printer as a service: takes receipts and reports, one after the other.
import { fiscalOrders } from '../../core/fiscal/orders.ts';
import { createTurns, pause } from '../../core/fiscal/turns.ts';
import type {
  Interface,
  Need,
  RunningInterface,
  ServiceHost,
  TestStep,
} from '../../core/interface.ts';
import type { OrderOutcome } from '../../core/vocabulary.ts';
import { parse } from './config.ts';
import type { Settings } from './config.ts';
import { counterpart } from './counterpart.ts';
import { judgeBegin, shownOf } from './judge.ts';
import { TEST_MS_MAX } from './limits.ts';
import { planOf } from './plan.ts';
import { TIMES, openPrinter } from './printer.ts';
import type { Printer, Times } from './printer.ts';
import { createReceipts } from './receipts.ts';
import { texts } from './texts.ts';
import {
  CMD,
  CONDITION_WORDS,
  documentOf,
  reportCommand,
  stateCommand,
  transactionOf,
} from './wire.ts';

/** `times`: shorter in tests. */
export function startDatecs(
  settings: Settings,
  host: ServiceHost,
  times: Times = TIMES,
): RunningInterface {
  const { dialect } = settings;
  const stop = new AbortController();
  const turns = createTurns();
  let isSettling = false;
  const printer = openPrinter(settings, {
    host,
    times,
    onProblems: (problems) => {
      // Where it cannot be told now, the next change tells it.
      host.emit({ kind: 'device.status', device: host.service, problems }).catch(() => undefined);
    },
    onUp: () => {
      // A line that comes and goes does not fill the queue.
      if (isSettling) return;
      isSettling = true;
      void turns.inTurn(async () => {
        isSettling = false;
        if (!stop.signal.aborted) await receipts.settle();
      });
    },
  });
  const sleep = (ms: number): Promise<void> => pause(Math.min(ms, times.lookAgainMs), stop.signal);
  const receipts = createReceipts(
    { host, printer, dialect },
    { sleep, stopped: stop.signal, absentMs: times.absentMs },
  );
  return {
    handle: fiscalOrders({
      turns,
      plan: (order) => planOf(order, settings),
      print: async (plan, signal) => receipts.print(plan, signal),
      report: async (kind) => {
        await printer.whenUp(times.absentMs);
        const isThere = (await receipts.settle()) && printer.isUp;
        return isThere ? report(kind, { settings, printer, host }) : OFFLINE;
      },
    }),
    close: async () => {
      await Promise.race([turns.idle(), pause(times.closeMs, stop.signal)]);
      stop.abort();
      await printer.close();
      await turns.idle();
    },
  };
}

const OFFLINE: OrderOutcome = { ok: false, why: 'offline', text: 'the printer does not answer' };
const refused = (text: string): OrderOutcome => ({ ok: false, why: 'refused', text });

interface Printed {
  readonly settings: Settings;
  readonly printer: Printer;
  readonly host: ServiceHost;
}

async function report(
  kind: 'x' | 'z',
  { settings, printer, host }: Printed,
): Promise<OrderOutcome> {
  const problem = await notReady(settings, printer);
  if (problem !== undefined) return problem;
  const answer = await printer.ask(reportCommand(kind, settings.dialect), { isAction: true });
  if (!answer.ok && answer.why === 'naks') return refused('the printer did not take the command');
  if (!answer.ok) {
    const text = `the ${kind.toUpperCase()} report may be printed: look at the printer`;
    return { ok: false, why: 'unknown', text };
  }
  if (answer.status.refused !== undefined) return refused(answer.status.refused);
  host.count('reports');
  return { ok: true, body: { report: kind } };
}

async function notReady(
  { dialect }: Settings,
  printer: Printer,
): Promise<OrderOutcome | undefined> {
  const answer = await printer.ask(stateCommand(dialect), { isAction: false });
  if (!answer.ok) return OFFLINE;
  const seen = transactionOf(answer.reply.data, dialect);
  if (seen === undefined || answer.status.refused !== undefined)
    return refused(answer.status.refused ?? 'its answer cannot be read');
  const shown = shownOf(
    { ...seen, document: seen.document ?? 0 },
    { before: 0, status: answer.status },
  );
  const verdict = judgeBegin(shown);
  if (verdict?.is !== 'end' || verdict.ending.is === 'printed') return undefined;
  return { ok: false, why: 'refused', text: verdict.ending.text };
}

/** Asks for status, state and last number; prints nothing. */
async function tryOut(
  settings: Settings,
  host: ServiceHost,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const { dialect } = settings;
  const printer = openPrinter(settings, { host, onUp: () => undefined });
  const steps: TestStep[] = [];
  const add = (step: string, ok: boolean, text: string): boolean => {
    steps.push({ step, ok, text });
    return ok;
  };
  const give = (): void => void printer.close();
  signal.addEventListener('abort', give);
  try {
    const isThere = await printer.whenUp(TEST_MS_MAX);
    const remedy = 'no answer: is it on, connected, set to this baud rate and not open in a menu?';
    if (!add('printer', isThere, isThere ? 'it answers' : remedy)) return steps;
    const state = await printer.ask(stateCommand(dialect), { isAction: false });
    if (!state.ok)
      return [...steps, { step: 'state', ok: false, text: `no answer (${state.why})` }];
    const seen = transactionOf(state.reply.data, dialect);
    const readable = seen !== undefined && state.status.refused === undefined;
    const what =
      seen?.isOpen === true ? 'a receipt is open: finish it on the printer' : 'no receipt is open';
    const wrong = state.status.refused ?? 'its answer cannot be read: is the dialect right?';
    if (!add('state', readable && !seen.isOpen, readable ? what : wrong)) return steps;
    for (const condition of state.status.conditions)
      add(
        condition,
        condition.startsWith('low') || condition.endsWith('nearly-full'),
        CONDITION_WORDS[condition],
      );
    if (dialect !== 'datecs-x') {
      const last = await printer.ask({ cmd: CMD.lastDocument, data: '' }, { isAction: false });
      const number = last.ok ? documentOf(last.reply.data) : undefined;
      add(
        'last document',
        number !== undefined,
        number === undefined ? 'it does not say its number' : String(number),
      );
    }
    return steps;
  } finally {
    signal.removeEventListener('abort', give);
    await printer.close();
  }
}

function needs({ line }: Settings): readonly Need[] {
  if (line.kind === 'tcp-client') return [{ need: 'connect', host: line.host, port: line.port }];
  return [{ need: 'device', path: line.device }];
}

export const datecs: Interface<Settings> = {
  name: 'datecs',
  title: texts.title.en,
  texts,
  takes: ['fiscal.receipt', 'fiscal.report'],
  emits: ['device.status'],
  parse,
  needs,
  start: startDatecs,
  test: tryOut,
  counterpart,
};
