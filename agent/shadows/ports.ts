// What a shadow needs from outside. Types only.
import type { Log } from '../core/log.ts';
import type { Send } from '../core/remote.ts';

export type State = Readonly<Record<string, unknown>>;

/** Whose shadow it is. */
export interface Owner {
  readonly name: string;
  /** How it is now, and why what is desired is not: at the paths of `desired`, and in `refused`. */
  report(): State;
  /** The whole of what is desired, checked by nobody yet. Resolves when it is in force or refused. */
  desire(desired: State): Promise<void>;
}

export interface Needs {
  readonly thing: string;
  readonly owner: Owner;
  readonly send: Send;
  readonly random: () => number;
  readonly log: Log;
}
