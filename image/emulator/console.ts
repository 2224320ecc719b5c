// What an emulated board says on its serial port: lines with times, kept, logged, waited for.
// Knows nothing of QEMU or of what the lines mean.
import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { OperatorError } from '../core/errors.ts';

export interface ConsoleLine {
  readonly text: string;
  /** Milliseconds since the console was opened. */
  readonly atMs: number;
}

export interface WaitOptions {
  /** Only lines from this count on (see `mark`); default: all since the console was opened. */
  readonly after?: number;
}

/** A boot prints a few hundred lines; a series of restarts some thousand. */
const LINES_MAX = 20_000;
/** A program that prints without line ends must not fill memory. */
const LINE_CHARS_MAX = 4_096;
/** A guest in a loop of error messages must not fill the disk. */
const LOG_BYTES_MAX = 32 * 1024 * 1024;
/** What an error message shows of the console. */
const SHOWN_LINES = 30;

interface Waiter {
  readonly take: (line: string) => void;
  readonly fail: (error: Error) => void;
}

export class Console {
  readonly #lines: ConsoleLine[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #log: WriteStream;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #openedMs = performance.now();
  #dropped = 0;
  #logged = 0;
  #rest = '';
  #ended: Error | undefined;

  /** Appends to `file`; `onLine` hears every line as it comes. */
  constructor(file: string, onLine?: (line: string) => void) {
    this.#log = createWriteStream(file, { flags: 'a' });
    this.#log.on('error', () => {}); // a full disk must not stop the board: lines stay in memory
    this.#onLine = onLine;
  }

  get lines(): readonly ConsoleLine[] {
    return this.#lines;
  }

  /** How many lines there have been: give it to `waitFor` to look only at what comes after. */
  mark(): number {
    return this.#dropped + this.#lines.length;
  }

  /** Bytes from the serial port, in pieces of any size. */
  write(chunk: Buffer): void {
    const parts = (this.#rest + chunk.toString('latin1')).split(/\r*\n/);
    this.#rest = (parts.pop() ?? '').slice(-LINE_CHARS_MAX);
    for (const part of parts) this.say(part.slice(0, LINE_CHARS_MAX));
  }

  /** One line, from the board or from the emulator itself. */
  say(text: string): void {
    const line = { text: printable(text), atMs: performance.now() - this.#openedMs };
    this.#lines.push(line);
    if (this.#lines.length > LINES_MAX) {
      this.#lines.shift();
      this.#dropped += 1;
    }
    this.#logged += line.text.length;
    if (this.#logged < LOG_BYTES_MAX && this.#ended === undefined) {
      this.#log.write(`${new Date().toISOString()} ${line.text}\n`);
    }
    this.#onLine?.(line.text);
    for (const waiter of this.#waiters) waiter.take(line.text);
  }

  /**
   * Resolves with the first line that matches, also one already there. Rejects with the last lines
   * after `timeoutMs`, or at once when the board can say nothing any more.
   */
  async waitFor(pattern: RegExp, timeoutMs: number, options: WaitOptions = {}): Promise<string> {
    const skip = Math.max(0, (options.after ?? 0) - this.#dropped);
    const seen = this.#lines.slice(skip).find(({ text }) => pattern.test(text));
    if (seen !== undefined) return seen.text;
    if (this.#ended !== undefined) throw this.#ended;
    return new Promise<string>((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        take: (line) => {
          if (pattern.test(line)) finish(() => resolve(line));
        },
        fail: (error) => finish(() => reject(error)),
      };
      const late = `No ${String(pattern)} on the console within ${timeoutMs / 1000} s`;
      const onLate = (): void => waiter.fail(this.#problem('console-timeout', late));
      const timer = setTimeout(onLate, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  /** The board says no more: whoever waits hears why. Resolves when the log is on disk. */
  async end(why: string): Promise<void> {
    if (this.#rest !== '') this.say(this.#rest);
    this.#rest = '';
    this.#ended = this.#problem('machine-ended', `The emulated board ended: ${why}`);
    for (const waiter of this.#waiters) waiter.fail(this.#ended);
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }

  #problem(code: string, message: string): OperatorError {
    const last = this.#lines.slice(-SHOWN_LINES).map(({ text }) => text);
    return new OperatorError(code, `${message}. Its console said last:\n${last.join('\n')}`, {
      hint: `The whole console is in ${String(this.#log.path)}`,
    });
  }
}

/** Without colours and control characters, which systemd prints in quantity. */
function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\u001B\[[0-9;?]*[A-Za-z]/g, '').replaceAll(/[\u0000-\u001F\u007F]/g, '');
}
