// What lies in the readers of a station, and what became of it: looks now and then, begins to write when it is
// told to, and keeps a card's tile until it is taken out. Knows neither the page nor how a card is written.
import { setTimeout as sleep } from 'node:timers/promises';
import { another } from '../card/faults.ts';
import { CARDS_MAX } from '../card/limits.ts';
import type { Content } from '../card/contents.ts';
import { isSameCard } from '../card/looks.ts';
import type { Busy, Seen } from '../card/looks.ts';
import type { CardView } from '../card/ports.ts';
import { OperatorError } from '../core/errors.ts';
import type { CardIdentity } from '../ledger/ports.ts';
import type { FinishedUnit, StationCard, WriteRequest } from './ports.ts';

/** A plug event would tell no sooner when a reader's card is really there. */
const LOOK_MS = 1_000;
/** A card that was pulled out is bad: its tile stays long enough to be read. */
const PULLED_MS = 60_000;

export interface ReaderNeeds {
  /** What is in readers now (CardLooks); undefined when that could not be found out: then every card is where it was. */
  readonly look: (busy: Busy) => Promise<readonly Seen[] | undefined>;
  /** Never rejects; shows every step, the last one too. */
  readonly flash: (
    card: CardIdentity,
    options: {
      readonly order: string | undefined;
      readonly show: (view: CardView) => void;
      readonly shown: Content;
    },
  ) => Promise<CardView>;
  /** After every look and every end of a card. */
  readonly changed: () => void;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  readonly lookMs?: number;
}

type Tile =
  /** `reason`: it was tried, and nothing was done to it. */
  | { readonly at: 'seen'; readonly seen: Seen; readonly reason?: Reason }
  | { readonly at: 'begun'; readonly view: CardView; readonly goneMs?: number };

type Reason = NonNullable<CardView['reason']>;

export class Readers {
  readonly #needs: ReaderNeeds;
  /** By device, in the order in which cards were put in. */
  readonly #tiles = new Map<string, Tile>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #finished: FinishedUnit[] = [];

  constructor(needs: ReaderNeeds) {
    this.#needs = needs;
  }

  cards(): readonly StationCard[] {
    return [...this.#tiles.values()].map((tile) => {
      if (tile.at === 'begun') return { is: 'begun', view: tile.view };
      const { seen, reason } = tile;
      return seen.is === 'found' && reason !== undefined ? { ...seen, reason } : seen;
    });
  }

  /** Newest first. */
  finished(): readonly FinishedUnit[] {
    return this.#finished;
  }

  labelled(serial: string): void {
    const index = this.#finished.findIndex((unit) => unit.serial === serial);
    if (index >= 0) this.#finished[index] = { serial, labelled: true };
  }

  /**
   * Begins to write the card in this reader. `sure`: also one that is not empty, or cannot be read. Throws OperatorError
   * when there is none to write.
   */
  write(device: string, { order, sure, node }: WriteRequest): void {
    const found = cardToWrite(this.#tiles.get(device), { sure });
    if (found === undefined) {
      throw new OperatorError('no-card', `There is no card to write in ${device}`, {
        hint: 'Put one in; a card that is over is taken out first',
      });
    }
    const { card, holds: shown } = found;
    if (node !== undefined && node !== card.node) throw another(device);
    if (this.#underWay.size >= CARDS_MAX) {
      throw new OperatorError(
        'too-many',
        `${CARDS_MAX} cards are being written: that is all at once`,
        {
          hint: 'Wait until one of them is finished',
        },
      );
    }
    const show = (view: CardView): void => void this.#tiles.set(device, { at: 'begun', view });
    show({ card, phase: 'preparing', done: 0, bytesPerSecond: 0 });
    const write = async (): Promise<void> => {
      const view = await this.#needs.flash(card, { order, show, shown });
      show(view);
      this.#underWay.delete(device);
      if (view.phase === 'done' && view.serial !== undefined)
        this.#finished.unshift({ serial: view.serial, labelled: false });
      if (view.phase === 'untouched') this.#putBack(view);
      this.#needs.changed();
    };
    this.#underWay.set(device, write());
  }

  /** Nothing was done to it: it is looked at as one that was put in, with the reason beside it. */
  #putBack({ card, reason }: CardView): void {
    const seen: Seen = { is: 'found', card, holds: 'looking' };
    const said = reason === undefined ? {} : { reason };
    this.#tiles.set(card.device, { at: 'seen', seen, ...said });
  }

  /** Looks until it is stopped; then waits for the cards that are under way, which are stopped as well. */
  async watch(): Promise<void> {
    const { look, changed, signal, lookMs = LOOK_MS } = this.#needs;
    while (!signal.aborted) {
      const seen = await look(this.#underWay);
      if (seen !== undefined) this.#see(seen);
      changed();
      await sleep(lookMs, undefined, { signal }).catch(() => {});
    }
    await Promise.all(this.#underWay.values());
  }

  #see(present: readonly Seen[]): void {
    const nowMs = this.#needs.nowMs();
    const byDevice = new Map(present.map((seen) => [seen.card.device, seen]));
    for (const [device, tile] of this.#tiles) {
      if (this.#underWay.has(device)) continue;
      const stays = tileThen(tile, { seen: byDevice.get(device), nowMs });
      if (stays === undefined) this.#tiles.delete(device);
      else this.#tiles.set(device, stays);
    }
    for (const [device, seen] of byDevice) {
      const tile = this.#tiles.get(device);
      if (tile?.at === 'begun') continue;
      const isTried = tile?.reason !== undefined && isSameCard(tile.seen.card, seen.card);
      this.#tiles.set(device, { at: 'seen', seen, ...(isTried ? { reason: tile.reason } : {}) });
    }
  }
}

/** What stays of a tile that is not under way, when this is in its reader. */
function tileThen(
  tile: Tile,
  { seen, nowMs }: { readonly seen: Seen | undefined; readonly nowMs: number },
): Tile | undefined {
  if (tile.at === 'seen') return seen === undefined ? undefined : tile;
  if (tile.view.phase !== 'bad')
    return seen !== undefined && isSameCard(seen.card, tile.view.card) ? tile : undefined;
  // A reader that fails may report its card anew: only an empty place says that the bad card is out.
  if (seen !== undefined) return tile.goneMs === undefined ? tile : undefined;
  // The reason stays for a while, unless the next card needs the place.
  if (nowMs - (tile.goneMs ?? nowMs) > PULLED_MS) return undefined;
  return { goneMs: nowMs, ...tile };
}

/** One that lies there, was not begun, and may be written. */
function cardToWrite(
  tile: Tile | undefined,
  { sure }: { readonly sure: boolean },
): { readonly card: CardIdentity; readonly holds: Content } | undefined {
  if (tile?.at !== 'seen' || tile.seen.is !== 'found') return undefined;
  const { card, holds } = tile.seen;
  if (holds === 'looking' || (holds !== 'new' && !sure)) return undefined;
  return { card, holds };
}
