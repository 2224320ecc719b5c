// Who may register a serial with the fleet's claim: the rule of the cloud's pre-provisioning hook, and the
// token that a flasher puts on each card. The claim is the same on thousands of cards; without this rule
// whoever has one could take over any unit whose serial is read off its label. Pure.
import { createHash } from 'node:crypto';

/** As much as a key: it cannot be guessed. */
export const TOKEN_BYTES = 32;

/** The newest card of a serial, as the ledger tells the cloud; an older card's token counts no more. */
export interface Announcement {
  /** 32 hex digits. */
  readonly serial: string;
  /** SHA-256 (hex) of the token on that card. `none`: retired, no card may register. */
  readonly registration: string;
  /** When that card was verified, or the unit retired: ISO 8601, UTC. */
  readonly since?: string;
}

/**
 * Which of two announcements of a serial counts. An export that comes a second time, or comes late, opens nothing
 * again: neither an earlier card nor a unit that was retired since.
 */
export const laterOf = (known: Announcement | undefined, told: Announcement): Announcement =>
  known !== undefined && (told.since ?? '') < (known.since ?? '') ? known : told;

/** What the ledger keeps and the cloud is told of a token: who reads it there can register nothing. */
export const registrationOf = (token: string): string =>
  createHash('sha256').update(token.trim()).digest('hex');

/** Text of `registration.token` in a unit's record for these 32 random bytes. */
export function tokenText(bytes: Uint8Array): string {
  if (bytes.length !== TOKEN_BYTES) throw new RangeError('a registration token has 32 bytes');
  return `${Buffer.from(bytes).toString('hex')}\n`;
}

export interface RegistrationAttempt {
  /** What the unit sent as RegistrationToken; a card of an image that fits all has none. */
  readonly token: string | undefined;
  /** What the ledger announced of this serial. */
  readonly announced: Announcement | undefined;
  /** A thing of this serial exists, so it has registered before. */
  readonly isKnown: boolean;
  /** One of the thing's certificates is for the same key: the unit itself, whose answer was lost. */
  readonly isSameKey: boolean;
}

type Verdict = { readonly allowed: true } | { readonly allowed: false; readonly why: string };

/** Judges a registration that is asked for with the claim. A renewal by a unit's own certificate is none. */
export function mayRegister(attempt: RegistrationAttempt): Verdict {
  const { token, announced, isKnown, isSameKey } = attempt;
  if (announced !== undefined) {
    if (announced.registration === 'none') return refused('retired');
    const isRight = token !== undefined && registrationOf(token) === announced.registration;
    return isRight ? { allowed: true } : refused('not the newest card of this serial');
  }
  if (!isKnown || isSameKey) return { allowed: true };
  return refused('registered before, and no reflash is announced');
}

const refused = (why: string): Verdict => ({ allowed: false, why });
