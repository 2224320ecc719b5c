// What the station's page needs from outside, and what it shows. Types only.
import type { CardView } from '../card/ports.ts';
import type { Seen } from '../card/looks.ts';

/** An order of the ledger, as it stands. */
export interface OrderView {
  readonly name: string;
  /** Units ordered. */
  readonly wanted: number;
  readonly done: number;
}

/** A card in a reader: found or refused (looks.ts), or being written, or over. `reason`: why nothing was done to it. */
export type StationCard =
  | (Seen & { readonly is: 'found'; readonly reason?: NonNullable<CardView['reason']> })
  | (Seen & { readonly is: 'refused' })
  | { readonly is: 'begun'; readonly view: CardView };

/** A unit that this station has finished since it was started. */
export interface FinishedUnit {
  readonly serial: string;
  readonly labelled: boolean;
}

export interface WriteRequest {
  readonly order: string | undefined;
  /** Also over what somebody may still want. */
  readonly sure: boolean;
  /** Of the card that was shown: no other is written. */
  readonly node?: string | undefined;
}

/** Everything the page does. What can fail for a reason that a person can mend throws OperatorError. */
export interface StationNeeds {
  readonly release: { readonly version: string; readonly development: boolean };
  /** Units can register with the cloud: a claim was given. */
  readonly hasClaim: boolean;
  /** Whether labels go to a printer; without one they are opened as PDF. */
  readonly hasPrinter: boolean;
  /** Orders with units left, and those finished last. */
  orders(): readonly OrderView[];
  /** In the order in which they were put in; one stays until it is taken out. */
  cards(): readonly StationCard[];
  /** Newest first. */
  finished(): readonly FinishedUnit[];
  /** Begins to write this card for the order's next unit. */
  write(device: string, how: WriteRequest): void;
  printLabel(serial: string): Promise<void>;
}
