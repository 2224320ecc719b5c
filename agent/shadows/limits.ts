// What shadows may take, each with its reason.

/** AWS's limit of a shadow's document (page general#device-shadow-limits); the report is a part of it. */
export const REPORT_BYTES_MAX = 6 * 1024;
/** AWS delivers what somebody put into `desired`, up to 8 KiB, with metadata of several times its size. */
export const DOCUMENT_BYTES_MAX = 128 * 1024;
/** AWS's limit of levels. */
export const DEPTH_MAX = 8;
/** An answer takes a round trip; one that takes so long was lost. */
export const ANSWER_MS_MAX = 20_000;
/** The report is a picture of how the unit is, nothing hangs on it. */
export const BACK_OFF_MS_MAX = 300_000;
/** So often it is looked whether the picture still is right: each difference costs four messages. */
export const LOOK_MS = 15_000;
