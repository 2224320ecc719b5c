// What flashing cards is bounded by, and why.
import { MIB } from '../unit/layout.ts';

/** Everything is written and read in multiples of this: a memory page, and any card's sector. */
export const BLOCK_BYTES = 4096;

/** One write. SD cards erase 4 MiB at a time; larger ones gain nothing (measured: facts of dd bs=4M). */
export const CHUNK_BYTES = 4 * MIB;

/**
 * Pieces under way at once: one on the card, one in the kernel's queue, and as many ahead as a card takes in 0.4 s.
 * For so long sixteen cards that begin together hold each other up on two cores, until their code is compiled
 * (measured, in the first round of all: 89 % of their speed with three pieces, 92 % with six).
 */
export const DEPTH = 6;

/**
 * A card may pause for a second or two to collect garbage; the kernel gives up on a reader after 30 s and
 * then tries again. One that answers nothing for this long is dying.
 */
export const STALL_MS_MAX = 60_000;

/** What lies on a card is told by 1 to 2.4 MiB of it (measured): any card that works gives them in a second or two. */
export const CONTENT_MS_MAX = 10_000;

/** Of 4 KiB each: on a slow card some 2 s. Cards of more than 1,024 × the content's size are probed thinner. */
export const PROBES_MAX = 1024;

/** Cards at once: a rack of hubs has 16 places; each card takes a process of 155 MB at most (resident, measured). */
export const CARDS_MAX = 32;

/** A partition table of this kind ends here; no SD card is as large. */
export const CARD_BYTES_MAX = 2 ** 41;
