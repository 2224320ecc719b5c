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
