// Does what the Raspberry Pi's firmware does before the kernel runs: reads config.txt and the slot's
// files from the boot partition. QEMU has no such firmware.
// Source: https://www.raspberrypi.com/documentation/computers/config_txt.html
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { run } from '../core/run.ts';

export interface FirmwareConfig {
  readonly kernel: string;
  readonly initramfs: string;
  readonly commandLine: string;
  readonly prefix: string;
}

/**
 * Reads config.txt for a board. Section filters: [all], [none], [pi3], [pi4] …; `board` is the filter
 * that is true. Throws OperatorError for what this reader does not know (include).
 */
export function parseConfig(text: string, board: string): FirmwareConfig {
  const values: Record<string, string> = {};
  let applies = true;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/#.*/, '').trim();
    const section = /^\[(.+)\]$/.exec(line);
    if (section !== null) {
      applies = section[1] === 'all' || section[1] === board;
    } else if (applies && line.startsWith('include ')) {
      throw new OperatorError('config-include', 'config.txt includes another file', {
        hint: 'The emulator reads one config.txt only; put the lines into it',
      });
    } else if (applies && line.startsWith('initramfs ')) {
      values['initramfs'] = line.split(/\s+/)[1] ?? '';
    } else if (applies && line.includes('=')) {
      const at = line.indexOf('=');
      values[line.slice(0, at).trim()] = line.slice(at + 1).trim();
    }
  }
  const prefix = values['os_prefix'] ?? '';
  return {
    prefix,
    kernel: `${prefix}${values['kernel'] ?? 'kernel8.img'}`,
    initramfs: `${prefix}${values['initramfs'] ?? ''}`,
    commandLine: `${prefix}${values['cmdline'] ?? 'cmdline.txt'}`,
  };
}

/** Byte offset of partition 1 from the MBR (sector size 512). */
export async function bootPartitionOffset(card: string): Promise<number> {
  const file = await open(card, 'r');
  const sector = Buffer.alloc(512);
  await file.read(sector, 0, 512, 0);
  await file.close();
  if (sector.readUInt16LE(510) !== 0xaa55) {
    throw new OperatorError('no-partitions', `${card} has no partition table`, {
      hint: 'Build the image again with ./build.sh',
    });
  }
  return sector.readUInt32LE(446 + 8) * 512;
}

/** Copies one file out of the boot partition with mtools; returns its path in `folder`. */
export async function takeFile(
  card: string,
  name: string,
  { offset, folder }: { readonly offset: number; readonly folder: string },
): Promise<string> {
  const to = join(folder, name.replaceAll('/', '_'));
  await run(['mcopy', '-n', '-o', '-i', `${card}@@${offset}`, `::${name}`, to], {
    env: { MTOOLS_SKIP_CHECK: '1' },
    hint: `The boot partition of ${card} lacks ${name} or is damaged; build the image again`,
  });
  return to;
}
