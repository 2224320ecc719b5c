// Time as a parameter. Types only: the real one is io/clock.ts.

export interface Clock {
  /** Milliseconds that never jump, from an arbitrary start. For ages, delays and limits. */
  nowMs(): number;
  /** Milliseconds since 1970 as the unit believes it; may jump when the time is set. */
  wallMs(): number;
}
