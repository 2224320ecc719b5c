// A connection to the cloud's broker as those see it who use one: the link and provisioning. The
// real ones are io/mqtt.ts and io/publish.ts.

/** The ways to AWS IoT, the best first (AWS IoT developer guide, "protocols"). */
export const ROUTES = ['mqtt-8883', 'mqtt-443', 'https-8443'] as const;
export type Route = (typeof ROUTES)[number];

/** Where AWS IoT listens; a test bench may listen elsewhere. */
export interface Ports {
  readonly mqtt: number;
  readonly alpn: number;
  readonly https: number;
}
export const AWS_PORTS: Ports = { mqtt: 8883, alpn: 443, https: 8443 };

export function portOf(route: Route, ports: Ports): number {
  return { 'mqtt-8883': ports.mqtt, 'mqtt-443': ports.alpn, 'https-8443': ports.https }[route];
}

/** A certificate and its key, both PEM. */
export interface Credentials {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface DialOptions {
  readonly route: Route;
  readonly credentials: Credentials;
  readonly clientId: string;
  /** Keep the broker's session beyond this connection. */
  readonly keepSession: boolean;
}

export type ConnectionEvent =
  | { readonly on: 'opened'; readonly sessionPresent: boolean }
  /**
   * Comes exactly once, and nothing comes after it. `refused`: the other side knows us and does not
   * want us (CONNACK, TLS alert, HTTP 403); otherwise the way is at fault.
   */
  | { readonly on: 'closed'; readonly why: string; readonly refused: boolean }
  | { readonly on: 'acked'; readonly key: string }
  | {
      readonly on: 'subscribed';
      readonly filters: readonly string[];
      /** Of these, the ones that the broker did not grant. */
      readonly denied: readonly string[];
    }
  /** The broker gets its acknowledgement when `taken` is called; without it, it sends again. */
  | {
      readonly on: 'message';
      readonly topic: string;
      readonly payload: Buffer;
      readonly taken: () => void;
    };

export interface Connection {
  /** At most 8 filters (AWS IoT), QoS 1. */
  subscribe(filters: readonly string[]): void;
  /** QoS 1; `acked` says `key`. */
  publish(key: string, message: { readonly topic: string; readonly payload: Buffer }): void;
  /** QoS 0: sent now or never, and nobody says whether it arrived. */
  mention(message: { readonly topic: string; readonly payload: Buffer }): void;
  /** The same packet again with the same packet id (MQTT 3.1.1, 4.4). */
  resend(key: string): void;
  resubscribe(filters: readonly string[]): void;
  close(): void;
}

/** Never throws; what goes wrong comes as `closed`. */
export type Dial = (options: DialOptions, hear: (event: ConnectionEvent) => void) => Connection;
