// What is shown of the cloud connection, on the page, in the status and by its check: the vocabulary
// that the capabilities share. Types only.
import type { Route } from './connection.ts';

/** How a unit gets its own certificate; in this order. */
export type ProvisioningStep =
  | 'off'
  /** Its clock is not to be gone by yet. */
  | 'time'
  | 'claim'
  | 'key'
  | 'certificate'
  | 'registration'
  | 'connection'
  | 'clean-up'
  | 'done';

interface Problem {
  /** A code or a short text from outside, bounded, no secret. */
  readonly why: string;
  readonly msAgo: number;
}

export interface ProvisioningView {
  readonly step: ProvisioningStep;
  /** In a row. */
  readonly failures: number;
  /** The cloud said no, as opposed to: it was not reached. */
  readonly refused: boolean;
  readonly problem: Problem | undefined;
}

/** The certificate is to be replaced, and that does not work. */
export interface RenewalView {
  /** In a row, of one step. */
  readonly failures: number;
  readonly problem: Problem;
}

export interface LinkView {
  readonly at: 'off' | 'waiting' | 'dialling' | 'up';
  /** In use, or tried next. */
  readonly route: Route;
  readonly port: number;
  /** In this state. */
  readonly sinceMsAgo: number | undefined;
  readonly failures: number;
  readonly refused: boolean;
  readonly problem: Problem | undefined;
}

export interface OutboxView {
  readonly at: 'closed' | 'open';
  /** Why it is closed. */
  readonly problem: string | undefined;
  readonly waiting: number;
  readonly waitingBytes: number;
  /** By the unit's clock; undefined when nothing waits. */
  readonly oldestMsAgo: number | undefined;
  readonly dead: number;
  readonly dropped: number;
  /** What the last commit met, or what the present one waits for: a system's code, else `slow`. */
  readonly trouble: { readonly why: string; readonly ms: number } | undefined;
  /** The card was full; only what must not be lost is taken. */
  readonly tight: boolean;
}

/** Which accounts the unit works for; no keys. */
export interface PairingView {
  readonly accounts: readonly {
    readonly kind: 'pms' | 'pos';
    readonly host: string;
    readonly subscriptionId: number;
    readonly accountId: number;
    readonly by: 'record' | 'code';
    /** By the unit's clock. */
    readonly sinceMsAgo: number;
  }[];
  /** To be entered in the PMS by the account's owner: "ABCD EFGH". */
  readonly code: { readonly text: string; readonly expiresInMs: number } | undefined;
  /** Codes were guessed at too often. */
  readonly isPaused: boolean;
  /** Why the factory's record is not taken over. */
  readonly recordProblem: string | undefined;
}

/** Why a call to the PMS has no value (pms/ports.ts says what each means). */
export type PmsWhy =
  | 'rejected'
  | 'right'
  | 'key'
  | 'banned'
  | 'busy'
  | 'unreachable'
  | 'unknown'
  | 'malformed'
  | 'closed';

export interface PmsAccountView {
  readonly kind: 'pms' | 'pos';
  readonly accountId: number;
  /** What its API said last; kept while a later try fails. */
  readonly reached:
    | {
        readonly hotel: string;
        readonly timeZone: string;
        /** "YYYY-MM-DD": the hotel's own, which ends with its day's closing. */
        readonly businessDate: string;
        readonly msAgo: number;
      }
    | undefined;
  /** Of the last try; undefined: it went well, or there was none yet. */
  readonly problem:
    | {
        readonly why: PmsWhy;
        /** The PMS's own words, or a code; '' where there are none. */
        readonly text: string;
        readonly msAgo: number;
      }
    | undefined;
}

/** Whether the accounts' API is reached. */
export interface PmsView {
  readonly accounts: readonly PmsAccountView[];
  /** The PMS's firewall has shut this address out for so long; 0: it has not. */
  readonly bannedMs: number;
}

/** What the cloud asked of this unit, the newest first; at most some twenty of each. */
export interface RecentWork {
  readonly commands: readonly {
    readonly id: string;
    readonly service: string;
    readonly kind: string;
    readonly state: 'received' | 'processing' | 'processed' | 'cancelled' | 'error';
    /** Of arrival, by the unit's clock; 0: it was not set then. */
    readonly atMs: number;
  }[];
  readonly jobs: readonly {
    readonly id: string;
    /** '' while its document is not understood. */
    readonly operation: string;
    readonly state: 'under-way' | 'succeeded' | 'failed' | 'rejected' | 'dropped';
    /** A short code where it did not succeed. */
    readonly why: string | undefined;
    readonly atMs: number;
  }[];
}

export interface CloudView {
  readonly pairing: PairingView;
  readonly pms: PmsView;
  readonly provisioning: ProvisioningView;
  /** undefined: nothing to do, or it goes well. */
  readonly renewal: RenewalView | undefined;
  readonly link: LinkView;
  readonly outbox: OutboxView;
  readonly recentWork: RecentWork;
}
