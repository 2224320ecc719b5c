// `./build.sh station` from the first word to the last: ledger, release, readers, the page.
import { CardLooks } from '../card/looks.ts';
import type { Busy, Seen } from '../card/looks.ts';
import { prepareFlasher } from '../card/prepare.ts';
import type { FleetRequest, Flasher } from '../card/prepare.ts';
import { log } from '../core/log.ts';
import type { Progress } from '../core/progress.ts';
import { openLedger } from '../ledger/ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { listOrders } from '../ledger/units.ts';
import { checkCommand, labelPrinter } from './labels.ts';
import type { LabelPrinter } from './labels.ts';
import { openStation } from './page.ts';
import { Readers } from './readers.ts';
import { Station } from './station.ts';

export interface StationRequest extends FleetRequest {
  /** The ledger's. */
  readonly file: string;
  /** 0: a free one. */
  readonly port: number;
  /** Prints the label that it gets on its standard input. */
  readonly labelCommand: string | undefined;
  readonly labelFormat: 'pdf' | 'zpl';
}

type Look = (signal: AbortSignal, busy: Busy) => Promise<readonly Seen[] | undefined>;

interface Around {
  readonly progress: Progress;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
  readonly look?: Look;
}

/** Serves the page until it is stopped; returns the exit code. Throws OperatorError for what concerns no single card. */
export async function runStationPage(
  request: StationRequest,
  { progress, print, signal, look = looksOf(new CardLooks()) }: Around,
): Promise<number> {
  if (request.labelCommand !== undefined) await checkCommand(request.labelCommand);
  const ledger = openLedger(request.file);
  try {
    const flasher = await prepareFlasher(request, { progress, signal, ledger });
    const { by, labelCommand: command, labelFormat: format } = request;
    const labels = labelPrinter(ledger, { by, command, format, signal });
    const { station, readers } = together({ ledger, flasher, labels, look, signal });
    const onError = (error: unknown): void => log(`# the page: ${String(error)}`);
    await using page = await openStation({
      station,
      labelPdf: labels.pdf,
      port: request.port,
      onError,
    });
    print(`Open in a browser of this machine: ${page.address}\nCtrl-C ends.`);
    await readers.watch();
    return 0;
  } finally {
    ledger.close();
  }
}

interface Parts {
  readonly ledger: Ledger;
  readonly flasher: Flasher;
  readonly labels: LabelPrinter;
  readonly look: Look;
  readonly signal: AbortSignal;
}

/** The readers look for the station, and the station writes what they find: each needs the other. */
function together({ ledger, flasher, labels, look, signal }: Parts): {
  station: Station;
  readers: Readers;
} {
  const readers: Readers = new Readers({
    look: (busy) => look(signal, busy),
    flash: flasher.flash,
    changed: () => station.look(),
    nowMs: () => performance.now(),
    signal,
  });
  const { version, development, hasClaim } = flasher;
  const station: Station = new Station({
    release: { version, development },
    hasClaim,
    hasPrinter: labels.print !== undefined,
    orders: () => listOrders(ledger),
    cards: () => readers.cards(),
    finished: () => readers.finished(),
    write: (device, how) => readers.write(device, how),
    printLabel: async (serial) => {
      await labels.print?.(serial);
      readers.labelled(serial);
    },
  });
  return { station, readers };
}

const looksOf =
  (looks: CardLooks): Look =>
  (signal, busy) =>
    looks.see(signal, busy);
