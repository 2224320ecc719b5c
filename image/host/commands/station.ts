// `./build.sh station`: a page for whoever writes cards and does not like terminals.
import { join } from 'node:path';
import { command } from '../command.ts';
import { LEDGER_OPTIONS, ledgerOptions } from './factory.ts';
import { BUILD, existing, wholeNumber } from './places.ts';

export const station = command('station', {
  summary: 'write cards from a page in a browser: tiles, orders, labels',
  about: `Serves a page on this machine alone, at an address that it prints: cards as tiles with progress,
orders by scanner or button, labels. Keys 1-9 write a card, A switches to writing every empty card
that is put in, W writes all, S goes to the order's field, L prints the last label; two keys within
0.3 s are the beginning of an order's name. Cards are written as "./build.sh flash" does. Run it as
root (cards are devices), and the browser as yourself. Ctrl-C ends it; cards under way must then be
written anew.`,
  options: {
    claim: { value: 'DIR', help: "the fleet's claim (claim.crt, claim.key)" },
    endpoints: { value: 'FILE', help: "another cloud than the release's (agent/README.md)" },
    release: { value: 'DIR', help: 'the release to write [the newest in build/release]' },
    signer: { value: 'FILE', help: 'the only public key (PEM) that may have signed it' },
    'label-command': {
      value: 'COMMAND',
      help: 'prints the label it gets on its standard input, e.g. "lp -d labels"',
    },
    'label-format': {
      value: 'NAME',
      choices: ['pdf', 'zpl'],
      help: 'of what that command gets',
      default: 'pdf',
    },
    port: {
      value: 'PORT',
      accepts: wholeNumber(0, 65_535),
      help: 'of the page; 0 is a free one',
      default: '0',
    },
    ledger: LEDGER_OPTIONS.ledger,
    operator: LEDGER_OPTIONS.operator,
  },
  operands: [],
  examples: [
    './build.sh station --claim claim/ --signer factory.pem',
    './build.sh station --label-format zpl --label-command "nc -N 192.0.2.7 9100"',
  ],
  logged: true,
  run: async ({ values }, around) => {
    for (const file of [values.signer, values.endpoints]) {
      if (file !== undefined) await existing(file);
    }
    const { runStationPage } = await import('../../station/run.ts');
    return runStationPage(
      {
        ...{ claim: values.claim, endpoints: values.endpoints },
        ...{ release: values.release, signer: values.signer, port: Number(values.port) },
        ...ledgerOptions({ ledger: values.ledger, operator: values.operator }),
        labelCommand: values['label-command'],
        labelFormat: values['label-format'] === 'zpl' ? 'zpl' : 'pdf',
        releases: join(BUILD, 'release'),
      },
      around,
    );
  },
});
