// Does what the Raspberry Pi's firmware does before the kernel runs: takes the slot's files from
// the boot partition and completes the device tree. QEMU has no such firmware.
// What config.txt means is decided in config.ts.
import { copyFile, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../core/run.ts';
import { FACTS, dumpTreeCommand } from './boards.ts';
import type { Board } from './boards.ts';
import { bootPartitionOffset, firstLine, parseConfig, planBoot } from './config.ts';

export interface FirmwareOptions {
  readonly card: string;
  readonly board: Board;
  /** 16 hex digits. */
  readonly serialNumber: string;
  /** Where the files go; those of the last start are replaced. */
  readonly folder: string;
}

export interface FirmwareResult {
  readonly kernel: string;
  readonly initramfs: string | undefined;
  readonly deviceTree: string;
  readonly commandLine: string;
}

/**
 * Reads the card as the board's firmware would; returns files on this machine and the command line.
 * Throws OperatorError `no-boot-partition`, `config-…`, `firmware-stops` or `program-failed`
 * (a boot partition that mtools cannot read).
 */
export async function runFirmware(options: FirmwareOptions): Promise<FirmwareResult> {
  const { card, board, serialNumber, folder } = options;
  const { firmware, ownTree } = FACTS[board];
  await mkdir(folder, { recursive: true });
  const partition = `${card}@@${bootPartitionOffset(await firstSector(card))}`;
  const take = (name: string): Promise<string> => takeFile(options, partition, name);

  const names = await listFiles(card, partition);
  const text = await readFile(await take('config.txt'), 'latin1');
  const plan = planBoot(parseConfig(text, firmware, serialNumber), firmware, names);

  const deviceTree = join(folder, 'board.dtb');
  if (ownTree) await run(dumpTreeCommand(board, deviceTree));
  else await copyFile(await take(plan.deviceTree), deviceTree);
  await run(['fdtput', '-t', 's', deviceTree, '/', 'serial-number', serialNumber], {
    hint: `The device tree ${plan.deviceTree} on the card is damaged; write the card again`,
  });
  return {
    kernel: await take(plan.kernel),
    initramfs: plan.initramfs === undefined ? undefined : await take(plan.initramfs),
    deviceTree,
    commandLine: firstLine(await readFile(await take(plan.commandLine), 'latin1')),
  };
}

async function firstSector(card: string): Promise<Uint8Array> {
  const file = await open(card, 'r');
  try {
    const sector = new Uint8Array(512);
    const { bytesRead } = await file.read(sector, 0, sector.length, 0);
    return sector.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** mtools reads the partition inside the card; its own plausibility check knows only floppies. */
const MTOOLS = { MTOOLS_SKIP_CHECK: '1' };

async function listFiles(card: string, partition: string): Promise<string[]> {
  const { stdout } = await run(['mdir', '-/', '-b', '-i', partition, '::'], {
    env: MTOOLS,
    hint: `The boot partition of ${card} is damaged; write the card again`,
  });
  return stdout.split('\n').map((line) => line.replace(/^::\/?/, '').trim());
}

async function takeFile(
  { folder, card }: FirmwareOptions,
  partition: string,
  name: string,
): Promise<string> {
  const to = join(folder, name.replaceAll('/', '-'));
  await run(['mcopy', '-n', '-o', '-i', partition, `::${name}`, to], {
    env: MTOOLS,
    hint: `The boot partition of ${card} lacks ${name} or is damaged; write the card again`,
  });
  return to;
}
