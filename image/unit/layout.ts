// Where things lie on a card. Pure numbers and texts; see README, "The card".

export const MIB = 1024 * 1024;
export const SECTOR_BYTES = 512;
/** Room for two slots (kernel, initramfs, device trees: about 27 MB each) and the firmware. */
export const BOOT_MIB = 128;
/** Partitions begin at 4 MiB: the erase block of most cards. */
export const ALIGN_MIB = 4;
/** `cryptsetup reencrypt --encrypt` wants this much behind the data; half becomes the header. */
export const LUKS_RESERVE_MIB = 32;

/**
 * The firmware's configuration: https://www.raspberrypi.com/documentation/computers/config_txt.html
 * upstream_kernel: device trees have Linux's own names; without it a Pi 3 finds none (emulator/config.ts).
 */
export const CONFIG_TXT = `# Clock IoT unit. os_prefix selects the slot: a/ or b/.
arm_64bit=1
os_prefix=a/
upstream_kernel=1
kernel=vmlinuz
initramfs initrd.img followkernel
cmdline=cmdline.txt
enable_uart=1
disable_splash=1
gpu_mem=16
`;

/** The kernel command line of a slot. panic=30 also keeps initramfs-tools from opening a shell. */
export function commandLine(slot: 'a' | 'b'): string {
  return `boot=clock clock.slot=${slot} console=tty0 console=ttyS1,115200 cgroup_enable=memory panic=30 loglevel=4\n`;
}
