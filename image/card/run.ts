// `./build.sh flash` from the first word to the last: release, cards, the question, the work, the sum.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { OperatorError } from '../core/errors.ts';
import { log } from '../core/log.ts';
import type { Progress } from '../core/progress.ts';
import { openLedger } from '../ledger/ledger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Actor } from '../ledger/ports.ts';
import { seal } from '../ledger/seal.ts';
import { readClaim } from '../release/build.ts';
import { developmentKeyFile } from '../release/sign.ts';
import { signersOf } from '../unit/inspect/release.ts';
import { makeKeys } from '../unit/keys.ts';
import { cardAt, findCards, isOurs } from './find.ts';
import { flashCard } from './flash.ts';
import type { FoundCard } from './judge.ts';
import { CARDS_MAX } from './limits.ts';
import type { CardView } from './ports.ts';
import { recordSizes } from './record.ts';
import type { FleetFiles } from './record.ts';
import { newestRelease, openRelease, templateOf } from './release.ts';
import { cardScreen } from './screen.ts';
import { runStation } from './station.ts';
import { writeInProcess } from './writer.ts';

export interface FlashRequest {
  readonly devices: readonly string[];
  readonly allNew: boolean;
  readonly station: boolean;
  readonly yes: boolean;
  readonly order: string | undefined;
  readonly claim: string | undefined;
  readonly endpoints: string | undefined;
  readonly release: string | undefined;
  /** Where releases lie. */
  readonly releases: string;
  readonly signer: string | undefined;
  /** The ledger's. */
  readonly file: string;
  readonly by: Actor;
}

interface Around {
  readonly progress: Progress;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Returns the exit code. Throws OperatorError for what concerns no single card. */
export async function runFlash(request: FlashRequest, around: Around): Promise<number> {
  const { print, signal } = around;
  if (request.devices.length === 0 && !request.allNew && !request.station) {
    print(listed(await findCards(signal)));
    return 0;
  }
  const cards = request.station ? [] : await chosen(request, signal);
  const ledger = openLedger(request.file);
  try {
    const flash = await prepared(request, { ...around, ledger });
    await confirm(request, cards, around);
    const views = await flash(cards);
    print(summary(views));
    signal.throwIfAborted();
    return views.some(({ phase }) => phase === 'bad') ? 1 : 0;
  } finally {
    ledger.close();
  }
}

/** Each card of these once. Throws OperatorError when one of them may not be written. */
async function chosen(request: FlashRequest, signal: AbortSignal): Promise<readonly FoundCard[]> {
  const cards: FoundCard[] = [];
  if (request.allNew) {
    for (const card of await findCards(signal)) {
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

/** Everything that all cards share is checked and made; what is returned writes cards. */
async function prepared(
  request: FlashRequest,
  { progress, signal, ledger }: Around & { readonly ledger: Ledger },
): Promise<(cards: readonly FoundCard[]) => Promise<readonly CardView[]>> {
  const fleet = await fleetFiles(request);
  const folder = resolve(request.release ?? (await newestRelease(request.releases)));
  const signing = process.env['CLOCK_SIGNING_KEY'];
  const own = [...(signing === undefined ? [] : [signing]), developmentKeyFile()];
  const release = await progress.step('release', async () =>
    openRelease(folder, await signersOf(request.signer, own)),
  );
  const { version, signedBy } = release.manifest;
  if (signedBy.development) {
    progress.say('! signed with a development key: good for trying out, not for a customer');
  }
  const template = await templateOf(release, recordSizes(fleet), { progress, signal });
  const { recipient } = ledger;
  const screen = cardScreen(process.stderr);
  const write = writeInProcess();
  const one = (card: FoundCard): Promise<CardView> =>
    flashCard(card, {
      ...{ ledger, release: version, template, fleet, by: request.by, order: request.order },
      ...{ makeKeys, write, show: screen.show, signal, nowMs: () => performance.now() },
      escrow: async (text) => (recipient === undefined ? undefined : seal(text, recipient)),
    });
  return async (cards) => {
    try {
      if (!request.station) return await Promise.all(cards.map(one));
      const find = (): Promise<readonly FoundCard[]> => findCards(signal).catch(noted);
      return await runStation({ find, isOurs, flash: one, say: screen.say, signal });
    } finally {
      screen.close();
    }
  };
}

/** A look that fails now and then (a reader that is just being unplugged) must not end an operator's day. */
function noted(error: unknown): readonly FoundCard[] {
  log(`# looking for cards failed: ${String(error)}`);
  return [];
}

async function fleetFiles({ claim, endpoints }: FlashRequest): Promise<FleetFiles> {
  return {
    ...(claim === undefined ? {} : await readClaim(resolve(claim))),
    ...(endpoints === undefined ? {} : { 'endpoints.json': await readJson(endpoints) }),
  };
}

async function readJson(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  try {
    JSON.parse(text);
    return text;
  } catch (cause) {
    throw new OperatorError('endpoints', `${file} is no JSON: ${(cause as Error).message}`, {
      hint: 'See agent/README.md for what belongs into it',
      cause,
    });
  }
}

async function confirm(
  { yes, station }: FlashRequest,
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
  } finally {
    ask.close();
  }
  throw new OperatorError('declined', 'Nothing was written', { hint: 'Answer y to write' });
}

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
  const done = views.filter(({ phase }) => phase === 'done').length;
  const bad = views.length - done;
  const units = `${done} ${done === 1 ? 'card is' : 'cards are'} finished`;
  return bad === 0 ? `${units}.` : `${units}, ${bad} ${bad === 1 ? 'is' : 'are'} bad.`;
}
