// `./build.sh recover`: what a failed unit had not told yet, out of its card.
import { command } from '../command.ts';
import { LEDGER_OPTIONS, ledgerOptions } from './factory.ts';
import { existing, writableFile } from './places.ts';

export const recover = command('recover', {
  summary: "bring out of a failed unit's card what it had not told yet",
  about: `Opens the state of a card (or of a file of one) with its recovery key and writes what waited
on it into one file for the unit's next card (./build.sh reflash --from). Works without the board.
The card is only read; a journal that a power cut left is replayed on a copy in memory; blocks that
cannot be read are named and the rest comes out. The file holds the keys of the hotel's account: it
is for this user alone; delete it after the reflash. Ends with 1 when something is lost.`,
  options: {
    identity: {
      value: 'FILE',
      help: "support's identity file of age: opens the key in the ledger",
    },
    key: { value: 'FILE', help: 'the recovery key itself (64 hex digits)' },
    serial: { value: 'SERIAL', help: 'for a card that does not say whose it is' },
    out: { value: 'FILE', help: 'the file to make [recovered-SERIAL-TIME.db]' },
    ledger: LEDGER_OPTIONS.ledger,
  },
  operands: ['DEVICE'],
  examples: [
    './build.sh recover /dev/sdb --identity support.txt',
    './build.sh recover card.img --key recovery.key --out hotel-adler.db',
  ],
  logged: false,
  run: async ({ values, operands: [file] }, { progress, print, signal }) => {
    for (const name of [file, values.identity, values.key]) {
      if (name !== undefined) await existing(name);
    }
    await writableFile(values.out ?? 'recovered.db', { isNew: values.out !== undefined });
    const { recoverFile } = await import('../../unit/recover/start.ts');
    const { renderRecovery } = await import('../../unit/recover/report.ts');
    const recovery = await recoverFile({
      ...{ file: file!, identity: values.identity, key: values.key },
      ...{ serial: values.serial, out: values.out, nowMs: Date.now(), progress, signal },
      ledger: ledgerOptions(values).file,
    });
    print(renderRecovery(recovery));
    return recovery.lost.length === 0 ? 0 : 1;
  },
});
