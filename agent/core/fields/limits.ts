// What orders, events and the house may hold when they cross from one process to another, or come from the
// cloud. Each with its reason; what is longer is a mistake or an attack.

/** Clock's own strings (public API documentation, "Types"); names of rooms, doors, encoders, printers. */
export const NAME_CHARS_MAX = 256;
/** A message to a guest, a line of a receipt. FIAS gives messages 200 and more by parts. */
export const TEXT_CHARS_MAX = 2_000;
/** Made of what a sender sent; a hash is shorter. */
export const KEY_CHARS_MAX = 200;
/** A short code of a device ("paper-low"). */
export const CODE_CHARS_MAX = 100;
/** Doors one card opens: a suite's rooms, lift, garage, pool. */
export const DOORS_MAX = 100;
/** A till's longest receipt, a table of forty at a wedding, has some hundreds of lines. */
export const PARTS_MAX = 1_000;
/** Lines of a fiscal receipt; Clock's charge bulk takes 100, the printers some 500. */
export const FISCAL_LINES_MAX = 500;
/** Articles of one minibar check. */
export const ITEMS_MAX = 100;
/** base64: what still fits into a command's body (commands/limits.ts). */
export const DATA_CHARS_MAX = 48 * 1024;
/** The answer to an order: how it went, what a card says. No document. */
export const ANSWER_BYTES_MAX = 8 * 1024;
/** Rooms of a house; the largest hotel of the world has 7,351 (two towers, one account each at Clock). */
export const ROOMS_MAX = 10_000;
/** Checked in to one room at once: a dormitory, and conference rooms that stand for groups. */
export const GUESTS_MAX = 200;
