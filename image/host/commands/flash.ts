// `./build.sh flash`: writes cards, each for a unit of its own.
import { join } from 'node:path';
import { command, usageError } from '../command.ts';
import { LEDGER_OPTIONS, ledgerOptions } from './factory.ts';
import { BUILD, existing } from './places.ts';

const { ledger, operator } = LEDGER_OPTIONS;

export const flash = command('flash', {
  summary: 'write cards, each for a unit of its own, and read them back',
  about: `Writes each card for the next unit of an order (or for a new one): own keys, serial, accounts and
services, then reads back every byte and notes it in the ledger. Cards go at once, each at its own
speed; a bad one is named with its reason, the others go on. A disk of this machine, a mounted card
or a part of one is refused. Without DEVICE it says which cards are there. All that is on a card is
lost; one that was interrupted starts from no board. Cards usually need root (sudo). Ends with 1
when a card was bad, or one of those named was not written.
The claim is what a unit registers with: certificate and key of AWS IoT's fleet provisioning, from
whoever runs the cloud. To try without readers and without a cloud: "truncate -s 4G card.img" makes
a file that serves as a card, "npm run bench:cloud" a claim in build/cloud.`,
  options: {
    'all-new': { help: 'every empty card that is in a reader now' },
    station: { help: "an operator's loop: put in, wait, take out, put in the next" },
    yes: { help: 'do not ask' },
    order: { value: 'ID', help: "this order's units, in their order" },
    claim: { value: 'DIR', help: "the fleet's claim (claim.crt, claim.key)" },
    endpoints: { value: 'FILE', help: "another cloud than the release's (agent/README.md)" },
    release: { value: 'DIR', help: 'the release to write [the newest in build/release]' },
    signer: { value: 'FILE', help: 'the only public key (PEM) that may have signed it' },
    ...{ ledger, operator },
  },
  operands: ['[DEVICE…]'],
  examples: [
    './build.sh flash /dev/sdb /dev/sdc --order A-17 --claim claim/',
    './build.sh flash --all-new --signer factory.pem',
    './build.sh flash --station --yes --order A-17 --claim claim/',
  ],
  logged: true,
  run: async ({ values, operands }, { progress, print, signal }) => {
    const many = [values['all-new'], values.station, operands.length > 0].filter(Boolean);
    if (many.length > 1) {
      const hint = 'Give devices, or --all-new, or --station';
      throw usageError('It must be plain which cards are meant', hint);
    }
    for (const file of [values.signer, values.endpoints]) {
      if (file !== undefined) await existing(file);
    }
    const { runFlash } = await import('../../card/run.ts');
    return runFlash(
      {
        ...{ devices: operands, allNew: values['all-new'], station: values.station },
        ...{ yes: values.yes, order: values.order, claim: values.claim },
        ...{ endpoints: values.endpoints, release: values.release, signer: values.signer },
        ...ledgerOptions({ ledger: values.ledger, operator: values.operator }),
        releases: join(BUILD, 'release'),
      },
      { progress, print, signal },
    );
  },
});
