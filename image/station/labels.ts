// A unit's label from the station: as a PDF to open, and through a command to a printer. Printing is noted in the ledger.
import { run } from '../core/run.ts';
import { printLabels } from '../label/print.ts';
import type { LabelFormat } from '../label/print.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Actor } from '../ledger/ports.ts';
import { noteLabel } from '../ledger/units.ts';

/** A printer that has run out of labels holds its command; the page says so then. */
const PRINT_MS_MAX = 30_000;

export interface LabelPrinter {
  readonly pdf: (serial: string) => Promise<Uint8Array>;
  /** Undefined: there is no printer. Throws OperatorError. */
  readonly print: ((serial: string) => Promise<void>) | undefined;
}

/** `command` takes a label on its standard input, e.g. "lp -d labels" or "nc 192.0.2.7 9100". */
export function labelPrinter(
  ledger: Ledger,
  {
    by,
    command,
    format,
  }: { by: Actor; command: string | undefined; format: Exclude<LabelFormat, 'png'> },
): LabelPrinter {
  const label = async (serial: string, as: LabelFormat): Promise<Buffer> => {
    const [bytes] = await printLabels([ledger.unit(serial)], { format: as, form: 'one', first: 1 });
    return bytes!;
  };
  const pdf = (serial: string): Promise<Buffer> => label(serial, 'pdf');
  if (command === undefined) return { pdf, print: undefined };
  return {
    pdf,
    print: async (serial) => {
      await run(['sh', '-c', command], {
        stdin: await label(serial, format),
        signal: AbortSignal.timeout(PRINT_MS_MAX),
        hint: `Is the printer on, and has it labels? Try: ./build.sh label ${serial} --format ${format}`,
      });
      noteLabel(ledger, serial, { by, format });
    },
  };
}
