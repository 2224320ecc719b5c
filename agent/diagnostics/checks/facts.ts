// What the checks of all groups share: needs, the facts of one run, notes.
import { NOTE_CHARS_MAX } from '../../core/limits.ts';
import type { Clock } from '../../core/clock.ts';
import type { CloudView } from '../../core/cloud.ts';
import type { Ports } from '../../core/connection.ts';
import type { EthernetPort, Handshake, Lease, Machine, Network } from '../ports.ts';
import type { CheckId, Note, NoteKey, Outcome, Values } from '../results.ts';

interface Endpoints {
  readonly region: string;
  readonly clock: { readonly host: string };
  readonly aws: { readonly host: string; readonly ports?: Ports | undefined };
  readonly gems: { readonly host: string };
  readonly ntp: readonly string[];
  readonly proxy?: { readonly host: string; readonly port: number } | undefined;
  readonly rootsPem?: string | undefined;
}

/** What is known of the unit itself; a problem is a text for support. */
export interface Settings {
  readonly serialProblem: string | undefined;
  readonly releaseProblem: string | undefined;
  readonly endpoints: Endpoints | undefined;
  readonly endpointsFrom: 'built-in' | 'override';
  readonly endpointsProblem: string | undefined;
  readonly extraRoots: number;
  /** From the boot script: card, board, otp, tpm2; undefined on a workstation. */
  readonly seal: string | undefined;
  /** Milliseconds since 1970; the unit's clock cannot be before. */
  readonly builtMs: number | undefined;
}

export interface Needs {
  readonly network: Network;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly roots: { readonly amazon: readonly string[]; readonly public: readonly string[] };
  /** undefined where no agent holds the connection: `diagnose`. */
  readonly cloud: () => CloudView | undefined;
}

/** What one run has found out so far, for the checks that come later in it. */
export interface Facts {
  ports: readonly EthernetPort[];
  leases: readonly Lease[] | undefined;
  readonly addresses: Map<string, readonly string[]>;
  readonly handshakes: Map<CheckId, { where: string; handshake: Handshake }>;
  httpOpen: boolean;
  /** A name that the unit needs was not found. */
  dnsFailed: boolean;
  timeSynchronised: boolean | undefined;
}

export const noFacts = (): Facts => ({
  ports: [],
  leases: undefined,
  addresses: new Map(),
  handshakes: new Map(),
  httpOpen: false,
  dnsFailed: false,
  timeSynchronised: undefined,
});

export type Check = (needs: Needs, facts: Facts) => Promise<Outcome>;

/** Line ends, other control characters, and marks that turn the direction of reading. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/**
 * A note whose texts are short and of one line: a certificate's issuer, for one, is whatever somebody
 * in between wrote, and must not write a line of the report.
 */
export function note(say: NoteKey, values: Values = {}): Note {
  const short = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === 'string' ? value.slice(0, NOTE_CHARS_MAX).replaceAll(UNPRINTABLE, ' ') : value,
  ]);
  return { say, values: Object.fromEntries(short) as Values };
}

export const passed = (...notes: readonly Note[]): Outcome => ({ state: 'passed', notes });
export const notChecked = (...notes: readonly Note[]): Outcome => ({ state: 'not-checked', notes });
/** While Clock's firewall shuts this address out nothing knocks there: it would be shut out longer. */
export const knocking =
  (check: Check): Check =>
  async (given, facts) =>
    (given.cloud()?.pms.bannedMs ?? 0) > 0 ? needs('pms') : check(given, facts);
export const needs = (id: CheckId, ...notes: readonly Note[]): Outcome => ({
  state: 'not-checked',
  notes,
  needs: id,
});
