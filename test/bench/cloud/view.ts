// What the cloud knows, as plain data for tests and for people. Reads, changes nothing.
import type { CertificateStatus, Registry } from './certificates/registry.ts';
import type { Fault, FaultBook } from './faults.ts';
import type { Jobs } from './jobs/run.ts';
import type { JobExecution } from './jobs/wire.ts';
import type { Broker } from './mqtt/broker.ts';
import type { LifecycleEvent } from './mqtt/wire.ts';
import type { Shadows } from './shadow/run.ts';
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

export interface Viewed {
  readonly broker: Broker;
  readonly registry: Registry;
  readonly shadows: Shadows;
  readonly jobs: Jobs;
  readonly faults: FaultBook;
  readonly nowMs: number;
}

export function viewOf({ broker, registry, shadows, jobs, faults, nowMs }: Viewed): View {
  const up = [...broker.connections].filter(({ session }) => session !== undefined);
  return {
    nowMs,
    connections: up.map(
      ({ clientId, link, certificate, sinceMs, keepAliveSeconds, received, sent }) => ({
        ...{ clientId, sinceMs, keepAliveSeconds, received, sent },
        port: link.port,
        certificateId: certificate.id,
      }),
    ),
    sessions: [...broker.sessions].map(([clientId, session]) => ({
      clientId,
      isConnected: session.absentSinceMs === undefined,
      isPersistent: !session.clean,
      subscriptions: [...session.subscriptions.keys()],
      stored: session.storedCount,
      unacknowledged: session.unacknowledged,
    })),
    units: [...registry.things.values()].map(({ name, parameters }) => {
      const last = broker.messages.findLast(({ from }) => from === name);
      return {
        thing: name,
        isConnected: broker.connectionOf(name) !== undefined,
        parameters,
        shadows: Object.fromEntries(
          shadows.namesOf(name).map((shadow) => [shadow, shadows.document(name, shadow)!]),
        ),
        jobs: jobs.list(name),
        lastMessage: last && { topic: last.topic, atMs: last.atMs },
      };
    }),
    certificates: [...registry.certificates.values()].map(
      ({ id, status, isClaim, commonName, thing }) => ({
        certificateId: id,
        status,
        kind: isClaim ? 'claim' : 'unit',
        commonName,
        thing,
      }),
    ),
    events: broker.events,
    faults: faults.list(),
  };
}
