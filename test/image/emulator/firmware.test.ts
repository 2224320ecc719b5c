// The firmware's part of a start, on a real boot partition.
import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../../image/core/run.ts';
import { runFirmware } from '../../../image/emulator/firmware.ts';
import type { FirmwareResult } from '../../../image/emulator/firmware.ts';
import { FIRMWARE, bareCard } from './bare.ts';

const SERIAL = '00000000c10c0001';
const folder = await mkdtemp(join(tmpdir(), 'clock-firmware-'));
after(() => rm(folder, { recursive: true, force: true }));
const card = join(folder, 'card');

async function smallTree(): Promise<Uint8Array> {
  const source = join(folder, 'small.dts');
  await writeFile(source, '/dts-v1/;\n/ { model = "a board"; };\n');
  await run(['dtc', '-q', '-O', 'dtb', '-o', `${source}.dtb`, source]);
  return readFile(`${source}.dtb`);
}

const CONFIG = [
  'arm_64bit=1',
  'os_prefix=b/',
  'upstream_kernel=1',
  'kernel=vmlinuz',
  'initramfs initrd.img followkernel',
];
const files = {
  ...Object.fromEntries(FIRMWARE.map((name) => [name, 'firmware'])),
  'config.txt': `${CONFIG.join('\r\n')}\r\n`,
  'b/vmlinuz': 'kernel of b',
  'b/initrd.img': 'initramfs of b',
  'b/cmdline.txt': 'boot=clock clock.slot=b\nsecond line\n',
  'b/bcm2837-rpi-3-b.dtb': await smallTree(),
};

const start = (board: 'virt' | 'raspi3b'): Promise<FirmwareResult> =>
  runFirmware({ card, board, serialNumber: SERIAL, folder: join(folder, board) });

const property = async (tree: string, node: string, name: string): Promise<string> =>
  (await run(['fdtget', tree, node, name])).stdout.trim();

test("raspi3b starts the slot's files with the card's own device tree, completed", async () => {
  await bareCard(card, files);
  const result = await start('raspi3b');
  assert.equal(await readFile(result.kernel, 'utf8'), 'kernel of b');
  assert.equal(await readFile(result.initramfs!, 'utf8'), 'initramfs of b');
  assert.equal(result.commandLine, 'boot=clock clock.slot=b');
  assert.equal(await property(result.deviceTree, '/', 'serial-number'), SERIAL);
  assert.equal(await property(result.deviceTree, '/', 'model'), 'a board');
});

test("virt starts them with QEMU's device tree, and no two starts share a random seed", async () => {
  await bareCard(card, { ...files, 'b/bcm2711-rpi-4-b.dtb': 'as a Pi 4 would want' });
  const seeds = new Set<string>();
  for (let starts = 0; starts < 2; starts += 1) {
    const { deviceTree, kernel } = await start('virt');
    assert.equal(await readFile(kernel, 'utf8'), 'kernel of b');
    assert.equal(await property(deviceTree, '/', 'serial-number'), SERIAL);
    seeds.add(await property(deviceTree, '/chosen', 'rng-seed'));
  }
  assert.equal(seeds.size, 2);
});

test('a damaged boot partition is named, with what to do', async () => {
  const file = await open(card, 'r+');
  await file.write(Buffer.alloc(4096), 0, 4096, 4 * 2 ** 20);
  await file.close();
  await assert.rejects(start('virt'), { code: 'program-failed', hint: /write the card again/ });
});

test('a card without partitions is named', async () => {
  await writeFile(card, Buffer.alloc(100));
  await assert.rejects(start('virt'), { code: 'no-boot-partition' });
});
