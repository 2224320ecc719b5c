// Limits of services, each with its reason.

/** Ten printers, a fiscal one, locks, telephone, minibar, television: a large hotel has twelve. */
export const SERVICES_MAX = 20;
/** The shadow holds 8 KB of them all (AWS IoT: document of a named shadow). */
export const SETTINGS_CHARS_MAX = 16 * 1024;
/** Node with its interface has some 50 MiB resident; a house of 2,000 rooms takes 15 more. */
export const MEMORY_MB = 128;
/** Started and not heard of: a Pi that starts ten at once takes 30 s for the last. */
export const GREET_MS_MAX = 90_000;
/** It ran so long: the next failure is a first one. */
export const LASTS_MS = 60_000;
/** The pause before a start grows to this. */
export const PAUSE_MS_MAX = 60_000;
/** So many failures in a row (some five minutes) are no accident: it is parked, and costs no more. */
export const FAILURES_MAX = 8;
/** A parked service is tried again: the third party may have been mended by somebody who does not know of us. */
export const PARKED_MS = 3_600_000;
/** Looked whether a process still runs that does not say so. */
export const LOOK_MS = 5_000;
/** A package that only says what it needs: a Pi starts its process within seconds, an emulated board is slower. */
export const CHECK_MS_MAX = 90_000;
/** Looked whether it has ended without an answer. */
export const CHECK_LOOK_MS = 1_000;
/** The version in use and the one that is tried. */
export const CHECKED_MAX = 2;
/** A fiscal receipt of a hundred lines takes its printer some twenty seconds. */
export const SETTLE_MS_MAX = 30_000;
/** A test of the third party, its process included. */
export const TRY_MS_MAX = 120_000;
/** Sandboxes are asked for again: the name server was away when the unit started, a system got another address. */
export const PREPARE_MS = 30_000;
/** Of the report in the shadow, which takes 6 KB of 8 (shadows/limits.ts): a longer one would tell nothing of anybody. */
export const REPORT_BYTES_MAX = 5_500;
/** What is left out until it fits, in characters and numbers: the last fits for twenty services. */
export const REPORT_DETAILS = [
  { chars: 100, problems: 5, refused: 20 },
  { chars: 60, problems: 1, refused: 5 },
  { chars: 30, problems: 0, refused: 3 },
] as const;
