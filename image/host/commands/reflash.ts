// `./build.sh reflash`: another card for a unit that had one.
import { join } from 'node:path';
import { command } from '../command.ts';
import { LEDGER_OPTIONS, ledgerOptions } from './factory.ts';
import { BUILD, existing } from './places.ts';

export const reflash = command('reflash', {
  summary: 'write another card for a unit that had one',
  about: `Writes a card for a unit that the ledger knows: same serial, accounts and services, new keys,
for this board or another one. --from takes along what ./build.sh recover brought out of the last
card; without it whatever that card had not told is lost. When the new card connects, the
certificate of the last one is retired. The cloud must know of it first: ./build.sh unit export.`,
  options: {
    from: { value: 'FILE', help: 'what ./build.sh recover made of the last card' },
    identity: { value: 'FILE', help: "support's identity file of age: opens what belongs on it" },
    yes: { help: 'do not ask' },
    claim: { value: 'DIR', help: "the fleet's claim (claim.crt, claim.key)" },
    endpoints: { value: 'FILE', help: "another cloud than the release's (agent/README.md)" },
    release: { value: 'DIR', help: 'the release to write [the newest in build/release]' },
    signer: { value: 'FILE', help: 'the only public key (PEM) that may have signed it' },
    ...LEDGER_OPTIONS,
  },
  operands: ['SERIAL', 'DEVICE'],
  examples: [
    './build.sh reflash 3f9a /dev/sdb --from queue.db --claim claim/ --identity support.txt',
    './build.sh reflash 3f9a /dev/sdb --claim claim/ --identity support.txt',
  ],
  logged: true,
  run: async ({ values, operands: [serial, device] }, { progress, print, signal }) => {
    for (const file of [values.from, values.identity, values.signer, values.endpoints]) {
      if (file !== undefined) await existing(file);
    }
    const { runReflash } = await import('../../card/reflash.ts');
    return runReflash(
      {
        ...{ serial: serial!, device: device!, from: values.from, identity: values.identity },
        ...{ yes: values.yes, claim: values.claim, endpoints: values.endpoints },
        ...{ release: values.release, signer: values.signer },
        ...ledgerOptions(values),
        releases: join(BUILD, 'release'),
      },
      { progress, print, signal },
    );
  },
});
