// What jobs need from outside. Types only; records and the link are core/.
import type { Clock } from '../core/clock.ts';
import type { JobHandler } from '../core/jobs.ts';
import type { Log } from '../core/log.ts';
import type { Records } from '../core/records.ts';
import type { Send } from '../core/remote.ts';

export interface Needs {
  readonly thing: string;
  readonly handlers: readonly JobHandler[];
  readonly records: Records;
  readonly send: Send;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Which start of the machine this is. */
  readonly boot: string;
}
