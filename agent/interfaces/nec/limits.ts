// Limits of the NEAX protocol, each with its reason. "NDA" is the maker's interface specification NDA-30115.

/** NDA, sender timer: the other side answers within a second. */
export const SENDER_MS = 1_000;
/** NDA, receiver timer: who has the line and says nothing loses it. */
export const RECEIVER_MS = 35_000;
/** NDA: start sequences without an answer, 15 more after the first. */
export const BIDS_MAX = 16;
/** An answer that came too late for one start sequence is here by then. */
export const CALM_MS = 500;
/** NDA: queries for the answer to a message. */
export const QUERIES_MAX = 32;
/** NDA: refusals of a start sequence or a message, and pauses, three more after the first. */
export const REJECTS_MAX = 4;
/** NDA: half a second or more between messages; a little more for clocks that differ. */
export const GAP_MS = 600;
/** A quiet exchange on a serial line is asked so often whether it is there. */
export const ALIVE_MS = 60_000;
/** Orders that wait: a message takes about a second, and nobody waits for more than four minutes. */
export const QUEUE_MAX = 256;
/** NDA: 128 characters with STX and ETX. */
export const BODY_BYTES_MAX = 126;
/** NDA: fields. */
export const EXTENSION_CHARS = 6;
export const GROUP_CHARS = 6;
export const NAME_CHARS = 15;
/** The exchange's clock has no date: a wake-up call is for the next time it shows that hour. */
export const WAKEUP_MS_MAX = 24 * 3_600_000;
/** A test: the line opens within 10 s, and sixteen unanswered start sequences take 16. */
export const TEST_MS_MAX = 30_000;
