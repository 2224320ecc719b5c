// Limits of the hotel's side, each with its reason.

/** Clock wants filters instead of full lists, and events may get lost: often enough that nobody complains. */
export const DRIFT_MS = 15 * 60_000;
/**
 * Channels that never told anything ask for a look after every poll, a dozen of them every half minute: one look serves
 * all that ask within this. Four calls a minute.
 */
export const LOOK_MS_MIN = 60_000;
/** Bookings read again every DRIFT_MS: a house of 500 within six hours. */
export const REREAD_MAX = 20;
/** A refresh that failed is tried again; grows to this. */
export const REFRESH_BACK_OFF_MS_MAX = 2 * 60_000;
/** Marked as to be read again; more are a whole refresh. */
export const DIRTY_MAX = 500;
/** Rooms and bookings in the cache (core/fields/limits.ts has the same for what services may get). */
export const ROOMS_MAX = 10_000;
export const BOOKINGS_MAX = 20_000;

/** Orders that wait for one service: a busy change-over day of 400 rooms. More becomes one resync. */
export const TODO_MAX = 500;
/** Services that are remembered; a unit runs some ten. */
export const SERVICES_MAX = 32;
/** A third party that answers no order by then answers none. */
export const ORDER_MS_MAX = 60_000;
/** "Busy" is asked again, first after seconds, then ever later, at last after this. */
export const BUSY_MS_MAX = 60_000;
/** "Offline", said so often (a quarter of an hour) by one that is up: that order will not go, those behind it may. */
export const OFFLINE_WHILE_UP_MAX = 20;

/** Charges and calls that are not yet at Clock: a week without internet in a large hotel. Then: `later`. */
export const LEDGER_OPEN_MAX = 20_000;
/** Of one service: a broken one leaves room for what the others report. */
export const LEDGER_OPEN_EACH_MAX = 12_000;
/**
 * How long a repeat is recognised. Buffers of exchanges and tills hold days; two weeks outlast a holiday during which
 * nobody restarts them. FIAS numbers its postings by date too, so that none comes again legitimately.
 */
export const LEDGER_KEPT_MS = 14 * 86_400_000;
/** Looked through this often. */
export const PRUNE_MS = 6 * 3_600_000;
/** 1,000 calls a day for two weeks, twice. Beyond it the oldest of what is done go. */
export const LEDGER_DONE_MAX = 30_000;
/** A lost answer makes all of a batch unknown, and a refusal concerns all of it: few. */
export const CALLS_AT_ONCE = 10;
/** An answer of the API that says "not now": tried again, first after this, then ever later. */
export const POST_BACK_OFF_MS_MAX = 5 * 60_000;
/** After a crash a charge is looked for at these distances: as pms/limits.ts REREAD_MS, with the same reason. */
export const LOOK_MS: readonly number[] = [0, 5_000, 15_000, 30_000];
/** A record that the card did not take is put again after this. */
export const SAVE_AGAIN_MS = 5_000;
/** What the page shows of what a person must resolve. */
export const OPEN_SHOWN_MAX = 100;
/** Articles of a minibar with their charge templates: one record. */
export const ARTICLES_MAX = 1_000;

/**
 * A key that was asked for longer ago is not written: whoever asked has left the desk, and a card that lies on the
 * encoder now may be another guest's. A long poll, a card that is looked for and one guest before fit.
 */
export const KEY_AGE_MS_MAX = 3 * 60_000;
/** For a card to be put on the encoder: lock systems wait 30 to 60 s. */
export const KEY_ORDER_MS_MAX = 90_000;
/** Channels lose events; whoever waits at the desk does so for a minute, not for a quarter of an hour. Two calls. */
export const KEY_LOOK_MS = 60_000;
/** What did not go at the moment. */
export const KEY_AGAIN_MS = 5_000;
/** Of keys that were answered; older ones are below the mark. */
export const KEYS_KEPT_MAX = 500;
/** Waiting keys that are looked at when the unit has never seen any: the newest, the others are history. */
export const KEYS_FIRST_MAX = 20;
/** A unit that does not know the time by then says so at the desk. */
export const KEY_CLOCK_MS_MAX = 20_000;
/** Clock's answers to key requests are few; beyond this something is wrong, and the newest count. */
export const KEYS_AT_ONCE_MAX = 200;

/** Fiscal requests kept: to recognise a repeat. */
export const FISCAL_KEPT_MAX = 2_000;
/** A receipt of 500 lines on the slowest printer takes two minutes. */
export const FISCAL_ORDER_MS_MAX = 3 * 60_000;
