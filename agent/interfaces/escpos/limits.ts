// Limits of receipt printing, each with its reason.

/** Clock's own: as many POS printers a device. */
export const PRINTERS_MAX = 10;
/** A receipt of a thousand lines with a picture; at the 2 KB a second of slow printers it takes four minutes. */
export const JOB_BYTES_MAX = 512 * 1_024;
/** Jobs that wait for one printer: a kitchen at its busiest. What comes then is told to come later. */
export const WAITING_MAX = 50;
/** A printer on the local network answers within milliseconds; one that just starts within seconds. */
export const DIAL_MS_MAX = 5_000;
/** Another client may be printing: a receipt takes a few seconds. */
export const BUSY_MS_MAX = 15_000;
export const BUSY_AGAIN_MS = 500;
/** Whoever only looks does not keep a job waiting. */
export const LOOK_BUSY_MS_MAX = 2_000;
/** Status is answered at once, even while it prints; over busy networks in a second. */
export const STATUS_MS_MAX = 3_000;
/** What was sent may still wait in front of the printer: a long receipt on one of 1 KB a second takes minutes. */
export const PRINT_MS_MIN = 10_000;
export const PRINT_BYTES_PER_MS = 1;
/** After the last byte, until the connection is gone: what is in the printer's buffer still is read. */
export const FINISH_MS = 2_000;
/** Bytes that a printer says: status and proof, with automatic status in between. */
export const HEARD_BYTES_MAX = 4_096;
/** A picture wider than 8 inches at 203 dots is none of a receipt. */
export const RASTER_BYTES_WIDE_MAX = 203;
export const RASTER_ROWS_MAX = 4_096;
/** One command's rows: printers with 4 KB of buffer hold 80 mm of them. */
export const RASTER_BAND_ROWS = 64;
/** A QR code of more is too fine for a receipt. */
export const QR_BYTES_MAX = 1_000;
/** What CODE128 with two letters for each character leaves of the length byte; 80 mm show some 30. */
export const BARCODE_CHARS_MAX = 120;
/** Documents that are known again; a repeat comes within minutes. They fit into what the agent remembers. */
export const DOCUMENTS_MAX = 120;
/** Of the simulated printer. */
export const PAPER_LINES_MAX = 5_000;
export const PRINTER_BUFFER_BYTES = 64 * 1_024;
