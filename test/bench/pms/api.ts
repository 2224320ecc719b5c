// What a test or a person gets from openPms() in pms.ts. Types only.
import type { CallSeen, EventFired, Written } from './journal.ts';
import type { Fault, Injected } from './faults.ts';
import type { Limits } from './limits.ts';

export interface PmsOptions {
  /** Names of its certificate; the first is the API's, the last the channels'. Default `localhost`. */
  readonly hosts?: readonly string[];
  /** Fixed port, for people; tests let the system choose. */
  readonly port?: number;
  /** Where clients find it when something leads them here, as the hotel's router does. Default: its own. */
  readonly publicPort?: number;
  /** Roots of other doubles: `rootsPem` then holds these and its own. */
  readonly rootsPem?: string;
  /** Time zone of both accounts. Default Europe/Sofia. */
  readonly timeZone?: string;
  /** Its clock's beginning, in milliseconds. Default: now. */
  readonly startMs?: number;
  /** What the long poll does without a cursor. Default `oldest`: the oldest queued event. */
  readonly firstMessage?: 'oldest' | 'newest';
  readonly limits?: Partial<Limits>;
  /** Add-ons the hotel has. Default: all. */
  readonly addons?: { readonly api?: boolean; readonly phone?: boolean };
  /** How phone calls are priced: which field they must carry. Default `price`. */
  readonly phonePricing?: 'price' | 'impulses' | 'zones';
  /** Called with a line for everything it sees; names, numbers and keys masked. */
  readonly onLine?: (line: string) => void;
}

export type AccountKind = 'pms' | 'pos';

/** An API user of an account, as in a unit's factory record (`unit.json`). */
export interface AccountRecord {
  readonly kind: AccountKind;
  readonly host: string;
  readonly port: number;
  readonly subscriptionId: number;
  readonly accountId: number;
  readonly apiUser: string;
  readonly apiKey: string;
}

/** A row as the API shows it, beside what it does not show. */
export type Row = Readonly<Record<string, unknown>> & { readonly id: number };

export interface Pms extends AsyncDisposable {
  /** Always loopback. */
  readonly address: '127.0.0.1';
  readonly host: string;
  readonly channelHost: string;
  readonly port: number;
  /** `ca` of a client. */
  readonly rootsPem: string;
  /** The first API user of the account of this kind. */
  account(kind?: AccountKind): AccountRecord;
  /** Another one, with limits of its own. */
  addUser(kind?: AccountKind): AccountRecord;
  /** From now on the key is another; the old one is wrong. Returns the new record. */
  changeKey(apiUser: string): AccountRecord;
  /** Takes rights from an API user, or gives them back. */
  deny(apiUser: string, ...rights: readonly string[]): void;
  allow(apiUser: string, ...rights: readonly string[]): void;
  /** `channel('door_key_new')`: its path as the root tells it. */
  channelPath(event: string, kind?: AccountKind): string;

  readonly hotel: HotelHandle;

  /** Puts a message into a channel, as Clock does; any text. */
  fire(event: string, payload: object | string, kind?: AccountKind): void;
  /** Every call, oldest first; also those refused. Channel polls are in `polls()`. */
  calls(): readonly CallSeen[];
  polls(): readonly CallSeen[];
  /** Writes that took place, whether or not their answer was sent. */
  written(): readonly Written[];
  events(): readonly EventFired[];
  /** Most calls of one API user within any second. */
  callsPerSecondMax(apiUser?: string): number;
  /** Resolves when `holds` does; looked at after every call, event and poll. */
  until(holds: () => boolean, options?: { readonly withinMs?: number }): Promise<void>;

  inject(fault: Fault): Injected;
  /** Shuts an address out for two hours, as Clock's firewall does; default 127.0.0.1. */
  ban(address?: string): void;
  unban(): void;
  /** Answers all waiting polls with 304 now, by itself or when `advance` has passed 30 s. */
  advance(ms: number): void;
  nowMs(): number;
  close(): Promise<void>;
}

/** The hotel behind the API: what reception, housekeeping and guests do. */
export interface HotelHandle {
  /** `{ name: '301', internal_lines: ['301'] }`; what is missing is made up. */
  addRoom(room?: Readonly<Record<string, unknown>>): Row;
  /** Expected, from today for two nights; `room` by name. Fires booking_new, booking_guests_update. */
  addBooking(booking?: NewBooking): Row;
  checkIn(bookingId: number): void;
  checkOut(bookingId: number): void;
  cancel(bookingId: number): void;
  noShow(bookingId: number): void;
  /** Any first-level change: raises lock_version, fires booking_update. */
  changeBooking(bookingId: number, change: Readonly<Record<string, unknown>>): void;
  moveTo(bookingId: number, roomName: string): void;
  /** Reception presses "Issue Original Key" (or a copy, with `parent`). Fires door_key_new. */
  issueKey(key: NewKey): Row;
  /** Reception presses "Delete". Fires door_key_update. */
  requestKeyDelete(doorKeyId: number): void;
  /** Sets housekeeping, as the housekeeper would. Fires housekeeping_changed. */
  setHousekeeping(roomName: string, status: string): void;
  /** Document issued: folio_close, and fiscal_request when `fiscal`. */
  closeFolio(folioId: number, options?: { readonly fiscal?: boolean }): void;
  voidFolio(folioId: number): void;
  /** The bookings' default folio, made when there is none. */
  defaultFolio(bookingId: number): Row;
  addOrder(order?: Readonly<Record<string, unknown>>): Row;
  addRow(table: TableName, row?: Readonly<Record<string, unknown>>): Row;
  rows(table: TableName): readonly Row[];
  row(table: TableName, id: number): Row;
  /** Connection to the PBX as Clock shows it, and what became of each call. */
  phone(): PhoneState;
}

export type TableName =
  | 'rooms'
  | 'room_types'
  | 'bookings'
  | 'door_keys'
  | 'folios'
  | 'charges'
  | 'credit_items'
  | 'charge_templates'
  | 'fiscalizations'
  | 'orders';

export interface NewBooking {
  readonly room?: string;
  /** "YYYY-MM-DD". */
  readonly arrival?: string;
  readonly departure?: string;
  readonly status?: 'expected' | 'checked_in' | 'checked_out' | 'canceled' | 'no_show';
  readonly firstName?: string;
  readonly lastName?: string;
  readonly acceptCharges?: boolean;
  readonly identityTags?: readonly string[];
  /** Any other attribute. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface NewKey {
  readonly bookingId: number;
  /** Default: the booking's. */
  readonly room?: string;
  readonly encoderIdentifier?: string;
  readonly parentKeyId?: number;
  readonly more?: Readonly<Record<string, unknown>>;
  /** Default true; false: the event is lost. */
  readonly fire?: boolean;
}

export interface PhoneState {
  readonly connection: 'never' | 'connected' | 'No Communication';
  readonly lastHelloMs: number | undefined;
  readonly calls: readonly PhoneCall[];
}

export interface PhoneCall {
  readonly internalLine: string;
  readonly state: 'Charged' | 'Uncharged' | 'Ignored';
  readonly error: string | undefined;
  readonly chargeId: number | undefined;
  readonly given: Readonly<Record<string, unknown>>;
}
