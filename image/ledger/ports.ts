// What a flasher, the label printer and the station page need of the ledger. Types only: ledger.ts is it.

/** A card as the machine shows it before anything is written. */
export interface CardIdentity {
  /** The card's own number, 32 hex digits; readers on USB do not tell it. */
  readonly cid?: string;
  readonly bytes: number;
  readonly model: string;
  /** Where it was, e.g. /dev/sdb. */
  readonly device: string;
  /** Which device or file had that name, with which card in it (card/device.ts); no matter of the ledger. */
  readonly node?: string;
  /** Nothing of ours lay on it when it was looked at: it is no unit's card, whatever its number says. */
  readonly isBlank?: boolean;
  /** The serial of the unit whose card it was until now, as it told itself. */
  readonly unit?: string;
}

/** Who does something, as the ledger records it. */
export interface Actor {
  readonly operator: string;
  readonly station: string;
}

/** One unit of the ledger. Its secrets (API keys) are not here. */
export interface UnitEntry {
  /** 32 hex digits. */
  readonly serial: string;
  readonly order?: string;
  /** Whose it is, in words, e.g. the hotel's name; any script. */
  readonly name?: string;
  readonly accounts: readonly {
    readonly kind: 'pms' | 'pos';
    readonly host: string;
    readonly subscriptionId: number;
    readonly accountId: number;
  }[];
  /** Ids of preloaded services. */
  readonly services: readonly string[];
  /** `overwritten`: what was on its card is no more; the unit needs another one (reflash). */
  readonly state: 'new' | 'writing' | 'done' | 'uncertain' | 'overwritten' | 'retired';
  /** How many cards it has had that could start; the second makes the first one's certificate void. */
  readonly cards: number;
  /** Of the last card that was begun. */
  readonly release?: string;
  readonly mac?: string;
  readonly labelled: boolean;
}

/** A flash that has begun: this unit is this card's, and no other station gets it. */
export interface Flash {
  readonly id: string;
  readonly unit: UnitEntry;
  /** Which card of this unit it is, from 1: it supersedes those before it. */
  readonly generation: number;
  /** `unit.json` as the agent reads it (agent/pairing/wire.ts), with its secrets. */
  readonly record: Readonly<Record<string, unknown>>;
}

export type FlashEnd =
  | {
      readonly result: 'done';
      /** Of everything that was written and read back. */
      readonly sha256: string;
      readonly bytes: number;
      readonly writeMs: number;
      readonly readMs: number;
    }
  | { readonly result: 'bad'; readonly code: string; readonly reason: string };

/**
 * One row per flash, each step durable before it returns. `begin` before the first byte is written;
 * `verified` when all but the card's first block is written and read back: until then no card starts, and the
 * serial may be given again; from then on it may not, whatever happens. `end` last. Each throws OperatorError;
 * one of `verified` and `end` means that this flash is no longer this station's: leave the card as it is.
 */
export interface FlashLedger {
  /** Support's public key (age1…), which recovery keys are encrypted to. */
  readonly recipient: string | undefined;
  begin(request: {
    /**
     * The next unit without a card of this order; or this one; or, with neither, one without a card that belongs to
     * nobody (no order, name, account, label or MAC), and only when there is none a unit made now.
     */
    readonly order?: string;
    readonly serial?: string;
    readonly card: CardIdentity;
    readonly release: string;
    /**
     * The recovery key, encrypted with age to support's key (seal.ts), armoured. May be left out only where the
     * ledger was begun without support's key (`recipient` is undefined): the row says so.
     */
    readonly escrow?: string;
    /** Of the card's `registration.token` (registration.ts); `unit export` tells it to the cloud's hook. */
    readonly registration: string;
    /** For another card of a unit whose first is done: its record, opened with support's identity (seal.ts). */
    readonly record?: Readonly<Record<string, unknown>>;
    readonly by: Actor;
  }): Flash;
  verified(flash: Flash): void;
  end(flash: Flash, how: FlashEnd): void;
}
