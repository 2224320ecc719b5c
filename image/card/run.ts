// `./build.sh flash` from the first word to the last: release, cards, the question (question.ts), the work, the sum.
import { OperatorError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Progress } from '../core/progress.ts';
import { openLedger } from '../ledger/ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { CardIdentity } from '../ledger/ports.ts';
import { cardHolder, listOrders } from '../ledger/units.ts';
import type { CardHolder, OrderTotal } from '../ledger/units.ts';
import { cardAt, lookAtReaders } from './find.ts';
import type { Look } from './find.ts';
import type { FoundCard } from './judge.ts';
import { CARDS_MAX } from './limits.ts';
import { CardLooks, isSameCard } from './looks.ts';
import type { Busy } from './looks.ts';
import type { CardView } from './ports.ts';
import { prepareFlasher } from './prepare.ts';
import type { FleetRequest, Flasher } from './prepare.ts';
import { confirm, listed, whatLiesOn, withContent } from './question.ts';
import type { Found } from './question.ts';
import { cardScreen, endOf, isOver } from './screen.ts';
import { orderText, runStation } from './station.ts';

export interface FlashRequest extends FleetRequest {
  readonly devices: readonly string[];
  readonly allNew: boolean;
  readonly station: boolean;
  readonly yes: boolean;
  readonly order: string | undefined;
  /** The ledger's. */
  readonly file: string;
}

export interface Around {
  readonly progress: Progress;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Returns the exit code. Throws OperatorError for what concerns no single card. */
export async function runFlash(request: FlashRequest, around: Around): Promise<number> {
  const { print, progress, signal } = around;
  if (request.devices.length === 0 && !request.allNew && !request.station) {
    const looks = await lookAtReaders(signal);
    const found = await withContent(cardsOf(looks));
    print([listed(found), ...refusalsOf(looks)].join('\n'));
    return 0;
  }
  const cards = request.station ? [] : await chosen(request, around);
  const ledger = openLedger(request.file);
  try {
    ledger.check({ order: request.order });
    const total = orderTotal(ledger, request.order);
    if (total !== undefined) progress.say(orderText(total));
    const flasher = await prepareFlasher(request, { ...around, ledger });
    const holder = (of: CardIdentity): CardHolder | undefined => cardHolder(ledger, of);
    await confirm(request, cards, { ...around, holder });
    const order = (): OrderTotal | undefined => orderTotalIf(ledger, request.order);
    const views = await written(request, cards, { flasher, signal, order });
    print(summary(views));
    signal.throwIfAborted();
    const isShort = !request.station && views.some(({ phase }) => phase === 'untouched');
    return isShort || views.some(({ phase }) => phase === 'bad') ? 1 : 0;
  } finally {
    ledger.close();
  }
}

/** Each card of these once. Throws OperatorError when one of them may not be written. */
async function chosen(
  { allNew, devices }: FlashRequest,
  { progress, signal }: Around,
): Promise<readonly Found[]> {
  const looks = allNew ? await lookAtReaders(signal) : [];
  for (const text of refusalsOf(looks)) progress.say(text);
  const named: FoundCard[] = [];
  for (const name of devices) named.push(await cardAt(name, signal));
  const isNamed = (card: FoundCard): boolean => named.some((one) => isSameCard(one, card));
  const found = await withContent(
    [...cardsOf(looks), ...named].filter(
      (card, index, all) => all.findIndex((one) => nodeOf(one) === nodeOf(card)) === index,
    ),
  );
  const cards = found.filter(({ card, holds }) => holds === 'new' || isNamed(card));
  for (const one of found) {
    if (!cards.includes(one))
      progress.say(`! ${whatLiesOn(one)}\n  → It is left as it is; name it to write it anew`);
  }
  if (cards.length === 0) {
    throw new OperatorError('no-card', 'There is no empty card in any reader', {
      hint: 'Put one in; a card that is not empty is written when its device is named',
    });
  }
  if (cards.length <= CARDS_MAX) return cards;
  throw new OperatorError('too-many', `${cards.length} cards at once are too many`, {
    hint: `Write at most ${CARDS_MAX} at a time`,
  });
}

/** Two names may lead to one. */
const nodeOf = ({ node, device }: FoundCard): string => node ?? device;

async function written(
  { station, order }: FlashRequest,
  cards: readonly Found[],
  {
    flasher,
    signal,
    order: total,
  }: {
    readonly flasher: Flasher;
    readonly signal: AbortSignal;
    readonly order: () => OrderTotal | undefined;
  },
): Promise<readonly CardView[]> {
  const screen = cardScreen(process.stderr);
  const flash = ({ card, holds }: Found): Promise<CardView> =>
    flasher.flash(card, { order, show: screen.show, shown: holds });
  try {
    if (!station) return await Promise.all(cards.map(flash));
    const looks = new CardLooks();
    const look = (busy: Busy): ReturnType<CardLooks['see']> => looks.see(signal, busy);
    return await runStation({ look, flash, order: total, say: screen.say, signal });
  } finally {
    screen.close();
  }
}

const cardsOf = (looks: readonly Look[]): readonly FoundCard[] =>
  looks.flatMap(({ verdict }) => (verdict.ok ? [verdict.card] : []));

/** Of each card that may not be written, why, and what to do. */
const refusalsOf = (looks: readonly Look[]): readonly string[] =>
  looks.flatMap(({ verdict }) =>
    verdict.ok ? [] : [`! ${verdict.error.message}\n  → ${verdict.error.hint ?? ''}`],
  );

function summary(views: readonly CardView[]): string {
  const ends = views.filter(isOver).map(endOf);
  const count = (end: (typeof ends)[number]): number => ends.filter((one) => one === end).length;
  const [done, bad] = [count('done'), count('bad')];
  const [stopped, untouched] = [count('stopped'), count('untouched')];
  const were = (cards: number): string => `${cards} ${cards === 1 ? 'was' : 'were'}`;
  const parts = [
    `${done} ${done === 1 ? 'card is' : 'cards are'} finished`,
    ...(bad === 0 ? [] : [`${bad} ${bad === 1 ? 'is' : 'are'} bad`]),
    ...(stopped === 0 ? [] : [`${were(stopped)} stopped and must be written anew`]),
    ...(untouched === 0 ? [] : [`${were(untouched)} not written`]),
  ];
  return `${parts.join(', ')}.`;
}

function orderTotal(ledger: Ledger, order: string | undefined): OrderTotal | undefined {
  return order === undefined ? undefined : listOrders(ledger).find(({ name }) => name === order);
}

/** Only to be shown: a ledger that cannot be read just now must not end an operator's day. */
function orderTotalIf(ledger: Ledger, order: string | undefined): OrderTotal | undefined {
  try {
    return orderTotal(ledger, order);
  } catch (error) {
    log(`# how the order stands could not be read: ${String(error)}`);
    return undefined;
  }
}
