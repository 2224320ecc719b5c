// `./build.sh boot`: an image on an emulated board, until Ctrl-C. The card is kept.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join, relative } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { checkSerialNumber } from './boards.ts';
import type { Board } from './boards.ts';
import { BOARD_SERIAL, Machine, makeCard } from './machine.ts';

export { parseBoard } from './boards.ts';

export interface BootOptions {
  readonly board: Board;
  /** An image (a fresh card is made of it), or a card kept from an earlier boot (`….card`). */
  readonly image: string;
  /** The page answers here, on loopback only. */
  readonly httpPort: number;
  /** Where cards and consoles are kept: build/emulator. */
  readonly work: string;
  /** 16 hex digits; default: the kept card's board, or BOARD_SERIAL. */
  readonly serialNumber?: string | undefined;
  readonly onConsole?: ((line: string) => void) | undefined;
  readonly progress: Progress;
  /** Ctrl-C: pulls the plug. */
  readonly signal: AbortSignal;
}

/** A first boot takes two to three minutes on a quiet machine; a busy one is five times slower. */
const PAGE_MS_MAX = 15 * 60_000;
const CARD_ENDING = '.card';

/**
 * Boots, prints the page's address when it answers, runs until the signal or until the board is off.
 * Throws OperatorError when the image, the port or the boot itself is at fault.
 */
export async function boot(options: BootOptions): Promise<void> {
  const { image, work, progress, signal, httpPort, board } = options;
  if (!existsSync(image)) {
    throw new OperatorError('no-image', `There is no file ${image}`, {
      hint: 'Build an image with ./build.sh, or name one with --image FILE',
    });
  }
  await checkPort(httpPort);
  await mkdir(work, { recursive: true });
  const { card, boardSerial } = await cardFor(options);
  const folder = join(work, `${basename(card, CARD_ENDING)}.console`);
  let said = '';
  const onConsole = (line: string): void => {
    if (line !== '') said = line;
    options.onConsole?.(line);
  };
  const machine = await Machine.start({
    ...{ board, card, boardSerial, work: folder, httpPort, onConsole, signal },
  });
  const log = relative(process.cwd(), join(folder, 'console.log'));
  try {
    const url = `http://127.0.0.1:${httpPort}/`;
    await progress.step(`boot on ${board}`, async (step) => {
      const timer = setInterval(() => step.note(said.slice(0, 60)), 500);
      await pageOrEnd(machine, { url, log, signal }).finally(() => clearInterval(timer));
    });
    progress.say(`page     ${url}`);
    progress.say(`console  ${log}`);
    progress.say('Ctrl-C pulls the plug.');
    const end = await machine.ended;
    if (end === 'guest-off') progress.say('The unit switched itself off.');
    if (end === 'failed') throw notStarted(machine.console.at(-1) ?? '', log);
  } finally {
    await machine.kill();
    const kept = relative(process.cwd(), card);
    progress.say(`The card is kept: ./build.sh boot --board ${board} --image ${kept}`);
  }
}

/** A kept card is booted as it is, on its own board; an image becomes a fresh card. */
async function cardFor(
  options: BootOptions,
): Promise<{ readonly card: string; readonly boardSerial: string }> {
  const { image, work, board, serialNumber, progress } = options;
  if (image.endsWith(CARD_ENDING)) {
    const kept = await readFile(`${image}.board`, 'utf8').catch(() => BOARD_SERIAL);
    progress.reused('card', 'kept from an earlier boot');
    return { card: image, boardSerial: checkSerialNumber(serialNumber ?? kept.trim()) };
  }
  const boardSerial = checkSerialNumber(serialNumber ?? BOARD_SERIAL);
  const card = join(work, `${basename(image, '.img')}.${board}${CARD_ENDING}`);
  await progress.step('card', async () => {
    await makeCard(image, card);
    await writeFile(`${card}.board`, `${boardSerial}\n`);
  });
  return { card, boardSerial };
}

async function checkPort(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `Cannot use port ${port} on 127.0.0.1: ${cause.message}`;
      const hint = 'Choose another one with --http PORT';
      reject(new OperatorError('port-busy', message, { hint, cause }));
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve()));
  });
}

interface PageWait {
  readonly url: string;
  readonly log: string;
  readonly signal: AbortSignal;
}

/** Resolves when the page answers; rejects when the boot script stops or the board ends first. */
async function pageOrEnd(machine: Machine, { url, log, signal }: PageWait): Promise<void> {
  const found = new AbortController();
  const page = waitForPage(url, {
    timeoutMs: PAGE_MS_MAX,
    signal: AbortSignal.any([signal, found.signal]),
  });
  const stopped = machine.waitFor(/clock: STOPPED/, PAGE_MS_MAX).catch(() => undefined);
  const early = Promise.race([stopped, machine.ended.then(() => undefined)]).then((line) => {
    signal.throwIfAborted();
    throw notStarted(line ?? machine.console.at(-1) ?? '', log);
  });
  page.catch(() => {}); // the loser of the race has nobody to tell
  early.catch(() => {});
  await Promise.race([page, early]).finally(() => found.abort());
}

function notStarted(line: string, log: string): OperatorError {
  return new OperatorError('no-boot', `The unit did not start: ${line}`, {
    hint: `Read its console: ${log}`,
  });
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
    hint: "Read the board's console.log",
  });
}
