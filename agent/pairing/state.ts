// The code on the page: when there is one, what an assignment with it comes to, when it is burnt. Pure.
// Accounts themselves lie on the card (Records); this knows only which kinds are taken.
import { CODE_MS_MAX, GUESSES_MAX, PAUSE_MS } from './limits.ts';
import { isSameCode } from './wire.ts';

export type Code =
  | { readonly at: 'none' }
  | {
      readonly at: 'shown';
      readonly text: string;
      readonly bornMs: number;
      readonly guesses: number;
    }
  /** Guessed at too often. */
  | { readonly at: 'pause'; readonly sinceMs: number };

export const initial: Code = { at: 'none' };

/** What time has made of it. */
export function aged(code: Code, nowMs: number): Code {
  switch (code.at) {
    case 'none':
      return code;
    case 'shown':
      return nowMs - code.bornMs >= CODE_MS_MAX ? initial : code;
    case 'pause':
      return nowMs - code.sinceMs >= PAUSE_MS ? initial : code;
  }
}

/** Is a new code to be made for who looks at the page? */
export function isWanted(
  code: Code,
  given: {
    readonly nowMs: number;
    /** The cloud can be told of it. */
    readonly isConnected: boolean;
    readonly accounts: number;
    /** Somebody pressed the button, as opposed to opening the page. */
    readonly isAsked: boolean;
    readonly kinds: number;
  },
): boolean {
  const hasRoom = given.isAsked ? given.accounts < given.kinds : given.accounts === 0;
  return hasRoom && given.isConnected && aged(code, given.nowMs).at === 'none';
}

export const shown = (text: string, nowMs: number): Code => ({
  at: 'shown',
  text,
  bornMs: nowMs,
  guesses: 0,
});

/** An assignment came with this code: is it the one, and what is left of it. */
export function judge(
  code: Code,
  typed: string,
  nowMs: number,
): { readonly code: Code; readonly verdict: 'right' | 'wrong-code' | 'no-code' } {
  const now = aged(code, nowMs);
  if (now.at !== 'shown') return { code: now, verdict: 'no-code' };
  if (isSameCode(typed, now.text)) return { code: now, verdict: 'right' };
  const guesses = now.guesses + 1;
  const next: Code = guesses >= GUESSES_MAX ? { at: 'pause', sinceMs: nowMs } : { ...now, guesses };
  return { code: next, verdict: 'wrong-code' };
}
