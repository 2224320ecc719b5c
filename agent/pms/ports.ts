// What the Clock API client needs from outside, and what it says to those who use it. Types only.

/** One account of a Clock subscription and the API user the unit is there. */
export interface Account {
  readonly kind: 'pms' | 'pos';
  readonly host: string;
  readonly subscriptionId: number;
  readonly accountId: number;
  readonly apiUser: string;
  readonly apiKey: string;
}

export interface HttpRequest {
  readonly host: string;
  readonly port: number;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** The exact request target: path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** For all of it: name, connection, TLS, answer. */
  readonly msMax: number;
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

export type HttpReply =
  | {
      readonly ok: true;
      readonly status: number;
      readonly headers: Readonly<Record<string, string | undefined>>;
      readonly body: Buffer;
    }
  /** `sent`: the other side may have acted on it. */
  | { readonly ok: false; readonly code: string; readonly sent: boolean };

/** HTTPS to a host whose certificate is checked. Never rejects, follows nothing, keeps no cookie. */
export type Http = (request: HttpRequest) => Promise<HttpReply>;

/** Clock's firewall has shut this address out: nothing on the unit may call it (README, "Ban"). */
export interface Ban {
  /** 0: none. */
  leftMs(): number;
  begin(): void;
}

/** Why a call has no value. All of these are to be expected; none is tried again by itself. */
export type Refusal =
  /** Clock says no, in words that people must see. */
  | { readonly ok: false; readonly why: 'rejected'; readonly status: number; readonly text: string }
  /** The API user lacks a right, named as Clock names it. */
  | { readonly ok: false; readonly why: 'right'; readonly right: string; readonly text: string }
  /** API user or key are wrong. */
  | { readonly ok: false; readonly why: 'key' }
  | { readonly ok: false; readonly why: 'banned'; readonly leftMs: number }
  /** Too many calls, here or at Clock. Nothing was done. */
  | { readonly ok: false; readonly why: 'busy' }
  /** Did not get there. Nothing was done. */
  | { readonly ok: false; readonly why: 'unreachable'; readonly code: string }
  /** Got there, perhaps; what came of it is not known. A read may be asked again, a write not. */
  | { readonly ok: false; readonly why: 'unknown'; readonly code: string }
  /** An answer that is none of Clock's. */
  | { readonly ok: false; readonly why: 'malformed'; readonly text: string }
  /** The account was unpaired, or the agent stops. */
  | { readonly ok: false; readonly why: 'closed' };

export type Reply<T> = { readonly ok: true; readonly value: T } | Refusal;

/** In the order of sending. `urgent`: a person waits, with a card on the encoder. */
export const PRIORITIES = ['urgent', 'write', 'read', 'idle'] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface Call {
  readonly api: 'pms_api' | 'base_api' | 'pos_api';
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the account, made by `path`; undefined: the root. */
  readonly path?: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly body?: unknown;
  readonly priority: Priority;
  readonly msMax?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Calls as one account's API user. */
export interface Api {
  call(call: Call): Promise<Reply<unknown>>;
}

/** Why a consumer should look at Clock's data again. An id is a hint; events come twice and late. */
export type Wake =
  | { readonly by: 'event'; readonly id: number | undefined }
  /** The channel was not listened to for a while. */
  | { readonly by: 'start' };

export interface Consumer {
  /** As Clock names the channel: `door_key_new`. */
  readonly event: string;
  /** Looks until there is nothing left to do ("check after job"). Rejecting brings the wake again. */
  wake(wake: Wake, signal: AbortSignal): Promise<void>;
}
