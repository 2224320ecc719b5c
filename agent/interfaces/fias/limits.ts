// FIAS's limits, each with its reason. Times without another word are Oracle's (README.md names the document).

/** Between STX and ETX. */
export const RECORD_CHARS_MAX = 2_000;
/** UTF-8 takes up to three bytes for a character of a name; four only for what no name has. */
export const RECORD_BYTES_MAX = RECORD_CHARS_MAX * 3;
/** Fields of one record that is read: PS with all its taxes has some eighty. */
export const FIELDS_MAX = 400;
/** Record ids that one vendor may describe: there are forty. */
export const DESCRIBED_MAX = 100;
/** Field ids in one LR: two characters each, in one record. */
export const DESCRIBED_FIELDS_MAX = 500;

// ── the serial line

/** For an ACK or NAK, then for the answer to each ENQ. */
export const ANSWER_MS_MAX = 3_000;
/**
 * An ENQ later than this after our last answer asks for a record that we never saw. Three seconds and one more:
 * the other side's three began before ours, and its timer may be coarse.
 */
export const ENQ_MS_MAX = ANSWER_MS_MAX + 1_000;
export const ENQS_MAX = 3;
/** A record is sent at most this often when the other side says NAK. */
export const SENDS_MAX = 4;
/** Cycles of record and three unanswered ENQ (12 s each) until the other side counts as gone. */
export const SILENT_CYCLES_MAX = 3;
/** Records that wait for the line. At 9,600 baud two minutes of them; more are refused, and not forgotten. */
export const QUEUE_RECORDS_MAX = 1_000;

// ── the link

/** The vendor's answer to our LS may take so long; then LS once more. */
export const JOIN_MS_MAX = 30_000;
/** Of vendors that answer every LS with something else: not a storm of both. */
export const LS_PAUSE_MS = 1_000;
/** After the last LR of a vendor that never sends LA (a setting), it counts as sent. */
export const NO_LA_MS = 1_000;
/** Until the other side's LE has come; over TCP and over a serial line. */
export const LEAVE_MS_TCP = 2_000;
export const LEAVE_MS_SERIAL = 3_000;
/** For the last record to leave before we hang up. */
export const HANG_UP_MS_MAX = 1_000;
/** Our last LS', any of which the vendor's LD may answer. */
export const LS_REMEMBERED_MAX = 3;

/** Of a test: a vendor that retries each half minute has come by then. */
export const TRY_MS_MAX = 45_000;

// ── what comes in

/** Postings that wait for the one before them: a vendor that keeps to "one at a time" has one. */
export const POSTINGS_WAITING_MAX = 64;
/** Reports (room status, wake-ups) that wait for the agent: a night's of a large house. */
export const REPORTS_WAITING_MAX = 2_000;
/** Until a report that the agent would not take is tried again; that the agent is away takes it longer to say. */
export const REPORT_RETRY_MS = 1_000;
/** Ten minutes of "later": nobody will take it any more. */
export const REPORT_TRIES_MAX = 600;
/** Guests found, as many as a till's display and one record hold. */
export const FOUND_MAX = 20;
/** Guests' whereabouts that are remembered. */
export const LOCATORS_MAX = 1_000;
/** Room names: Oracle's field has 8 characters, its own OPERA and Suite8 send longer ones. */
export const ROOM_CHARS_MAX = 20;

// ── what goes out

/** Keys that are being made at once: an encoder each. */
export const KEYS_PENDING_MAX = 32;
/**
 * When a TCP connection breaks off so soon after a stay was written, it may have been lost on the way (FIAS over
 * TCP acknowledges nothing): everything is sent again.
 */
export const LOST_MS_MAX = 30_000;
/** Rooms were not known when they were asked for: asked again. */
export const HOUSE_RETRY_MS = 10_000;
/** Records of a resync until others get their turn: a millisecond's. */
export const RESYNC_RECORDS_AT_ONCE = 32;
/** Listed for one telephone of 20 languages. */
export const LANGUAGES_MAX = 60;
/** Encoders of one lock system. */
export const ENCODERS_MAX = 64;

// ── the simulated vendor

/** Of its journal and of what it heard: an afternoon's rehearsal. */
export const JOURNAL_LINES_MAX = 20_000;
/** It listens so long before it speaks. */
export const VENDOR_LISTENS_MS = 3_000;
/** For the answer to what it sends. */
export const VENDOR_ANSWER_MS_MAX = 30_000;
