// What jobs may take, each with its reason.

/** An answer takes a round trip; one that takes so long was lost. */
export const ANSWER_MS_MAX = 20_000;
export const BACK_OFF_MS_MAX = 300_000;
/** A document is a few hundred bytes; AWS allows 32 KiB (page general#job-limits). */
export const DOCUMENT_BYTES_MAX = 32 * 1024;
/** AWS delivers nothing larger. */
export const ANSWER_BYTES_MAX = 128 * 1024;
/** A job during which the power went so often is not begun again. */
export const TRIES_MAX = 3;
/** A download by a slow line; whoever gave the job looks after it the next day. */
export const RUN_MS_MAX = 6 * 3_600_000;
/** From the signal to stop until nobody waits for it any more. */
export const STOP_MS_MAX = 30_000;
/** Remembered, so that none is run twice; AWS hands out one at a time. */
export const DONE_MAX = 20;
/** AWS's limits of statusDetails (page general#job-limits). */
export const DETAILS_MAX = 10;
export const DETAIL_CHARS_MAX = 400;
export const DETAIL_NAME_CHARS_MAX = 128;
