// What the hotel's side needs from outside: Clock's API as far as it is used here (pms/ satisfies it), the services,
// records, time. Types only.
import type { PmsWhy } from '../core/cloud.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { MakeMessage } from '../core/messages.ts';
import type { Records } from '../core/records.ts';
import type { Services } from '../core/services.ts';

/** Why a call has no value, as the client of the API says it (pms/ports.ts). */
export interface Refusal {
  readonly ok: false;
  readonly why: PmsWhy;
  readonly text?: string;
  /** Of what was rejected: as HTTP numbers it. */
  readonly status?: number;
}
export type Reply<T> = { readonly ok: true; readonly value: T } | Refusal;

export interface PmsRoom {
  readonly id: number;
  readonly name: string;
}
interface PmsStatus {
  readonly id: number;
  readonly housekeeping_status: string | null;
}
export interface PmsBooking {
  readonly id: number;
  readonly status: string;
  readonly arrival: string;
  readonly departure: string;
  readonly arrival_room_id: number | null;
  readonly current_room_id: number | null;
  readonly booking_room_changes:
    | readonly { readonly room_id: number; readonly from_date: string }[]
    | null;
  readonly accept_charge_transfers: boolean | null;
  readonly guest_first_name: string | null;
  readonly guest_last_name: string | null;
  readonly guest_person_title_name: string | null;
  readonly guest_language: string | null;
  readonly balance: { readonly currency: string | null } | null;
}
export interface PmsDoorKey {
  readonly id: number;
  readonly booking_id: number | null;
  readonly room_id: number | null;
  readonly room_name: string | null;
  readonly encoder_identifier: string | null;
  readonly valid_from: string | null;
  readonly valid_to: string | null;
  readonly guest_name: string | null;
  readonly issued_at: string | null;
  readonly delete_requested_at: string | null;
  readonly deleted_at: string | null;
  readonly parent_key_id: number | null;
  readonly error_text: string | null;
  readonly room_door_codes: readonly string[] | null;
  readonly common_door_codes: readonly string[] | null;
  readonly mobile_key_phone_number: string | null;
  readonly mobile_key_email: string | null;
  readonly created_at: string | null;
}
interface PmsCharge {
  readonly id: number;
  readonly print_text: string | null;
}
export interface PmsFolioCharge {
  readonly id: number;
  readonly text: string | null;
  readonly price_cents: number;
  readonly qty: number;
  readonly tax_rate: number;
  readonly voided_at: string | null;
}
export interface PmsCredit {
  readonly id: number;
  readonly payment_type: string | null;
  readonly value_cents: number;
  readonly voided_at: string | null;
}
export interface PmsTemplate {
  readonly id: number;
  readonly text: string | null;
  readonly revenue_group: string | null;
  readonly plain_price_cents: number | null;
  readonly currency: string | null;
}
interface PmsFiscal {
  readonly fiscal_request_code: string | null;
  readonly fiscal_response_code: string | null;
}
export interface ReportedCall {
  readonly at: string;
  readonly line: string;
  readonly duration?: string;
  readonly dialled?: string;
  readonly impulses?: number;
  readonly price?: string;
}
export interface PostedCharge {
  readonly reference: string;
  readonly text: string;
  readonly revenueGroup: string;
  readonly price: string;
  readonly qty?: number;
  readonly templateId?: number;
}

type Ask<A extends readonly unknown[], T> = (...given: A) => Promise<Reply<T>>;

/** Clock's API, as far as it is used here. */
export interface PmsCalls {
  readonly doorKeys: {
    readonly read: Ask<[id: number], PmsDoorKey>;
    readonly waiting: Ask<[afterId?: number], readonly number[]>;
    readonly deletesWanted: Ask<[], readonly number[]>;
    /** Ids of a booking's cards that are out. */
    readonly out: Ask<[bookingId: number], readonly number[]>;
    readonly issued: Ask<
      [id: number, how: { atMs: number; system: string; qrCodeText?: string }],
      undefined
    >;
    readonly failed: Ask<[id: number, why: string], undefined>;
    readonly deleted: Ask<[id: number, atMs: number], undefined>;
  };
  readonly bookings: {
    readonly checkedIn: Ask<[], readonly number[]>;
    /** Those of them that changed since (ISO 8601). */
    readonly checkedInChanged: Ask<[since: string], readonly number[]>;
    readonly read: Ask<[id: number], PmsBooking>;
  };
  readonly rooms: {
    readonly all: Ask<[], readonly PmsRoom[]>;
    readonly statuses: Ask<[day: string], readonly PmsStatus[]>;
    readonly setHousekeeping: Ask<
      [id: number, status: '' | 'inspect' | 'progress' | 'checked_out', day: string],
      undefined
    >;
  };
  readonly phone: { readonly report: Ask<[calls: readonly ReportedCall[]], undefined> };
  readonly charges: {
    readonly ofBooking: Ask<[id: number], readonly PmsCharge[]>;
    readonly post: Ask<[bookingId: number, charge: PostedCharge], PmsCharge>;
    readonly templates: Ask<[], readonly PmsTemplate[]>;
  };
  readonly fiscal: {
    readonly read: Ask<[folioId: number], PmsFiscal | null>;
    readonly answered: Ask<[folioId: number, code: { response: string }], undefined>;
    readonly charges: Ask<[folioId: number], readonly PmsFolioCharge[]>;
    readonly credits: Ask<[folioId: number], readonly PmsCredit[]>;
  };
}

/** The paired PMS account; none while the unit is not paired. */
export interface Pms {
  readonly calls: PmsCalls;
  /** What its root said last. `timeZone` as Clock names it. */
  root(): { readonly timeZone: string; readonly businessDay: string } | undefined;
  /** Says the phone system's hello every minute, until stopped. */
  keepHello(): () => void;
  /** Asks for the root again, soon: a new business day is told by Hotel.newDay(). */
  lookAgain(): void;
}

export interface Needs {
  readonly services: Services;
  readonly pms: () => Pms | undefined;
  readonly records: Records;
  readonly makeMessage: MakeMessage;
  readonly clock: Clock;
  /** undefined while nobody knows what time it is (core/clock.ts). */
  readonly trustedWallMs: () => number | undefined;
  readonly random: () => number;
  readonly log: Log;
  /** Passes the time; false: stopped. Tests let it pass at once. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<boolean>;
  /** A person may want to look: something is unknown, rejected, or no longer is. */
  readonly onChange?: () => void;
}
