// `./build.sh inspect`: says what an image or a card is.
import type { OperatorError } from '../../core/errors.ts';
import { command, usageError } from '../command.ts';
import { LEDGER_OPTIONS, ledgerOptions } from './factory.ts';
import { existing } from './places.ts';

export const inspect = command('inspect', {
  summary: 'say what an image or a card is and whether it is whole',
  about: `Looks at an image, a card file or a card (/dev/sdb) and changes nothing: partition table, boot
files, encryption, release, signature; also against the .sha256 and .bmap beside it. Says whose
card it is. One that has started opens on its own board, or by its recovery key: --identity takes
that from the ledger. Ends with 0 when it is whole, 1 when it is damaged or not ours.`,
  options: {
    json: { help: 'the answer for machines (image/README.md says what is in it)' },
    identity: { value: 'FILE', help: "support's identity file of age: opens the card of a unit" },
    key: { value: 'FILE', help: 'the key that opens the system partition of a sealed card' },
    signer: { value: 'FILE', help: 'the only public key (PEM) that may have signed it' },
    ledger: LEDGER_OPTIONS.ledger,
  },
  operands: ['FILE'],
  examples: [
    './build.sh inspect build/clock-iot-unit-0.1.0-1a2b3c4d.img',
    './build.sh inspect /dev/sdb --identity support.txt',
    './build.sh inspect unit.img --json --signer factory.pem',
  ],
  logged: false,
  run: async ({ values, operands: [file] }, { progress, print, signal }) => {
    for (const name of [file, values.key, values.signer, values.identity]) {
      if (name === undefined) continue;
      const missing = await existing(name).then(
        () => undefined,
        (error: OperatorError) => usageError(error.message, error.hint ?? ''),
      );
      if (missing !== undefined) throw missing;
    }
    const { inspectFile } = await import('../../unit/inspect/start.ts');
    const { report, text } = await inspectFile({
      ...{ ...values, file: file!, ledger: ledgerOptions(values).file, progress, signal },
    });
    print(values.json ? JSON.stringify(report) : text);
    return report.verdict === 'whole' ? 0 : 1;
  },
});
