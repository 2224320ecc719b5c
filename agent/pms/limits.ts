// Limits of the Clock API client, each with its reason. Where a document is named it is Clock's public
// API documentation.

/**
 * Clock answers 429 beyond 5 calls in a second of one API user. Evenly spaced at 4, it takes 250 ms of
 * jitter on the way before a sixth arrives within a second; in bursts of 5 it would take none.
 */
export const CALL_MS_MIN = 250;
/** Answers may take seconds: calls overlap. Enough for 4 a second at 1.5 s each. */
export const IN_FLIGHT_MAX = 6;
/** Of these, kept for urgent calls: hung reads must not hold up a guest at the reception. */
export const IN_FLIGHT_URGENT = 2;
/** A minute of calls. Who wants to say more must wait or keep it himself. */
export const WAITING_MAX = 240;
/** A call that has not begun by then answers nobody's question any more. */
export const WAIT_MS_MAX = 60_000;
/** Whatever waits this long counts one class better, so that nothing waits for ever; never urgent. */
export const AGE_MS = 10_000;

/** "Delay = counter x 500 ms" after a 429 (documentation, "Limits"). */
export const THROTTLE_MS = 500;
/** 0.5 + 1 + … + 3 s: about ten seconds, then somebody else uses up this API user's calls. */
export const THROTTLED_MAX = 6;

/** Rails takes a nonce for five minutes; half a minute less for the way and a clock that drifts. */
export const NONCE_MS_MAX = 270_000;
/** After a refused key: Clock bans addresses that knock too often. A new pairing begins anew. */
export const WRONG_KEY_MS = 60_000;
/** An address is banned for two hours (documentation, "Limits"). */
export const BAN_MS = 2 * 3_600_000;

/** Clock promises no answer time; others wait 8 to 15 s. */
export const CALL_MS_MAX = 15_000;
/** A hotel's charge templates are the largest answer: some thousands of 600 bytes. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** Objects, arrays and commas in an answer: those 4 MiB have 150,000. Each costs some 60 bytes of memory. */
export const ANSWER_PARTS_MAX = 400_000;
/** Rows or ids of one answer; a live list of 219 came whole. */
export const IDS_MAX = 50_000;
/** An error's text, for people. */
export const TEXT_CHARS_MAX = 500;
/** Clock's strings (documentation, "Types"). */
export const STRING_CHARS_MAX = 256;

/**
 * After a write whose answer did not come, it is looked for after each of these. With the call's own
 * 15 s the last look is 65 s after it was sent: what servers still work on after a minute, their
 * load balancers have cut off. A write that may be repeated without harm is, after the first look.
 */
export const REREAD_MS: readonly number[] = [5_000, 15_000, 30_000];

/** The hello that Clock wants every minute; after five it shows "No Communication". */
export const HELLO_MS = 60_000;
/** Time zone, business date, channels: rarely change, and cost a call. */
export const HEALTH_MS = 15 * 60_000;
/** While the account is not reached. */
export const HEALTH_FAILED_MS_MAX = 5 * 60_000;
/** Not all units of a town in the same second. */
export const HEALTH_JITTER = 0.1;

/** A poll is answered after 30 s at the latest; what takes longer is lost on the way. */
export const POLL_MS_MAX = 45_000;
/** A poll without a message that ends sooner than this is no long poll: back off. */
export const POLL_MS_MIN = 5_000;
/** Between polls, and between a flood of events: they are wake-ups only, one look finds all. */
export const POLL_PAUSE_MS_MAX = 1_000;
/** A channel that does not answer, or that somebody else listens to. */
export const POLL_BACK_OFF_MS_MAX = 5 * 60_000;
/** An event is one id. */
export const EVENT_BYTES_MAX = 16 * 1024;
/** What a consumer may take for one event; it should store and act later. */
export const HANDLE_MS_MAX = 60_000;
/** A place goes to the card at most this often: what a power cut loses is told again, and harmless. */
export const CURSOR_MS_MIN = 10_000;
/** `Last-Modified` and `Etag`. */
export const CURSOR_CHARS_MAX = 256;
/** Clock's root names some twenty channels and sixty endpoints. */
export const NAMES_MAX = 300;
