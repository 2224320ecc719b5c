// What a day asks of the place where it is played: a unit, and how its services find the systems. Types only.
import type { Cloud, CloudOptions } from '../cloud/api.ts';
import type { Pms, PmsOptions } from '../pms/api.ts';
import type { Behind } from '../systems/behind.ts';
import type { Fault } from './script.ts';

/** Names of the services. */
export const SERVICES = { pbx: 'pbx', locks: 'locks', records: 'records' } as const;
export type Service = keyof typeof SERVICES;
export const SERVICE_NAMES = Object.keys(SERVICES) as readonly Service[];

/** All on this machine's loopback. */
export interface Around {
  readonly cloud: Cloud;
  readonly pms: Pms;
  readonly cables: Readonly<Record<Service, Behind>>;
}

export interface Place {
  /** By which names the unit knows the doubles. */
  readonly cloud: CloudOptions;
  readonly pms: PmsOptions;
  /** How often slower than a workstation: deadlines are so much longer. */
  readonly slowness: number;
  /** What can go wrong here; how often each does in a day with faults. */
  readonly faults: readonly Fault[];
  readonly faultRounds: number;
  /** Prepares a unit that has the account of the double, and starts it. Resolves when it is in the cloud. */
  open(around: Around): Promise<PlacedUnit>;
}

export interface PlacedUnit extends AsyncDisposable {
  readonly thing: string;
  /** Where its services find each system. */
  readonly lines: Readonly<Record<Service, { readonly host: string; readonly port: number }>>;
  /** kill -9; resolves when another one is there. */
  killAgent(): Promise<void>;
  /** kill -9; false: it did not run. */
  killService(service: Service): Promise<boolean>;
  /** Resolves when it is in the cloud again. Not everywhere is there a plug. */
  pullPlug?(): Promise<void>;
  /** What it wrote, the last lines. */
  log(): Promise<readonly string[]>;
  /** Ends the agent; resolves with a folder of this machine that holds the agent's data. */
  readOut(): Promise<string>;
}
