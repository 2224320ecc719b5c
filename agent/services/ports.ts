// What the services need of the machine they run on. Types only.
import type { Clock } from '../core/clock.ts';
import type { FieldProblem, Need } from '../core/interface.ts';
import type { Log } from '../core/log.ts';
import type { InstalledPackage } from '../core/packages.ts';
import type { Records } from '../core/records.ts';
import type { HotelSide } from '../core/services.ts';
import type { EventKind, OrderKind } from '../core/vocabulary.ts';
import type { InterfaceTexts } from '../core/words.ts';
import type { Sessions } from './sessions.ts';

/** One service as its process is to be made. */
export interface Prepared {
  /** ^[a-z][a-z0-9-]{0,31}$, as the unit of systemd is named after it. */
  readonly id: string;
  readonly interface: string;
  readonly memoryMb: number;
  readonly needs: readonly Need[];
  /** JSON, as the process reads it. */
  readonly settings: string;
  /** With it the process says who it is. */
  readonly token: string;
  /** The signed package that is its interface; else it is built in. */
  readonly package?: { readonly file: string; readonly jws: string };
}

/** Where a service's process is. */
export interface ProcessStatus {
  readonly at: 'running' | 'stopped' | 'failed';
  readonly memoryBytes?: number;
  /** Of `failed`, systemd's word for it: "oom-kill", "exit-code", "signal". */
  readonly why?: string;
}

/** Makes sandboxes and runs a service's process in each: systemd on the unit, child processes elsewhere. */
export interface Runner {
  /**
   * Makes the sandboxes of exactly these services; what any other was allowed is taken back. Returns which of
   * them got none, and why; rejects when none could be made.
   */
  prepare(services: readonly Prepared[]): Promise<ReadonlyMap<string, string>>;
  /** Resolves when the process runs. A service that runs already is left alone. */
  start(id: string): Promise<void>;
  /** Resolves when the process is gone. */
  stop(id: string): Promise<void>;
  status(id: string): Promise<ProcessStatus>;
}

/** What the code of an interface says of settings; of a package it is asked in a process of its own (checks.ts). */
export type Judgement =
  | {
      readonly ok: true;
      readonly title: string;
      /** Undefined of a package: it brings English only. */
      readonly texts?: InterfaceTexts | undefined;
      /** "built in", or the package's version. */
      readonly version: string;
      readonly takes: readonly OrderKind[];
      readonly emits: readonly EventKind[];
      readonly needs: readonly Need[];
      readonly targets: readonly string[];
    }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };
export type Judge = (name: string, settings: unknown) => Promise<Judgement>;

/** Whoever connects is greeted. Resolves when services can connect. */
type ListenServices = (greet: Sessions['greet']) => Promise<{ close(): void }>;

export interface Needs {
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly log: Log;
  readonly records: Records;
  readonly runner: Runner;
  readonly listen: ListenServices;
  readonly judge: Judge;
  /** The signed package that goes before the built-in interface of this name. */
  readonly packaged: (interfaceName: string) => InstalledPackage | undefined;
  readonly hotel: HotelSide;
}
