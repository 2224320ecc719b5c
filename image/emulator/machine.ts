// One emulated board with its card: starts QEMU, keeps its console, restarts it when the guest
// reboots, pulls its power. Knows nothing of what the image does.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { run, toolEnvironment } from '../core/run.ts';
import { bootPartitionOffset, parseConfig, takeFile } from './firmware.ts';

const BOARDS = ['virt', 'raspi3b'] as const;
export type Board = (typeof BOARDS)[number];

export interface MachineOptions {
  readonly board: Board;
  /** The card file; QEMU writes into it. Its size must be a power of two. */
  readonly card: string;
  /** 16 hex digits, as the firmware gives them. Two serial numbers make two boards. */
  readonly boardSerial: string;
  readonly work: string;
  /** The guest's port 80 on this machine's loopback. */
  readonly httpPort: number;
}

/** A guest that restarts for ever has a fault; a first boot needs none. */
const RESTARTS_MAX = 10;
const CONSOLE_LINES_MAX = 5_000;

interface BoardFacts {
  readonly filter: string;
  readonly console: string;
  readonly args: (card: string, httpPort: number) => string[];
  readonly deviceTree?: string;
}

const drive = (card: string): string => `if=none,id=sd,file=${card},format=raw,cache=writeback`;
const user = (port: number): string => `user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:80`;

const FACTS: Readonly<Record<Board, BoardFacts>> = {
  virt: {
    filter: 'pi3',
    console: 'console=ttyAMA0',
    args: (card, port) => [
      ...['-M', 'virt', '-cpu', 'cortex-a53', '-smp', '2', '-m', '1024'],
      ...['-drive', drive(card), '-device', 'sdhci-pci', '-device', 'sd-card,drive=sd'],
      ...['-netdev', user(port), '-device', 'virtio-net-pci,netdev=n0,romfile='],
    ],
  },
  raspi3b: {
    filter: 'pi3',
    console: 'console=ttyS1,115200',
    deviceTree: 'bcm2837-rpi-3-b.dtb',
    args: (card, port) => [
      ...['-M', 'raspi3b', '-m', '1G', '-drive', `if=sd,file=${card},format=raw`],
      ...['-netdev', user(port), '-device', 'usb-net,netdev=n0'],
    ],
  },
};

/** A running board. `kill()` is the plug being pulled. */
export class Machine {
  readonly #options: MachineOptions;
  readonly #lines: string[] = [];
  readonly #waiters = new Set<(line: string) => void>();
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #restarts = 0;
  #stopped = false;

  private constructor(options: MachineOptions, log: WriteStream) {
    this.#options = options;
    this.#log = log;
  }

  /** Switches the board on. Throws OperatorError when the card cannot be started. */
  static async start(options: MachineOptions): Promise<Machine> {
    await mkdir(options.work, { recursive: true });
    const machine = new Machine(options, createWriteStream(join(options.work, 'console.log')));
    await machine.#power();
    return machine;
  }

  get console(): readonly string[] {
    return this.#lines;
  }

  async #power(): Promise<void> {
    const argv = await qemuArguments(this.#options);
    if (this.#stopped) return;
    // setpriv: the board dies with the process that started it, however that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
      env: toolEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let rest = '';
    const read = (chunk: Buffer): void => {
      const parts = (rest + chunk.toString('latin1')).split(/\r*\n/);
      rest = parts.pop() ?? '';
      for (const line of parts) this.#line(line);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('close', (code) => {
      if (this.#stopped) return;
      this.#restarts += 1;
      this.#line(`emulator: the board went off (QEMU ended with ${code}), switching it on again`);
      if (this.#restarts > RESTARTS_MAX) this.#line('emulator: too many restarts, giving up');
      else this.#power().catch((error: unknown) => this.#line(`emulator: ${String(error)}`));
    });
  }

  #line(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > CONSOLE_LINES_MAX) this.#lines.shift();
    this.#log.write(`${new Date().toISOString()} ${line}\n`);
    for (const waiter of this.#waiters) waiter(line);
  }

  /** Resolves with the first console line (also one already seen) that matches. */
  async waitFor(pattern: RegExp, timeoutMs: number): Promise<string> {
    const seen = this.#lines.find((line) => pattern.test(line));
    if (seen !== undefined) return seen;
    return new Promise<string>((done, fail) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter = (line: string): void => {
        if (!pattern.test(line)) return;
        finish();
        done(line);
      };
      const timer = setTimeout(() => {
        finish();
        const last = this.#lines.slice(-30).join('\n');
        fail(
          new Error(`No ${String(pattern)} on the console within ${timeoutMs / 1000} s:\n${last}`),
        );
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  /** Pulls the plug: nothing is flushed. */
  async kill(): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }
}

/** QEMU's command line for a card, with the files its firmware would load. */
async function qemuArguments(options: MachineOptions): Promise<string[]> {
  const { board, card, work, httpPort, boardSerial } = options;
  const facts = FACTS[board];
  const offset = await bootPartitionOffset(card);
  const take = (name: string): Promise<string> => takeFile(card, name, { offset, folder: work });
  const config = parseConfig(await readFile(await take('config.txt'), 'utf8'), facts.filter);
  const append = (await readFile(await take(config.commandLine), 'utf8')).trim();
  const base = ['qemu-system-aarch64', ...facts.args(card, httpPort)];
  const tree = join(work, 'board.dtb');
  if (facts.deviceTree === undefined) {
    const [program, machine, name, ...rest] = base;
    await run([program!, machine!, `${name!},dumpdtb=${tree}`, ...rest, '-display', 'none']);
  } else {
    await run(['cp', await take(`${config.prefix}${facts.deviceTree}`), tree]);
  }
  await run(['fdtput', '-t', 's', tree, '/', 'serial-number', boardSerial]);
  return [
    ...base,
    ...['-kernel', await take(config.kernel), '-initrd', await take(config.initramfs)],
    // The board's own serial port comes last: it becomes /dev/console.
    ...['-dtb', tree, '-append', `${append} ${facts.console}`],
    ...['-display', 'none', '-serial', board === 'raspi3b' ? 'null' : 'stdio'],
    ...(board === 'raspi3b' ? ['-serial', 'stdio'] : []),
    ...['-monitor', 'none', '-no-reboot'],
  ];
}

/** The default board's serial number. */
export const BOARD_SERIAL = '00000000c10c0001';

/** A working copy of an image as a card of `bytes` (a power of two), sparse. */
export async function makeCard(image: string, card: string, bytes = 2 ** 31): Promise<void> {
  await run(['cp', '--sparse=always', '--reflink=auto', image, card]);
  await run(['truncate', `--size=${bytes}`, card], {
    hint: 'The image is larger than the emulated card',
  });
}

export function parseBoard(name: string): Board {
  const board = BOARDS.find((known) => known === name);
  if (board !== undefined) return board;
  throw new OperatorError('no-board', `There is no board "${name}"`, {
    hint: `Use one of: ${BOARDS.join(', ')}`,
  });
}
