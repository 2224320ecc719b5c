// Makes cards that an emulated board can start in a fraction of a second: a boot partition with a
// few hand-made arm64 instructions instead of a kernel. No operating system, no cross compiler.
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../image/core/run.ts';

const MIB = 2 ** 20;
/** Where the boot partition begins: as on our images. */
const START_MIB = 4;
const BOOT_MIB = 32;

/** The serial port of QEMU's virt board (PL011). */
const UART = 0x0900_0000;
/** PSCI function numbers: Arm DEN0022. */
export const PSCI = { off: 0x8400_0008, reset: 0x8400_0009 } as const;

const movz32 = (rd: number, imm: number): number => 0x5280_0000 | (imm << 5) | rd;
const movk32High = (rd: number, imm: number): number => 0x72a0_0000 | (imm << 5) | rd;
const storeByte = (rt: number, rn: number): number => 0x3900_0000 | (rn << 5) | rt;
const HYPERVISOR_CALL = 0xd400_0002;
const BRANCH_TO_SELF = 0x1400_0000;

/** A program that prints `text` on the serial port, then calls PSCI `then`, or hangs without it. */
export function printer(text: string, then?: number): Uint8Array {
  const load = (rd: number, value: number): number[] => [
    movz32(rd, value & 0xffff),
    movk32High(rd, value >>> 16),
  ];
  const code = [...load(1, UART)];
  for (const byte of Buffer.from(text)) code.push(movz32(0, byte), storeByte(0, 1));
  if (then !== undefined) code.push(...load(0, then), HYPERVISOR_CALL);
  code.push(BRANCH_TO_SELF);
  const bytes = Buffer.alloc(code.length * 4);
  for (const [index, word] of code.entries()) bytes.writeUInt32LE(word >>> 0, index * 4);
  return bytes;
}

/** The firmware's own files: the emulator only asks whether they are there. */
export const FIRMWARE = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];

/** A 64 MiB card with these files on its boot partition (path → content). */
export async function bareCard(
  card: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  const folder = `${card}.files`;
  const fat = join(folder, 'boot.fat');
  await rm(card, { force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(fat, '');
  await truncate(fat, BOOT_MIB * MIB);
  await run(['mkfs.vfat', '-F', '16', fat]);
  const folders = new Set(Object.keys(files).flatMap((path) => path.split('/').slice(0, -1)));
  for (const name of folders) await run(['mmd', '-i', fat, `::${name}`]);
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, 'file');
    await writeFile(file, content);
    await run(['mcopy', '-o', '-i', fat, file, `::${path}`]);
  }
  const table = Buffer.alloc(512);
  table.writeUInt8(0x0c, 446 + 4);
  table.writeUInt32LE((START_MIB * MIB) / 512, 446 + 8);
  table.writeUInt32LE((BOOT_MIB * MIB) / 512, 446 + 12);
  table.writeUInt16LE(0xaa55, 510);
  await writeFile(card, table);
  await truncate(card, 64 * MIB);
  await run(['dd', `if=${fat}`, `of=${card}`, 'bs=1M', `seek=${START_MIB}`, 'conv=notrunc']);
  await rm(folder, { recursive: true });
}

/** The files of a card whose slot `a/` holds `kernel` and a command line. */
export function bareFiles(kernel: Uint8Array): Record<string, Uint8Array | string> {
  return {
    ...Object.fromEntries(FIRMWARE.map((name) => [name, 'firmware'])),
    'config.txt': 'arm_64bit=1\nos_prefix=a/\nkernel=vmlinuz\n',
    'a/vmlinuz': kernel,
    'a/cmdline.txt': 'quiet\n',
    'a/bcm2711-rpi-4-b.dtb': 'the virt board makes its own tree',
  };
}
