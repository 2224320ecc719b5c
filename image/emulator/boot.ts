// `./build.sh boot`: an image on an emulated board, until Ctrl-C.
import { mkdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { BOARD_SERIAL, Machine, makeCard } from './machine.ts';
import type { Board } from './machine.ts';

export { parseBoard } from './machine.ts';

export interface BootOptions {
  readonly board: Board;
  readonly image: string;
  readonly httpPort: number;
  readonly work: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** A first boot takes two minutes on a quiet machine; emulated boards are slow. */
const PAGE_MS_MAX = 15 * 60_000;

/** Boots, prints the page's address when it answers, runs until the signal. */
export async function boot(options: BootOptions): Promise<void> {
  const { image, work, progress, signal, httpPort } = options;
  if (!existsSync(image)) {
    throw new OperatorError('no-image', `There is no file ${image}`, {
      hint: 'Build one: ./build.sh',
    });
  }
  await mkdir(work, { recursive: true });
  const card = join(work, `${basename(image, '.img')}.card`);
  if (existsSync(card)) progress.reused('card', 'as it was left; remove it for a first boot');
  else await progress.step('card', () => makeCard(image, card));
  const machine = await Machine.start({ ...options, card, boardSerial: BOARD_SERIAL });
  try {
    const url = `http://127.0.0.1:${httpPort}/`;
    await progress.step(`boot on ${options.board}`, async (step) => {
      const timer = setInterval(() => step.note(machine.console.at(-1)?.slice(0, 60) ?? ''), 500);
      await waitForPage(url, { timeoutMs: PAGE_MS_MAX, signal }).finally(() =>
        clearInterval(timer),
      );
    });
    progress.say(`\nThe unit's page: ${url}   (console: ${join(work, 'console.log')})`);
    progress.say('Ctrl-C pulls the plug; the card is kept.');
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    await machine.kill();
  }
}

/** Resolves when the page answers 200; rejects after the time or on the signal. */
export async function waitForPage(
  url: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<void> {
  const until = performance.now() + timeoutMs;
  while (performance.now() < until) {
    signal?.throwIfAborted();
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  throw new OperatorError('no-page', `${url} did not answer within ${timeoutMs / 1000} s`, {
    hint: 'Read the console log in build/emulator/console.log',
  });
}
