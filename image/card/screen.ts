// Cards on a terminal: a line each that moves while it is written, and one that stays when it is finished.
// Without a terminal, a line for each phase. Knows nothing of how cards are written.
import { log } from '../core/log.ts';
import { cut, drawBar, duration } from '../core/terminal.ts';
import type { Screen } from '../core/terminal.ts';
import type { CardView } from './ports.ts';

const REDRAW_MS = 125;
const COLUMNS = 80;
/** Rings once: the operator looks up and takes the card out. */
const BELL = '\u0007';
/** By how a card's flash ended: the line's colour (red, green, yellow), its sign and word. */
const ENDS = {
  bad: { colour: 31, sign: '✗', word: 'BAD' },
  done: { colour: 32, sign: '✓', word: 'is unit' },
  untouched: { colour: 33, sign: '!', word: 'NOT WRITTEN' },
  /** No fault of the card's: it is not to be thrown away. */
  stopped: { colour: 33, sign: '!', word: 'STOPPED' },
} as const;
type Ended = 'bad' | 'done' | 'untouched';
export type EndedView = CardView & { readonly phase: Ended };
export const isOver = (view: CardView): view is EndedView => Object.hasOwn(ENDS, view.phase);

/** How a card ended, for the person who takes it out. */
export function endOf(view: EndedView): keyof typeof ENDS {
  return view.phase === 'bad' && view.reason?.code === 'stopped' ? 'stopped' : view.phase;
}

export interface CardScreen {
  readonly show: (view: CardView) => void;
  /** A line that stays. */
  readonly say: (text: string) => void;
  readonly close: () => void;
}

export function cardScreen(
  screen: Screen,
  { nowMs = () => performance.now(), env = process.env } = {},
): CardScreen {
  const live = screen.isTTY === true && env['TERM'] !== 'dumb';
  const colour = live && (env['NO_COLOR'] ?? '') === '';
  const running = new Map<string, CardView>();
  const since = new Map<string, number>();
  const phases = new Map<string, CardView['phase']>();
  let lines = 0;

  const erase = (): string => (lines === 0 ? '' : `\r\u001B[${lines}A\u001B[J`);
  const draw = (stays = ''): void => {
    const columns = (screen.columns ?? COLUMNS) - 1;
    const rows = [...running.values()].map((view) => `${cut(renderCard(view), columns)}\n`);
    screen.write(`${erase()}${stays}${rows.join('')}`);
    lines = rows.length;
  };
  const say = (text: string): void => {
    log(text);
    if (live) draw(`${text}\n`);
    else screen.write(`${text}\n`);
  };
  const timer = live ? setInterval(draw, REDRAW_MS) : undefined;
  const finish = (view: EndedView): void => {
    const { device } = view.card;
    running.delete(device);
    phases.delete(device);
    const tookMs = nowMs() - (since.get(device) ?? nowMs());
    since.delete(device);
    const text = renderEnd(view, tookMs);
    const code = ENDS[endOf(view)].colour;
    say(`${live ? BELL : ''}${colour ? `\u001B[${code}m${text}\u001B[0m` : text}`);
  };
  return {
    say,
    show(view) {
      const { device } = view.card;
      if (!since.has(device)) since.set(device, nowMs());
      if (isOver(view)) return finish(view);
      running.set(device, view);
      if (phases.get(device) === view.phase) return;
      phases.set(device, view.phase);
      if (!live) say(`· ${device}  ${view.phase}`);
      else draw();
    },
    close() {
      clearInterval(timer);
      running.clear();
      if (live) draw();
    },
  };
}

/** One card that is being written, in one line. */
function renderCard({ card, phase, done, bytesPerSecond, secondsLeft }: CardView): string {
  const rate = bytesPerSecond > 0 ? `  ${(bytesPerSecond / 1e6).toFixed(1).padStart(5)} MB/s` : '';
  const left = secondsLeft === undefined ? '' : `  ${duration(secondsLeft * 1000)} left`;
  return `${card.device.padEnd(12)}  ${phase.padEnd(9)}  ${drawBar(done)}${rate}${left}`;
}

function renderEnd(view: EndedView, tookMs: number): string {
  const { card, phase, serial, reason } = view;
  const took = duration(tookMs);
  const { sign, word } = ENDS[endOf(view)];
  if (phase === 'done') return `${sign} ${card.device}  ${word} ${serial ?? ''}  (${took})`;
  const hint = reason === undefined ? '' : `\n  → ${reason.hint}`;
  return `${sign} ${card.device}  ${word}: ${reason?.text ?? 'unknown'}  (${took})${hint}`;
}
