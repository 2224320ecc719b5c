// An operator's loop: whatever card is put in is written, and its place waits for the next one.
// Looks every second: a plug event would tell no sooner when a reader's card is really there.
import { setTimeout as sleep } from 'node:timers/promises';
import type { OrderTotal } from '../ledger/units.ts';
import type { Look } from './find.ts';
import type { FoundCard } from './judge.ts';
import { CARDS_MAX } from './limits.ts';
import type { CardView } from './ports.ts';

const LOOK_MS = 1_000;

export interface StationNeeds {
  /** What is in readers now; undefined when that could not be found out, which is not the same as nothing. */
  readonly look: () => Promise<readonly Look[] | undefined>;
  /** Whether a finished card of ours lies there. */
  readonly isOurs: (device: string) => Promise<boolean>;
  readonly flash: (card: FoundCard) => Promise<CardView>;
  /** How the order stands; undefined without one. */
  readonly order: () => OrderTotal | undefined;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  readonly lookMs?: number;
}

const DEALT_WITH = '';
/** Codes that end the day: no further card would fare better. */
const OVER = new Set(['order-finished', 'order-unknown']);

/** How far an order is, in one sentence. */
export const orderText = ({ name, wanted, done }: OrderTotal): string =>
  done >= wanted
    ? `Order ${name} is finished: all ${wanted} have a card.`
    : `Order ${name}: ${done} of ${wanted} have a card.`;

/** Until it is stopped or the order is finished; returns what became of each card. */
export async function runStation(needs: StationNeeds): Promise<readonly CardView[]> {
  const { signal, say, lookMs = LOOK_MS } = needs;
  const ended: CardView[] = [];
  /** By device, until its card is taken out: it was dealt with, or why it is refused (said once). */
  const dealtWith = new Map<string, string>();
  const underWay = new Map<string, Promise<void>>();
  const orders = new AbortController();
  const begin = (card: FoundCard): void => {
    const work = async (): Promise<void> => {
      const view = await needs.flash(card);
      ended.push(view);
      underWay.delete(card.device);
      if (view.reason !== undefined && OVER.has(view.reason.code)) orders.abort();
      const order = view.phase === 'done' ? needs.order() : undefined;
      if (order === undefined) return;
      say(orderText(order));
      if (order.done >= order.wanted) orders.abort();
    };
    underWay.set(card.device, work());
  };
  // Nobody has put these in for this: a stick with a backup may be among them.
  const leave = (looks: readonly Look[]): void => {
    for (const { path } of looks.map(({ device }) => device)) {
      dealtWith.set(path, DEALT_WITH);
      say(
        `${path} was in before: it is left as it is. To have it written, take it out and put it in`,
      );
    }
  };
  const take = async (looks: readonly Look[]): Promise<void> => {
    const present = new Set(looks.map(({ device }) => device.path));
    for (const path of dealtWith.keys()) if (!present.has(path)) dealtWith.delete(path);
    for (const { device, verdict } of looks) {
      const { path } = device;
      const before = dealtWith.get(path);
      if (before === DEALT_WITH || underWay.size >= CARDS_MAX) continue;
      if (!verdict.ok) {
        const { code, message, hint = '' } = verdict.error;
        if (before !== code) say(`! ${message}\n  → ${hint}`);
        dealtWith.set(path, code);
        continue;
      }
      dealtWith.set(path, DEALT_WITH);
      if (await needs.isOurs(path).catch(() => false)) {
        say(
          `${path} is finished already, or cannot be read: take it out, or name it to write it anew`,
        );
      } else begin(verdict.card);
    }
  };
  say('Put cards in; each is written as it comes. Ctrl-C ends.');
  for (let isFirst = true; !signal.aborted && !orders.signal.aborted;) {
    const looks = await needs.look();
    if (looks !== undefined) {
      if (isFirst) leave(looks);
      else await take(looks);
      isFirst = false;
    }
    await sleep(lookMs, undefined, { signal }).catch(() => {});
  }
  await Promise.all(underWay.values());
  return ended;
}
