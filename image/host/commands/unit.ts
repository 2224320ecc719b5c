// `./build.sh unit`: the ledger of units. What each action does stands in unit/.
import { command, nearest, usageError } from '../command.ts';
import { LEDGER_OPTIONS, ledgerOptions } from './factory.ts';
import { wholeNumber } from './places.ts';

export const unit = command('unit', {
  summary: 'keep the ledger of units: order, look up, retire, back up',
  about: `The ledger knows every unit: its serial, what it is for, each card it had and what became of it.
  init               begin a ledger: --recipient age1… (support's public key) or --no-escrow
  recipient          say which key of support is used, or change it: --recipient, --no-escrow
  import FILE.csv    make the units of a file of orders, all or none; --dry-run only judges it
  new                make units without accounts: --count N, --order X, --name TEXT
  list               units in a table; --order X, --state S
  show SERIAL        one unit, its cards, and what to do when it needs one; --events
  settle SERIAL      an uncertain unit whose card was looked at and is whole
  replace SERIAL     retire it and make a new one like it (a done one: --why TEXT);
                     --order X: all uncertain ones of X
  mac SERIAL MAC     note the board that goes with it
  retire SERIAL      gets no card, refused by the cloud; --why TEXT; --order X: all without a card
  export             what the cloud must know of serials; --format json or csv, --out FILE
  history            the newest events; --count N
  verify             whether all is as it was told; --head HASH asks for an earlier state
  backup FILE        a copy while stations work (a folder will do)
  restore FILE       a copy in the ledger's place, which is kept beside it
  unseal             open what cards wait for, after a restore elsewhere: --identity FILE
A serial may be cut after its first digits, or be as the label has it: in groups, as the host name,
or what the code holds. Several stations of one machine may use one ledger at once; a network file
system is refused. image/README.md says what columns orders have, and how secrets are kept.`,
  options: {
    recipient: { value: 'KEY', help: "support's public key (age1…): init" },
    'no-escrow': { help: 'keep recovery keys nowhere: init' },
    count: { value: 'N', accepts: wholeNumber(1, 20_000), help: 'how many: new, history' },
    order: { value: 'ID', help: 'of this order: new, list, replace, retire' },
    name: { value: 'TEXT', help: "whose it is, e.g. the hotel's name: new" },
    state: {
      value: 'STATE',
      choices: ['new', 'writing', 'done', 'uncertain', 'overwritten', 'retired'],
      help: 'only those: list',
    },
    events: { help: 'all that was told of it: show' },
    why: { value: 'TEXT', help: 'the reason: retire, replace' },
    'dry-run': { help: 'change nothing: import' },
    force: { help: 'also over a ledger that knows more, which is kept: restore' },
    identity: { value: 'FILE', help: "support's identity file of age: unseal" },
    format: {
      value: 'NAME',
      choices: ['json', 'csv'],
      help: "[by --out's ending, else json]: export",
    },
    out: { value: 'FILE', help: 'where it is written: export' },
    head: {
      value: 'HASH',
      // Of one or two digits there is nearly always an event.
      accepts: (text) =>
        /^[0-9a-f]{8,64}$/.test(text)
          ? undefined
          : 'Give 8 digits or more of a head, as it was printed',
      help: 'must be in the chain: verify',
    },
    json: { help: 'the answer for machines' },
    ...LEDGER_OPTIONS,
  },
  operands: ['ACTION', '[WHAT]', '[VALUE]'],
  examples: [
    './build.sh unit init --recipient age1…',
    './build.sh unit import orders.csv --dry-run',
    './build.sh unit new --count 5 --order A-17 --name "Hotel Adler"',
    './build.sh unit show 3f9a',
    './build.sh unit verify',
  ],
  logged: false,
  run: async ({ values, operands: [action = '', what, value] }, { print }) => {
    const { ACTIONS } = await import('./unit/actions.ts');
    const { refuseUnused } = await import('./unit/call.ts');
    const found = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (found === undefined) {
      const known = Object.keys(ACTIONS);
      const near = nearest(action, known);
      const hint = near === undefined ? `Use one of: ${known.join(', ')}` : `Did you mean ${near}?`;
      throw usageError(`"unit" has no action "${action}"`, hint);
    }
    const call = { values, what, value, print, ...ledgerOptions(values) };
    refuseUnused(action, call);
    return found(call);
  },
});
