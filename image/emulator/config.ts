// Reads config.txt as the Raspberry Pi's firmware does, and decides which files it would load.
// Pure: what lies on the card comes in as text and names; firmware.ts fetches the files.
// Source: https://www.raspberrypi.com/documentation/computers/config_txt.html
import { OperatorError } from '../core/errors.ts';

/** What the firmware knows about the board it runs on. */
export interface FirmwareBoard {
  /** Section filters that are true here: `pi3` for a Pi 3 B. */
  readonly filters: readonly string[];
  /** Pi 4 and its relatives load start4.elf, the others bootcode.bin and start.elf. */
  readonly family: 'bcm2837' | 'bcm2711';
  /** The tail of the device tree's name: `rpi-3-b` in bcm2837-rpi-3-b.dtb. */
  readonly treeName: string;
  /** 64-bit unless config.txt says otherwise; the default differs between the families. */
  readonly wideByDefault: boolean;
}

export interface FirmwareConfig {
  /** Put before the names of kernel, initramfs, command line and device tree. */
  readonly prefix: string;
  readonly kernel: string;
  readonly initramfs: string | undefined;
  readonly commandLine: string;
  /** `device_tree=`: overrules the name by board. */
  readonly deviceTree: string | undefined;
  /** `upstream_kernel=1`: device trees have Linux's own names (bcm2837, not bcm2710). */
  readonly upstreamNames: boolean;
  /** `gpu_mem` below 32 loads the cut-down firmware: start_cd.elf or start4cd.elf. */
  readonly cutDown: boolean;
}

/** Files to load, as paths on the boot partition. */
export interface BootPlan {
  readonly kernel: string;
  readonly initramfs: string | undefined;
  readonly commandLine: string;
  readonly deviceTree: string;
}

/** "The line length is limited to 98 characters": the firmware ignores what is beyond. */
const LINE_CHARS_MAX = 98;
/** Ours has a dozen lines; a longer one is damaged or not ours. */
const CONFIG_CHARS_MAX = 16 * 1024;
/** From this amount of GPU memory on the firmware takes its full variant. */
const CUT_DOWN_BELOW_MB = 32;
const GPU_MEM_DEFAULT_MB = 76;

const MODELS = new Set(
  'pi0 pi0w pi02 pi1 pi2 pi3 pi3+ pi4 pi400 pi5 pi500 cm0 cm1 cm3 cm3+ cm4 cm4s cm5'.split(' '),
);

/** Downstream (Raspberry Pi's own kernel) names of the chips: Linux calls them otherwise. */
const DOWNSTREAM = { bcm2837: 'bcm2710', bcm2711: 'bcm2711' } as const;

/**
 * Reads config.txt for one board. `serialNumber` (16 hex digits) is what `[0x…]` filters compare.
 * Throws OperatorError `config-…` for what this reader cannot judge: better than a card that starts
 * here only because a line was overlooked.
 */
export function parseConfig(
  text: string,
  board: FirmwareBoard,
  serialNumber = '0000000000000000',
): FirmwareConfig {
  if (text.length > CONFIG_CHARS_MAX) {
    throw refused('config-long', `config.txt has ${text.length} characters`, 'Shorten it');
  }
  const values = new Map<string, string>();
  const filter = { model: true, serial: true, other: true };
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.length > LINE_CHARS_MAX) {
      const message = `config.txt: "${line.slice(0, 30)}…" is longer than ${LINE_CHARS_MAX} characters`;
      throw refused('config-line', message, 'The firmware cuts such lines off; shorten it');
    }
    const section = /^\[(.+)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      applyFilter(filter, section, { board, serialNumber });
    } else if (filter.model && filter.serial && filter.other) {
      readSetting(line, values);
    }
  }
  return configOf(values, board);
}

function refused(code: string, message: string, hint: string): OperatorError {
  return new OperatorError(code, message, { hint });
}

interface FilterState {
  model: boolean;
  serial: boolean;
  other: boolean;
}

/** Filters of one kind replace each other, different kinds add up, [all] clears them. */
function applyFilter(
  state: FilterState,
  section: string,
  { board, serialNumber }: { readonly board: FirmwareBoard; readonly serialNumber: string },
): void {
  if (section === 'all') {
    Object.assign(state, { model: true, serial: true, other: true });
  } else if (section === 'none' || section === 'tryboot') {
    state.other = false; // tryboot: every start here is as after power-on
  } else if (MODELS.has(section)) {
    state.model = board.filters.includes(section);
  } else if (/^0x[0-9a-f]+$/i.test(section)) {
    const low32 = BigInt(`0x${serialNumber}`) & 0xff_ff_ff_ffn;
    state.serial = BigInt(section) === low32;
  } else {
    throw refused(
      'config-filter',
      `config.txt: the emulator cannot judge the filter [${section}]`,
      'Use [all], [none], a model such as [pi3], or a serial number such as [0x1234abcd]',
    );
  }
}

function readSetting(line: string, values: Map<string, string>): void {
  if (/^include\s/.test(line)) {
    throw refused(
      'config-include',
      `config.txt includes another file: "${line}"`,
      'The emulator reads one config.txt only; put the lines into it',
    );
  }
  const initramfs = /^initramfs\s+(\S+)\s+(\S+)$/.exec(line);
  if (initramfs !== null) {
    values.set('initramfs', initramfs[1]!);
    return;
  }
  if (/^initramfs\b/.test(line)) {
    throw refused(
      'config-initramfs',
      `config.txt: cannot follow "${line}"`,
      'Write "initramfs FILE followkernel"',
    );
  }
  const at = line.indexOf('=');
  if (at > 0) values.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
}

function configOf(values: ReadonlyMap<string, string>, board: FirmwareBoard): FirmwareConfig {
  const wide = values.get('arm_64bit') ?? (board.wideByDefault ? '1' : '0');
  if (wide !== '1') {
    throw refused(
      'config-32-bit',
      'config.txt makes this board start in 32-bit mode, the kernel has 64 bits',
      'Add the line "arm_64bit=1"',
    );
  }
  const gpuMb = Number(values.get('gpu_mem') ?? GPU_MEM_DEFAULT_MB);
  return {
    prefix: values.get('os_prefix') ?? '',
    kernel: values.get('kernel') ?? 'kernel8.img',
    initramfs: values.get('initramfs'),
    commandLine: values.get('cmdline') ?? 'cmdline.txt',
    deviceTree: values.get('device_tree'),
    upstreamNames: values.get('upstream_kernel') === '1',
    cutDown: gpuMb < CUT_DOWN_BELOW_MB,
  };
}

/**
 * Decides which files the firmware loads. `names` are all paths on the boot partition.
 * A prefix under which kernel or device tree are missing is ignored, as the documentation of
 * os_prefix says. Throws OperatorError `firmware-stops` with what a person sees on a real board.
 */
export function planBoot(
  config: FirmwareConfig,
  board: FirmwareBoard,
  names: readonly string[],
): BootPlan {
  const present = new Set(names.map((name) => name.toLowerCase()));
  const has = (name: string): boolean => present.has(name.toLowerCase());
  for (const name of firmwareFiles(config, board)) {
    if (!has(name)) throw stops(name, 'the LED blinks 4 times');
  }
  const trees = treeNames(config, board);
  const prefix = [config.prefix, ''].find(
    (prefix) => has(`${prefix}${config.kernel}`) && trees.some((tree) => has(`${prefix}${tree}`)),
  );
  if (prefix === undefined) {
    const kernel = `${config.prefix}${config.kernel}`;
    const missing = has(kernel) ? `${config.prefix}${trees.join(' or ')}` : kernel;
    throw stops(missing, 'the LED blinks 7 times', upstreamHint(config, board, has));
  }
  const initramfs = config.initramfs === undefined ? undefined : `${prefix}${config.initramfs}`;
  if (initramfs !== undefined && !has(initramfs)) {
    throw stops(initramfs, 'the kernel starts without it and panics');
  }
  const commandLine = `${prefix}${config.commandLine}`;
  if (!has(commandLine)) throw stops(commandLine, 'the kernel starts without it and panics');
  const tree = trees.find((name) => has(`${prefix}${name}`))!;
  return {
    kernel: `${prefix}${config.kernel}`,
    initramfs,
    commandLine,
    deviceTree: `${prefix}${tree}`,
  };
}

function stops(missing: string, seen: string, hint?: string): OperatorError {
  const message = `The boot partition lacks ${missing}: on a real board ${seen}`;
  return refused(
    'firmware-stops',
    message,
    hint ?? 'Build the image again, or write the card again',
  );
}

/**
 * The firmware's own files. With little GPU memory it wants the cut-down variant and, on a Pi 4,
 * the full one as well (tried by others on a CM4: github.com/raspberrypi/firmware/issues/1809).
 */
function firmwareFiles({ cutDown }: FirmwareConfig, { family }: FirmwareBoard): string[] {
  if (family === 'bcm2711') {
    const full = ['start4.elf', 'fixup4.dat'];
    return cutDown ? [...full, 'start4cd.elf', 'fixup4cd.dat'] : full;
  }
  const variant = cutDown ? ['start_cd.elf', 'fixup_cd.dat'] : ['start.elf', 'fixup.dat'];
  return ['bootcode.bin', ...variant];
}

/** Names of the device tree in the order the firmware tries them. */
function treeNames(config: FirmwareConfig, { family, treeName }: FirmwareBoard): string[] {
  if (config.deviceTree !== undefined) return [config.deviceTree];
  const downstream = `${DOWNSTREAM[family]}-${treeName}.dtb`;
  if (!config.upstreamNames) return [downstream];
  return [`${family}-${treeName}.dtb`, downstream];
}

function upstreamHint(
  config: FirmwareConfig,
  { family, treeName }: FirmwareBoard,
  has: (name: string) => boolean,
): string | undefined {
  const upstream = `${config.prefix}${family}-${treeName}.dtb`;
  if (config.upstreamNames || !has(upstream)) return undefined;
  return `There is a ${upstream}: add "upstream_kernel=1" to config.txt and it is found`;
}

const SECTOR_BYTES = 512;
const FAT_TYPES = new Set([0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e]);

/**
 * Byte offset of the partition the firmware boots from: the first FAT partition of the MBR.
 * `sector` is the card's first 512 bytes. Throws OperatorError `no-boot-partition`.
 */
export function bootPartitionOffset(sector: Uint8Array): number {
  const view = new DataView(sector.buffer, sector.byteOffset, sector.byteLength);
  if (view.byteLength >= SECTOR_BYTES && view.getUint16(510, true) === 0xaa55) {
    for (let entry = 446; entry < 510; entry += 16) {
      const start = view.getUint32(entry + 8, true);
      if (FAT_TYPES.has(view.getUint8(entry + 4)) && start > 0) return start * SECTOR_BYTES;
    }
  }
  throw refused(
    'no-boot-partition',
    'The card has no FAT partition: a real board would find nothing to start',
    'Build the image again, or write the card again',
  );
}

/** The kernel's command line is the first line of the file. */
export function firstLine(text: string): string {
  return (text.split(/\r?\n/)[0] ?? '').trim();
}
