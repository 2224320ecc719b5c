// A unit with one Epson RT printer in memory: HTTP without sockets, times of milliseconds, and a card that keeps what
// the service remembers when it is killed.
import { parse } from '../../../../agent/interfaces/fpmate/config.ts';
import type { Settings } from '../../../../agent/interfaces/fpmate/config.ts';
import { createRt } from '../../../../agent/interfaces/fpmate/counterpart.ts';
import type {
  RtDouble,
  RtOptions,
  RtReceipt,
} from '../../../../agent/interfaces/fpmate/counterpart.ts';
import { startFpmate } from '../../../../agent/interfaces/fpmate/run.ts';
import type { Times } from '../../../../agent/interfaces/fpmate/watch.ts';
import type { RunningInterface, ServiceHost } from '../../../../agent/core/interface.ts';
import type { LanHttp } from '../../../../agent/core/line/ports.ts';
import type { OrderOf, OrderOutcome } from '../../../../agent/core/vocabulary.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import type { StandIn } from '../../../bench/systems/stand-in.ts';

export type Receipt = OrderOf<'fiscal.receipt'>;

export function settingsOf(more: Record<string, unknown> = {}): Settings {
  const parsed = parse({ url: 'http://127.0.0.1/cgi-bin/fpmate.cgi', ...more });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings;
}

/** 2 × 50.00 + 3 × 1.10 - 0.30 = 103.00, in two payments. */
export const receipt = (folio: number, more: Partial<Receipt> = {}): Receipt => ({
  kind: 'fiscal.receipt',
  folio,
  lines: [
    { text: `Camera "B&B" ${folio}`, price: '50.00', quantity: '2', taxGroup: '10' },
    { text: 'Acqua', price: '1.10', quantity: '3', taxGroup: '22', adjustment: '-0.30' },
  ],
  payments: [
    { type: 'cash', amount: '3.00' },
    { type: 'card', amount: '100.00' },
  ],
  ...more,
});

export const isWhole = ({ total, items, payments }: RtReceipt): boolean =>
  total === 10_300 &&
  items.map(({ cents }) => cents).join() === '10000,300' &&
  payments.map(({ type, cents }) => `${type}:${cents}`).join() === '0:300,2:10000';

export const QUICK: Times = {
  ...{ slackMs: 20, statusMs: 20, watchMs: 60_000, watchDownMs: 5 },
  ...{ lookAgainMs: 3, closeMs: 100 },
};

/** `timeoutSeconds` of a setting is at least two: here the answer is missed sooner. */
const httpTo =
  (rt: RtDouble, { isPlugged, msMax }: { isPlugged: () => boolean; msMax: number }): LanHttp =>
  async ({ url, method, headers, body }, signal) => {
    if (!isPlugged()) return { ok: false, code: 'ECONNREFUSED', sent: false };
    const { pathname, search } = new URL(url);
    const plain = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, msMax, undefined);
    const stop = (): void => resolve(undefined);
    signal.addEventListener('abort', stop);
    const served = rt.serve({
      ...{ method, path: pathname + search, headers: plain, peer: '' },
      body: body ?? Buffer.alloc(0),
    });
    const reply = await Promise.race([served, promise]);
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    if (reply === undefined) return { ok: false, code: 'timeout', sent: true };
    return { ok: true, status: reply.status, body: Buffer.from(reply.body ?? ''), headers: {} };
  };

export interface Unit extends AsyncDisposable {
  readonly rt: RtDouble;
  readonly stand: StandIn;
  isPlugged: boolean;
  order(one: Receipt | OrderOf<'fiscal.report'>): Promise<OrderOutcome>;
  kill(): boolean;
  /** As `order`; undefined when it is killed meanwhile: nobody answers then. */
  orderOrDie(one: Receipt): Promise<OrderOutcome | undefined>;
  restart(): void;
}

export interface UnitOptions extends RtOptions {
  readonly settings?: Settings;
  readonly answerMs?: number;
  readonly onRemember?: (isKept: boolean) => void;
}

export function unit(options: UnitOptions = {}): Unit {
  const { settings = settingsOf(), onRemember, answerMs = 20 } = options;
  const rt = createRt(settings, options);
  const stand = standIn();
  const waitForEver = new Promise<never>(() => undefined);
  let life = { isDead: false, gone: Promise.withResolvers<undefined>() };
  let running: RunningInterface | undefined;
  const gone: RunningInterface[] = [];
  const start = (): void => {
    const mine = { isDead: false, gone: Promise.withResolvers<undefined>() };
    life = mine;
    const http = httpTo(rt, { isPlugged: () => all.isPlugged, msMax: answerMs });
    const host: ServiceHost = {
      ...stand.host,
      http: async (request, signal) => {
        if (mine.isDead) return waitForEver;
        const reply = await http(request, signal);
        return mine.isDead ? waitForEver : reply;
      },
      talk: (now) => void (mine.isDead || stand.host.talk(now)),
      remember: async (name, value) => {
        onRemember?.(false);
        if (mine.isDead) return waitForEver;
        await stand.host.remember(name, value);
        onRemember?.(true);
        return mine.isDead ? waitForEver : undefined;
      },
    };
    running = startFpmate(settings, host, QUICK);
  };
  const all: Unit = {
    ...{ rt, stand, isPlugged: true, restart: start },
    order: (one) => running!.handle(one, new AbortController().signal),
    orderOrDie: (one) =>
      Promise.race([running!.handle(one, new AbortController().signal), life.gone.promise]),
    kill: () => {
      if (life.isDead) return false;
      life.isDead = true;
      life.gone.resolve(undefined);
      // What it said last is true no longer.
      stand.host.talk({ at: 'down', why: 'killed' });
      gone.push(running!);
      return true;
    },
    [Symbol.asyncDispose]: async () => {
      for (const one of gone) void one.close();
      await running!.close();
    },
  };
  start();
  return all;
}
