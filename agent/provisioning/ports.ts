// What provisioning needs from outside. Types only; the connection is core/connection.ts.
import type { Credentials } from '../core/connection.ts';
import type { Send } from '../core/remote.ts';

/** The state folder. Nothing is half written: a file is the old one or the new one. */
export interface StateFolder {
  /** undefined: no such file. */
  read(name: string): Promise<string | undefined>;
  /** Resolves when it is on the card (mode 0600). */
  write(name: string, text: string): Promise<void>;
  /** Resolves when they are gone from the card; what is not there is no error. */
  remove(names: readonly string[]): Promise<void>;
}

interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Keys and certificates. The private key goes nowhere but into the state folder. */
export interface Certificates {
  makeKeyPem(): string;
  /** A certificate request (PKCS #10) for this key; throws if it is no P-256 key. */
  makeRequestPem(keyPem: string, commonName: string): string;
  /** Is this certificate for this key? False for anything unreadable. */
  belongs(certificatePem: string, keyPem: string): boolean;
  /** Milliseconds since 1970; undefined for anything unreadable. */
  validity(certificatePem: string): Validity | undefined;
}

/** The running connection, as far as a renewal needs it. */
export interface RenewableLink {
  readonly send: Send;
  /** Hangs up and dials no more until it is started again. */
  pause(): void;
  start(credentials: Credentials): void;
}
