// A telephone exchange that talks in turns (ask, frame, answer) as a state machine, and what drive.ts performs for
// it. Types only; the machines are each interface's state.ts.
import type { OrderOutcome } from '../vocabulary.ts';

/** Frames that belong together; done when the exchange has taken all. Everything in them is a state. */
export interface Job {
  readonly id: number;
  readonly frames: readonly Buffer[];
}

export type Result =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly why: Extract<
        Extract<OrderOutcome, { ok: false }>['why'],
        'offline' | 'busy' | 'refused' | 'expired'
      >;
    };

export type CommonEvent =
  | { readonly on: 'up' }
  | { readonly on: 'down' }
  | { readonly on: 'add'; readonly job: Job }
  | { readonly on: 'cancel'; readonly id: number }
  /** What `store` asked for: taken, or to be sent again. */
  | { readonly on: 'stored'; readonly ok: boolean }
  /** The time of the last `wait` is over. */
  | { readonly on: 'due' };

export type Effect =
  /** Control bytes. */
  | { readonly do: 'say'; readonly bytes: Uint8Array }
  | { readonly do: 'send'; readonly frame: Buffer }
  | { readonly do: 'store'; readonly body: Buffer }
  /** `due` after so long; the one before is forgotten. */
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'settle'; readonly id: number; readonly result: Result }
  /** The exchange has answered on this connection. */
  | { readonly do: 'proven' }
  | { readonly do: 'note'; readonly text: string }
  | { readonly do: 'drop'; readonly why: string };

export interface Step<S> {
  readonly state: S;
  readonly effects: readonly Effect[];
}

/** `S` its states, `H` what it hears. */
export interface Machine<S, H> {
  readonly initial: S;
  next(state: S, event: CommonEvent | H): Step<S>;
  /** What the bytes are, in order. */
  hear(chunk: Buffer): readonly H[];
  /** Something has begun and not ended. */
  isHearing(): boolean;
  /** Forgets it. */
  hush(): void;
}
