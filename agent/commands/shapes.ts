// Commands, what happens to them and what follows: the vocabulary of state.ts. Types only.
import type { Final } from './wire.ts';

export interface Facts {
  readonly id: string;
  readonly service: string;
  readonly kind: string;
  readonly expiresMs: number | undefined;
  readonly seq: number;
  readonly atMs: number;
  readonly tries: number;
  /** undefined: nobody carries it out. */
  readonly isRepeatable: boolean | undefined;
}

/** `sinceMs`, `againMs`: of the clock that never jumps. */
export type Work = Facts &
  /**
   * On its way to the card for the first time; its end, if that is known already, with it, and the
   * command that it forbids.
   */
  (
    | {
        readonly at: 'arriving';
        readonly final: Final | undefined;
        readonly forbids: Finished | undefined;
      }
    | { readonly at: 'received'; readonly sinceMs: number; readonly againMs: number }
    | { readonly at: 'beginning'; readonly stop: Why | undefined; readonly sinceMs: number }
    | {
        readonly at: 'processing';
        readonly sinceMs: number;
        readonly stop: { readonly why: Why; readonly atMs: number } | undefined;
      }
    /** Its end is on its way to the card: `againMs` is when that is tried again. */
    | { readonly at: 'ending'; readonly final: Final; readonly againMs: number | undefined }
  );
/** Why a command is stopped. */
export type Why = 'cancelled' | 'expired' | 'took-too-long';

export interface Finished {
  readonly id: string;
  readonly service: string;
  readonly kind: string;
  readonly seq: number;
  readonly atMs: number;
  readonly state: Final['state'];
}

export interface Commands {
  /** In the order of arrival. */
  readonly works: readonly Work[];
  /** The oldest first. */
  readonly finished: readonly Finished[];
  readonly nextSeq: number;
}

/** undefined: the unit does not know what time it is. */
export type Wall = number | undefined;

export type Event =
  | {
      readonly on: 'loaded';
      readonly unfinished: readonly (Facts & {
        readonly wasBegun: boolean;
        readonly stopping: boolean;
      })[];
      readonly finished: readonly Finished[];
      readonly nowMs: number;
    }
  /** New: its id is not known (`isKnown`). `refusal`: why nobody carries it out. */
  | {
      readonly on: 'arrived';
      readonly facts: Omit<Facts, 'seq' | 'tries'>;
      readonly refusal: string | undefined;
      readonly wallMs: Wall;
    }
  /** A `command.cancel` that means `target`. */
  | {
      readonly on: 'cancel';
      readonly facts: Omit<Facts, 'seq' | 'tries'>;
      readonly target: string;
      readonly nowMs: number;
    }
  | { readonly on: 'saved'; readonly id: string; readonly nowMs: number; readonly wallMs: Wall }
  | { readonly on: 'not-saved'; readonly id: string; readonly nowMs: number }
  | { readonly on: 'ended'; readonly id: string; readonly final: Final }
  | { readonly on: 'tick'; readonly nowMs: number; readonly wallMs: Wall };

export type Effect =
  /** With the result that says it, in one commit; answered by `saved` or `not-saved`. */
  | {
      readonly do: 'save';
      readonly facts: Facts;
      readonly as: { readonly state: 'received' } | { readonly state: 'processing' } | Final;
      /** The finished that go for it. */
      readonly forget: readonly string[];
      /** Of a cancel: what is noted of the command it means, in the same commit. */
      readonly target?: { readonly id: string; readonly note: 'stopping' | 'never' };
    }
  | { readonly do: 'run'; readonly facts: Facts }
  | { readonly do: 'stop'; readonly id: string };

export interface Step {
  readonly state: Commands;
  readonly effects: readonly Effect[];
}
