// `./build.sh station` from the first word to the last: ledger, release, readers, the page.
import { isOurs, lookAtReaders } from '../card/find.ts';
import { prepareFlasher } from '../card/prepare.ts';
import type { FleetRequest, Flasher } from '../card/prepare.ts';
import { log } from '../core/log.ts';
import type { Progress } from '../core/progress.ts';
import { openLedger } from '../ledger/ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { listOrders } from '../ledger/units.ts';
import { labelPrinter } from './labels.ts';
import type { LabelPrinter } from './labels.ts';
import { openStation } from './page.ts';
import { Readers } from './readers.ts';
import type { Seen } from './readers.ts';
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

interface Around {
  readonly progress: Progress;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
  readonly look?: (signal: AbortSignal) => Promise<readonly Seen[] | undefined>;
}

/** Serves the page until it is stopped; returns the exit code. Throws OperatorError for what concerns no single card. */
export async function runStationPage(
  request: StationRequest,
  { progress, print, signal, look = lookAtCards }: Around,
): Promise<number> {
  const ledger = openLedger(request.file);
  try {
    const flasher = await prepareFlasher(request, { progress, signal, ledger });
    const { by, labelCommand: command, labelFormat: format } = request;
    const labels = labelPrinter(ledger, { by, command, format });
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
  readonly look: (signal: AbortSignal) => Promise<readonly Seen[] | undefined>;
  readonly signal: AbortSignal;
}

/** The readers look for the station, and the station writes what they find: each needs the other. */
function together({ ledger, flasher, labels, look, signal }: Parts): {
  station: Station;
  readers: Readers;
} {
  const readers: Readers = new Readers({
    look: () => look(signal),
    flash: flasher.flash,
    changed: () => station.look(),
    nowMs: () => performance.now(),
    signal,
  });
  const { version, development } = flasher;
  const station: Station = new Station({
    release: { version, development },
    hasPrinter: labels.print !== undefined,
    orders: () => listOrders(ledger),
    cards: () => readers.cards(),
    finished: () => readers.finished(),
    write: (device, order) => readers.write(device, order),
    printLabel: async (serial) => {
      await labels.print?.(serial);
      readers.labelled(serial);
    },
  });
  return { station, readers };
}

/** A look that fails now and then (a reader that is just being unplugged) must not end an operator's day. */
async function lookAtCards(signal: AbortSignal): Promise<readonly Seen[] | undefined> {
  try {
    const looks = await lookAtReaders(signal);
    return await Promise.all(
      looks.map(async ({ device, verdict }): Promise<Seen> => {
        if (verdict.ok) {
          const { card } = verdict;
          return { is: 'found', card, isOurs: await isOurs(card.device).catch(() => false) };
        }
        const { path, model, bytes } = device;
        const { code, message: text, hint = '' } = verdict.error;
        return {
          is: 'refused',
          card: { device: path, model, bytes },
          reason: { code, text, hint },
        };
      }),
    );
  } catch (error) {
    log(`# looking for cards failed: ${String(error)}`);
    return undefined;
  }
}
