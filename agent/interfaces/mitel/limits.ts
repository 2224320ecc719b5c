// Limits of the exchange's protocol, each with its reason.

/** The exchange answers at once; so long for one that is busy. No published figure. */
export const REPLY_MS_MAX = 3_000;
/** ENQ without an answer, frames without one, frames refused: so often, then something is wrong. */
export const TRIES_MAX = 3;
/** After a NAK the exchange gets time to finish what it does. */
export const AGAIN_MS = 500;
/** Both asked at once: ours waits so long for its frame. */
export const YIELD_MS = 2_000;
/** A quiet exchange is asked so often whether it is there. */
export const ALIVE_MS = 60_000;
/** Orders that wait: what a hotel does in the minutes an exchange restarts. */
export const QUEUE_MAX = 256;
/** Ten characters; a name has some more. */
export const BODY_BYTES_MAX = 64;
/** Of the protocol. */
export const ROOM_CHARS = 5;
/** The longest seen; no published figure. */
export const NAME_CHARS_MAX = 15;
/** A test: the line opens within 10 s, and three unanswered ENQ take 9. */
export const TEST_MS_MAX = 20_000;
