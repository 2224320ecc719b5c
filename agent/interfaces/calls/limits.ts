// Limits of call records, each with its reason.

/** The widest call record that is known of has some 130 columns; a page of a printer 132. */
export const RECORD_BYTES_MAX = 512;
/** A day's calls of a large hotel; at 512 bytes each 2.5 MB. Beyond it the line is dropped: the PBX keeps them. */
export const HELD_MAX = 5_000;
/** The agent restarts within seconds; when it does not, or the card is full, a try a minute is enough. */
export const AGAIN_MS_MIN = 500;
export const AGAIN_MS_MAX = 60_000;
/** A terminal server asks at once; a PBX that is busy within seconds. */
export const LOGIN_MS_MAX = 15_000;
/** What stands before a prompt: a banner. */
export const LOGIN_BYTES_MAX = 4_096;
/** Conditions of the record filter: separators, totals, alarms, a page head or two. */
export const CONDITIONS_MAX = 16;
/** Internal lines that do not carry the number Clock knows them by: the largest hotels have some thousand. */
export const EXTENSIONS_MAX = 5_000;
/** Zones of a tariff; prefixes of a zone: the countries of the world are some 230. */
export const ZONES_MAX = 100;
export const PREFIXES_MAX = 300;
/** A longer call is a fault of the record: no telephone is off the hook for a week. */
export const SECONDS_MAX = 7 * 86_400;
/** E.164 has 15 digits; with access codes and calling cards there are more. */
export const DIALLED_CHARS_MAX = 40;
/** A record of the future by more than this: the PBX's clock is wrong, or the format's day and month. */
export const AHEAD_MS_MAX = 26 * 3_600_000;
/** How long a test waits for a call that a person makes. */
export const TEST_MS_MAX = 20_000;
/** And then for the agent to take it: some milliseconds. */
export const TAKE_MS_MAX = 1_000;
/** The same line again within one connection is told apart up to so many lines ago. */
export const TWINS_MAX = 1_000;
/** What waits when the service ends is given so long; the process is killed some seconds later. */
export const CLOSE_MS_MAX = 1_500;
/** Between calls of the simulated exchange: a person sees them come. */
export const PLAY_MS = 1_000;
/** It waits so long for an answer before it sends a record again, and so often. */
export const RESEND_MS = 5_000;
