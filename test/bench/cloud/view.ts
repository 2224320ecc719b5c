// What the cloud knows, as plain data for tests and for people. Types and text only.
import type { CertificateStatus } from './certificates/registry.ts';
import type { Fault } from './faults.ts';
import type { JobExecution } from './jobs/wire.ts';
import type { LifecycleEvent } from './mqtt/wire.ts';
import type { ShadowDocument } from './shadow/wire.ts';

export interface View {
  readonly nowMs: number;
  readonly connections: readonly ConnectionView[];
  readonly sessions: readonly SessionView[];
  readonly units: readonly UnitView[];
  readonly certificates: readonly CertificateView[];
  readonly events: readonly LifecycleEvent[];
  readonly faults: readonly { readonly fault: Fault; readonly hits: number }[];
}

export interface ConnectionView {
  readonly clientId: string;
  readonly port: string;
  readonly certificateId: string;
  readonly sinceMs: number;
  readonly keepAliveSeconds: number;
  readonly received: number;
  readonly sent: number;
}

export interface SessionView {
  readonly clientId: string;
  readonly isConnected: boolean;
  readonly isPersistent: boolean;
  readonly subscriptions: readonly string[];
  readonly stored: number;
  readonly unacknowledged: number;
}

export interface UnitView {
  readonly thing: string;
  readonly isConnected: boolean;
  readonly parameters: Readonly<Record<string, string>>;
  readonly shadows: Readonly<Record<string, ShadowDocument>>;
  readonly jobs: readonly JobExecution[];
  readonly lastMessage: { readonly topic: string; readonly atMs: number } | undefined;
}

export interface CertificateView {
  readonly certificateId: string;
  readonly status: CertificateStatus;
  readonly kind: 'claim' | 'unit';
  readonly commonName: string;
  readonly thing: string | undefined;
}
