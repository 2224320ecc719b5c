// What a conversation with an Epson RT printer may take and hold, each with its reason.

/** The printer is told to give up after its `timeout` (a setting); ours comes later, so that its answer is heard. */
export const ANSWER_SLACK_MS = 5_000;
/** A Z report prints, closes the day and seals the file for the tax authority. */
export const REPORT_MS_MAX = 60_000;
export const STATUS_MS_MAX = 10_000;
/** Between looks whether the printer is there; a person at the page waits no longer than this. */
export const WATCH_MS = 60_000;
/** A printer that is gone is asked more often: a receipt may wait for it. */
export const WATCH_DOWN_MS = 10_000;

/** Answers have about a kilobyte. */
export const ANSWER_BYTES_MAX = 64 * 1_024;
export const XML_DEPTH_MAX = 16;
export const XML_ELEMENTS_MAX = 500;

/**
 * After a receipt whose end is not known: the printer may still be printing it. With the receipt's own time it stays
 * below the agent's two minutes for an order.
 */
export const LOOKS_MAX = 5;
export const LOOK_AGAIN_MS = 5_000;

export const LINES_MAX = 200;
export const PAYMENTS_MAX = 10;
export const TEXTS_MAX = 10;
/** What the printer's paper has in a line. */
export const TEXT_CHARS_MAX = 38;
/** 999,999.99: the printers take no larger sum. */
export const TOTAL_CENTS_MAX = 99_999_999;

/** A receipt under way is finished before the service stops, if that takes no longer than this. */
export const CLOSE_MS_MAX = 5_000;
