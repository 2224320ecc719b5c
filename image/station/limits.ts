// Limits of the station's page, each with its reason.

/** A form's fields: an order's name and a device. */
export const BODY_BYTES_MAX = 4 * 1024;
/** One person with a few tabs. */
export const CONNECTIONS_MAX = 32;
export const REQUEST_MS_MAX = 10_000;
/** Node looks for those that are late twice a minute: so long they would keep the operator out. */
export const CHECK_MS = 1_000;
/** What an import gives as an order's name is shorter. */
export const ORDER_CHARS_MAX = 200;
/** Enough to find the label of a card that was taken out a while ago. */
export const FINISHED_SHOWN = 24;
/** As many orders as one looks through; all others are found by typing their name. */
export const ORDERS_SHOWN = 12;
