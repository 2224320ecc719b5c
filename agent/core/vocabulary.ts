// The hotel's business in one vocabulary: what the unit tells the systems in the hotel (orders) and what
// they tell it (events), whatever protocol each of them speaks. Types only.

/** "YYYY-MM-DD", in the hotel's time zone. */
export type Day = string;
/** "YYYY-MM-DDTHH:MM:SS", in the hotel's time zone; never with an offset. */
export type LocalTime = string;

export interface Guest {
  /** The booking's number in the PMS: FIAS' G#. Unique, and survives changes of name and room. */
  readonly booking: number;
  readonly lastName: string;
  readonly firstName?: string | undefined;
  readonly title?: string | undefined;
  /** ISO 639-1, lower case: "de". */
  readonly language?: string | undefined;
  readonly arrival: Day;
  readonly departure: Day;
  readonly group?: string | undefined;
  readonly isVip?: boolean | undefined;
  /** The guest's account takes no charges from other systems. */
  readonly isBarred?: boolean | undefined;
}

/** Clean, to be inspected, being cleaned, dirty: Clock's four. `null`: not known. */
export const HOUSEKEEPING = ['clean', 'inspect', 'progress', 'dirty'] as const;
export type Housekeeping = (typeof HOUSEKEEPING)[number];

export interface Room {
  /** As the PMS names it; leading zeros and blanks count. */
  readonly room: string;
  readonly housekeeping: Housekeeping | null;
  /** Who is checked in, the one who came first is first; empty: vacant. */
  readonly guests: readonly Guest[];
}

/** What resync and inquiries need, and nothing more. */
export interface House {
  /** When the PMS last said so (milliseconds since 1970); undefined: never, and `rooms` is empty. */
  readonly asOfMs: number | undefined;
  readonly businessDay: Day | undefined;
  /** IANA name: "Europe/Sofia". */
  readonly timeZone: string;
  readonly currency: { readonly code: string; readonly decimals: number };
  readonly rooms: readonly Room[];
}

/** `isShared`: others are (still) checked in to the room. */
interface Stay {
  readonly room: string;
  readonly guest: Guest;
  readonly isShared: boolean;
}

interface KeyOrder {
  /** Of the PMS' key request: unique. */
  readonly key: number;
  readonly booking: number | undefined;
  readonly room: string;
  /** Further rooms of a suite. */
  readonly moreRooms: readonly string[];
  /** As the lock system names it. */
  readonly encoder: string;
  /** The desk that asks, where the lock system wants to know. */
  readonly desk?: string | undefined;
  /** What the lock system calls the room, where that differs. */
  readonly doorCodes: readonly string[];
  readonly commonDoors: readonly string[];
  readonly from: LocalTime;
  readonly to: LocalTime;
  readonly guestName: string;
  readonly operator?: string | undefined;
  readonly mobile?: { readonly phone?: string; readonly email?: string } | undefined;
}

export interface ReceiptLine {
  readonly text: string;
  readonly align?: 'left' | 'center' | 'right' | undefined;
  readonly isBold?: boolean | undefined;
  readonly isUnderlined?: boolean | undefined;
  /** 1 to 8. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** What a till prints: lines, codes, pictures, in order. */
export type ReceiptPart =
  | ({ readonly is: 'line' } & ReceiptLine)
  | { readonly is: 'feed'; readonly lines: number }
  | { readonly is: 'qr'; readonly data: string }
  | { readonly is: 'barcode'; readonly data: string }
  /** One bit a dot, rows padded to bytes, base64. */
  | {
      readonly is: 'raster';
      readonly widthBytes: number;
      readonly rows: number;
      readonly data: string;
    }
  | { readonly is: 'cut' }
  | { readonly is: 'drawer' };

/** Money as a decimal text in currency units: "12.50". Never a float. */
export type Money = string;

export interface FiscalLine {
  readonly text: string;
  readonly price: Money;
  /** Decimal text: "1", "0.5". */
  readonly quantity: string;
  /** The tax rate in percent, "20", "5.5": the printer's settings map it to its own groups. */
  readonly taxGroup: string;
  /** Of the whole line; negative: a discount. */
  readonly adjustment?: Money | undefined;
}

export interface FiscalReceipt {
  /** Of the folio at the PMS: by it a receipt is known again. */
  readonly folio: number;
  /** Unique sale number, where the country has one. */
  readonly saleNumber?: string | undefined;
  readonly operator?: string | undefined;
  readonly lines: readonly FiscalLine[];
  readonly payments: readonly { readonly type: string; readonly amount: Money }[];
  readonly texts?: readonly string[] | undefined;
  readonly lottery?: string | undefined;
  /**
   * A person has looked at the printer and says that it is not printed: what was `unknown` may be printed now. What
   * is known to be printed is not, whoever says so.
   */
  readonly isLookedAt?: boolean | undefined;
  /** Set: money goes back. */
  readonly reversal?:
    | {
        readonly document: string;
        readonly report?: string | undefined;
        readonly at: LocalTime;
        readonly device?: string | undefined;
        readonly why: 'return' | 'mistake' | 'tax-base';
      }
    | undefined;
}

/** From the unit to a system in the hotel. */
export type Order =
  | ({ readonly kind: 'room.checked-in' } & Stay)
  | ({ readonly kind: 'room.checked-out' } & Stay)
  | ({ readonly kind: 'guest.changed' } & Stay)
  | ({
      readonly kind: 'room.moved';
      readonly from: string;
      /** Others stay behind in the old room. */
      readonly isFromShared: boolean;
    } & Stay)
  | { readonly kind: 'room.status'; readonly room: string; readonly housekeeping: Housekeeping }
  /** Telephone class and the like: 0 barred, 1 local, 2 national, 3 free. */
  | { readonly kind: 'room.barring'; readonly room: string; readonly level: 0 | 1 | 2 | 3 }
  | { readonly kind: 'room.privacy'; readonly room: string; readonly isOn: boolean }
  | { readonly kind: 'wakeup.set'; readonly room: string; readonly at: LocalTime }
  | { readonly kind: 'wakeup.clear'; readonly room: string; readonly at: LocalTime }
  | { readonly kind: 'message.light'; readonly room: string; readonly isOn: boolean }
  | {
      readonly kind: 'message.text';
      readonly room: string;
      readonly booking: number;
      readonly message: number;
      readonly text: string;
    }
  | { readonly kind: 'night-audit'; readonly phase: 'start' | 'end' }
  /** Everything again, from the unit's cache. */
  | { readonly kind: 'resync' }
  /** `next`: another card beside those there are; `original` makes older ones void. */
  | ({ readonly kind: 'key.encode'; readonly card: 'original' | 'copy' | 'next' } & KeyOrder)
  | ({ readonly kind: 'key.cancel' } & KeyOrder)
  | { readonly kind: 'key.read'; readonly encoder: string; readonly desk?: string | undefined }
  | {
      readonly kind: 'receipt.print';
      readonly printer: string;
      /** The till's number of it: a repeat has the same. */
      readonly document: string;
      readonly parts: readonly ReceiptPart[];
    }
  | ({ readonly kind: 'fiscal.receipt' } & FiscalReceipt)
  | { readonly kind: 'fiscal.report'; readonly report: 'x' | 'z' }
  /** base64. */
  | { readonly kind: 'bytes.write'; readonly data: string };
export type OrderKind = Order['kind'];
export type OrderOf<K extends OrderKind> = Extract<Order, { readonly kind: K }>;

/**
 * `why` is a short code. `unknown`: it may have been done, a person must look; it is never tried again by
 * itself. `offline`: the third party is not there, nothing was done. `busy`, `refused`: it said so.
 * `unsupported`: this interface has no such thing. `text` is for people, without a guest's name.
 */
export type OrderOutcome =
  | { readonly ok: true; readonly body?: Readonly<Record<string, unknown>> | undefined }
  | {
      readonly ok: false;
      readonly why:
        | 'offline'
        | 'busy'
        | 'refused'
        | 'expired'
        | 'unsupported'
        | 'wrong'
        | 'unknown';
      readonly text?: string | undefined;
    };

/**
 * From a system in the hotel. `key` is made of what the sender sent: a repeat of the same thing has the
 * same, and is stored once.
 */
export type HotelEvent =
  | {
      readonly kind: 'charge.posted';
      readonly key: string;
      readonly room: string;
      /** Undefined: whoever pays for the room. */
      readonly booking?: number | undefined;
      readonly amount: Money;
      /** Dialled number, outlet and the like; digits of telephone numbers masked. */
      readonly text: string;
      /** What was sold, in Clock's groups. */
      readonly group: 'f&b' | 'extra' | 'other';
      readonly at: LocalTime;
    }
  | {
      readonly kind: 'minibar.posted';
      readonly key: string;
      readonly room: string;
      readonly booking?: number | undefined;
      readonly items: readonly { readonly article: string; readonly quantity: number }[];
      readonly at: LocalTime;
    }
  | {
      readonly kind: 'call.recorded';
      readonly key: string;
      readonly extension: string;
      readonly at: LocalTime;
      readonly seconds?: number | undefined;
      readonly dialled?: string | undefined;
      readonly impulses?: number | undefined;
      readonly price?: Money | undefined;
      readonly line?: string | undefined;
    }
  | {
      readonly kind: 'room.status';
      readonly room: string;
      readonly housekeeping: Housekeeping;
      readonly maid?: string | undefined;
    }
  | {
      readonly kind: 'room.privacy';
      readonly room: string;
      readonly wish: 'undisturbed' | 'make-up' | 'none';
    }
  | { readonly kind: 'wakeup.set'; readonly room: string; readonly at: LocalTime }
  | { readonly kind: 'wakeup.clear'; readonly room: string; readonly at?: LocalTime | undefined }
  | {
      readonly kind: 'wakeup.result';
      readonly room: string;
      readonly at: LocalTime;
      readonly result: 'answered' | 'busy' | 'no-answer' | 'failed';
    }
  | { readonly kind: 'message.light'; readonly room: string; readonly isOn: boolean }
  | {
      readonly kind: 'message.text';
      readonly room: string;
      readonly booking: number;
      readonly text: string;
    }
  | {
      readonly kind: 'checkout.requested';
      readonly key: string;
      readonly room: string;
      readonly booking: number;
      readonly balance: Money;
    }
  | { readonly kind: 'locator'; readonly booking: number; readonly place: string | undefined }
  | {
      readonly kind: 'device.status';
      readonly device: string;
      readonly problems: readonly string[];
    }
  /** base64. */
  | { readonly kind: 'bytes.read'; readonly key: string; readonly data: string };
export type EventKind = HotelEvent['kind'];
export type EventOf<K extends EventKind> = Extract<HotelEvent, { readonly kind: K }>;

/** What became of an event. `ok: true` only once it is on the card. */
export type Verdict =
  | { readonly ok: true; readonly isRepeat: boolean }
  /** `nobody`: no guest there. `barred`: takes no charges. `later`: not now. `wrong`: never. */
  | {
      readonly ok: false;
      readonly why: 'nobody' | 'barred' | 'later' | 'wrong';
      readonly text?: string;
    };
