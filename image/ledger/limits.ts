// Limits of the ledger, each with its reason.

/** Another station holds the file for milliseconds; a disk that sleeps takes ten seconds to wake up. */
export const BUSY_MS_MAX = 30_000;
/** The longest event: a record encrypted to support's key, its settings 16 KB for each of twenty services. */
export const EVENT_CHARS_MAX = 1_000_000;
/** Names are read by people, and printed on a label of five centimetres. */
export const NAME_CHARS_MAX = 80;
/** A week of sixteen cards at once; more is a slip of the finger. */
export const UNITS_MAX = 20_000;
/** Orders are typed by people: thousands of lines are an export of something else. */
export const LINES_MAX = 10_000;
export const CSV_BYTES_MAX = 8 * 1024 * 1024;
/** Twenty services and two accounts fit many times; one unclosed quote must not swallow the file. */
export const CELL_CHARS_MAX = 64 * 1024;
/** Of a ledger that is not whole: more than these tell no more. */
export const PROBLEMS_MAX = 50;
/** Of a file of orders: more than such a file has lines. Another kind of file by mistake has no end of them. */
export const ORDER_PROBLEMS_MAX = 1_000;
/** A recovery key is 48 to 64 characters; encrypted and armoured some 500. */
export const ESCROW_CHARS_MAX = 4_096;
