// When the next commit may begin: at once as a rule, a little later where one follows the other. Time is a
// parameter.
import { BATCH_BYTES_MAX, COMMITS_AT_ONCE, COMMIT_GAP_MS, GROUP_MIN } from './limits.ts';

interface Waiting {
  readonly count: number;
  readonly bytes: number;
  /** Among it is something of the lane `work`. */
  readonly isWork: boolean;
}

export class Pace {
  #nextMs = -Infinity;

  /** How long what waits shall wait for more. Somebody waits for an answer to a command. */
  restMs(waiting: Waiting, nowMs: number): number {
    const { count, bytes, isWork } = waiting;
    const isMuch = count >= GROUP_MIN || bytes >= BATCH_BYTES_MAX;
    return isMuch || isWork ? 0 : Math.max(0, this.#nextMs - nowMs);
  }

  /** A commit has begun. */
  began(nowMs: number): void {
    const saved = (COMMITS_AT_ONCE - 1) * COMMIT_GAP_MS;
    // Commits that did not wait leave no debt.
    const owed = Math.min(this.#nextMs, nowMs);
    this.#nextMs = Math.max(owed, nowMs - saved) + COMMIT_GAP_MS;
  }
}
