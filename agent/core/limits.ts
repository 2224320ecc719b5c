// Limits that several capabilities share, each with its reason.

/** Name servers that have not answered by then are of no use to a person waiting. */
export const DNS_MS_MAX = 5_000;
/** A dropped packet is sent again after 1 s and 3 s: the third try fits. */
export const CONNECT_MS_MAX = 6_000;
/** One packet each way; hotels behind satellites need 700 ms. */
export const NTP_MS_MAX = 2_500;
/** Enough of an HTTP answer to tell a login page; a hostile server may send for ever. */
export const HTTP_BYTES_MAX = 16 * 1024;
/** Measurements at once: a run ends within seconds, and does not look like a scan. */
export const MEASUREMENTS_AT_ONCE_MAX = 6;
/** A fault in one measurement must not hold up a run: all adapters end by themselves well before. */
export const MEASUREMENT_MS_MAX = 30_000;
/** A run by hand at most this often; the page is open to everybody on the network. */
export const RUN_MS_MIN = 10_000;
/** Who opens the page sees results no older than this. */
export const VISIT_MS_MAX = 60_000;
/** Runs by themselves while all is well: about 0.1 % of one core, and 4 KiB written, an hour four times. */
export const RUN_MS_WELL = 900_000;
/** After a failure the next run follows sooner (a lease may be seconds away), then ever later. */
export const RUN_MS_FAILED_FIRST = 15_000;
export const RUN_MS_FAILED_MAX = 240_000;
/** What a file of the state folder may weigh; read before anything is parsed. */
export const FILE_BYTES_MAX = 64 * 1024;
/** Text in one note: an address, a name, an error code. */
export const NOTE_CHARS_MAX = 200;
/** So often the machine's own addresses are looked at; it costs a tenth of a millisecond. */
export const ADDRESS_LOOK_MS = 2_000;
