// Receipt printers: up to ten of them, one job at a time each, nothing printed twice by itself.
import { codeOf } from '../../core/errors.ts';
import type {
  Interface,
  Need,
  RunningInterface,
  ServiceHost,
  TestStep,
} from '../../core/interface.ts';
import type { OrderOf, OrderOutcome } from '../../core/vocabulary.ts';
import { parseEscposSettings } from './config.ts';
import type { EscposSettings, Printer } from './config.ts';
import { createPrinter } from './counterpart.ts';
import { createLedger } from './ledger.ts';
import { WAITING_MAX } from './limits.ts';
import { lookAt, print } from './print.ts';
import type { Look, Printed } from './print.ts';
import { texts } from './texts.ts';
import { createWatch } from './watch.ts';
import { compose, isCopy, PROBLEMS } from './wire.ts';

type Receipt = OrderOf<'receipt.print'>;

/** In words, for people. */
function wordsOf(look: Look): string {
  switch (look.is) {
    case 'there': {
      const words = look.problems.map((problem) => PROBLEMS[problem]);
      return words.length === 0 ? 'ready' : words.join(', ');
    }
    case 'unasked':
      return 'reached; it is not asked how it is';
    case 'silent':
      return 'connected, but it says nothing: another program is printing, or it cannot say (setting status)';
    case 'away':
      return look.code === 'ECONNREFUSED'
        ? 'it takes no connection (ECONNREFUSED): switched off, or another program holds it'
        : `not reached (${look.code}): is it switched on, is the cable in?`;
  }
}

function outcomeOf(printed: Printed): OrderOutcome {
  switch (printed.is) {
    case 'printed':
      return { ok: true, body: { printed: printed.by } };
    case 'unknown': {
      const why =
        printed.why in PROBLEMS ? PROBLEMS[printed.why as keyof typeof PROBLEMS] : printed.why;
      const text = `look at the printer: ${why}. To print it again, print a copy`;
      return { ok: false, why: 'unknown', text };
    }
    case 'not-begun': {
      const { look } = printed;
      if (look.is === 'away' && look.code === 'aborted') return { ok: false, why: 'expired' };
      const why = { away: 'offline', silent: 'busy', there: 'refused' } as const;
      return { ok: false, why: why[look.is], text: wordsOf(look) };
    }
  }
}

function start(settings: EscposSettings, host: ServiceHost): RunningInterface {
  const { printers, copyWords } = settings;
  const ending = new AbortController();
  const ledger = createLedger(host);
  const queues = new Map(
    printers.map(({ name }) => [name, { tail: Promise.resolve(), waiting: 0 }]),
  );
  const watch = createWatch(settings, host, {
    // Whoever prints looks anyhow.
    look: async (printer) =>
      inTurn(printer, async () =>
        lookAt(printer, { host, signal: ending.signal, looked: () => {} }),
      ),
  });

  /** One job at a time. */
  const inTurn = async <T>({ name }: Printer, work: () => Promise<T>): Promise<T> => {
    const queue = queues.get(name)!;
    const mine = queue.tail.then(work);
    const settle = async (): Promise<void> => {
      await mine.catch(codeOf);
      queue.waiting -= 1;
    };
    queue.waiting += 1;
    queue.tail = settle();
    return mine;
  };

  const carryOut = async (
    printer: Printer,
    order: Receipt,
    signal: AbortSignal,
  ): Promise<OrderOutcome> => {
    if (signal.aborted) return { ok: false, why: 'expired' };
    const { name } = printer;
    const fate = await ledger.fateOf(name, order.document);
    if (fate !== undefined && !isCopy(order.parts, copyWords)) {
      const was = fate === 'printed' ? 'was printed' : 'may have been printed';
      host.count('repeats');
      const text = `document ${order.document} ${was} on ${name}: again only as a copy, with a line ${copyWords[0]}`;
      return { ok: false, why: 'refused', text };
    }
    const composed = compose(order.parts, printer);
    if (!composed.ok) {
      return { ok: false, why: 'wrong', text: `part ${composed.part}: ${composed.problem}` };
    }
    const { bytes, transliterated, lost } = composed;
    host.trace('out', `${name}: ${order.parts.length} parts, ${bytes.length} bytes`);
    const printed = await print(bytes, printer, {
      ...{ host, signal, looked: (look) => watch.saw(printer, look) },
      begin: async () => ledger.set(name, order.document, 'begun'),
    });
    host.trace('in', `${name}: ${JSON.stringify(printed)}`);
    host.count({ printed: 'printed', unknown: 'unknown', 'not-begun': 'not printed' }[printed.is]);
    // Should it not get to the card, the document stays one that may have been printed.
    if (printed.is === 'printed') await ledger.set(name, order.document, 'printed').catch(codeOf);
    const outcome = outcomeOf(printed);
    if (!outcome.ok || transliterated + lost === 0) return outcome;
    return { ok: true, body: { ...outcome.body, transliterated, lost } };
  };

  return {
    handle: async (order, signal) => {
      if (order.kind !== 'receipt.print') return { ok: false, why: 'unsupported' };
      const printer = printers.find(({ name }) => name === order.printer);
      if (printer === undefined) {
        return { ok: false, why: 'wrong', text: `there is no printer ${order.printer}` };
      }
      if (queues.get(printer.name)!.waiting >= WAITING_MAX) {
        return { ok: false, why: 'busy', text: `${WAITING_MAX} receipts wait for ${printer.name}` };
      }
      const either = AbortSignal.any([signal, ending.signal]);
      return inTurn(printer, async () => carryOut(printer, order, either)).catch(
        // The agent is away, and nothing was sent.
        (error: unknown): OrderOutcome => ({ ok: false, why: 'busy', text: codeOf(error) }),
      );
    },
    close: async () => {
      ending.abort();
      watch.close();
      await Promise.all(Array.from(queues.values(), async ({ tail }) => tail));
    },
  };
}

function needsOf({ printers }: EscposSettings): readonly Need[] {
  return printers.map(({ at }) =>
    at.kind === 'tcp'
      ? { need: 'connect', host: at.host, port: at.port }
      : { need: 'device', path: at.device },
  );
}

/** Prints nothing. */
async function test(
  { printers }: EscposSettings,
  host: ServiceHost,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const steps: TestStep[] = [];
  for (const printer of printers) {
    const look = await lookAt(printer, { host, signal, looked: () => {} });
    const ok = look.is === 'unasked' || (look.is === 'there' && look.problems.length === 0);
    steps.push({ step: printer.name, ok, text: wordsOf(look) });
  }
  return steps;
}

export const escpos: Interface<EscposSettings> = {
  name: 'escpos',
  title: texts.title.en,
  texts,
  takes: ['receipt.print'],
  emits: ['device.status'],
  parse: parseEscposSettings,
  needs: needsOf,
  targets: ({ printers }) => printers.map(({ name }) => name),
  start,
  test,
  counterpart: ({ printers: [first] }) => createPrinter(first),
};
