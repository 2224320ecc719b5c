// How much of the agent one conversation may take: a purse that fills by itself, and may owe. Pure.
import { COST_BYTES, COST_MAX, COST_PER_SECOND } from './limits.ts';

export interface Pace {
  /** A line of so many bytes came or went. */
  spend(bytes: number, nowMs: number): void;
  /** Milliseconds until the next line may be read; 0: now. */
  waitMs(nowMs: number): number;
}

export function createPace(startMs: number): Pace {
  let left = COST_MAX;
  let atMs = startMs;
  const fill = (nowMs: number): void => {
    left = Math.min(COST_MAX, left + ((nowMs - atMs) / 1_000) * COST_PER_SECOND);
    atMs = nowMs;
  };
  return {
    spend: (bytes, nowMs) => {
      fill(nowMs);
      left -= 1 + bytes / COST_BYTES;
    },
    waitMs: (nowMs) => {
      fill(nowMs);
      return left > 0 ? 0 : Math.ceil((-left / COST_PER_SECOND) * 1_000) + 1;
    },
  };
}
