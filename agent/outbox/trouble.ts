// What the card last did to a commit, for as long as somebody should know. Time is a parameter.
import type { OutboxView } from '../core/cloud.ts';
import { SLOW_MS, TROUBLE_MS } from './limits.ts';

type Shown = OutboxView['trouble'];

export class Trouble {
  #last: { readonly why: string; readonly ms: number; readonly atMs: number } | undefined;

  /** A commit has ended after `ms`; `why`: it failed. */
  met(
    why: string | undefined,
    { ms, nowMs }: { readonly ms: number; readonly nowMs: number },
  ): void {
    if (why !== undefined) this.#last = { why, ms, atMs: nowMs };
    else if (ms > SLOW_MS) this.#last = { why: 'slow', ms, atMs: nowMs };
    // Seen slow, it is told for a while; anything else is over when a commit succeeds.
    else if (this.#last?.why !== 'slow') this.#last = undefined;
  }

  /** `waitsMs`: so long the present commit has been waiting. `stays`: it is not over by itself. */
  now(
    nowMs: number,
    { waitsMs, stays }: { readonly waitsMs: number; readonly stays: boolean },
  ): Shown {
    if (waitsMs > SLOW_MS) return { why: 'slow', ms: waitsMs };
    if (this.#last === undefined || (nowMs - this.#last.atMs > TROUBLE_MS && !stays)) {
      return undefined;
    }
    const { why, ms } = this.#last;
    return { why, ms };
  }
}
