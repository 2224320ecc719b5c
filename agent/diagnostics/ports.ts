// What diagnostics need from outside. Types only.

export interface Tls {
  readonly issuer: string;
  /** Why the chain is not trusted, or undefined. */
  readonly untrusted: string | undefined;
  readonly alpn: string | false;
}

export interface Network {
  /** Addresses of the Ethernet ports, without loopback. */
  addresses(): readonly { readonly name: string; readonly address: string; readonly mac: string }[];
  /** Rejects with an Error whose message is short ("ENOTFOUND"). */
  resolve(host: string): Promise<readonly string[]>;
  connect(host: string, port: number): Promise<void>;
  tls(host: string, port: number, alpn?: string): Promise<Tls>;
  /** Offset in seconds to a server's clock. */
  ntp(host: string): Promise<number>;
}

export interface Host {
  carrier(): Promise<
    readonly { readonly name: string; readonly up: boolean; readonly mbit: number }[]
  >;
  /** undefined where it cannot be known (a workstation). */
  timeSynchronised(): Promise<boolean | undefined>;
  freeBytes(): Promise<{ readonly free: number; readonly total: number }>;
  memory(): { readonly free: number; readonly total: number };
  temperatureCelsius(): Promise<number | undefined>;
  uptimeSeconds(): number;
}
