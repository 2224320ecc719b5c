// What a conversation with a fiscal printer may take and hold, each with its reason.

/** The limits the drivers in use have kept for years (facts/interfaces.md 8.1). */
export const ANSWER_MS_MAX = 3_000;
export const NAKS_MAX = 3;
export const BUSY_MAX = 60;
export const BROKEN_MAX = 6;
export const SILENCES_MAX = 3;
/** A printer says "busy" many times a second; a wait is a second of that: a Z report takes half a minute. */
export const BUSY_MS = 1_000;

/** At another baud rate nothing comes at all: no need to wait as long as for a printer that works. */
export const PROBE_MS_MAX = 1_000;
/** Between questions to a printer that does not answer. */
export const PROBE_PAUSE_MS = 5_000;

/**
 * How long a receipt that was begun waits for its printer: somebody plugs it in or puts in paper. After that the
 * order is answered with `unknown`, and the receipt is looked at when the printer is back. Below the agent's own limit
 * of two minutes for an order, so that it is our words that a person reads.
 */
export const RECOVER_MS_MAX = 90_000;
/** For a printer that is not there an order waits as long: a line comes back, a service has only begun. */
export const ABSENT_MS = 5_000;
/** A receipt under way is finished before the service stops, if that takes no longer than this. */
export const CLOSE_MS_MAX = 5_000;
/** Of a test: through all baud rates once. */
export const TEST_MS_MAX = 15_000;
/** Between looks at a printer that has no paper. */
export const LOOK_AGAIN_MS = 3_000;
/** Of one step, each after the printer was asked and had not taken it. More: the line is no good. */
export const TRIES_MAX = 3;
/** Of questions and cancels in a row that brought no answer although the printer is there. */
export const LOOKS_MAX = 40;

/** A folio has tens of lines; printers stop at some hundreds. */
export const LINES_MAX = 200;
/** Four or five kinds of money; more cannot be told apart on a printer. */
export const PAYMENTS_MAX = 10;
export const TEXTS_MAX = 10;
/** Datecs: 218; Daisy: 200. */
export const DATA_BYTES_MAX = { datecs: 218, daisy: 200 } as const;
/** 99,999,999.99: the most the printers count in one receipt. */
export const TOTAL_CENTS_MAX = 9_999_999_999;
