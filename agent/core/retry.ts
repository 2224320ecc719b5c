// How long to wait before trying again: full jitter, so that a fleet that lost its cloud at once does
// not come back at once (AWS Architecture Blog, "Exponential Backoff And Jitter"). Pure.

/** AWS IoT takes one CONNECT a second of one client id ("AWS IoT Core quotas"). */
export const DELAY_MS_MIN = 1_000;
/**
 * The first pause is up to twice this. Of a thousand units that all lost their connection at once some
 * 330 a second come back so (npm run bench:link); AWS takes 500 a second of one account.
 */
const BASE_MS = 2_000;
/** 2^20 s is beyond any cap; without it the power would overflow after a week of failures. */
const DOUBLINGS_MAX = 20;

/**
 * Milliseconds until the next try after `failures` (1 and more) in a row: anything between a second
 * and the doubled base, at most `capMs`. `random` is from [0, 1).
 */
export function nextDelayMs(options: {
  readonly failures: number;
  readonly random: number;
  readonly capMs: number;
}): number {
  const { failures, random, capMs } = options;
  const doublings = Math.min(Math.max(failures, 0), DOUBLINGS_MAX);
  const ceiling = Math.min(capMs, BASE_MS * 2 ** doublings);
  // Not the larger of the two: half of the first tries would come in the same instant.
  return Math.round(DELAY_MS_MIN + random * Math.max(0, ceiling - DELAY_MS_MIN));
}
