// What an action of `./build.sh unit` is given, and what all of them do.
import { openLedger } from '../../../ledger/ledger.ts';
import type { Ledger } from '../../../ledger/ledger.ts';
import type { Actor } from '../../../ledger/ports.ts';
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
    readonly 'dry-run': boolean;
    readonly force: boolean;
    readonly identity: string | undefined;
    readonly format: string | undefined;
    readonly out: string | undefined;
  };
  readonly what: string | undefined;
  readonly value: string | undefined;
  readonly file: string;
  readonly by: Actor;
  readonly print: (text: string) => void;
}
/** Returns the exit code. */
export type Action = (call: ActionCall) => Promise<number>;

/** How many words may stand behind an action, and its options besides those that all have. */
const TAKES: Readonly<Record<string, readonly [words: number, ...options: readonly string[]]>> = {
  init: [0, 'recipient', 'no-escrow'],
  recipient: [0, 'recipient', 'no-escrow'],
  import: [1, 'dry-run'],
  new: [0, 'count', 'order', 'name', 'json'],
  list: [0, 'order', 'state', 'json'],
  show: [1, 'events', 'json'],
  settle: [1],
  replace: [1, 'order', 'why'],
  mac: [2],
  retire: [1, 'why', 'order'],
  export: [0, 'format', 'out'],
  history: [0, 'count', 'json'],
  verify: [0, 'head', 'json'],
  backup: [1],
  restore: [1, 'force'],
  unseal: [0, 'identity'],
};
const ALL_TAKE: ReadonlySet<string> = new Set(['ledger', 'operator', 'station']);

/** What an action would pass over in silence is a usage error: it was meant to do something. */
export function refuseUnused(action: string, { values, what, value }: ActionCall): void {
  const [words, ...options] = TAKES[action]!;
  const more = 'See "./build.sh help unit"';
  const extra = [what, value].slice(words).find((word) => word !== undefined);
  if (extra !== undefined) {
    throw usageError(`"unit ${action}" does not know what to do with "${extra}"`, more);
  }
  for (const [name, given] of Object.entries(values)) {
    if (given === undefined || given === false) continue;
    if (ALL_TAKE.has(name) || options.includes(name)) continue;
    throw usageError(`"unit ${action}" has no option --${name}`, more);
  }
  if (what === undefined || values.order === undefined) return;
  throw usageError('A unit and an order were named', 'Give SERIAL, or --order ID');
}

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

/** The unit that was named. Throws a usage error. */
export function named({ what }: ActionCall): string {
  if (what !== undefined) return what;
  throw usageError('Which unit?', 'Give its serial, its host name, or the first digits of it');
}
