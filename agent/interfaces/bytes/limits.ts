// Limits of the raw bridge, each with its reason.

/** In one event: a page of a fiscal printer's report; 16 KB are 22 KB as base64. */
export const PIECE_BYTES_MAX = 16 * 1024;
/** Waiting for the card: ten seconds of a line at 115,200 baud. */
export const WAITING_BYTES_MAX = 128 * 1024;
/** For the third party to be there, when a person tests. */
export const TEST_MS_MAX = 10_000;
