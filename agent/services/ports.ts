// What the services need of the machine they run on. Types only.
import type { Need } from '../core/interface.ts';

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
