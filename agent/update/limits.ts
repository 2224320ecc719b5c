// Limits of replacing the agent's bundle, each with its reason.

/** The bundle has 1.1 MB; it is read as a whole at every start. */
export const BUNDLE_BYTES_MAX = 8 * 1024 * 1024;
/** A manifest has 300 bytes; AWS IoT Jobs takes documents of 32 KB. */
export const JWS_CHARS_MAX = 4_096;
/** Pre-signed links have some 1,500 characters with a session token. */
export const URL_CHARS_MAX = 4_096;
export const VERSION_CHARS_MAX = 60;
/** The state has 500 bytes, with eight refusals 1,500. */
export const STATE_BYTES_MAX = 16 * 1024;
/** Why a bundle returned is for people; an error's message may be long. */
export const WHY_CHARS_MAX = 160;
/** Bundles that have failed on this unit; older ones are below the sequence anyway. */
export const REFUSED_MAX = 8;
/** One bad start may be a power cut. */
export const TRIAL_STARTS_MAX = 3;
/** Starts in a row of a copy that has proved itself, none of which lasted: five minutes of restarts. */
export const PROVED_STARTS_MAX = 10;
/** A start that lasts so long was a good one. */
export const SETTLED_MS = 600_000;
/** Back-off of the link is 2 minutes at most, a first start on a Pi takes one. */
export const TRIAL_MS = 600_000;
/** Healthy for so long before it counts: a crash on the first message comes sooner. */
export const STABLE_MS = 60_000;
export const HEALTH_TICK_MS = 5_000;
/** 1 MB through 20 kbit/s takes 7 minutes; a link lives an hour. */
export const DOWNLOAD_MS_MAX = 1_800_000;
/** No byte for so long: the connection is dead. */
export const DOWNLOAD_IDLE_MS_MAX = 30_000;
/** Tries of one download: with the back-off some six hours of a bad line. */
export const DOWNLOAD_TRIES_MAX = 200;
/** systemd starts the service again whatever it ends with (Restart=always); this says: on purpose. */
export const EXIT_RESTART = 75;
