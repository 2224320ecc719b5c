// What commands may take, each with its reason.

/** AWS IoT delivers 128 KiB at most. */
export const PAYLOAD_BYTES_MAX = 128 * 1024;
/** A body is kept on the card until its command has ended; a record holds 64 KiB. */
export const BODY_BYTES_MAX = 48 * 1024;
/** An answer is kept with its command, to be given again: an answer says how it went, it is no document. */
export const ANSWER_BYTES_MAX = 8 * 1024;
/** Words in an answer; a code is shorter. */
export const TEXT_CHARS_MAX = 400;
export const WHY_CHARS_MAX = 64;
/** Not yet ended. A sender that is told `busy` may send the same command again. */
export const UNFINISHED_MAX = 64;
/** AWS IoT repeats within an hour: a thousand commands are more than a hotel gives in one. */
export const FINISHED_MAX = 1_000;
/** Who asked has given up after a week, as with the results (outbox/limits.ts). */
export const FINISHED_MS_MAX = 7 * 86_400_000;
/** Services at once, one command of each: a Pi has four cores. */
export const AT_ONCE_MAX = 4;
/** No command takes longer: who waits for it is a person. */
export const RUN_MS_MAX = 10 * 60_000;
/** From the signal to stop until its outcome counts as unknown. */
export const STOP_MS_MAX = 30_000;
/** A unit that has just started gets its time within seconds, or not at all. */
export const CLOCK_MS_MAX = 60_000;
/** A command during which the power went so often is not begun again. */
export const TRIES_MAX = 3;
/** A card that did not take a record is asked again this often. */
export const SAVE_AGAIN_MS = 5_000;
/** Expiry, stops and tries are looked at this often, as long as there is something to look at. */
export const TICK_MS = 500;
/** What the page shows. */
export const RECENT_MAX = 20;
