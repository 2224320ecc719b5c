// Services as the rest of the agent sees them, and what the services want of the rest. Types only; the services
// are services/, the hotel's side of them is hotel/.
import type { Need, Talk, TestStep } from './interface.ts';
import type {
  EventKind,
  HotelEvent,
  House,
  Order,
  OrderKind,
  OrderOutcome,
  Verdict,
} from './vocabulary.ts';
import type { InterfaceTexts } from './words.ts';

export interface ServiceInfo {
  /** "pbx-reception". */
  readonly id: string;
  /** "fias". */
  readonly interface: string;
  readonly takes: readonly OrderKind[];
  readonly emits: readonly EventKind[];
  /** Of lock systems and printers: what an order may be addressed to; empty: anything. */
  readonly targets: readonly string[];
  readonly talk: Talk;
}

export interface Services {
  list(): readonly ServiceInfo[];
  /** Live, never kept: `offline` when the process or the third party is not there. */
  order(service: string, order: Order, signal: AbortSignal): Promise<OrderOutcome>;
  /** Called whenever a service's talk changes, and when services come and go. Returns how to stop. */
  onChange(look: (service: string) => void): () => void;
}

/** What the hotel's side does for the services. */
export interface HotelSide {
  /** Resolves when what follows from it is on the card. */
  emitted(service: ServiceInfo, event: HotelEvent): Promise<Verdict>;
  house(): House;
}

/** Where the agent is with a service's process. Times are the monotonic clock's. */
export type ProcessState =
  | { readonly at: 'off' }
  /** Its settings are wrong, or the sandbox cannot be made; `problems` of the view say which field. */
  | { readonly at: 'refused'; readonly why: string }
  | { readonly at: 'starting'; readonly sinceMs: number }
  | { readonly at: 'running'; readonly sinceMs: number }
  /** It ended; started again at `dueMs`. */
  | { readonly at: 'waiting'; readonly dueMs: number; readonly why: string }
  /** It ended again and again: a person, a change of settings or an hour brings it back. */
  | { readonly at: 'parked'; readonly sinceMs: number; readonly why: string }
  | { readonly at: 'testing' };

export type TrialOutcome =
  | { readonly ok: true; readonly steps: readonly TestStep[] }
  | { readonly ok: false; readonly why: string };

/** What the page and the reports show of a service. */
export interface ServiceView {
  readonly id: string;
  readonly interface: string;
  readonly title: string;
  /** In other languages; undefined: a package, or settings that cannot be read. */
  readonly texts: InterfaceTexts | undefined;
  /** "built in", or the package's version. */
  readonly version: string;
  readonly process: ProcessState;
  readonly talk: Talk;
  readonly problems: readonly { readonly field: string; readonly problem: string }[];
  /** Ages in milliseconds of the last traffic; undefined: none since the process began. */
  readonly lastInMs: number | undefined;
  readonly lastOutMs: number | undefined;
  readonly counters: Readonly<Record<string, number>>;
  /** Since when its process is where it is, and in how long it is started again; undefined: means nothing here. */
  readonly ageMs: number | undefined;
  readonly dueInMs: number | undefined;
  /** Ends that nobody asked for, since this agent began, and the last of them. */
  readonly restarts: number;
  readonly lastEnd: { readonly why: string; readonly msAgo: number } | undefined;
  /** Undefined: not known, or it does not run. More than the most ends it. */
  readonly memoryBytes: number | undefined;
  readonly memoryBytesMax: number;
  /** Orders that wait for the third party to come back. */
  readonly waiting: number;
  /** So many of what it only told went while the cloud was away: more than its share waited. Never charges. */
  readonly dropped: number;
  /** "tcp 10.1.2.3:5001": what it may reach, for people; and of what kind each is. */
  readonly reaches: readonly string[];
  readonly ways: readonly Need['need'][];
  /** The last "test connection"; `outcome` undefined: it is under way. */
  readonly trial:
    | {
        readonly how: 'test' | 'rehearse';
        readonly msAgo: number;
        readonly outcome: TrialOutcome | undefined;
      }
    | undefined;
}

/** What the page and the reports show of the hotel's side. */
export interface HotelView {
  /** When Clock last said how the house is (milliseconds since 1970). */
  readonly asOfMs: number | undefined;
  readonly rooms: number;
  readonly guests: number;
  /** Charges and calls on the way to Clock. */
  readonly waiting: number;
  /** Why nothing goes there at the moment. */
  readonly problem: string | undefined;
  /** For a person: the oldest first, without names. */
  readonly open: readonly {
    readonly key: string;
    readonly state: 'unknown' | 'rejected' | 'failed';
    readonly what: string;
    readonly text: string;
  }[];
}
