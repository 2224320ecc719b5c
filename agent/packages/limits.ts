// Limits of signed packages, each with its reason.

/** A manifest has 700 bytes; all order and event kinds in one still fit. */
export const JWS_CHARS_MAX = 8_192;
/** Pre-signed links have some 1,500 characters with a session token. */
export const URL_CHARS_MAX = 4_096;
export const VERSION_CHARS_MAX = 40;
export const TITLE_CHARS_MAX = 80;
/** There are some thirty kinds of orders, twenty of events. */
export const KINDS_MAX = 64;
/** Why a package returned is for people; an error's message may be long. */
export const WHY_CHARS_MAX = 160;
/** There are some twelve interfaces; a name costs a record for ever, and up to three files. */
export const NAMES_MAX = 32;
/** Packages that ended here, by hash; older ones are below the counter anyway. */
export const REFUSED_MAX = 8;
/** More services of one interface than any hotel has; what they did before a trial is kept with it. */
export const SERVICES_MAX = 32;
/** A line that was up comes back within its longest pause (60 s), resync included. */
export const TRIAL_MS = 180_000;
/** As well as before for so long: what crashes on the first record does so sooner. */
export const STABLE_MS = 30_000;
export const HEALTH_TICK_MS = 1_000;
/** One end of a process may be the third party's doing or a full memory; three in a window are a loop. */
export const CRASHES_MAX = 3;
/** 60 KB through 20 kbit/s take half a minute. */
export const DOWNLOAD_MS_MAX = 600_000;
/** No byte for so long: the connection is dead. */
export const DOWNLOAD_IDLE_MS_MAX = 30_000;
/** Tries of one download: with the back-off some three hours of a bad line. */
export const DOWNLOAD_TRIES_MAX = 100;
/** Versions of one name whose outcome is still told: the one that runs, and what was tried since. */
export const PAST_MAX = 5;
/** Who has not said yes within a month has said no; it may be offered anew. */
export const ASKED_MS_MAX = 30 * 86_400_000;
