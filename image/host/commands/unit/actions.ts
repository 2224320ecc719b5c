// What each action of `./build.sh unit` does.
import { isRecipient } from '../../../ledger/seal.ts';
import { createLedger, openLedger } from '../../../ledger/ledger.ts';
import type { Ledger } from '../../../ledger/ledger.ts';
import type { Actor } from '../../../ledger/ports.ts';
import { eventLines, unitTable, unitText, verdictText } from '../../../ledger/report.ts';
import * as units from '../../../ledger/units.ts';
import { verifyStore } from '../../../ledger/verify.ts';
import { usageError } from '../../command.ts';

export interface ActionCall {
  readonly values: {
    readonly recipient: string | undefined;
    readonly 'no-escrow': boolean;
    readonly count: string | undefined;
    readonly order: string | undefined;
    readonly name: string | undefined;
    readonly state: string | undefined;
    readonly events: boolean;
    readonly why: string | undefined;
    readonly head: string | undefined;
    readonly json: boolean;
  };
  readonly what: string | undefined;
  readonly value: string | undefined;
  readonly file: string;
  readonly by: Actor;
  readonly print: (text: string) => void;
}
/** Returns the exit code. */
export type Action = (call: ActionCall) => Promise<number>;

/** So many events of history, unless asked for more. */
const EVENTS_SHOWN = 20;

/** Opens the ledger for one action. */
export async function within(
  { file }: ActionCall,
  work: (ledger: Ledger) => number | void | Promise<number | void>,
): Promise<number> {
  const ledger = openLedger(file);
  try {
    return (await work(ledger)) ?? 0;
  } finally {
    ledger.close();
  }
}

const init: Action = async (call) => {
  const recipient = recipientOf(call);
  const { file, by, print } = call;
  createLedger(file, { recipient, by }).close();
  print(`Begun ${file}`);
  if (recipient === undefined) print('WITHOUT A KEY OF SUPPORT: no card can be recovered later.');
  return 0;
};

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
    const { why } = call.values;
    if (why === undefined) throw usageError('"unit retire" needs a reason', 'Give --why TEXT');
    const { serial } = units.retireUnit(ledger, named(call), { by: call.by, why });
    call.print(`${serial} is retired.`);
    call.print('Tell the cloud: ./build.sh unit export');
  });

const history: Action = (call) =>
  within(call, (ledger) => {
    const events = units.newestEvents(ledger, Number(call.values.count ?? EVENTS_SHOWN));
    call.print(
      call.values.json ? JSON.stringify(events.map(units.parsedEvent)) : eventLines(events),
    );
  });

const verify: Action = (call) =>
  within(call, (ledger) => {
    const { head, json } = call.values;
    const verdict = verifyStore(ledger.store, { heads: head === undefined ? [] : [head] });
    call.print(json ? JSON.stringify(verdict) : verdictText(verdict));
    return verdict.problems.length === 0 ? 0 : 1;
  });

/** The unit that was named. Throws a usage error. */
export function named({ what }: ActionCall): string {
  if (what !== undefined) return what;
  throw usageError('Which unit?', 'Give its serial, its host name, or the first digits of it');
}

export const ACTIONS: Readonly<Record<string, Action>> = {
  ...{ init, new: make, list, show, settle, mac, retire, history, verify, recipient },
};
