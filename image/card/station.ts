// An operator's loop: whatever empty card is put in is written, and its place waits for the next one.
// Looks every second: a plug event would tell no sooner when a reader's card is really there.
import { setTimeout as sleep } from 'node:timers/promises';
import type { OrderTotal } from '../ledger/units.ts';
import type { FoundCard } from './judge.ts';
import { CARDS_MAX } from './limits.ts';
import { isSameCard } from './looks.ts';
import type { Busy, Seen } from './looks.ts';
import type { CardView } from './ports.ts';

const LOOK_MS = 1_000;

export interface StationNeeds {
  /** What is in readers now (CardLooks); devices in `busy` are being written. */
  readonly look: (busy: Busy) => Promise<readonly Seen<FoundCard>[] | undefined>;
  readonly flash: (found: { readonly card: FoundCard; readonly holds: 'new' }) => Promise<CardView>;
  /** How the order stands; undefined without one. */
  readonly order: () => OrderTotal | undefined;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  readonly lookMs?: number;
}

/** What became of the card in a reader. */
type Dealt =
  /** Left alone or bad: until its place was seen empty, as a reader that fails may report its card anew. */
  | { readonly is: 'over' }
  /** Finished: until it is taken out, or another one lies there. */
  | { readonly is: 'done'; readonly card: FoundCard }
  | { readonly is: 'refused'; readonly code: string };

const WHY_LEFT = {
  ours: 'is a finished unit',
  files: 'has something on it that is not ours',
  unreadable: 'cannot be read',
} as const;

/** Codes that end the day: no further card would fare better. */
const OVER = new Set(['order-finished', 'order-retired', 'order-unknown']);

/** How far an order is, in one sentence. */
export const orderText = ({ name, wanted, done }: OrderTotal): string =>
  done >= wanted
    ? `Order ${name} is finished: all ${wanted} have a card.`
    : `Order ${name}: ${done} of ${wanted} have a card.`;

/** Until it is stopped or the order is finished; returns what became of each card. */
export async function runStation(needs: StationNeeds): Promise<readonly CardView[]> {
  const { signal, say, lookMs = LOOK_MS } = needs;
  const ended: CardView[] = [];
  /** By device. */
  const dealtWith = new Map<string, Dealt>();
  const underWay = new Map<string, Promise<void>>();
  const orders = new AbortController();
  const begin = (card: FoundCard): void => {
    const { device } = card;
    dealtWith.set(device, { is: 'over' });
    const work = async (): Promise<void> => {
      const view = await needs.flash({ card, holds: 'new' });
      ended.push(view);
      underWay.delete(device);
      if (view.phase === 'done') dealtWith.set(device, { is: 'done', card });
      if (view.reason !== undefined && OVER.has(view.reason.code)) orders.abort();
      const order = view.phase === 'done' ? needs.order() : undefined;
      if (order === undefined) return;
      say(orderText(order));
      if (order.done >= order.wanted) orders.abort();
    };
    underWay.set(device, work());
  };
  // Nobody has put these in for this: a stick with a backup may be among them.
  const leave = (looks: readonly Seen[]): void => {
    for (const { device } of looks.map(({ card }) => card)) {
      dealtWith.set(device, { is: 'over' });
      say(
        `${device} was in before: it is left as it is. To have it written, take it out and put it in`,
      );
    }
  };
  const take = (looks: readonly Seen<FoundCard>[]): void => {
    const present = new Set(looks.map(({ card }) => card.device));
    for (const device of dealtWith.keys()) if (!present.has(device)) dealtWith.delete(device);
    for (const seen of looks) {
      const { device } = seen.card;
      const before = dealtWith.get(device);
      if (before?.is === 'over' || underWay.has(device)) continue;
      if (before?.is === 'done' && isSameCard(before.card, seen.card)) continue;
      if (seen.is === 'refused') {
        const { code, text, hint } = seen.reason;
        if (before?.is !== 'refused' || before.code !== code) say(`! ${text}\n  → ${hint}`);
        dealtWith.set(device, { is: 'refused', code });
      } else if (seen.holds === 'new') {
        if (underWay.size < CARDS_MAX) begin(seen.card);
      } else if (seen.holds !== 'looking') {
        dealtWith.set(device, { is: 'over' });
        const why = WHY_LEFT[seen.holds];
        say(`${device} ${why}: it is left as it is. Take it out, or name it to write it anew`);
      }
    }
  };
  say('Put cards in; each empty one is written as it comes. Ctrl-C ends.');
  for (let isFirst = true; !signal.aborted && !orders.signal.aborted;) {
    const looks = await needs.look(underWay);
    if (looks !== undefined) {
      if (isFirst) leave(looks);
      else take(looks);
      isFirst = false;
    }
    await sleep(lookMs, undefined, { signal }).catch(() => {});
  }
  await Promise.all(underWay.values());
  return ended;
}
