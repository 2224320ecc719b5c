// A unit's label from the station: as a PDF to open, and through a command to a printer. Printing is noted in the ledger.
import { OperatorError } from '../core/errors.ts';
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
    signal,
    msMax = PRINT_MS_MAX,
  }: {
    readonly by: Actor;
    readonly command: string | undefined;
    readonly format: Exclude<LabelFormat, 'png'>;
    /** Ends a label that is being printed, which is not noted then. */
    readonly signal: AbortSignal;
    readonly msMax?: number;
  },
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
      const over = AbortSignal.timeout(msMax);
      const hint = `Is the printer on, and has it labels? Try: ./build.sh label ${serial} --format ${format}`;
      const stdin = await label(serial, format);
      const either = AbortSignal.any([signal, over]);
      await run(['sh', '-c', command], { stdin, signal: either, hint }).catch((error: unknown) => {
        if (!over.aborted) throw error;
        const text = `The printer takes no label: "${command}" did not end in ${msMax / 1000} s`;
        throw new OperatorError('printer-holds', text, { hint, cause: error });
      });
      noteLabel(ledger, serial, { by, format });
    },
  };
}

/** Throws OperatorError when it names no program: better now than at the first label. */
export async function checkCommand(command: string): Promise<void> {
  const [word = ''] = command.trim().split(/\s+/);
  // Of what is more than a name, sh knows more than this.
  if (!/^[\w./+-]+$/.test(word)) return;
  const { stdout } = await run(['sh', '-c', 'command -v -- "$1"', 'sh', word], {
    accept: [0, 127],
  });
  if (stdout !== '') return;
  throw new OperatorError('label-command', `There is no program "${word}" to print labels with`, {
    hint: 'Give --label-command a command that takes a label on its standard input, e.g. "lp -d labels"',
  });
}
