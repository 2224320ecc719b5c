// One Epson RT printer as a service: takes receipts and reports, one after the other, over its web service FPmate.
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
import {
  ANSWER_SLACK_MS,
  CLOSE_MS_MAX,
  LOOK_AGAIN_MS,
  REPORT_MS_MAX,
  STATUS_MS_MAX,
  WATCH_DOWN_MS,
  WATCH_MS,
} from './limits.ts';
import { planOf } from './plan.ts';
import { postTo } from './post.ts';
import type { Posting } from './post.ts';
import { createReceipts } from './receipts.ts';
import type { Posted } from './receipts.ts';
import { texts } from './texts.ts';
import { createWatch } from './watch.ts';
import type { Times } from './watch.ts';
import { conditionOf, reportDocument, statusDocument } from './wire.ts';

const TIMES: Times = {
  slackMs: ANSWER_SLACK_MS,
  statusMs: STATUS_MS_MAX,
  watchMs: WATCH_MS,
  watchDownMs: WATCH_DOWN_MS,
  lookAgainMs: LOOK_AGAIN_MS,
  closeMs: CLOSE_MS_MAX,
};

const OFFLINE: OrderOutcome = { ok: false, why: 'offline', text: 'the printer does not answer' };

/** `times`: shorter in tests. */
export function startFpmate(
  settings: Settings,
  host: ServiceHost,
  times: Times = TIMES,
): RunningInterface {
  const stop = new AbortController();
  const timeoutMs = settings.timeoutSeconds * 1_000;
  const turns = createTurns();
  const send = (posting: Posting): Promise<Posted> =>
    postTo({ settings, host }, posting, stop.signal);
  const watch = createWatch({ settings, host, times, send, stopped: stop.signal });
  const receipts = createReceipts({
    host,
    askStatus: watch.ask,
    post: (document) =>
      send({ document, timeoutMs, msMax: timeoutMs + times.slackMs, what: 'receipt' }),
    sleep: (ms) => pause(Math.min(ms, times.lookAgainMs), stop.signal),
    stopped: stop.signal,
  });
  const watching = watch.look(turns, async () => receipts.settle());
  return {
    handle: fiscalOrders({
      turns,
      plan: (order) => planOf(order, settings),
      print: async (plan, signal) => receipts.print(plan, signal),
      report: async (kind) =>
        (await receipts.settle())
          ? report(kind, { settings, host, times, send, askStatus: watch.ask })
          : OFFLINE,
    }),
    close: async () => {
      await Promise.race([turns.idle(), pause(times.closeMs, stop.signal)]);
      stop.abort();
      await turns.idle();
      await watching;
    },
  };
}

interface Reporting {
  readonly settings: Settings;
  readonly host: ServiceHost;
  readonly times: Times;
  readonly send: (posting: Posting) => Promise<Posted>;
  readonly askStatus: () => Promise<Posted>;
}

async function report(
  kind: 'x' | 'z',
  { settings, host, times, send, askStatus }: Reporting,
): Promise<OrderOutcome> {
  const status = await askStatus();
  if (!status.ok) return OFFLINE;
  const { isUsable, isOpen, words } = conditionOf(status.answer.status);
  if (isOpen || !isUsable) return { ok: false, why: 'refused', text: words.join(', ') };
  const form = kind === 'z' ? settings.zReport : kind;
  const { operator } = settings;
  const what = `${form} report`;
  const posted = await send({
    document: reportDocument(form, { operator, timeoutMs: REPORT_MS_MAX }),
    ...{ timeoutMs: REPORT_MS_MAX, msMax: REPORT_MS_MAX + times.slackMs, what },
  });
  if (!posted.ok && !posted.isSent) return OFFLINE;
  if (!posted.ok) {
    const text = `the ${what} may be printed: look at the printer`;
    return { ok: false, why: 'unknown', text };
  }
  const { success, code, zReport } = posted.answer;
  if (!success) return { ok: false, why: 'refused', text: `the printer refused it: ${code}` };
  host.count('reports');
  return { ok: true, body: { report: kind, zReport } };
}

/** Asks for the status; prints nothing. */
async function tryOut(
  settings: Settings,
  host: ServiceHost,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const posting = {
    document: statusDocument(settings),
    timeoutMs: STATUS_MS_MAX,
    msMax: STATUS_MS_MAX,
    what: 'status',
  };
  const posted = await postTo({ settings, host }, posting, signal);
  if (!posted.ok) {
    const text = posted.isSent
      ? 'something else than a printer answers there: is the address right?'
      : 'no answer: is it on, and is the address right?';
    return [{ step: 'printer', ok: false, text }];
  }
  const { success, code, status } = posted.answer;
  const condition = conditionOf(status);
  const text = condition.words.join(', ') || 'ready';
  return [
    { step: 'printer', ok: success, text: success ? 'it answers' : `it answers with ${code}` },
    { step: 'state', ok: condition.isUsable && !condition.isOpen, text },
  ];
}

function needs({ url }: Settings): readonly Need[] {
  const { hostname, port, protocol } = new URL(url);
  const usual = protocol === 'https:' ? 443 : 80;
  return [{ need: 'connect', host: hostname, port: port === '' ? usual : Number(port) }];
}

export const fpmate: Interface<Settings> = {
  name: 'fpmate',
  title: texts.title.en,
  texts,
  takes: ['fiscal.receipt', 'fiscal.report'],
  emits: ['device.status'],
  parse,
  needs,
  start: startFpmate,
  test: tryOut,
  counterpart,
};
