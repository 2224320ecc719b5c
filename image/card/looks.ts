// What lies in this machine's readers, look after look: each card is read once for each time it is put in, and one
// that does not answer holds up no look at the others.
import { log } from '../core/log.ts';
import type { CardIdentity } from '../ledger/ports.ts';
import { contentWithin } from './contents.ts';
import type { Content, Contents } from './contents.ts';
import { lookAtReaders } from './find.ts';
import type { Look } from './find.ts';
import type { FoundCard } from './judge.ts';
import type { CardView } from './ports.ts';

/** A card in a reader, with what lies on it; or why it may not be written. */
export type Seen<Card = CardIdentity> =
  | { readonly is: 'found'; readonly card: Card; readonly holds: Content | 'looking' }
  | {
      readonly is: 'refused';
      readonly card: CardIdentity;
      readonly reason: NonNullable<CardView['reason']>;
    };

/** Whether it is one card, as far as its reader tells; the kernel's count of media is in `node`. */
export const isSameCard = (a: CardIdentity, b: CardIdentity): boolean => keyOf(a) === keyOf(b);

const keyOf = ({ device, node, bytes }: CardIdentity): string =>
  JSON.stringify([device, node, bytes]);

/** Devices whose cards are being written. */
export interface Busy {
  has(device: string): boolean;
}

interface Known {
  holds: Content | 'looking';
  unit?: string | undefined;
}

export class CardLooks {
  readonly #look: (signal: AbortSignal) => Promise<readonly Look[]>;
  readonly #contentOf: (device: string) => Promise<Contents>;
  /** By card, as long as it lies there and is not being written. */
  #known = new Map<string, Known>();

  constructor({ look = lookAtReaders, contentOf = contentWithin }: LookNeeds = {}) {
    this.#look = look;
    this.#contentOf = contentOf;
  }

  /**
   * What is in readers now; undefined when that could not be found out, which is not the same as nothing. Cards of
   * the devices in `busy` are being written: they are not read, and read anew when that is over.
   */
  async see(signal: AbortSignal, busy: Busy): Promise<readonly Seen<FoundCard>[] | undefined> {
    try {
      const looks = await this.#look(signal);
      const before = this.#known;
      this.#known = new Map();
      return looks.map((look) => this.#seen(look, { before, busy }));
    } catch (error) {
      // It fails now and then (a reader that is just being unplugged); that must not end an operator's day.
      log(`# looking for cards failed: ${String(error)}`);
      return undefined;
    }
  }

  #seen(
    { device, node, verdict }: Look,
    { before, busy }: { before: ReadonlyMap<string, Known>; busy: Busy },
  ): Seen<FoundCard> {
    if (!verdict.ok) {
      const { path, model, bytes } = device;
      const { code, message: text, hint = '' } = verdict.error;
      const card = { device: path, model, bytes, ...(node === undefined ? {} : { node }) };
      return { is: 'refused', card, reason: { code, text, hint } };
    }
    const { card } = verdict;
    if (busy.has(card.device)) return { is: 'found', card, holds: 'looking' };
    const known = before.get(keyOf(card)) ?? this.#read(card.device);
    this.#known.set(keyOf(card), known);
    const { holds, unit } = known;
    return { is: 'found', card: { ...card, ...(unit === undefined ? {} : { unit }) }, holds };
  }

  #read(device: string): Known {
    const known: Known = { holds: 'looking' };
    const read = async (): Promise<void> => {
      Object.assign(known, await this.#contentOf(device));
    };
    void read();
    return known;
  }
}

interface LookNeeds {
  readonly look?: (signal: AbortSignal) => Promise<readonly Look[]>;
  /** Never rejects. */
  readonly contentOf?: (device: string) => Promise<Contents>;
}
