// One command and its answer: when the same frame goes again, and when to give up. Pure.
import { BROKEN_MAX, BUSY_MAX, BUSY_MS, NAKS_MAX, SILENCES_MAX } from './limits.ts';

export interface Exchange {
  /**
   * Changes something on the printer. Its frame goes again only when the printer said that it did not take it
   * (NAK). A question goes again after silence and a damaged answer too.
   */
  readonly isAction: boolean;
  readonly naks: number;
  readonly busy: number;
  /** The last "busy" that was counted. */
  readonly busyMs: number | undefined;
  readonly broken: number;
  readonly silences: number;
  readonly silencesMax: number;
}

export type Heard =
  | { readonly heard: 'nak' }
  | { readonly heard: 'busy'; readonly nowMs: number }
  /** A frame with a wrong sum or length. */
  | { readonly heard: 'broken' }
  /** Nothing at all for ANSWER_MS_MAX. */
  | { readonly heard: 'silence' };

export type Loss = 'naks' | 'busy' | 'broken' | 'silent' | 'down';

export type Then =
  | { readonly go: 'wait'; readonly exchange: Exchange }
  | { readonly go: 'resend'; readonly exchange: Exchange }
  | { readonly go: 'lose'; readonly why: Loss };

export const fresh = (isAction: boolean, silencesMax: number = SILENCES_MAX): Exchange => ({
  isAction,
  naks: 0,
  busy: 0,
  busyMs: undefined,
  broken: 0,
  silences: 0,
  silencesMax,
});

export function next(exchange: Exchange, event: Heard): Then {
  const { isAction } = exchange;
  switch (event.heard) {
    case 'nak': {
      const naks = exchange.naks + 1;
      if (naks > NAKS_MAX) return { go: 'lose', why: 'naks' };
      return { go: 'resend', exchange: { ...exchange, naks } };
    }
    case 'busy': {
      const { nowMs } = event;
      if (exchange.busyMs !== undefined && nowMs - exchange.busyMs < BUSY_MS)
        return { go: 'wait', exchange };
      const busy = exchange.busy + 1;
      if (busy > BUSY_MAX) return { go: 'lose', why: 'busy' };
      return { go: 'wait', exchange: { ...exchange, busy, busyMs: nowMs } };
    }
    case 'broken': {
      const broken = exchange.broken + 1;
      if (isAction || broken > BROKEN_MAX) return { go: 'lose', why: 'broken' };
      return { go: 'resend', exchange: { ...exchange, broken } };
    }
    case 'silence': {
      const silences = exchange.silences + 1;
      if (silences >= exchange.silencesMax) return { go: 'lose', why: 'silent' };
      return { go: isAction ? 'wait' : 'resend', exchange: { ...exchange, silences } };
    }
  }
}

const FIRST_SEQ = 0x20;
const LAST_SEQ = 0x7f;

/** 20 to 7F, and from the beginning. */
export const nextSeq = (seq: number): number => (seq >= LAST_SEQ ? FIRST_SEQ : seq + 1);
export const anySeq = (random: number): number =>
  FIRST_SEQ + Math.floor(random * (LAST_SEQ - FIRST_SEQ + 1));
