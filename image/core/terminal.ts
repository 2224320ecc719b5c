// Progress for people: a live line on a terminal, plain lines elsewhere.
import type { Progress, Step } from './progress.ts';

/** A log without a terminal shows a sign of life this often. */
const HEARTBEAT_MS = 30_000;
const REDRAW_MS = 120;
const BAR_CELLS = 20;

/** Progress on a stream; colour and the live line only on a terminal. */
export function terminalProgress(stream: NodeJS.WriteStream): Progress {
  const live = stream.isTTY;
  const colour = live && process.env['NO_COLOR'] === undefined;
  const paint = (code: number, text: string): string =>
    colour ? `\u001B[${code}m${text}\u001B[0m` : text;
  const clear = live ? '\r\u001B[K' : '';
  const times: { name: string; ms: number }[] = [];
  const say = (text: string): void => void stream.write(`${clear}${text}\n`);

  return {
    times,
    say,
    reused: (name, why) => say(`${paint(32, '✓')} ${name} ${paint(2, `(${why})`)}`),
    async step(name, work) {
      const started = performance.now();
      let note = '';
      let fraction: number | undefined;
      const draw = (): void => {
        const bar = fraction === undefined ? '' : ` ${drawBar(fraction)}`;
        const line = `· ${name} ${seconds(started)}${bar} ${note}`;
        stream.write(live ? `${clear}${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`);
      };
      if (!live) say(`· ${name} …`);
      const timer = setInterval(draw, live ? REDRAW_MS : HEARTBEAT_MS);
      const step: Step = {
        note: (text) => void (note = text),
        fraction: (done) => void (fraction = Math.max(0, Math.min(1, done))),
        warn: (text) => say(`${paint(33, '!')} ${text}`),
      };
      try {
        const result = await work(step);
        times.push({ name, ms: performance.now() - started });
        say(`${paint(32, '✓')} ${name} ${paint(2, seconds(started))}`);
        return result;
      } catch (error) {
        say(`${paint(31, '✗')} ${name} ${paint(2, seconds(started))} ${note}`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}

/** A bar of fixed width: `drawBar(0.5)` is half full. */
function drawBar(fraction: number): string {
  const full = Math.round(fraction * BAR_CELLS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)} ${Math.round(fraction * 100)} %`;
}

function seconds(since: number): string {
  const s = (performance.now() - since) / 1000;
  return s < 60 ? `${s.toFixed(1)} s` : `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
}
