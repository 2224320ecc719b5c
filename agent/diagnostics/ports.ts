// What diagnostics need from outside. Types only.

export interface NetInterface {
  readonly name: string;
  readonly mac: string;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
}

/** Who answered a TLS handshake, trusted or not; nothing is ever sent over it. */
export type Handshake =
  | {
      readonly speaks: 'tls';
      /** Organisation and name of who signed the certificate, as it says itself. */
      readonly issuer: string;
      /** OpenSSL's or Node's code when the chain or the name is not trusted. */
      readonly untrusted: string | undefined;
      readonly alpn: string | undefined;
    }
  /** TLS, but it ended the handshake by an alert; `wantsCertificate`: ours is all that it misses. */
  | { readonly speaks: 'alert'; readonly why: string; readonly wantsCertificate: boolean }
  /** TCP opened; then nothing, a reset or bytes that are not TLS. */
  | { readonly speaks: 'nothing'; readonly why: string };

export interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly type: string;
  /** Its beginning only. */
  readonly body: string;
}

export interface Target {
  readonly address: string;
  readonly port: number;
}

/** Every call ends by itself; a rejection's `code` (or message) is short. */
export interface Network {
  /** Without loopback. */
  interfaces(): readonly NetInterface[];
  /** Asks these name servers themselves, past any cache; the system's when none are given. */
  resolve(host: string, servers: readonly string[]): Promise<readonly string[]>;
  connect(target: Target, options?: { readonly timeoutMs: number }): Promise<void>;
  /** Through the proxy, where there is one; the address is then a name. */
  handshake(
    target: Target,
    options: {
      readonly serverName: string;
      readonly roots: readonly string[];
      readonly alpn?: string;
    },
  ): Promise<Handshake>;
  ntp(target: Target): Promise<{ readonly offsetSeconds: number; readonly stratum: number }>;
  http(target: Target, host: string): Promise<HttpAnswer>;
}

export interface EthernetPort {
  readonly name: string;
  readonly mac: string;
  readonly up: boolean;
  /** undefined while the cable is out. */
  readonly mbit: number | undefined;
}

export interface Lease {
  readonly port: string;
  readonly address: string;
  readonly server: string | undefined;
  readonly routers: readonly string[];
  readonly nameServers: readonly string[];
  readonly timeServers: readonly string[];
  readonly domains: readonly string[];
}

/** undefined always means: cannot be known on this machine. */
export interface Machine {
  ethernetPorts(): Promise<readonly EthernetPort[]>;
  leases(): Promise<readonly Lease[] | undefined>;
  gateway(): Promise<string | undefined>;
  /** Whether the link layer knows who has this address. */
  isNeighbour(address: string): Promise<boolean | undefined>;
  timeSynchronised(): Promise<boolean | undefined>;
  storage(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
  /** Writes one block through to the card: milliseconds, or the error's code. */
  probeWrite(): Promise<{ readonly ms: number } | { readonly why: string }>;
  memory(): Promise<{ readonly availableBytes: number; readonly totalBytes: number }>;
  memoryController(): Promise<boolean | undefined>;
  temperatureCelsius(): Promise<number | undefined>;
  underVoltage(): Promise<boolean | undefined>;
}
