// The numbers of Clock's public API, and those the double chooses. A test may change them; nothing else
// in the double holds such a number.

const HOUR_MS = 3_600_000;

export const CLOCK_LIMITS = {
  /** API documentation, "Limits": calls a second of one API user; more is answered with 429. */
  callsPerSecondMax: 5,
  /** Rails, ActionController::HttpAuthentication::Digest: `seconds_to_timeout = 5 * 60`, both ways. */
  nonceSecondsMax: 300,
  /** API documentation, "Limits": an address refused by the firewall stays so for two hours. */
  banMs: 2 * HOUR_MS,
  /** API documentation, "Message channels": 304 after 30 s. */
  pollMs: 30_000,
  /** Charges of one bulk; more is refused with "Charges exceeds the limit!". */
  bulkMax: 100,
  /** Charges of one folio, then it is blocked. */
  folioChargesMax: 15_000,
  /** Phone Calls API: silence after which Clock shows "No Communication". */
  helloMs: 5 * 60_000,
  /** Types: a String. */
  stringCharsMax: 256,

  // Not published: the double's choice.
  /** 429s of one address within a minute before the firewall shuts it out: who hammers on. */
  refusedPerMinuteMax: 100,
  /** Messages a channel keeps for who is away, and how long: nchan's own defaults are 10 and an hour. */
  channelMessagesMax: 100,
  channelMessageMs: HOUR_MS,

  // Ours: the double is bounded.
  /** Largest body it reads. */
  bodyBytesMax: 1024 * 1024,
  /** Calls, polls, writes and events kept for tests and people, each. */
  historyMax: 20_000,
  /** Rows of a table. */
  rowsMax: 100_000,
  /** Connections at once. */
  connectionsMax: 1_000,
};

export type Limits = typeof CLOCK_LIMITS;
