// Limits of the cloud link, each with its reason.

/** AWS IoT takes 100 unacknowledged in each direction; 20 fill an 80 ms round trip at 250 a second. */
export const IN_FLIGHT_MAX = 20;
/**
 * AWS IoT silently discards what exceeds 100 publishes a second of one connection; with a burst of a full
 * window on top it stays below in any second.
 */
export const PUBLISHES_PER_SECOND_MAX = 75;
/** How soon to go on when the pace is used up. */
export const PACE_MS = 100;
/** A SUBSCRIBE with more filters is refused ("AWS IoT Core quotas"). */
export const FILTERS_PER_SUBSCRIBE_MAX = 8;
/** The same packet again after this; Device Advisor wants to see it within 15 s. */
export const RESEND_MS = 8_000;
/** A connection that answers pings and acknowledges nothing for this many resends is given up. */
export const RESENDS_MAX = 6;
/** The first dial comes between one second and this after the start. */
export const START_MS_MAX = 4_000;
/** A connection that lasted this long was good: only then do failures count from nothing again. */
export const STABLE_MS = 60_000;
/** What a hotel waits at most after a long outage: half of it on average. */
export const BACK_OFF_MS_MAX = 120_000;
/** The card did not take what came; it is itself tried every 5 s (outbox/limits.ts). */
export const GAVE_UP_MS_MAX = 20_000;
/** Refused, only a person can help: the certificate was revoked, or another card has this serial. */
export const REFUSED_MS_MAX = 900_000;
/** A refusal is said after as many failures in a row: once may be a policy that lags. */
export const REFUSALS_SAID = 3;
/** A death this soon after a message was sent may be the message's fault: AWS closes at once. */
export const DEATH_MS_MAX = 5_000;
/** A suspect is sent only on a connection that has lived this long without it. */
export const QUIET_MS = 5_000;
/** As many deaths with the same message make it a dead letter. */
export const DEATHS_MAX = 3;
/** On the second best way (443) the best is tried again once a day: it costs a reconnect. */
export const PREFER_MS = 24 * 3_600_000;
/** Publish-only reaches no command: worth a reconnect every hour. */
export const PREFER_MS_DEGRADED = 3_600_000;
/** The adapters end a dial after 10 s by themselves; this is for an adapter that does not. */
export const DIAL_MS_MAX = 30_000;
/** Failures in a row with short lives after which another way is tried. */
export const SHORT_LIVES_MAX = 3;
export const TICK_MS = 1_000;
/** Questions to shadows and jobs under way: AWS takes 10 at a time of one thing's shadows. */
export const LIVE_WAITING_MAX = 32;
/** AWS IoT delivers 128 KiB at most. */
export const LIVE_BYTES_MAX = 128 * 1024;
