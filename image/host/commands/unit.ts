// `./build.sh unit`: the ledger of units. What each action does stands in unit/.
import { command, nearest, usageError } from '../command.ts';
import { LEDGER_OPTIONS, ledgerOptions } from './factory.ts';
import { wholeNumber } from './places.ts';

export const unit = command('unit', {
  summary: 'keep the ledger of units: order, look up, retire, back up',
  about: `The ledger knows every unit: its serial, what it is for, each card it had and what became of it.
  init               begin a ledger: --recipient age1… (support's public key) or --no-escrow
  recipient          say which key of support is used, or set it: --recipient, --no-escrow
  new                make units: --count N, --order X, --name TEXT
  list               units in a table; --order X, --state S
  show SERIAL        one unit, its cards, and what to do when one is uncertain; --events
  settle SERIAL      an uncertain unit whose card was looked at and is whole
  mac SERIAL MAC     note the board that goes with it
  retire SERIAL      it gets no card any more and the cloud refuses it; --why TEXT
  history            the newest events; --count N
  verify             whether all is as it was told; --head HASH asks for an earlier state
A serial may be cut after its first digits, or be the unit's host name. Several stations of one
machine may use one ledger at once; a network file system is refused.`,
  options: {
    recipient: { value: 'KEY', help: "support's public key (age1…): init" },
    'no-escrow': { help: 'keep recovery keys nowhere: init' },
    count: { value: 'N', accepts: wholeNumber(1, 20_000), help: 'how many: new, history' },
    order: { value: 'ID', help: 'of this order: new, list' },
    name: { value: 'TEXT', help: "whose it is, e.g. the hotel's name: new" },
    state: {
      value: 'STATE',
      choices: ['new', 'writing', 'done', 'uncertain', 'retired'],
      help: 'only units in it: list',
    },
    events: { help: 'all that was told of it: show' },
    why: { value: 'TEXT', help: 'the reason: retire' },
    head: { value: 'HASH', help: 'must be in the chain: verify' },
    json: { help: 'the answer for machines' },
    ...LEDGER_OPTIONS,
  },
  operands: ['ACTION', '[WHAT]', '[VALUE]'],
  examples: [
    './build.sh unit init --recipient age1…',
    './build.sh unit new --count 5 --order A-17 --name "Hotel Adler"',
    './build.sh unit show 3f9a',
    './build.sh unit verify',
  ],
  logged: false,
  run: async ({ values, operands: [action = '', what, value] }, { print }) => {
    const { ACTIONS } = await import('./unit/actions.ts');
    const found = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (found === undefined) {
      const known = Object.keys(ACTIONS);
      const near = nearest(action, known);
      const hint = near === undefined ? `Use one of: ${known.join(', ')}` : `Did you mean ${near}?`;
      throw usageError(`"unit" has no action "${action}"`, hint);
    }
    return found({ values, what, value, print, ...ledgerOptions(values) });
  },
});
