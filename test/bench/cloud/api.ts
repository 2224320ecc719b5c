// What a test or a person gets from openCloud() in cloud.ts. Types only.
import type { Announcement } from '../../../image/ledger/registration.ts';
import type { CertificateStatus } from './certificates/registry.ts';
import type { Fault, Injected } from './faults.ts';
import type { Job, JobExecution } from './jobs/wire.ts';
import type { Limits } from './limits.ts';
import type { LifecycleEvent, Message } from './mqtt/wire.ts';
import type { PolicyDocument } from './mqtt/policy.ts';
import type { HookRequest } from './provisioning/wire.ts';
import type { ShadowDocument } from './shadow/wire.ts';
import type { View } from './view.ts';

export interface CloudOptions {
  /** Endpoint names: what a client must send as SNI. The first one is the default's. */
  readonly hosts?: readonly string[];
  /** Fleet provisioning template. Default `clock-unit`. */
  readonly template?: string;
  /** Pre-provisioning hook: false is answered with ACCESS_DENIED. Default: everyone may. */
  readonly hook?: (request: HookRequest) => boolean;
  /** `deviceConfiguration` of a new thing. Default: none. */
  readonly deviceConfiguration?: Readonly<Record<string, string>>;
  /** For a time after RegisterThing a CONNECT is refused: the policy lags. Default 0. */
  readonly policyLagMs?: number;
  readonly limits?: Partial<Limits>;
  /** Policies of units and of claim certificates. Default: policies.ts. */
  readonly policies?: { readonly unit?: PolicyDocument; readonly claim?: PolicyDocument };
  /** A new subscription is in force so long after its SUBACK. Default 0. */
  readonly subscriptionLagMs?: number;
  /** A subscription against policy closes the connection, or is answered with 0x80. Default close. */
  readonly unauthorisedSubscribe?: 'close' | 'suback-128';
  /** Fixed ports, for people; tests let the system choose. */
  readonly ports?: Partial<Ports>;
  /**
   * A folder that outlives the process: authorities, certificates, things, shadows, jobs, sessions with
   * their messages, and what clients published are in it before anybody is told. Default: none.
   */
  readonly keep?: string;
  /** Called with a line for everything the cloud sees. */
  readonly onLine?: (line: string) => void;
}

export interface Ports {
  /** As 8883: MQTT over TLS. */
  readonly mqtt: number;
  /** As 443: MQTT with ALPN x-amzn-mqtt-ca, HTTPS with x-amzn-http-ca. */
  readonly alpn: number;
  /** As 8443: HTTPS publish and shadows. */
  readonly https: number;
}

export interface Credentials {
  /** AWS's certificate id: SHA-256 of the certificate, 64 hex digits. */
  readonly certificateId: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Cloud extends AsyncDisposable {
  /** Always loopback. */
  readonly address: '127.0.0.1';
  /** Endpoint names its server certificates carry: `servername` of a client. */
  readonly hosts: readonly string[];
  readonly ports: Ports;
  /** The CA that signed the servers' certificates: `ca` of a client. */
  readonly rootsPem: string;
  readonly template: string;

  /** Another fleet claim: may ask for a certificate and register, nothing else. */
  makeClaim(): Credentials;
  /** What the factory's ledger exports: which cards may register with a claim (image/ledger/registration.ts). */
  announce(all: readonly Announcement[]): void;
  /** A thing with an active certificate, as after provisioning. */
  addThing(name: string): Credentials;
  /** Changes a certificate; what is not ACTIVE is cut off at once and never let in again. */
  setCertificate(certificateId: string, status: CertificateStatus): void;
  /** From now on units' certificates are valid so long (and a day back); undefined: until 2049. */
  setLifetime(ms: number | undefined): void;
  /** Removes the thing and detaches its certificates. */
  deleteThing(name: string): void;

  /** Publishes as the cloud's side would. */
  publish(topic: string, payload: string | Uint8Array | object, options?: PublishOptions): void;
  /**
   * What clients published and the broker accepted, oldest first; `filter` as in SUBSCRIBE.
   * `after`: without the first so many.
   */
  messages(filter: string, options?: { readonly after?: number }): readonly Message[];
  /** What a client has not acknowledged yet, sent or not. */
  waitingFor(clientId: string): readonly Message[];
  /** The first such message not yet returned by this function for this filter. */
  nextMessage(filter: string, options?: { readonly withinMs?: number }): Promise<Message>;

  shadow(thing: string, name: string): ShadowHandle;
  jobs(thing: string): JobsHandle;

  /** Makes trouble until undone, or as often as it says. */
  inject(fault: Fault): Injected;
  /** Closes a client's connection from the server's side. */
  disconnect(clientId: string): void;
  /** Resolves when a client is connected (CONNACK sent), or is not. */
  connected(clientId: string, options?: WaitOptions): Promise<void>;
  /** Moves the cloud's clock: tokens, sessions, step timers and keep-alives expire. */
  advance(ms: number): void;

  view(): View;
  /** Who came and went and why: what AWS publishes on $aws/events/presence/#. */
  events(clientId?: string): readonly LifecycleEvent[];
  close(): Promise<void>;
}

export interface WaitOptions {
  readonly is?: boolean;
  readonly withinMs?: number;
}

export interface PublishOptions {
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
}

/** A named shadow from the cloud's side. `name` '' is the classic one. */
export interface ShadowHandle {
  get(): ShadowDocument | undefined;
  /** Merges into `desired`; returns the new version. */
  desire(state: object): number;
  delete(): void;
}

/** A thing's jobs from the cloud's side. */
export interface JobsHandle {
  create(job: Job): JobExecution;
  /** Cancels it, also in progress (AWS: `force`). */
  cancel(jobId: string): void;
  /** Deletes it under the device's hands. */
  delete(jobId: string): void;
  /** All executions of the thing, oldest first. */
  list(): readonly JobExecution[];
}
