// How long a line waits before it tries again. Pure.

/** 2^20 times the first pause is beyond every longest one. */
const DOUBLINGS_MAX = 20;

/**
 * Milliseconds until the next try after `failures` (1 and more) in a row: the first pause doubled each time up to
 * the longest, a half to the whole of it, so that two ends which both try do not keep meeting. `random` is from
 * [0, 1).
 */
export function pauseMs(options: {
  readonly failures: number;
  readonly random: number;
  readonly firstSeconds: number;
  readonly maxSeconds: number;
}): number {
  const { failures, random, firstSeconds, maxSeconds } = options;
  const doublings = Math.min(Math.max(failures - 1, 0), DOUBLINGS_MAX);
  const ceilingMs =
    Math.min(Math.max(firstSeconds, maxSeconds), firstSeconds * 2 ** doublings) * 1_000;
  return Math.round(ceilingMs * (0.5 + random / 2));
}
