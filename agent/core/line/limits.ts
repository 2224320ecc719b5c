// Limits of lines, each with its reason.

/**
 * A write that makes no progress for so long has nobody who reads: a device that holds off (paper out, XOFF)
 * for longer is as good as gone, and its order is tried again when it is back.
 */
export const WRITE_MS_MAX = 10_000;
/** Handed to the kernel at once; each one taken is progress. Slow network printers take 2 KB a second. */
export const TCP_PIECE_BYTES = 16 * 1024;
/** At 300 baud it is gone within 9 s. */
export const SERIAL_PIECE_BYTES = 256;
export const PRINTER_PIECE_BYTES = 4 * 1024;
/** Waiting to be written: a house of a thousand rooms sent anew without a pause has 200 KB. */
export const WAITING_BYTES_MAX = 4 * 1024 * 1024;
/** A dropped packet is sent again after 1, 3 and 7 s: the fourth try fits. */
export const DIAL_MS_MAX = 10_000;
/** A name with two addresses, of which the first leads nowhere, still fits (nodejs/node#54359). */
export const ADDRESS_MS_MAX = 4_000;
/** Silence after which the kernel asks the other side; it has 10 s to answer, once a second (libuv). */
export const KEEP_ALIVE_MS = 15_000;
/** A connection that lasted so long was a good one: the next pause is the first again. */
export const LASTS_MS = 10_000;
/** After the last byte the other side may still read for so long. */
export const LINGER_MS = 1_000;
/** Somebody on the list who connects in a loop; a system that restarts needs two or three. */
export const ACCEPTS_MAX = 30;
export const ACCEPTS_WINDOW_MS = 10_000;
/** Whoever is turned away is noted once in so long, with how many others there were. */
export const NOTE_MS_MIN = 10_000;
/** Between looks whether an unplugged device is back; it costs a microsecond. */
export const PLUG_LOOK_MS = 1_000;
/** A USB printer cannot be waited for in node: it is asked so often whether it has said something. */
export const PRINTER_LOOK_MS = 100;
/** Its kernel driver takes one request of 8 KiB at a time. */
export const PRINTER_FULL_MS = 20;
/** A device that sends without pause gives so much at once. */
export const READ_BYTES = 4_096;
/** Bytes of a call that nobody has read yet; then the other side waits. */
export const CALL_BYTES_MAX = 256 * 1024;
/** Bodies of third parties: a whole day's calls has some 100 KB. */
export const SERVED_BODY_BYTES_MAX = 1024 * 1024;
/** A slow client holds a connection no longer. */
export const SERVED_MS_MAX = 30_000;
/** One system asks; it may open some more. */
export const SERVED_CONNECTIONS_MAX = 32;
