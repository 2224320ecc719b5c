// `./build.sh label`: prints units' labels into a file, and notes in the ledger that it did.
import { writeWhole } from '../../core/files.ts';
import { command, usageError } from '../command.ts';
import { LEDGER_OPTIONS, ledgerOptions, notTheLedger } from './factory.ts';
import { formatOf, wholeNumber, writableFile } from './places.ts';
import type { Kind } from './places.ts';

const FORMATS = ['pdf', 'png', 'zpl'] as const;
/** What is printed again under the same name is replaced, nothing else. */
const KINDS = {
  pdf: { begins: '%PDF', is: 'PDF' },
  png: { begins: '\x89PNG', is: 'PNG' },
  zpl: { begins: '^XA', is: 'ZPL' },
} as const satisfies Readonly<Record<(typeof FORMATS)[number], Kind>>;

export const label = command('label', {
  summary: "print a unit's label, or a sheet of them for an order",
  about: `Serial, host name, address as a QR code, name, account, and MAC if the ledger has it. A label is
70 × 37 mm; the labels of an order come as sheets of A4 with three by eight (e.g. Avery 3474: print
at 100 %, without margins). PNG has 600 dots an inch, a sheet 300; ZPL is for label printers with
203. Each is noted in the ledger.
For a printer on the network: ./build.sh label SERIAL --format zpl --out=- | nc PRINTER 9100`,
  options: {
    order: { value: 'ID', help: 'all units of this order that are not retired' },
    format: { value: 'NAME', choices: FORMATS, help: "of the file [by --out's ending, else pdf]" },
    out: { value: 'FILE', help: 'where it goes (=- for the standard output) [label-….pdf]' },
    first: {
      value: 'N',
      accepts: wholeNumber(1, 24),
      help: 'place of the first label on a sheet that was used [1]',
    },
    ...LEDGER_OPTIONS,
  },
  operands: ['[SERIAL]'],
  examples: [
    './build.sh label 3f9a',
    './build.sh label --order A-17 --out a-17.pdf',
    './build.sh label 3f9a --out 3f9a.zpl',
  ],
  logged: false,
  run: async ({ values, operands: [serial] }, { print, signal }) => {
    const { order, out, first } = values;
    const { file, by } = ledgerOptions(values);
    if (out !== undefined) notTheLedger(out, file);
    const format = formatOf(FORMATS, values);
    if ((serial === undefined) === (order === undefined)) {
      throw usageError('Whose label?', 'Give a SERIAL, or --order ID');
    }
    if (first !== undefined && (order === undefined || format === 'zpl')) {
      throw usageError('--first is for sheets', 'They are made of --order ID, as PDF or PNG');
    }
    const { openLedger, orderUnknown } = await import('../../ledger/ledger.ts');
    const { listUnits, noteLabel } = await import('../../ledger/units.ts');
    const { orderRetired } = await import('../../ledger/view.ts');
    const { printLabels } = await import('../../label/print.ts');
    const { printable } = await import('../../label/label.ts');
    const ledger = openLedger(file);
    try {
      const units =
        serial === undefined
          ? listUnits(ledger, { order }).filter(({ state }) => state !== 'retired')
          : [ledger.unit(serial)];
      if (units.length === 0) throw orderRetired(ledger.store.sql, order!) ?? orderUnknown(order!);
      const form = order === undefined ? 'one' : 'sheet';
      const pages = await printLabels(units, { format, form, first: Number(first ?? 1) });
      // Drawing many takes seconds: after Ctrl-C none is there, and none is noted.
      signal.throwIfAborted();
      const usual = `label-${order ?? units[0]!.serial.slice(0, 8)}.${format}`;
      notTheLedger(out ?? usual, file);
      const names = await write(pages, out ?? usual, KINDS[format]);
      for (const unit of units) noteLabel(ledger, unit.serial, { by, format });
      if (out === '-') return 0;
      print(`${units.length === 1 ? '1 label' : `${units.length} labels`}: ${names.join(', ')}`);
      if (units[0]!.state === 'retired') print(`! ${units[0]!.serial} is retired`);
      for (const name of new Set(units.map(({ name = '' }) => name))) {
        const shown = printable(name);
        if (shown.includes('?') && !name.includes('?'))
          print(`! "${name}" is printed as "${shown}"`);
      }
      return 0;
    } finally {
      ledger.close();
    }
  },
});

/** One file, or one for each page with its number before the ending. Returns their names. */
async function write(
  pages: readonly Buffer[],
  out: string,
  over: Kind,
): Promise<readonly string[]> {
  if (out === '-') {
    if (pages.length > 1) throw usageError('Several pages go into files', 'Give --out FILE');
    process.stdout.write(pages[0]!);
    return [];
  }
  const names = pages.map((_page, index) =>
    pages.length === 1 ? out : out.replace(/(\.\w+)?$/, `-${index + 1}$1`),
  );
  for (const name of names) await writableFile(name, { over });
  writeWhole(names.map((name, index) => [name, pages[index]!]));
  return names;
}
