// What the outbox keeps and for how long, each with its reason. Lanes are sent in this order: work and
// health never wait behind a backlog of the others.

import type { Lane } from '../core/messages.ts';
import type { StoreLimits } from './ports.ts';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

interface Policy {
  readonly bytesMax: number;
  /** undefined: never too old. */
  readonly ageMsMax: number | undefined;
  /** At the cap: `refuse` leaves it with the source, `drop-oldest` makes room and counts. */
  readonly whenFull: 'refuse' | 'drop-oldest';
  /** Still taken when the card is full. */
  readonly essential: boolean;
}

export const POLICIES: Readonly<Record<Lane, Policy>> = {
  /** Results of commands and jobs: who asked has given up after a week. */
  work: { bytesMax: 4 * MIB, ageMsMax: 7 * DAY_MS, whenFull: 'drop-oldest', essential: true },
  /** What the unit says of itself: only the present matters. */
  health: { bytesMax: MIB, ageMsMax: DAY_MS, whenFull: 'drop-oldest', essential: true },
  /** Charges, bookings, receipts: never dropped. Full, the source keeps what it has and is told. */
  business: { bytesMax: 40 * MIB, ageMsMax: undefined, whenFull: 'refuse', essential: true },
  /** Call records and the like: 16 MiB are some 50,000 calls; older than a month nobody bills them. */
  records: {
    bytesMax: 16 * MIB,
    ageMsMax: 30 * DAY_MS,
    whenFull: 'drop-oldest',
    essential: false,
  },
};

/**
 * What one service may have in `business` of what it only tells (bytes of a bridge, a maid's do-not-disturb): all
 * twenty that there may be leave half of the lane to charges and what became of them. 3,000 events of 300 bytes.
 */
export const SHARE_BYTES_MAX = MIB;
/** One in so many goes to a less urgent lane: without it the more urgent one could hold it up for ever. */
export const TURNS = 8;
/** One record: state of one thing, never a document. */
export const RECORD_BYTES_MAX = 64 * 1024;
/** AWS IoT: 128 KiB. Whatever is larger would close the connection. */
export const PAYLOAD_BYTES_MAX = 128 * 1024;
export const TOPIC_BYTES_MAX = 256;
/**
 * Commits one after the other are so far apart, so that events of a busy hour share them: fewer and fuller
 * writes. No person feels it.
 */
export const COMMIT_GAP_MS = 40;
/** But so many may follow each other at once: a source that waits for each, with a few to tell. */
export const COMMITS_AT_ONCE = 4;
/** When so much waits, nothing is to be won by waiting for more. */
export const GROUP_MIN = 16;
/**
 * Deletions wait so long for others to share a commit with. Lost, they only send again: at 1,000 the card
 * is spared 3 % more, and a kill sends four times as much again.
 */
export const SETTLE_MS_MAX = 250;
/** What one commit carries: beyond it a single fsync takes too long for the page. */
export const BATCH_MAX = 500;
/** Two commits of this size are as much as the log holds. A larger change goes alone. */
export const BATCH_BYTES_MAX = MIB / 2;
/** Each changes two pages or three: so many fit into the log on a full card, too. */
export const DELETIONS_MAX = 250;
/** What waits for a commit lies in memory. */
export const PENDING_BYTES_MAX = 8 * MIB;
/** Appends that wait for a commit; a source that does not wait for its acknowledgement is told so. */
export const PENDING_MAX = 10_000;
/** Records dropped at once when the card is full, so that what must not be lost fits. */
export const MAKE_ROOM_BYTES = MIB;
export const STORE_LIMITS: StoreLimits = {
  /** All lanes, dead letters and SQLite's own pages. */
  bytesMax: 96 * MIB,
  /** Dead letters are for a person to look at; the oldest go. */
  deadMax: 200,
  /** Losses are counted for so many by name; services come and go for years. */
  sharesMax: 64,
  /** Given up on a full card: by it the file grows by what the log brings, and the log by one commit. */
  reserveBytes: 2 * MIB,
  /** A page that changes often is then written into the file once, not each time. Taken at the start. */
  logBytesMax: MIB,
};
/** After a failed fsync the card is tried again this often. */
export const RECOVER_MS = 5_000;
/** An fsync that takes longer is told: a healthy card stalls for a second now and then. */
export const SLOW_MS = 2_000;
/** And for so long after the last one: a person looks now, not at that moment. */
export const TROUBLE_MS = 60_000;
/** Ages, and whether the card has room again, are looked at this often. */
export const SWEEP_MS = 60_000;
