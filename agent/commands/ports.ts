// What commands need from outside. Types only; records and messages are core/.
import type { CommandHandler } from '../core/commands.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { MakeMessage } from '../core/messages.ts';
import type { Records } from '../core/records.ts';

export interface Needs {
  readonly thing: string;
  /** Those that are there just now: services come and go. */
  readonly handlers: () => readonly CommandHandler[];
  readonly records: Records;
  readonly makeMessage: MakeMessage;
  readonly clock: Clock;
  /** Milliseconds since 1970; undefined while the unit cannot know what time it is. */
  readonly trustedWallMs: () => number | undefined;
  readonly log: Log;
}
