// Flashes one card: a unit of the ledger, keys of its own, its content, the proof, the end in the ledger.
// Many of these run at once and know nothing of each other; a bad card ends in its row and its view.
import { randomBytes } from 'node:crypto';
import { OperatorError } from '../core/errors.ts';
import type { Actor, CardIdentity, Flash, FlashLedger } from '../ledger/ports.ts';
import { TOKEN_BYTES, registrationOf, tokenText } from '../ledger/registration.ts';
import { recoveryKeyText } from '../unit/recovery-key.ts';
import { KEY_BYTES } from '../unit/template.ts';
import type { Template } from '../unit/template.ts';
import type { CardKeys } from '../unit/keys.ts';
import type { CardView, WriteCard, Written } from './ports.ts';
import { Pace } from './pace.ts';
import { recordOf } from './record.ts';
import type { FleetFiles } from './record.ts';

export interface FlashNeeds {
  readonly ledger: FlashLedger;
  /** The version that the ledger notes. */
  readonly release: string;
  readonly template: Template;
  /** What every card of this release and fleet gets. */
  readonly fleet: FleetFiles;
  readonly by: Actor;
  readonly order?: string | undefined;
  readonly serial?: string | undefined;
  /** For another card of a unit: what belongs on it, as support opened it, and files that go with it. */
  readonly again?:
    | {
        readonly record: Flash['record'] | undefined;
        readonly files: Readonly<Record<string, Uint8Array>>;
      }
    | undefined;
  /**
   * The last look before anything is noted or written: whether the card is the one that was shown, with the same on it,
   * and can be written. Throws OperatorError, then nothing was done to it.
   */
  readonly lookAgain: (card: CardIdentity) => Promise<CardIdentity>;
  readonly makeKeys: (signal?: AbortSignal) => Promise<CardKeys>;
  /** Encrypts a recovery key to support; undefined for a ledger that keeps none. */
  readonly escrow: (recoveryKey: string) => Promise<string | undefined>;
  readonly write: WriteCard;
  readonly show: (view: CardView) => void;
  readonly signal?: AbortSignal | undefined;
  readonly nowMs: () => number;
}

/** Never rejects: whatever happens to this card is in the view it returns. */
export async function flashCard(card: CardIdentity, needs: FlashNeeds): Promise<CardView> {
  const pace = new Pace(card, needs);
  let flash: Flash | undefined;
  let over = false;
  let mayStart = false;
  try {
    pace.enter('preparing');
    const secrets = {
      recoveryKey: recoveryKeyText(randomBytes(KEY_BYTES)),
      token: tokenText(randomBytes(TOKEN_BYTES)),
    };
    const keys = await needs.makeKeys(needs.signal);
    const present = await needs.lookAgain(card);
    // Last: what the ledger wants of it may change.
    const escrow = await needs.escrow(secrets.recoveryKey);
    needs.signal?.throwIfAborted();
    flash = begin(present, needs, {
      registration: registrationOf(secrets.token),
      ...(escrow === undefined ? {} : { escrow }),
    });
    const begun = flash;
    pace.of(begun.unit.serial);
    const record = { ...recordOf(begun, needs.fleet, secrets), ...needs.again?.files };
    const order = { template: needs.template, keys, record, cardBytes: card.bytes };
    await needs.write(card, order, {
      signal: needs.signal,
      progress: (phase, bytes, of) => pace.moved(phase, bytes, of),
      verified: async () => {
        pace.enter('finishing');
        needs.ledger.verified(begun);
        mayStart = true;
      },
      written: async (result: Written) => {
        needs.ledger.end(begun, { result: 'done', ...result });
        over = true;
      },
    });
    return pace.finished();
  } catch (error) {
    // The ledger has it as done, and it is: what failed later is no matter of the card.
    if (over) return pace.finished();
    if (flash === undefined) {
      const isStopped = needs.signal?.aborted === true;
      return pace.failed('untouched', { reason: isStopped ? NOT_BEGUN : inWords(error) });
    }
    const fault = inWords(error);
    const noted = noteBad(needs.ledger, flash, fault);
    const text = noted === undefined ? fault.text : `${fault.text}; ${noted}`;
    const { serial } = flash.unit;
    const then = mayStart ? `. The unit is uncertain: see "./build.sh unit show ${serial}"` : '';
    return pace.failed('bad', { reason: { ...fault, text: `${text}${then}` } });
  }
}

function begin(
  card: CardIdentity,
  needs: FlashNeeds,
  kept: { readonly escrow?: string; readonly registration: string },
): Flash {
  const { ledger, order, serial, again, release, by } = needs;
  return ledger.begin({
    ...(order === undefined ? {} : { order }),
    ...(serial === undefined ? {} : { serial }),
    ...(again?.record === undefined ? {} : { record: again.record }),
    ...{ card, release, by },
    ...kept,
  });
}

type Fault = NonNullable<CardView['reason']>;

const NOT_BEGUN: Fault = {
  code: 'not-begun',
  text: 'It was stopped before anything was written',
  hint: 'Write it when you go on',
};

/** Any error as a card's reason: what is no OperatorError is a defect. */
export function inWords(error: unknown): Fault {
  if (error instanceof OperatorError) {
    const hint = error.hint ?? 'Write it again from the beginning';
    return { code: error.code, text: error.message, hint };
  }
  return {
    code: 'defect',
    text: `A defect of the flasher: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'Write it again; report it with its log if it stays so',
  };
}

/** What to say when not even that could be noted. */
function noteBad(ledger: FlashLedger, flash: Flash, { code, text }: Fault): string | undefined {
  try {
    ledger.end(flash, { result: 'bad', code, reason: text });
    return undefined;
  } catch (error) {
    return `the ledger could not be told: ${(error as Error).message}`;
  }
}
