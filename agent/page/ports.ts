// What the page needs from the rest of the agent. Types only.
import type { PageModel } from './wire.ts';

export interface PageNeeds {
  model(): PageModel;
  /** Starts a run, or says when asking again makes sense. */
  startChecks(by: 'person' | 'visit'): { readonly started: true } | { readonly retryMs: number };
  /** Blinks the light; what came of it is in the model afterwards. */
  identify(): Promise<void>;
  /** The last frames of a service, masked, a line each; undefined: no such service. */
  trace(service: string): readonly string[] | undefined;
  /** Begins it, unless one was just now; what came of it is in the model afterwards. */
  tryService(service: string, how: 'test' | 'rehearse'): void;
  /** The page was opened, or the button for a code pressed; the code is in the model afterwards. */
  lookAtPairing(how: { readonly isAsked: boolean }): void;
}
