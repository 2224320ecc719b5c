// `./build.sh flash` from the first word to the last: release, cards, the question, the work, the sum.
import { createInterface } from 'node:readline/promises';
import { OperatorError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Progress } from '../core/progress.ts';
import { openLedger } from '../ledger/ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { listOrders } from '../ledger/units.ts';
import type { OrderTotal } from '../ledger/units.ts';
import { cardAt, isOurs, lookAtReaders } from './find.ts';
import type { Look } from './find.ts';
import type { FoundCard } from './judge.ts';
import { CARDS_MAX } from './limits.ts';
import type { CardView } from './ports.ts';
import { prepareFlasher } from './prepare.ts';
import type { FleetRequest, Flasher } from './prepare.ts';
import { cardScreen } from './screen.ts';
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
    print([listed(cardsOf(looks)), ...refusalsOf(looks)].join('\n'));
    return 0;
  }
  const cards = request.station ? [] : await chosen(request, around);
  const ledger = openLedger(request.file);
  try {
    ledger.check({ order: request.order });
    const total = orderTotal(ledger, request.order);
    if (total !== undefined) progress.say(orderText(total));
    const flasher = await prepareFlasher(request, { ...around, ledger });
    await confirm(request, cards, around);
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
  request: FlashRequest,
  { progress, signal }: Around,
): Promise<readonly FoundCard[]> {
  const cards: FoundCard[] = [];
  if (request.allNew) {
    const looks = await lookAtReaders(signal);
    for (const text of refusalsOf(looks)) progress.say(text);
    for (const card of cardsOf(looks)) {
      if (!(await isOurs(card.device).catch(() => false))) cards.push(card);
    }
  }
  for (const name of request.devices) {
    const card = await cardAt(name, signal);
    if (!cards.some(({ device }) => device === card.device)) cards.push(card);
  }
  if (cards.length === 0) {
    throw new OperatorError('no-card', 'There is no new card in any reader', {
      hint: 'Put one in; a finished card of ours is written anew when its device is named',
    });
  }
  if (cards.length <= CARDS_MAX) return cards;
  throw new OperatorError('too-many', `${cards.length} cards at once are too many`, {
    hint: `Write at most ${CARDS_MAX} at a time`,
  });
}

async function written(
  { station, order }: FlashRequest,
  cards: readonly FoundCard[],
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
  const flash = (card: FoundCard): Promise<CardView> =>
    flasher.flash(card, { order, show: screen.show });
  try {
    if (!station) return await Promise.all(cards.map(flash));
    const look = (): Promise<readonly Look[] | undefined> => lookAtReaders(signal).catch(noted);
    return await runStation({ look, isOurs, flash, order: total, say: screen.say, signal });
  } finally {
    screen.close();
  }
}

/** A look that fails now and then (a reader that is just being unplugged) must not end an operator's day. */
function noted(error: unknown): undefined {
  log(`# looking for cards failed: ${String(error)}`);
}

export async function confirm(
  { yes, station }: Pick<FlashRequest, 'yes' | 'station'>,
  cards: readonly FoundCard[],
  { progress, signal }: Around,
): Promise<void> {
  const these = cards.length === 1 ? 'this card' : `these ${cards.length} cards`;
  const what = station
    ? 'Every card that is put in from now on is written, and what was on it is lost.'
    : `${listed(cards)}\nAll that is on ${these} is lost.`;
  if (yes) {
    progress.say(what);
    return;
  }
  if (!process.stdin.isTTY) {
    throw new OperatorError('not-asked', 'There is nobody to ask whether cards may be erased', {
      hint: 'Give --yes when that is meant',
    });
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await ask.question(`${what}\nGo on? [y/N] `, { signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch (error) {
    signal.throwIfAborted();
    // Ctrl-C and Ctrl-D come as letters while a question waits: they mean no.
    if ((error as Error).name !== 'AbortError') throw error;
    progress.say('');
  } finally {
    ask.close();
  }
  throw new OperatorError('declined', 'Nothing was written', { hint: 'Answer y to write' });
}

const cardsOf = (looks: readonly Look[]): readonly FoundCard[] =>
  looks.flatMap(({ verdict }) => (verdict.ok ? [verdict.card] : []));

/** Of each card that may not be written, why, and what to do. */
const refusalsOf = (looks: readonly Look[]): readonly string[] =>
  looks.flatMap(({ verdict }) =>
    verdict.ok ? [] : [`! ${verdict.error.message}\n  → ${verdict.error.hint ?? ''}`],
  );

function listed(cards: readonly FoundCard[]): string {
  if (cards.length === 0) return 'There is no card in any reader.';
  const rows = cards.map(({ device, bytes, model, number }) => [
    ...[device, `${(bytes / 1e9).toFixed(1)} GB`, model, number ?? 'no number'],
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n');
}

function summary(views: readonly CardView[]): string {
  const count = (phase: CardView['phase']): number =>
    views.filter((view) => view.phase === phase).length;
  const [done, bad, untouched] = [count('done'), count('bad'), count('untouched')];
  const parts = [
    `${done} ${done === 1 ? 'card is' : 'cards are'} finished`,
    ...(bad === 0 ? [] : [`${bad} ${bad === 1 ? 'is' : 'are'} bad`]),
    ...(untouched === 0 ? [] : [`${untouched} ${untouched === 1 ? 'was' : 'were'} not written`]),
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
