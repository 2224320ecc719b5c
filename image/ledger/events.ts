// What can happen to a unit, as the ledger tells it for ever. No event holds a secret in clear: what is secret is
// encrypted to support's key, which is not here.
import type { Actor, CardIdentity, FlashEnd, UnitEntry } from './ports.ts';

export type LedgerEvent =
  /** `recipient` null: begun without support's key, recovery keys are kept nowhere. */
  | { readonly kind: 'ledger.begun'; readonly id: string; readonly recipient: string | null }
  /**
   * From a backup. `gap`: there may have been more than it knows, so that units without a card may have one.
   */
  | { readonly kind: 'ledger.restored'; readonly file: string; readonly gap: boolean }
  | { readonly kind: 'recipient.set'; readonly recipient: string | null }
  | {
      readonly kind: 'orders.imported';
      readonly file: string;
      readonly sha256: string;
      readonly units: number;
    }
  /** What cards of one line of an order get; `sealed` is for support's eyes, null without support's key. */
  | { readonly kind: 'record.kept'; readonly record: number; readonly sealed: string | null }
  | {
      readonly kind: 'unit.made';
      readonly serial: string;
      readonly order: string | null;
      readonly name: string | null;
      readonly accounts: UnitEntry['accounts'];
      readonly services: readonly string[];
      readonly record: number | null;
    }
  | {
      readonly kind: 'flash.begun';
      readonly serial: string;
      readonly flash: string;
      readonly generation: number;
      readonly card: CardIdentity;
      readonly release: string;
      readonly escrow: string | null;
      readonly registration: string;
      /** Which open ledger writes it: stations.ts can tell whether it still runs. */
      readonly holder: string;
    }
  | { readonly kind: 'flash.verified'; readonly serial: string; readonly flash: string }
  | {
      readonly kind: 'flash.ended';
      readonly serial: string;
      readonly flash: string;
      readonly how: FlashEnd;
    }
  /** Its station had gone: a crash, a power cut. */
  | { readonly kind: 'flash.found'; readonly serial: string; readonly flash: string }
  /**
   * What was on its card is no more since something was begun on it: another unit's, or (`into` is its own serial) its
   * own that failed. `flash` wrote what is lost.
   */
  | {
      readonly kind: 'card.overwritten';
      readonly serial: string;
      readonly flash: string;
      readonly into: string;
    }
  /** Somebody looked at the card of an uncertain unit: it is whole. */
  | { readonly kind: 'unit.settled'; readonly serial: string }
  | { readonly kind: 'unit.retired'; readonly serial: string; readonly why: string }
  | { readonly kind: 'unit.labelled'; readonly serial: string; readonly format: string }
  | { readonly kind: 'unit.mac'; readonly serial: string; readonly mac: string };

/** One that is in the ledger. */
export type Told = LedgerEvent & {
  readonly seq: number;
  readonly at: string;
  readonly by: Actor;
};
