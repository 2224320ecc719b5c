// Progress for people: a live line on a terminal, plain lines elsewhere.
// Knows nothing of what the steps do.
import { stripVTControlCharacters } from 'node:util';
import { log } from './log.ts';
import type { Progress, Step } from './progress.ts';

/** A log without a terminal shows a sign of life this often: CI systems give up after minutes. */
const HEARTBEAT_MS = 30_000;
/** Eight times a second looks alive and costs nothing. */
const REDRAW_MS = 125;
const BAR_CELLS = 20;
/** What a terminal that does not tell its width is taken for. */
const COLUMNS = 80;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const [RED, GREEN, YELLOW, FAINT] = [31, 32, 33, 2] as const;

/** What progress needs of `process.stderr`. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface Running {
  readonly name: string;
  readonly sinceMs: number;
  note: string;
  fraction: number | undefined;
}

/**
 * Progress on a stream. Colour and the live line only on a terminal, colour not with NO_COLOR
 * (no-color.org). `nowMs` is a monotonic clock.
 */
export function terminalProgress(
  screen: Screen,
  { nowMs = () => performance.now(), env = process.env } = {},
): Progress {
  const live = screen.isTTY === true && env['TERM'] !== 'dumb';
  const colour = live && (env['NO_COLOR'] ?? '') === '';
  const paint = (code: number, text: string): string =>
    colour ? `\u001B[${code}m${text}\u001B[0m` : text;
  const clear = live ? '\r\u001B[K' : '';
  const times: { name: string; ms: number }[] = [];
  const running: Running[] = [];
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;

  /** The steps that run: one live line, the newest first, or one plain line each. */
  const draw = (): void => {
    const newest = running.at(-1);
    if (newest === undefined) return;
    if (!live) {
      for (const step of running) screen.write(`· ${describe(step, nowMs())}\n`);
      return;
    }
    turn += 1;
    const others = running.length > 1 ? ` (+${running.length - 1})` : '';
    const text = `${SPINNER[turn % SPINNER.length]} ${describe(newest, nowMs())}${others}`;
    screen.write(`${clear}${cut(text, (screen.columns ?? COLUMNS) - 1)}`);
  };
  const say = (text: string): void => {
    screen.write(`${clear}${text}\n`);
    log(text);
    if (live) draw();
  };
  const begin = (name: string): Running => {
    const step = { name, sinceMs: nowMs(), note: '', fraction: undefined };
    if (live) log(`· ${name} …`);
    else say(`· ${name} …`);
    running.push(step);
    timer ??= setInterval(draw, live ? REDRAW_MS : HEARTBEAT_MS);
    return step;
  };
  const end = (step: Running, mark: string, remark = ''): void => {
    running.splice(running.indexOf(step), 1);
    if (running.length === 0) {
      clearInterval(timer);
      timer = undefined;
    }
    const took = paint(FAINT, duration(nowMs() - step.sinceMs));
    say(`${mark} ${step.name} ${took}${remark === '' ? '' : `  ${remark}`}`);
  };

  return {
    times,
    say,
    reused: (name, why) => say(`${paint(GREEN, '✓')} ${name} ${paint(FAINT, `(${why})`)}`),
    async step(name, work) {
      const me = begin(name);
      const step: Step = {
        note: (text) => void (me.note = oneLine(text)),
        fraction: (done) => void (me.fraction = Math.max(0, Math.min(1, done))),
        warn: (text) => say(`${paint(YELLOW, '!')} ${text}`),
      };
      try {
        const result = await work(step);
        times.push({ name, ms: nowMs() - me.sinceMs });
        end(me, paint(GREEN, '✓'));
        return result;
      } catch (error) {
        end(me, paint(RED, '✗'), me.note);
        throw error;
      }
    },
  };
}

function describe({ name, sinceMs, note, fraction }: Running, nowMs: number): string {
  const bar = fraction === undefined ? '' : `  ${drawBar(fraction)}`;
  return `${name} ${duration(nowMs - sinceMs)}${bar}${note === '' ? '' : `  ${note}`}`;
}

/** A bar of fixed width: `drawBar(0.5)` is half full. */
export function drawBar(fraction: number): string {
  const full = Math.round(fraction * BAR_CELLS);
  const percent = String(Math.round(fraction * 100)).padStart(3);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)} ${percent} %`;
}

/** A time in ms for people: "0.4 s", "59.9 s", "2 min 05 s", "1 h 02 min". */
export function duration(ms: number): string {
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${two(Math.floor((seconds % 3_600) / 60))} min`;
}

/** What programs, files and cards say goes onto the screen: no control characters, no second line, no other direction. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ')
    .trim();
}

/** At most so many characters, the last an ellipsis when some are left out. */
export function cut(text: string, cells: number): string {
  const characters = Array.from(text);
  return characters.length <= cells ? text : `${characters.slice(0, cells - 1).join('')}…`;
}
