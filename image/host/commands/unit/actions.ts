// What each action of `./build.sh unit` does; those that read and write files stand in files.ts.
import { isRecipient } from '../../../ledger/seal.ts';
import { createLedger, orderUnknown } from '../../../ledger/ledger.ts';
import { eventLines, unitTable, unitText, verdictText } from '../../../ledger/report.ts';
import { openStore } from '../../../ledger/store.ts';
import * as units from '../../../ledger/units.ts';
import { verifyStore } from '../../../ledger/verify.ts';
import { usageError } from '../../command.ts';
import { named, within } from './call.ts';
import type { Action, ActionCall } from './call.ts';
import { FILE_ACTIONS } from './files.ts';

/** So many events of history, unless asked for more. */
const EVENTS_SHOWN = 20;

const init: Action = async (call) => {
  const recipient = recipientOf(call);
  const { file, by, print } = call;
  createLedger(file, { recipient, by }).close();
  print(`Begun ${file}`);
  if (recipient === undefined) print(NO_ESCROW);
  return 0;
};

const NO_ESCROW = 'WITHOUT A KEY OF SUPPORT: no card can be recovered later.';

function recipientOf({ values }: ActionCall): string | undefined {
  const { recipient, 'no-escrow': none } = values;
  if ((recipient === undefined) !== none) {
    throw usageError(
      'A ledger needs the public key that recovery keys are encrypted to',
      'Give --recipient age1… (support makes it with age-keygen), or --no-escrow to keep none',
    );
  }
  if (recipient !== undefined && !isRecipient(recipient)) {
    throw usageError(
      `--recipient cannot be "${recipient}"`,
      'It is the public key that age-keygen prints: age1 and 58 letters',
    );
  }
  return recipient;
}

const recipient: Action = (call) =>
  within(call, (ledger) => {
    const { values, by, print } = call;
    if (values.recipient !== undefined || values['no-escrow']) {
      units.setRecipient(ledger, recipientOf(call), by);
    }
    print(ledger.recipient ?? 'none: recovery keys are kept nowhere');
    if (values['no-escrow']) print(`FROM NOW ON ${NO_ESCROW}`);
  });

const make: Action = (call) =>
  within(call, (ledger) => {
    const { values, by, print } = call;
    const { order, name } = values;
    const line = {
      ...{ count: Number(values.count ?? 1), accounts: [], services: [] },
      ...(order === undefined ? {} : { order }),
      ...(name === undefined ? {} : { name }),
    };
    const made = ledger.make([line], by);
    print(values.json ? JSON.stringify(made) : made.map(({ serial }) => serial).join('\n'));
  });

const list: Action = (call) =>
  within(call, (ledger) => {
    const { order, state, json } = call.values;
    const found = units.listUnits(ledger, { order, state });
    if (
      found.length === 0 &&
      order !== undefined &&
      units.listUnits(ledger, { order }).length === 0
    )
      throw orderUnknown(order);
    call.print(json ? JSON.stringify(found) : unitTable(found));
  });

const show: Action = (call) =>
  within(call, (ledger) => {
    const details = units.unitDetails(ledger, named(call));
    const { events, json } = call.values;
    if (!json) call.print(unitText(details, { events }));
    else call.print(JSON.stringify({ ...details, events: details.events.map(units.parsedEvent) }));
  });

const settle: Action = (call) =>
  within(call, (ledger) => {
    const { serial } = units.settleUnit(ledger, named(call), call.by);
    call.print(`${serial} is done.`);
  });

const mac: Action = (call) =>
  within(call, (ledger) => {
    if (call.value === undefined) throw usageError('"unit mac" needs a MAC', 'unit mac SERIAL MAC');
    const { serial, mac } = units.noteMac(ledger, named(call), { by: call.by, mac: call.value });
    call.print(`${serial} has the board ${mac}.`);
  });

const retire: Action = (call) =>
  within(call, (ledger) => {
    const { why, order } = call.values;
    if (why === undefined) throw usageError('"unit retire" needs a reason', 'Give --why TEXT');
    if (call.what === undefined && order !== undefined) {
      const { retired, kept } = units.retireWaiting(ledger, order, { by: call.by, why });
      call.print(`${retired} of order ${order} are retired; ${kept} have a card and stay.`);
      return;
    }
    const { serial } = units.retireUnit(ledger, named(call), { by: call.by, why });
    call.print(`${serial} is retired.`);
    call.print('Tell the cloud: ./build.sh unit export');
  });

const replace: Action = (call) =>
  within(call, (ledger) => {
    const { by, print, what, values } = call;
    const { order, why } = values;
    const which = what === undefined && order !== undefined ? { order } : { serial: named(call) };
    const whole = 'serial' in which && why === undefined ? ledger.unit(which.serial) : undefined;
    if (whole?.state === 'done') {
      throw usageError(
        `${whole.serial} is done: its card works until the unit is retired`,
        'Say why it is replaced all the same: --why TEXT',
      );
    }
    const made = units.replaceUnits(ledger, which, { by, why });
    print(made.length === 0 ? 'No unit of it is uncertain.' : unitTable(made));
    if (made.length > 0) print('Tell the cloud of those that were retired: ./build.sh unit export');
  });

const history: Action = (call) =>
  within(call, (ledger) => {
    const events = units.newestEvents(ledger, Number(call.values.count ?? EVENTS_SHOWN));
    call.print(
      call.values.json ? JSON.stringify(events.map(units.parsedEvent)) : eventLines(events),
    );
  });

const verify: Action = async ({ file, values: { head, json }, print }) => {
  // As a file that anybody may have changed; opened as a ledger it would be refused without a word on the rest.
  const store = openStore(file, { schema: 'any' });
  try {
    const verdict = verifyStore(store, { heads: head === undefined ? [] : [head] });
    print(json ? JSON.stringify(verdict) : verdictText(verdict));
    return verdict.problems.length === 0 ? 0 : 1;
  } finally {
    store.close();
  }
};

export const ACTIONS: Readonly<Record<string, Action>> = {
  ...{ init, recipient, new: make, list, show, settle, replace, mac, retire, history, verify },
  ...FILE_ACTIONS,
};
