// What bench:link and its contenders tell each other. Types only.
import type { Ports } from '../../cloud/api.ts';

export interface Result {
  readonly seconds: number;
  /** Events on the disk, or acknowledged by the cloud. */
  readonly done: number;
  /** By the process to its disk (proc(5), io: write_bytes). */
  readonly writtenBytes: number;
  /** From an event to its acknowledgement. */
  readonly meanMs?: number;
  readonly worstMs?: number;
}

export interface Target {
  readonly thing: string;
  readonly host: string;
  readonly ports: Ports;
  readonly rootsPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}
