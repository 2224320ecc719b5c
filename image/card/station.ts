// An operator's loop: whatever card is put in is written, and its place waits for the next one.
// Looks every second: a plug event would tell no sooner when a reader's card is really there.
import { setTimeout as sleep } from 'node:timers/promises';
import type { FoundCard } from './judge.ts';
import { CARDS_MAX } from './limits.ts';
import type { CardView } from './ports.ts';

const LOOK_MS = 1_000;

export interface StationNeeds {
  /** Cards that are in readers now. */
  readonly find: () => Promise<readonly FoundCard[]>;
  /** Whether a finished card of ours lies there. */
  readonly isOurs: (device: string) => Promise<boolean>;
  readonly flash: (card: FoundCard) => Promise<CardView>;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  readonly lookMs?: number;
}

/** Codes that end the day: no further card would fare better. */
const OVER = new Set(['order-finished', 'order-unknown']);

/** Until it is stopped or the order is finished; returns what became of each card. */
export async function runStation(needs: StationNeeds): Promise<readonly CardView[]> {
  const { signal, say, lookMs = LOOK_MS } = needs;
  const ended: CardView[] = [];
  /** Devices whose card was dealt with, until it is taken out. */
  const dealtWith = new Set<string>();
  const underWay = new Map<string, Promise<void>>();
  const orders = new AbortController();
  const begin = (card: FoundCard): void => {
    const work = async (): Promise<void> => {
      const view = await needs.flash(card);
      ended.push(view);
      underWay.delete(card.device);
      if (view.reason !== undefined && OVER.has(view.reason.code)) orders.abort();
    };
    underWay.set(card.device, work());
  };
  say('Put cards in; each is written as it comes. Ctrl-C ends.');
  while (!signal.aborted && !orders.signal.aborted) {
    const cards = await needs.find();
    const present = new Set(cards.map(({ device }) => device));
    for (const device of dealtWith) if (!present.has(device)) dealtWith.delete(device);
    for (const card of cards) {
      const { device } = card;
      if (dealtWith.has(device) || underWay.size >= CARDS_MAX) continue;
      dealtWith.add(device);
      if (await needs.isOurs(device).catch(() => false)) {
        say(`${device} is finished already: take it out, or name it to write it anew`);
      } else begin(card);
    }
    await sleep(lookMs, undefined, { signal }).catch(() => {});
  }
  await Promise.all(underWay.values());
  return ended;
}
