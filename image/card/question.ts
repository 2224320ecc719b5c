// What a person is told of cards before they are written, and asked.
import { createInterface } from 'node:readline/promises';
import { OperatorError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import type { CardIdentity, UnitEntry } from '../ledger/ports.ts';
import type { CardHolder } from '../ledger/units.ts';
import { contentWithin, isNoUnit } from './contents.ts';
import type { Content } from './contents.ts';
import type { FoundCard } from './judge.ts';

/** A card that may be written, and what writing it destroys. */
export interface Found {
  readonly card: FoundCard;
  readonly holds: Content;
}

export const withContent = (cards: readonly FoundCard[]): Promise<readonly Found[]> =>
  Promise.all(
    cards.map(async (card) => {
      const { holds, unit } = await contentWithin(card.device);
      return { card: { ...card, ...(unit === undefined ? {} : { unit }) }, holds };
    }),
  );

/** Whose card that is, as far as the ledger knows. */
type Holder = (card: CardIdentity) => CardHolder | undefined;

/**
 * Says what is on these cards and asks whether they may be erased; `yes` answers. `unit`: the one that the card is
 * for. Throws OperatorError `declined`, `not-asked`.
 */
export async function confirm(
  { yes, station, unit }: { yes: boolean; station: boolean; unit?: UnitEntry },
  cards: readonly Found[],
  around: { readonly progress: Progress; readonly signal: AbortSignal; readonly holder: Holder },
): Promise<void> {
  const { progress, signal, holder } = around;
  const these = cards.length === 1 ? 'this card' : `these ${cards.length} cards`;
  const what = station
    ? 'Every empty card that is put in from now on is written; one with something on it is left alone.'
    : [
        listed(cards),
        ...cards.flatMap((one) => warningOf(one, { serial: unit?.serial, holder })),
        `All that is on ${these} is lost.`,
        ...(unit === undefined ? [] : [`It becomes the card of ${named(unit)}.`]),
      ].join('\n');
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
  // Ctrl-C comes as a letter while a question waits: it is made the signal that it is elsewhere.
  ask.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await ask.question(`${what}\nGo on? [y/N] `, { signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } catch (error) {
    if (signal.aborted) progress.say('Nothing was written.');
    signal.throwIfAborted();
    // Ctrl-D: it means no.
    if ((error as Error).name !== 'AbortError') throw error;
    progress.say('');
  } finally {
    ask.close();
  }
  throw new OperatorError('declined', 'Nothing was written', { hint: 'Answer y to write' });
}

const named = ({ serial, name }: UnitEntry): string =>
  `unit ${serial}${name === undefined ? '' : ` (${name})`}`;

/** A card that somebody may still want is named before the question. */
function warningOf(
  found: Found,
  { serial, holder }: { readonly serial: string | undefined; readonly holder: Holder },
): readonly string[] {
  const { card, holds } = found;
  if (holds === 'new') return [];
  const held = isNoUnit(holds) ? undefined : holder(card);
  if (held === undefined) return [`! ${whatLiesOn(found)}`];
  const { unit, isCurrent } = held;
  if (unit.serial === serial) {
    const which = isCurrent ? 'the card that this unit runs with' : 'a card of this very unit';
    return [`! ${card.device} has ${which}: recover it first, or what waits on it is lost`];
  }
  const whose = named(unit);
  return isCurrent
    ? [`! ${card.device} has the card of ${whose}, which needs another one then`]
    : [`! ${card.device} has a card of ${whose}; it may be the one that it runs with`];
}

/** In one sentence, what is lost with this card. */
export function whatLiesOn({ card: { device, unit }, holds }: Found): string {
  switch (holds) {
    case 'ours':
      return `${device} has a finished unit's card${unit === undefined ? '' : `, of ${unit}`}`;
    case 'unreadable':
      return `${device} cannot be read: a failed unit's card perhaps, of which "recover" may save something`;
    case 'files':
      return `${device} has something on it that is not ours`;
    case 'new':
      return `${device} has nothing on it`;
  }
}

const WORDS = {
  ...{ new: '', ours: 'a finished unit', files: 'not empty', unreadable: 'cannot be read' },
} as const;

/** A line for each: where, how large, what, its number, what lies on it. */
export function listed(cards: readonly Found[]): string {
  if (cards.length === 0) return 'There is no card in any reader.';
  const rows = cards.map(({ card: { device, bytes, model, number }, holds }) => [
    ...[device, `${(bytes / 1e9).toFixed(1)} GB`, model, number ?? 'no number', WORDS[holds]],
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
