// What the page needs from the rest of the agent. Types only.
import type { PageModel } from './wire.ts';

export interface PageNeeds {
  model(): PageModel;
  /** Starts a run unless one ran a moment ago; false when refused. */
  startChecks(): boolean;
  /** Blinks the LEDs; rejects with the reason. */
  identify(): Promise<void>;
}
