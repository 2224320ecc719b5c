// One request to the lock server: ENQ, frame, answer, and what its end means. Pure; one connection carries one.
// What matters most: from the moment the frame is on its way only a NAK says that nothing was done.
import type { Piece } from '../../core/frames/ports.ts';
import { AGAIN_MS, ENQS_MAX, READY_MS_MAX, SENDS_MAX } from './limits.ts';
import { ACK, NAK, fieldsOf } from './wire.ts';
import type { Fields } from './wire.ts';

export type End =
  | { readonly came: 'answer'; readonly fields: Fields }
  /** The server has not taken it: nothing was done. */
  | {
      readonly came: 'nothing';
      readonly why: 'offline' | 'busy' | 'refused' | 'expired';
      readonly text: string;
    }
  /** It may have been done. */
  | { readonly came: 'silence'; readonly text: string };

export type Request =
  /** ENQ is on its way. */
  | { readonly at: 'asking'; readonly enqs: number; readonly sends: number }
  /** Told "not now"; asks again. */
  | { readonly at: 'resting'; readonly enqs: number; readonly sends: number }
  | { readonly at: 'sent'; readonly sends: number }
  | { readonly at: 'taken' }
  | { readonly at: 'over' };

export type Event =
  | { readonly on: 'piece'; readonly piece: Piece }
  | { readonly on: 'due' }
  | { readonly on: 'closed'; readonly why: string }
  /** Whoever wanted it does not any more. */
  | { readonly on: 'given-up' };

export type Effect =
  | { readonly do: 'ask' }
  | { readonly do: 'send' }
  /** `due` after so long, unless another effect says otherwise. */
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'end'; readonly end: End };

export interface Step {
  readonly state: Request;
  readonly effects: readonly Effect[];
}

export const begin: Step = ask({ enqs: 0, sends: 0 });

export function next(state: Request, event: Event, answerMs: number): Step {
  switch (state.at) {
    case 'asking':
      return asking(state, event, answerMs);
    case 'resting':
      if (event.on === 'due') return ask(state);
      return event.on === 'piece' ? stay(state) : notTaken(event);
    case 'sent':
    case 'taken':
      return waiting(state, event, answerMs);
    case 'over':
      return stay(state);
  }
}

const stay = (state: Request): Step => ({ state, effects: [] });
const over = (end: End): Step => ({ state: { at: 'over' }, effects: [{ do: 'end', end }] });
const nothing = (why: 'offline' | 'busy' | 'refused' | 'expired', text: string): Step =>
  over({ came: 'nothing', why, text });
const silence = (text: string): Step => over({ came: 'silence', text });

function ask({ enqs, sends }: { readonly enqs: number; readonly sends: number }): Step {
  return {
    state: { at: 'asking', enqs: enqs + 1, sends },
    effects: [{ do: 'ask' }, { do: 'wait', ms: READY_MS_MAX }],
  };
}

function asking(state: Extract<Request, { at: 'asking' }>, event: Event, answerMs: number): Step {
  // Not asked again on this connection: a NAK that comes late would be taken for one to the frame.
  if (event.on === 'due') return nothing('offline', 'The lock server does not answer');
  if (event.on !== 'piece') return notTaken(event);
  if (event.piece.is !== 'control') return stay(state);
  if (event.piece.byte === ACK) {
    return {
      state: { at: 'sent', sends: state.sends + 1 },
      effects: [{ do: 'send' }, { do: 'wait', ms: answerMs }],
    };
  }
  if (event.piece.byte !== NAK) return stay(state);
  if (state.enqs >= ENQS_MAX) return nothing('busy', 'The lock server is busy: try again');
  return rest(state);
}

const rest = ({ enqs, sends }: { readonly enqs: number; readonly sends: number }): Step => ({
  state: { at: 'resting', enqs, sends },
  effects: [{ do: 'wait', ms: AGAIN_MS }],
});

function notTaken(event: Exclude<Event, { on: 'piece' | 'due' }>): Step {
  return event.on === 'closed'
    ? nothing('offline', `The connection to the lock server is gone (${event.why})`)
    : nothing('expired', 'Given up before the lock server had taken it: nothing was done');
}

function waiting(
  state: Extract<Request, { at: 'sent' | 'taken' }>,
  event: Event,
  answerMs: number,
): Step {
  if (event.on === 'due') return silence('The lock server took it and did not answer');
  if (event.on === 'closed')
    return silence(`The connection ended before the answer (${event.why})`);
  if (event.on === 'given-up') return silence('Given up while the lock server was at it');
  const { piece } = event;
  switch (piece.is) {
    case 'frame': {
      const fields = fieldsOf(piece.body);
      return fields === undefined
        ? silence('The answer of the lock server was not understood')
        : over({ came: 'answer', fields });
    }
    case 'bad':
      return silence(`The answer of the lock server was damaged (${piece.why})`);
    case 'noise':
      return stay(state);
    case 'control':
      if (state.at === 'taken') return stay(state);
      if (piece.byte === ACK) {
        return { state: { at: 'taken' }, effects: [{ do: 'wait', ms: answerMs }] };
      }
      if (piece.byte !== NAK) return stay(state);
      if (state.sends < SENDS_MAX) return rest({ enqs: 0, sends: state.sends });
      return nothing('refused', 'The lock server did not take the request: NAK three times');
  }
}
