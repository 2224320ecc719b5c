// The emulated boards: what their firmware would know, and QEMU's options for each.
// Pure: tells command lines, starts nothing.
import { OperatorError } from '../core/errors.ts';
import type { FirmwareBoard } from './config.ts';

export const BOARDS = ['virt', 'raspi3b'] as const;
export type Board = (typeof BOARDS)[number];

/** QEMU's own network: nothing leaves, this loopback port reaches the guest's port 80. */
interface Loopback {
  readonly httpPort: number;
}

/** A tap device inside a network namespace, both made by the caller. */
interface Plug {
  readonly netns: string;
  readonly tap: string;
}

/**
 * A USB adapter for RS-232 (FTDI's chip, as QEMU has it). `socket` is where QEMU waits for the device at its other end:
 * whoever connects plugs the adapter in, whoever hangs up pulls it out.
 */
export interface SerialAdapter {
  /** Its serial number: the guest's /dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_NUMBER-if00-port0. */
  readonly number: string;
  readonly socket: string;
}

/** Where the board's Ethernet cable goes. */
export type Cable = Loopback | { readonly plug: Plug };

interface BoardFacts {
  readonly firmware: FirmwareBoard;
  /** Options that shape the device tree. */
  readonly machine: readonly string[];
  /** Whether QEMU makes the device tree itself, instead of taking the one from the card. */
  readonly ownTree: boolean;
  /** Put behind the card's command line: the UART that the emulator reads, and what QEMU lacks. */
  readonly added: string;
  readonly card: (file: string) => readonly string[];
  readonly ethernet: string;
  /** What adapters are plugged into; undefined: nothing was tried there. */
  readonly usb: readonly string[] | undefined;
  readonly serialPorts: readonly string[];
}

export const FACTS: Readonly<Record<Board, BoardFacts>> = {
  // No Pi at all, but quick: its card and network are on PCI. Reads config.txt as a Pi 4 would.
  virt: {
    firmware: { filters: ['pi4'], family: 'bcm2711', treeName: 'rpi-4-b', wideByDefault: true },
    machine: ['-M', 'virt', '-cpu', 'cortex-a53', '-smp', '2', '-m', '1024'],
    ownTree: true,
    added: 'console=ttyAMA0',
    card: (file) => [
      ...['-drive', `if=none,id=card,format=raw,file=${escaped(file)}`],
      ...['-device', 'sdhci-pci', '-device', 'sd-card,drive=card'],
    ],
    ethernet: 'virtio-net-pci,romfile=',
    usb: ['-device', 'qemu-xhci'],
    serialPorts: ['-serial', 'stdio'],
  },
  // The real board's processor, SD controller and device tree. Its network is on USB, as there.
  raspi3b: {
    firmware: { filters: ['pi3'], family: 'bcm2837', treeName: 'rpi-3-b', wideByDefault: false },
    machine: ['-M', 'raspi3b', '-m', '1G'],
    ownTree: false,
    // QEMU's watchdog of this board resets at the moment it is armed (7.2; bcm2835_powermgt.c).
    added: 'systemd.watchdog_sec=0 console=ttyS1,115200',
    card: (file) => ['-drive', `if=sd,format=raw,file=${escaped(file)}`],
    ethernet: 'usb-net',
    usb: undefined,
    serialPorts: ['-serial', 'null', '-serial', 'stdio'],
  },
};

/** What a start of a board needs: files on this machine, as firmware.ts left them. */
export interface BoardStart {
  readonly card: string;
  readonly kernel: string;
  readonly initramfs: string | undefined;
  readonly deviceTree: string;
  /** The card's own command line, unchanged. */
  readonly commandLine: string;
  readonly serialNumber: string;
  readonly cable: Cable;
  readonly adapters?: readonly SerialAdapter[] | undefined;
  /** Behind it, and behind what the emulator needs: what a person with the card in his hand could put there. */
  readonly addedToCommandLine?: string | undefined;
  /** What its clock chip says at power-on (UTC), where the board has one; default: the host's time. */
  readonly clock?: string | undefined;
}

/** The file descriptor on which QEMU finds its control connection (a connected socket). */
export const CONTROL_FD = 3;

/**
 * QEMU's command line for one start, with `ip netns exec` before it when the cable is a tap.
 *
 * The emulator's console is put behind the card's command line: the last `console=` becomes
 * /dev/console, and the card's own (HDMI, the Pi's UART) does not exist on every emulated board.
 * Throws OperatorError `no-adapters`.
 */
export function qemuCommand(board: Board, start: BoardStart): string[] {
  const facts = FACTS[board];
  const { cable } = start;
  return [
    ...('plug' in cable ? ['ip', 'netns', 'exec', cable.plug.netns] : []),
    ...['qemu-system-aarch64', '-nodefaults', '-no-user-config', '-display', 'none'],
    ...facts.machine,
    ...facts.card(start.card),
    ...['-netdev', netdev(cable)],
    ...['-device', `${facts.ethernet},netdev=lan,mac=${macAddress(start.serialNumber)}`],
    ...['-kernel', start.kernel, '-dtb', start.deviceTree],
    ...(start.initramfs === undefined ? [] : ['-initrd', start.initramfs]),
    ...[
      '-append',
      [start.commandLine, facts.added, start.addedToCommandLine ?? ''].join(' ').trim(),
    ],
    ...facts.serialPorts,
    ...adapters(board, start.adapters ?? []),
    ...['-chardev', `socket,id=control,fd=${CONTROL_FD}`, '-mon', 'chardev=control,mode=control'],
    ...(start.clock === undefined ? [] : ['-rtc', `base=${start.clock}`]),
    '-S', // waits until qemu.ts listens
    '-no-reboot', // a reboot ends QEMU: the next start reads the boot partition, as firmware does
  ];
}

/** Asks QEMU for the device tree it would give this board. */
export function dumpTreeCommand(board: Board, file: string): string[] {
  const [option, machine, ...rest] = FACTS[board].machine;
  const dump = `${machine!},dumpdtb=${escaped(file)}`;
  return ['qemu-system-aarch64', '-nodefaults', '-display', 'none', option!, dump, ...rest];
}

function netdev(cable: Cable): string {
  if ('plug' in cable) {
    return `tap,id=lan,ifname=${cable.plug.tap},script=no,downscript=no`;
  }
  return `user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:${cable.httpPort}-:80`;
}

function adapters(board: Board, all: readonly SerialAdapter[]): string[] {
  const { usb } = FACTS[board];
  if (all.length === 0) return [];
  if (usb === undefined) {
    throw new OperatorError('no-adapters', `The emulated ${board} takes no serial adapters`, {
      hint: 'Plug them into the board "virt"',
    });
  }
  const devices = all.flatMap(({ number, socket }) => [
    ...['-chardev', `socket,id=rs232-${number},path=${escaped(socket)},server=on,wait=off`],
    ...['-device', `usb-serial,chardev=rs232-${number},serial=${number}`],
  ]);
  return [...usb, ...devices];
}

/** As on a Pi 3: the maker's prefix and the low 24 bits of the serial number. */
export function macAddress(serialNumber: string): string {
  const low = serialNumber.slice(-6);
  return `b8:27:eb:${low.slice(0, 2)}:${low.slice(2, 4)}:${low.slice(4, 6)}`;
}

/** QEMU doubles commas inside an option's value. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}

/** A board's serial number as the firmware writes it: 16 hex digits. Throws OperatorError. */
export function checkSerialNumber(text: string): string {
  if (/^[0-9a-f]{16}$/.test(text) && !/^0+$/.test(text)) return text;
  throw new OperatorError('bad-serial-number', `"${text}" is no board serial number`, {
    hint: 'Give 16 hex digits in lower case, not all zero, such as 00000000c10c0001',
  });
}

/** The board of that name; throws OperatorError `no-board`. */
export function parseBoard(name: string): Board {
  const board = BOARDS.find((known) => known === name);
  if (board !== undefined) return board;
  throw new OperatorError('no-board', `There is no board "${name}"`, {
    hint: `Use one of: ${BOARDS.join(', ')}`,
  });
}
