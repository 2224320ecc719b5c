// A line: the connection to one system in the hotel, over TCP (either end), RS-232 or a USB printer, that comes
// back by itself. Types only; the real ones are io/line-*.ts, the settings line/config.ts.
import type { LineSettings } from './config.ts';

export interface LineHears {
  /** A connection is there. `peer` is an address or a device, for people. */
  up(peer: string): void;
  bytes(chunk: Buffer): void;
  /** The connection that was up is gone, or (`wasUp` false) none came about. It tries again by itself. */
  down(why: string, wasUp: boolean): void;
  /** Something a person should read: a client that was turned away. */
  note(text: string): void;
}

export interface Line {
  /**
   * Resolves when the kernel has taken all of it. Rejects with code `down`, or `slow` when the other side has not
   * taken it for WRITE_MS_MAX; the connection is then closed. Writes keep their order.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Drops this connection; the next comes by itself (a listener waits for the next client). */
  drop(why: string): void;
  /** For good. */
  close(): Promise<void>;
}

export type OpenLine = (settings: LineSettings, hears: LineHears) => Line;

/** One connection for one request: printers, lock servers. */
export interface Call {
  write(bytes: Uint8Array): Promise<void>;
  /** The next bytes; undefined: the other side has ended. Rejects with code `timeout` or the system's. */
  read(msMax: number): Promise<Buffer | undefined>;
  /** Sends our end and lets the other side read all before the connection is gone. */
  finish(msMax: number): Promise<void>;
  close(): void;
}

/** Rejects with the system's code (`ECONNREFUSED`) or `timeout`. */
export type DialTcp = (
  where: { readonly host: string; readonly port: number; readonly msMax: number },
  signal: AbortSignal,
) => Promise<Call>;

export interface LanRequest {
  /** http:// or https://, as configured. */
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  readonly msMax: number;
  readonly bytesMax: number;
  /** PEM of the authority or of the server's own certificate, where the public ones do not do. */
  readonly trustPem?: string | undefined;
}
/** `sent`: the other side may have acted on it. */
export type LanReply =
  | {
      readonly ok: true;
      readonly status: number;
      readonly body: Buffer;
      /** Names in lower case: "www-authenticate". A double may leave them out. */
      readonly headers?: Readonly<Record<string, string | undefined>>;
    }
  | { readonly ok: false; readonly code: string; readonly sent: boolean };
export type LanHttp = (request: LanRequest, signal: AbortSignal) => Promise<LanReply>;

/** What a served request gets. Bodies are bounded before they come here. */
export type Serve = (request: {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  readonly peer: string;
}) => Promise<{ readonly status: number; readonly type?: string; readonly body?: string }>;
export type ListenHttp = (
  where: { readonly port: number; readonly from: readonly string[] },
  serve: Serve,
  /** Something a person should read: the port is taken, somebody was turned away. */
  note?: (text: string) => void,
) => { close(): Promise<void> };
