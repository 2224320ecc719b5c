// One Epson RT printer as a service: takes receipts and reports, one after the other, over its web service FPmate.
import { WAITING_MAX } from '../../core/fiscal/limits.ts';
import { createTurns, pause } from '../../core/fiscal/turns.ts';
import type {
  Interface,
  Need,
  RunningInterface,
  ServiceHost,
  TestStep,
} from '../../core/interface.ts';
import type { Order, OrderOutcome } from '../../core/vocabulary.ts';
import { parse } from './config.ts';
import type { Settings } from './config.ts';
import { counterpart } from './counterpart.ts';
import {
  ANSWER_BYTES_MAX,
  ANSWER_SLACK_MS,
  CLOSE_MS_MAX,
  LOOK_AGAIN_MS,
  REPORT_MS_MAX,
  STATUS_MS_MAX,
  WATCH_DOWN_MS,
  WATCH_MS,
} from './limits.ts';
import { planOf } from './plan.ts';
import { createReceipts } from './receipts.ts';
import type { Posted } from './receipts.ts';
import { texts } from './texts.ts';
import {
  addressOf,
  answerOf,
  conditionOf,
  envelope,
  reportDocument,
  statusDocument,
} from './wire.ts';

/** Shorter in tests. */
export interface Times {
  readonly slackMs: number;
  readonly statusMs: number;
  readonly watchMs: number;
  readonly watchDownMs: number;
  readonly lookAgainMs: number;
  readonly closeMs: number;
}
const TIMES: Times = {
  slackMs: ANSWER_SLACK_MS,
  statusMs: STATUS_MS_MAX,
  watchMs: WATCH_MS,
  watchDownMs: WATCH_DOWN_MS,
  lookAgainMs: LOOK_AGAIN_MS,
  closeMs: CLOSE_MS_MAX,
};

const OFFLINE: OrderOutcome = { ok: false, why: 'offline', text: 'the printer does not answer' };

interface Posting {
  readonly document: string;
  /** What the printer is given; ours is longer. */
  readonly timeoutMs: number;
  readonly msMax: number;
  /** For the trace. */
  readonly what: string;
}

async function postTo(
  { settings, host }: { readonly settings: Settings; readonly host: ServiceHost },
  { document, timeoutMs, msMax, what }: Posting,
  signal: AbortSignal,
): Promise<Posted> {
  host.trace('out', what);
  const reply = await host.http(
    {
      url: addressOf(settings, timeoutMs),
      method: 'POST',
      headers: { 'Content-Type': 'text/xml; charset=utf-8' },
      body: envelope(document),
      msMax,
      bytesMax: ANSWER_BYTES_MAX,
    },
    signal,
  );
  if (!reply.ok) {
    host.trace('in', `${what}: ${reply.code}`);
    return { ok: false, isSent: reply.sent };
  }
  const answer = reply.status === 200 ? answerOf(reply.body) : undefined;
  const said =
    answer === undefined
      ? `HTTP ${reply.status}, not an answer`
      : answer.success
        ? 'done'
        : answer.code;
  host.trace('in', `${what}: ${said}`);
  return answer === undefined ? { ok: false, isSent: true } : { ok: true, answer };
}

/** `times`: shorter in tests. */
export function startFpmate(
  settings: Settings,
  host: ServiceHost,
  times: Times = TIMES,
): RunningInterface {
  const stop = new AbortController();
  const { host: name } = new URL(settings.url);
  const timeoutMs = settings.timeoutSeconds * 1_000;
  const { inTurn, waiting, idle } = createTurns();
  let isUp = false;
  let problems = '';
  let nap = new AbortController();
  const send = (posting: Posting): Promise<Posted> =>
    postTo({ settings, host }, posting, stop.signal);
  const tellProblems = (words: readonly string[]): void => {
    if (words.join('\n') === problems) return;
    problems = words.join('\n');
    // Where it cannot be told now, the next change tells it.
    host
      .emit({ kind: 'device.status', device: host.service, problems: words })
      .catch(() => undefined);
  };
  const askStatus = async (): Promise<Posted> => {
    const posted = await send({
      ...{ document: statusDocument(settings), timeoutMs, msMax: times.statusMs, what: 'status' },
    });
    if (stop.signal.aborted) return posted;
    if (posted.ok !== isUp)
      host.talk(posted.ok ? { at: 'up', with: name } : { at: 'down', why: 'no answer' });
    if (posted.ok) tellProblems(conditionOf(posted.answer.status).words);
    // The watch goes on at the pace of a printer that is gone.
    if (isUp && !posted.ok) nap.abort();
    isUp = posted.ok;
    return posted;
  };
  const receipts = createReceipts({
    host,
    askStatus,
    post: (document) =>
      send({ document, timeoutMs, msMax: timeoutMs + times.slackMs, what: 'receipt' }),
    sleep: (ms) => pause(Math.min(ms, times.lookAgainMs), stop.signal),
    stopped: stop.signal,
  });
  const report = async (kind: 'x' | 'z'): Promise<OrderOutcome> => {
    if (!(await receipts.settle())) return OFFLINE;
    const status = await askStatus();
    if (!status.ok) return OFFLINE;
    const { isUsable, isOpen, words } = conditionOf(status.answer.status);
    if (isOpen || !isUsable) return { ok: false, why: 'refused', text: words.join(', ') };
    const form = kind === 'z' ? settings.zReport : kind;
    const document = reportDocument(form, {
      operator: settings.operator,
      timeoutMs: REPORT_MS_MAX,
    });
    const what = `${form} report`;
    const posted = await send({
      document,
      timeoutMs: REPORT_MS_MAX,
      msMax: REPORT_MS_MAX + times.slackMs,
      what,
    });
    if (!posted.ok && !posted.isSent) return OFFLINE;
    if (!posted.ok)
      return { ok: false, why: 'unknown', text: `the ${what} may be printed: look at the printer` };
    const { success, code, zReport } = posted.answer;
    if (!success) return { ok: false, why: 'refused', text: `the printer refused it: ${code}` };
    host.count('reports');
    return { ok: true, body: { report: kind, zReport } };
  };
  const watch = async (): Promise<void> => {
    host.talk({ at: 'joining', with: name });
    while (!stop.signal.aborted) {
      await inTurn(async () => {
        if (stop.signal.aborted) return;
        const posted = await askStatus();
        if (posted.ok) await receipts.settle();
        else if (!isUp && !stop.signal.aborted) host.talk({ at: 'down', why: 'no answer' });
      });
      nap = new AbortController();
      const ended = AbortSignal.any([stop.signal, nap.signal]);
      await pause(isUp ? times.watchMs : times.watchDownMs, ended);
    }
  };
  const watching = watch();

  return {
    handle: async (order: Order, signal: AbortSignal) => {
      if (order.kind !== 'fiscal.receipt' && order.kind !== 'fiscal.report')
        return { ok: false, why: 'unsupported' };
      if (waiting() >= WAITING_MAX)
        return { ok: false, why: 'busy', text: 'too many receipts wait' };
      if (order.kind === 'fiscal.report') {
        const expired: OrderOutcome = { ok: false, why: 'expired' };
        return inTurn(async () => (signal.aborted ? expired : report(order.report)));
      }
      const planned = planOf(order, settings);
      if (!planned.ok) return planned;
      return inTurn(async () => receipts.print(planned.plan, signal));
    },
    close: async () => {
      await Promise.race([idle(), pause(times.closeMs, stop.signal)]);
      stop.abort();
      await idle();
      await watching;
    },
  };
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
