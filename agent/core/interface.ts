// What an interface is to the process that runs it, and that process to the interface. An interface is the code
// for one protocol (fias, salto, …); a service is one running connection with its settings. Types, and their limits.
import type { Clock } from './clock.ts';
import type { DialTcp, LanHttp, ListenHttp, OpenLine, Serve } from './line/ports.ts';
import type { Log } from './log.ts';
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

/** What a service may reach; the sandbox lets it reach nothing else. People see it before they approve it. */
export type Need =
  | { readonly need: 'connect'; readonly host: string; readonly port: number }
  | { readonly need: 'listen'; readonly port: number; readonly from: readonly string[] }
  | { readonly need: 'device'; readonly path: string };

/** `field` as in the settings: "line.port", "encoders.2.identifier". */
export interface FieldProblem {
  readonly field: string;
  readonly problem: string;
}
export type Parsed<S> =
  | { readonly ok: true; readonly settings: S }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** Where the conversation with the third party stands. */
export type Talk =
  | { readonly at: 'down'; readonly why: string }
  /** Connected, but not agreed yet. */
  | { readonly at: 'joining'; readonly with: string }
  | { readonly at: 'up'; readonly with: string };

/** UTF-8. A fiscal job with its steps fits; more belongs into events. */
export const REMEMBER_BYTES_MAX = 4_096;
/** An interface remembers its one job, not a history. */
export const REMEMBER_NAMES_MAX = 8;

/** What the process gives its interface. */
export interface ServiceHost {
  readonly service: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly openLine: OpenLine;
  readonly dialTcp: DialTcp;
  readonly http: LanHttp;
  readonly listenHttp: ListenHttp;
  /** The hotel's wall clock; the zone is the PMS account's. Milliseconds since 1970 in, local time out. */
  local(wallMs: number): string;
  /**
   * Resolves when the agent has it on the card (or knows that it will not take it). While the agent is away it
   * waits; rejects with code `agent-away` after EMIT_MS_MAX, and then it is not known whether it was stored.
   */
  emit(event: HotelEvent): Promise<Verdict>;
  /** Rooms and guests as last known. Rejects with code `agent-away`. */
  house(): Promise<House>;
  /**
   * One short text per name that outlives this process and a power cut: what a fiscal printer was told last.
   * `remember` resolves when it is on the card; `value` undefined forgets it. At most REMEMBER_NAMES_MAX names
   * a service. Both reject with code `agent-away`, `remember` with `too-long` over REMEMBER_BYTES_MAX.
   */
  recall(name: string): Promise<string | undefined>;
  remember(name: string, value: string | undefined): Promise<void>;
  talk(now: Talk): void;
  /**
   * One entry of the trace, decoded; names and numbers of guests masked by the caller (core/mask.ts).
   * It also counts as traffic.
   */
  trace(direction: 'in' | 'out' | 'note', text: string): void;
  /** A number on the page, by a short name: "postings". */
  count(name: string, by?: number): void;
}

export interface RunningInterface {
  /** Carries an order out. Never rejects for what can be expected. `signal`: cancelled or expired. */
  handle(order: Order, signal: AbortSignal): Promise<OrderOutcome>;
  close(): Promise<void>;
}

export interface TestStep {
  readonly step: string;
  readonly ok: boolean;
  /** For people: what was seen, or what to do. */
  readonly text: string;
}

/**
 * The third party as a program without sockets: it ships, for rehearsals before the real one is there, and is
 * what the bench puts behind real sockets and serial lines. As strict as the real one.
 */
export interface Counterpart {
  /** A connection is there; `send` brings bytes to the interface, `end` hangs up. */
  readonly connect?: (
    send: (bytes: Uint8Array) => void,
    end: () => void,
  ) => { bytes(chunk: Buffer): void; closed(): void };
  /** Where the third party is a web server. */
  readonly serve?: Serve;
  /** Stops its timers. */
  close(): void;
}

export interface Interface<S> {
  /** Also the folder's name. */
  readonly name: string;
  readonly title: string;
  /** The title among them; undefined: English is all there is. */
  readonly texts?: InterfaceTexts;
  readonly takes: readonly OrderKind[];
  readonly emits: readonly EventKind[];
  /** Settings as typed into Clock's forms; all problems at once, each with its field. */
  parse(settings: unknown): Parsed<S>;
  needs(settings: S): readonly Need[];
  /** What an order may be addressed to: encoders, printers. None: orders are for all of the service. */
  targets?(settings: S): readonly string[];
  start(settings: S, host: ServiceHost): RunningInterface;
  /**
   * Tries the third party with these settings without changing anything there: connect, say hello, ask for a
   * state, leave. Runs in a process of its own with the service's sandbox, while the service itself is stopped.
   */
  test(settings: S, host: ServiceHost, signal: AbortSignal): Promise<readonly TestStep[]>;
  /** For the same settings: a rehearsal is `test` against it. */
  counterpart(
    settings: S,
    needs: { readonly clock: Clock; readonly random: () => number },
  ): Counterpart;
}

/** Settings are each interface's own: outside of it nobody looks into them. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyInterface = Interface<any>;
