// Limits of iLink, each with its reason.

/** Extensions one room has: bedrooms, bathroom, and up to four for the guests' own telephones. */
export const EXTENSIONS_PER_ROOM_MAX = 12;
/** Rooms with extensions that are named differently; the largest hotels have some thousand. */
export const ROOMS_MAX = 10_000;
/** A request that is not answered is made so often: it sets a state, twice is the same as once. */
export const TRIES_MAX = 3;
/** Between them: a web server that restarts needs a moment. */
export const AGAIN_MS = 500;
/** Answers are two short texts. */
export const ANSWER_BYTES_MAX = 16 * 1_024;
export const INFORMATION_CHARS_MAX = 120;
/** Asked whether it is there when nothing else was said for so long. */
export const IDLE_MS = 60_000;
/** While it is away, orders wait for it. */
export const AWAY_MS = 10_000;
/** Orders that wait for the one before: a bus group's check-in at once, several times. */
export const WAITING_MAX = 500;
/** A call record is a kilobyte. */
export const RECORD_BYTES_MAX = 16 * 1_024;
/** The exchange tries three times, some seconds apart; the simulated one does not make people wait. */
export const CDR_TRIES_MAX = 3;
export const CDR_AGAIN_MS = 500;
/** What it keeps meanwhile. */
export const CDR_KEPT_MAX = 1_000;
/** A longer call is a fault of the record. */
export const SECONDS_MAX = 7 * 86_400;
