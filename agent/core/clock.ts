// Time as a parameter, and whether the wall clock is to be believed. The real one is io/clock.ts.

export interface Clock {
  /** Milliseconds that never jump, from an arbitrary start. For ages, delays and limits. */
  nowMs(): number;
  /** Milliseconds since 1970 as the unit believes it; may jump when the time is set. */
  wallMs(): number;
}

/** Asked again when it is older than this. */
const TRUST_MS_MAX = 2_000;

/**
 * The wall clock for those who must not act too late: undefined until time synchronisation has been
 * seen. Where there is none to be seen (a workstation), the system's clock counts. The answer is what
 * was known last; the first one is always undefined.
 */
export function trustedTime(
  isTimeSet: () => Promise<boolean | undefined>,
  clock: Clock,
): () => number | undefined {
  let isTrusted = false;
  let askedMs = Number.NEGATIVE_INFINITY;
  const ask = async (): Promise<void> => {
    askedMs = clock.nowMs();
    isTrusted = (await isTimeSet().catch(() => false)) ?? true;
  };
  void ask();
  return () => {
    if (clock.nowMs() - askedMs >= TRUST_MS_MAX) void ask();
    return isTrusted ? clock.wallMs() : undefined;
  };
}
