// A unit with one fiscal printer in memory: a line without sockets, times of milliseconds, and a card that keeps what
// the service remembers when it is killed.
import { parse } from '../../../../agent/interfaces/datecs/config.ts';
import type { Dialect, Settings } from '../../../../agent/interfaces/datecs/config.ts';
import { createPrinter } from '../../../../agent/interfaces/datecs/counterpart.ts';
import type {
  PrinterDouble,
  PrinterOptions,
} from '../../../../agent/interfaces/datecs/counterpart.ts';
import type { FiscalDocument } from '../../../../agent/interfaces/datecs/device.ts';
import type { Times } from '../../../../agent/interfaces/datecs/printer.ts';
import { startDatecs } from '../../../../agent/interfaces/datecs/run.ts';
import type { RunningInterface, ServiceHost } from '../../../../agent/core/interface.ts';
import type { OpenLine } from '../../../../agent/core/line/ports.ts';
import type { OrderOf, OrderOutcome } from '../../../../agent/core/vocabulary.ts';
import { systemClock } from '../../../../agent/io/clock.ts';
import { standIn } from '../../../bench/systems/stand-in.ts';
import type { StandIn } from '../../../bench/systems/stand-in.ts';

export type Receipt = OrderOf<'fiscal.receipt'>;

export function settingsOf(dialect: Dialect, more: Record<string, unknown> = {}): Settings {
  const isX = dialect === 'datecs-x';
  const parsed = parse({
    line: { kind: 'tcp-client', host: '127.0.0.1' },
    dialect,
    paymentTypes: isX ? { cash: '0', card: '1' } : { cash: 'P', card: 'D' },
    taxGroups: { '1': 2, '2': 3 },
    ...more,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings;
}

/** 2 × 50.00 + 3 × 1.10 - 0.30 = 103.00, in two payments. */
export const receipt = (folio: number, more: Partial<Receipt> = {}): Receipt => ({
  kind: 'fiscal.receipt',
  folio,
  saleNumber: 'ED123456-0001-0000123',
  lines: [
    { text: `Нощувка ${folio}`, price: '50.00', quantity: '2', taxGroup: '1' },
    { text: 'Вода\t1', price: '1.10', quantity: '3', taxGroup: '2', adjustment: '-0.30' },
  ],
  payments: [
    { type: 'cash', amount: '3.00' },
    { type: 'card', amount: '100.00' },
  ],
  texts: [`Фолио ${folio}`],
  ...more,
});

/** Of what `receipt()` makes. */
export const isWhole = ({ total, lines, payments }: FiscalDocument): boolean =>
  total === 10_300 &&
  lines.map(({ cents }) => cents).join() === '10000,300' &&
  payments.map(({ cents }) => cents).join() === '300,10000';

export const QUICK: Times = {
  answerMs: 15,
  probeMs: 15,
  pauseMs: 5,
  lookAgainMs: 5,
  absentMs: 10,
  closeMs: 100,
};
/** For runs without mishaps: nothing is late on a slow machine. */
export const PATIENT: Times = {
  absentMs: 50,
  answerMs: 3_000,
  probeMs: 3_000,
  pauseMs: 5,
  lookAgainMs: 5,
  closeMs: 100,
};

/** A cable in memory: bytes arrive a moment later, the printer may hang up, and a new connection comes soon. */
export function cable(printer: PrinterDouble, { reconnectMs = 3 } = {}): OpenLine {
  return (_settings, hears) => {
    let isClosed = false;
    let other: ReturnType<PrinterDouble['connect']> | undefined;
    const down = (why: string): void => {
      if (other === undefined) return;
      other.closed();
      other = undefined;
      hears.down(why, true);
      if (!isClosed) setTimeout(up, reconnectMs);
    };
    const up = (): void => {
      if (isClosed) return;
      const mine = printer.connect(
        (bytes) => {
          const copy = Buffer.from(bytes);
          setImmediate(() => other === mine && hears.bytes(copy));
        },
        () => setImmediate(() => other === mine && down('ended')),
      );
      other = mine;
      hears.up('memory');
    };
    setImmediate(up);
    return {
      write: async (bytes) => {
        const copy = Buffer.from(bytes);
        setImmediate(() => other?.bytes(copy));
      },
      drop: down,
      close: async () => {
        isClosed = true;
        down('closed');
      },
    };
  };
}

export interface Unit extends AsyncDisposable {
  readonly printer: PrinterDouble;
  readonly stand: StandIn;
  /** Of the service that runs now. */
  order(one: Receipt | OrderOf<'fiscal.report'>): Promise<OrderOutcome>;
  /** Power off: nothing it does from now on reaches the card or the printer. False: it was off already. */
  kill(): boolean;
  /** As `order`; undefined when it is killed meanwhile: nobody answers then. */
  orderOrDie(one: Receipt): Promise<OrderOutcome | undefined>;
  /** A new process with the same card. */
  restart(): void;
}

export interface UnitOptions extends PrinterOptions {
  readonly times?: Times;
  readonly settings?: Settings;
  /** Called before (`false`) and after (`true`) the card has a text. */
  readonly onRemember?: (isKept: boolean) => void;
}

export function unit(dialect: Dialect, options: UnitOptions = {}): Unit {
  const { times = QUICK, onRemember } = options;
  const settings = options.settings ?? settingsOf(dialect);
  const printer = createPrinter(settings, { clock: systemClock }, options);
  const stand = standIn();
  let isDead = { dead: false, gone: Promise.withResolvers<undefined>() };
  let running: RunningInterface | undefined;
  const gone: RunningInterface[] = [];
  const waitForEver = new Promise<never>(() => undefined);

  const start = (): void => {
    const mine = { dead: false, gone: Promise.withResolvers<undefined>() };
    isDead = mine;
    const open: OpenLine = (line, hears) => {
      const real = cable(printer)(line, {
        ...hears,
        bytes: (chunk) => void (mine.dead || hears.bytes(chunk)),
      });
      return { ...real, write: async (bytes) => void (mine.dead || (await real.write(bytes))) };
    };
    const host: ServiceHost = {
      ...stand.host,
      openLine: open,
      talk: (now) => void (mine.dead || stand.host.talk(now)),
      trace: (direction, text) => void (mine.dead || stand.host.trace(direction, text)),
      remember: async (name: string, value: string | undefined) => {
        onRemember?.(false);
        if (mine.dead) return waitForEver;
        await stand.host.remember(name, value);
        onRemember?.(true);
        return mine.dead ? waitForEver : undefined;
      },
    };
    running = startDatecs(settings, host, times);
  };
  start();
  return {
    printer,
    stand,
    order: (one) => running!.handle(one, new AbortController().signal),
    orderOrDie: (one) =>
      Promise.race([running!.handle(one, new AbortController().signal), isDead.gone.promise]),
    kill: () => {
      if (isDead.dead) return false;
      isDead.dead = true;
      isDead.gone.resolve(undefined);
      // What it said last is true no longer.
      stand.host.talk({ at: 'down', why: 'killed' });
      gone.push(running!);
      return true;
    },
    restart: start,
    [Symbol.asyncDispose]: async () => {
      // A killed one may wait for its card for ever: its timers and its line end all the same.
      for (const one of gone) void one.close();
      await running!.close();
    },
  };
}
