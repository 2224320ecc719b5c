// Limits that several capabilities share, each with its reason.

/** A name server that does not answer within this long is of no use to a person waiting. */
export const DNS_MS_MAX = 4_000;
/** A dropped packet is sent again after 1 s and 3 s: the third try fits. */
export const CONNECT_MS_MAX = 6_000;
export const NTP_MS_MAX = 3_000;
/** Connections at once: enough to finish in seconds, too few to look like a scan. */
export const PROBES_AT_ONCE_MAX = 4;
/** A run by hand at most this often; the page is open to everybody on the network. */
export const RUN_MS_MIN = 10_000;
/** Checks are repeated by themselves this often. */
export const RUN_MS_EVERY = 600_000;
