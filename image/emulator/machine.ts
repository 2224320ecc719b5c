// One emulated board with its card: power on, console, restart when the guest reboots, power cut.
// Knows nothing of what the image does.
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { run } from '../core/run.ts';
import { checkSerialNumber, qemuCommand } from './boards.ts';
import type { Board, Cable, SerialAdapter } from './boards.ts';
import { Console } from './console.ts';
import type { ConsoleLine, WaitOptions } from './console.ts';
import { runFirmware } from './firmware.ts';
import { startQemu } from './qemu.ts';
import type { Qemu } from './qemu.ts';

/** The board that `./build.sh boot` emulates unless told otherwise. */
export const BOARD_SERIAL = '00000000c10c0001';

/** The smallest emulated card: the grown system partition and a state partition. */
const CARD_BYTES_MIN = 2 ** 31;

/** A guest that restarts for ever has a fault; a first boot needs no restart. */
const RESTARTS_MAX = 10;

export type MachineOptions = Cable & {
  readonly board: Board;
  /** The card file; QEMU writes into it. Its size is a power of two (see makeCard). */
  readonly card: string;
  /** 16 hex digits, as the firmware gives them. Two serial numbers make two boards. */
  readonly boardSerial: string;
  /** A folder of this machine alone: boot files, console.log. */
  readonly work: string;
  /** For tests: put behind the kernel's command line. */
  readonly addedToCommandLine?: string | undefined;
  /** What its clock chip says at power-on: '1970-01-01' stands for a board without one. */
  readonly clock?: string | undefined;
  /** Out at power-on; see there how each is plugged in. */
  readonly adapters?: readonly SerialAdapter[] | undefined;
  readonly onConsole?: ((line: string) => void) | undefined;
  /** Pulls the plug. */
  readonly signal?: AbortSignal | undefined;
};

/** How a machine ended. */
export type MachineEnd = 'cut' | 'off' | 'guest-off' | 'failed';

/** A running board. */
export class Machine {
  readonly #options: MachineOptions;
  readonly #console: Console;
  readonly #ended = Promise.withResolvers<MachineEnd>();
  #qemu: Qemu | undefined;
  /** A start in progress; never rejects. */
  #starting: Promise<unknown> = Promise.resolve();
  #starts = 0;
  #closing: Promise<void> | undefined;
  readonly #onAbort = (): void => void this.kill();

  private constructor(options: MachineOptions) {
    this.#options = options;
    this.#console = new Console(join(options.work, 'console.log'), options.onConsole);
  }

  /**
   * Switches the board on; resolves when its processor runs.
   * Throws OperatorError when the card cannot be started (see runFirmware, startQemu).
   */
  static async start(options: MachineOptions): Promise<Machine> {
    checkSerialNumber(options.boardSerial);
    await checkCard(options.card);
    await mkdir(options.work, { recursive: true });
    options.signal?.throwIfAborted();
    const machine = new Machine(options);
    try {
      await machine.#powerOn();
    } catch (error) {
      await machine.#close('failed');
      throw error;
    }
    options.signal?.addEventListener('abort', machine.#onAbort, { once: true });
    if (options.signal?.aborted === true) await machine.kill();
    options.signal?.throwIfAborted();
    return machine;
  }

  /** All lines so far (bounded), with times since the first power-on. */
  get lines(): readonly ConsoleLine[] {
    return this.#console.lines;
  }

  /** The texts of all lines so far. */
  get console(): readonly string[] {
    return this.#console.lines.map(({ text }) => text);
  }

  /** How often the board was started: 1 and one for each reboot of the guest. */
  get starts(): number {
    return this.#starts;
  }

  /** Resolves when the board is off for good. */
  get ended(): Promise<MachineEnd> {
    return this.#ended.promise;
  }

  /** Give it to `waitFor` as `after`, to look only at what comes from now on. */
  mark(): number {
    return this.#console.mark();
  }

  /** The first console line that matches (also one already there); rejects with the last lines. */
  async waitFor(pattern: RegExp, timeoutMs: number, options: WaitOptions = {}): Promise<string> {
    return this.#console.waitFor(pattern, timeoutMs, options);
  }

  /** Pulls the plug: QEMU is killed, the guest flushes nothing. */
  async kill(): Promise<void> {
    await this.#stop((qemu) => qemu.cut(), 'cut');
  }

  /** Ends QEMU in order. For the guest this, too, is a power cut: a Pi has no power button. */
  async powerOff(): Promise<void> {
    await this.#stop((qemu) => qemu.stop(), 'off');
  }

  async #stop(how: (qemu: Qemu) => Promise<void>, end: MachineEnd): Promise<void> {
    const closed = this.#close(end); // first, so that a start in progress gives up
    await this.#starting;
    if (this.#qemu !== undefined) await how(this.#qemu);
    await closed;
  }

  async #close(end: MachineEnd): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#closing ??= this.#console.end(end).then(() => this.#ended.resolve(end));
    await this.#closing;
  }

  async #powerOn(): Promise<void> {
    const start = this.#startOnce();
    this.#starting = start.catch(() => {});
    await start;
  }

  async #startOnce(): Promise<void> {
    const {
      board,
      card,
      boardSerial: serialNumber,
      work,
      clock,
      adapters,
      addedToCommandLine,
    } = this.#options;
    const folder = join(work, 'boot');
    const files = await runFirmware({ card, board, serialNumber, folder });
    if (this.#closing !== undefined) return;
    const argv = qemuCommand(board, {
      ...{ ...files, card, serialNumber, cable: this.#options, clock, adapters },
      addedToCommandLine,
    });
    this.#starts += 1;
    this.#console.say(`emulator: power on (${this.#starts}), command line: ${files.commandLine}`);
    const qemu = await startQemu(argv, {
      card,
      onConsole: (chunk) => this.#console.write(chunk),
    });
    if (this.#closing !== undefined) return qemu.cut();
    this.#qemu = qemu;
    this.#watch(qemu).catch((error: unknown) => this.#fail(error));
  }

  async #watch(qemu: Qemu): Promise<void> {
    const ending = await qemu.ended;
    if (this.#closing !== undefined) return;
    this.#qemu = undefined;
    switch (ending.why) {
      case 'guest-reset':
        this.#console.say('emulator: the guest asked for a restart');
        if (this.#starts <= RESTARTS_MAX) return this.#powerOn();
        throw new Error(`The guest restarted more than ${RESTARTS_MAX} times`);
      case 'guest-off':
        this.#console.say('emulator: the guest switched the board off');
        return this.#close('guest-off');
      case 'failed':
        throw new Error(ending.text);
      case 'stopped':
        return;
    }
  }

  async #fail(error: unknown): Promise<void> {
    this.#console.say(`emulator: ${error instanceof Error ? error.message : String(error)}`);
    await this.#close('failed');
  }
}

/**
 * Makes a card of an image or of another card: a sparse copy grown to `bytes`, a power of two (QEMU's SD card wants
 * that); without it, to the smallest that holds it. Throws OperatorError `card-too-small` when it does not fit.
 */
export async function makeCard(image: string, card: string, wanted?: number): Promise<void> {
  const { size } = await stat(image);
  const bytes = wanted ?? Math.max(CARD_BYTES_MIN, 2 ** Math.ceil(Math.log2(size)));
  if (size > bytes || !isPowerOfTwo(bytes)) {
    throw new OperatorError(
      'card-too-small',
      `An emulated card of ${bytes} bytes does not take ${image} (${size} bytes)`,
      { hint: 'The card must be at least as large as the image, and a power of two' },
    );
  }
  await run(['cp', '--sparse=always', '--reflink=auto', '--no-preserve=mode', image, card]);
  await run(['truncate', `--size=${bytes}`, card]);
}

async function checkCard(card: string): Promise<void> {
  const found = await stat(card).catch(() => undefined);
  if (found === undefined) {
    throw new OperatorError('no-card', `There is no file ${card}`, {
      hint: 'Make a card of an image first',
    });
  }
  if (isPowerOfTwo(found.size)) return;
  throw new OperatorError(
    'card-size',
    `${card} has ${found.size} bytes; an emulated card needs a power of two`,
    { hint: 'Grow it: truncate --size=2G FILE' },
  );
}

function isPowerOfTwo(bytes: number): boolean {
  return bytes > 0 && Number.isInteger(Math.log2(bytes));
}
