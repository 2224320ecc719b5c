// Where things lie on a card. Pure numbers and texts; see README, "The card".

export const MIB = 1024 * 1024;
export const SECTOR_BYTES = 512;
/** Room for two slots (kernel, initramfs, device trees: about 27 MB each) and the firmware. */
export const BOOT_MIB = 128;
/** Partitions begin at 4 MiB: the erase block of most cards. */
export const ALIGN_MIB = 4;
/** The system partition's LUKS2 header: its data begins here. */
export const LUKS_HEADER_MIB = 16;
/** An unused system partition is this much larger than its file system: the header, and room behind it. */
export const LUKS_RESERVE_MIB = 32;
/** Encrypted data comes in sectors of this size, which is also ext4's block. */
export const DATA_SECTOR_BYTES = 4096;
/** The first boot grows the system partition to this (stage-clock/04-boot: card.sh), room for two releases. */
const SYSTEM_GROWN_MIB = 1024;
/** Below this the state partition has no room for the outbox (card.sh). */
const STATE_MIB_MIN = 256;
/** In bytes from the card's start; the first boot makes the state partition there (card.sh). */
export const BOOT_AT = ALIGN_MIB * MIB;
export const SYSTEM_AT = BOOT_AT + BOOT_MIB * MIB;
export const STATE_AT = SYSTEM_AT + SYSTEM_GROWN_MIB * MIB;
/** Labels of the two encrypted partitions (card.sh). */
export const SYSTEM_LABEL = 'clock-os';
export const STATE_LABEL = 'clock-state';
/** The smallest card that a first boot does not refuse. */
export const CARD_MIB_MIN = ALIGN_MIB + BOOT_MIB + SYSTEM_GROWN_MIB + STATE_MIB_MIN;

/** The system below stage-clock, which decides over the kernel and how it names things. */
export type Base = 'debian' | 'raspios';

/** The same for both bases. */
const COMMON = `# Clock IoT unit. os_prefix selects the slot: a/ or b/.
arm_64bit=1
os_prefix=a/
`;
const KERNEL = `kernel=vmlinuz
initramfs initrd.img followkernel
cmdline=cmdline.txt
enable_uart=1
disable_splash=1
gpu_mem=16
`;

/**
 * The firmware's configuration: https://www.raspberrypi.com/documentation/computers/config_txt.html
 * upstream_kernel: device trees have Linux's own names; without it a Pi 3 finds none (emulator/config.ts).
 * The Raspberry Pi kernel has names of its own, and one more flavour for the Pi 5 family; there the firmware
 * keeps the board's key (key source "otp") from being read, until the board is off.
 */
export const CONFIG_TXTS: Readonly<Record<Base, string>> = {
  debian: `${COMMON}upstream_kernel=1\n${KERNEL}`,
  raspios: `${COMMON}${KERNEL}lock_device_private_key=1
[pi5]
kernel=vmlinuz-2712
initramfs initrd-2712.img followkernel
[all]
`,
};

export const CONFIG_TXT = CONFIG_TXTS.debian;

/** The serial console: Linux's own name of the mini UART, and what the firmware puts the right one for. */
const CONSOLE: Readonly<Record<Base, string>> = { debian: 'ttyS1', raspios: 'serial0' };

/**
 * The kernel command line of a slot. panic=30 also keeps initramfs-tools from opening a shell; oops=panic: the kernel
 * that has a fault restarts, also before sysctl.d says so.
 */
export function commandLine(slot: 'a' | 'b', base: Base = 'debian'): string {
  return `boot=clock clock.slot=${slot} console=tty0 console=${CONSOLE[base]},115200 cgroup_enable=memory panic=30 oops=panic loglevel=4\n`;
}

/**
 * A card's first bytes while it is written, and for good when it is bad: no partition table and no boot
 * signature, so that no board starts from it; `inspect` knows it by this.
 */
export const NOT_FINISHED = 'Clock IoT unit: this card is not finished. Write it again.\n';
