// config.txt as the firmware reads it, and which files it would load.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FACTS } from '../../../image/emulator/boards.ts';
import {
  bootPartitionOffset,
  firstLine,
  parseConfig,
  planBoot,
} from '../../../image/emulator/config.ts';
import { CONFIG_TXT } from '../../../image/unit/layout.ts';

const pi3 = FACTS.raspi3b.firmware;
const pi4 = FACTS.virt.firmware;
const OURS = 'arm_64bit=1\nos_prefix=a/\nkernel=vmlinuz\ninitramfs initrd.img followkernel\n';
const FILES_PI3 = ['bootcode.bin', 'start.elf', 'fixup.dat'];
const FILES_PI4 = ['start4.elf', 'fixup4.dat'];
const SLOT = ['a/vmlinuz', 'a/initrd.img', 'a/cmdline.txt'];

test('parseConfig() follows the config.txt of our images', () => {
  const config = parseConfig(CONFIG_TXT, pi3);
  assert.equal(config.prefix, 'a/');
  assert.equal(config.kernel, 'vmlinuz');
  assert.equal(config.initramfs, 'initrd.img');
  assert.equal(config.commandLine, 'cmdline.txt');
});

test('parseConfig() knows the defaults of the firmware', () => {
  assert.deepEqual(parseConfig('arm_64bit=1', pi3), {
    prefix: '',
    kernel: 'kernel8.img',
    initramfs: undefined,
    commandLine: 'cmdline.txt',
    deviceTree: undefined,
    upstreamNames: false,
    cutDown: false,
  });
});

test('parseConfig() takes the last of several values, and no comment', () => {
  const text = `${OURS}# kernel=no\n  kernel = second  \r\n#${'x'.repeat(200)}\n`;
  assert.equal(parseConfig(text, pi3).kernel, 'second');
});

test('parseConfig() obeys filters by model', () => {
  const text = `${OURS}[pi4]\nkernel=four\n[pi3]\nkernel=three\n[all]\ncmdline=all.txt\n`;
  assert.equal(parseConfig(text, pi3).kernel, 'three');
  assert.equal(parseConfig(text, pi4).kernel, 'four');
  assert.equal(parseConfig(text, pi4).commandLine, 'all.txt');
});

test('parseConfig() adds filters of different kinds up, until [all]', () => {
  const text = `${OURS}[pi3]\n[0xc10c0001]\nkernel=mine\n[pi4]\nkernel=four\n[all]\n`;
  assert.equal(parseConfig(text, pi3, '00000000c10c0001').kernel, 'mine');
  assert.equal(parseConfig(text, pi3, '10000000c10c0001').kernel, 'mine'); // low 32 bits count
  assert.equal(parseConfig(text, pi3, '00000000c10c0002').kernel, 'vmlinuz');
  assert.equal(parseConfig(text, pi4, '00000000c10c0001').kernel, 'four');
  assert.equal(parseConfig(text, pi4, '00000000c10c0002').kernel, 'vmlinuz');
});

test('parseConfig() reads nothing under [none] and [tryboot], whatever model follows', () => {
  const text = `${OURS}[none]\nkernel=no\n[pi3]\nkernel=no\n[all]\n[tryboot]\nkernel=no\n`;
  assert.equal(parseConfig(text, pi3).kernel, 'vmlinuz');
});

test('parseConfig() refuses what it cannot judge, by name', () => {
  const refuses = (text: string, code: string): void =>
    assert.throws(() => parseConfig(text, pi3), { code });
  refuses('include more.txt', 'config-include');
  refuses('[HDMI:0]', 'config-filter');
  refuses('initramfs initrd.img', 'config-initramfs');
  refuses('initramfs a b c', 'config-initramfs');
  refuses(`dtparam=${'x'.repeat(100)}`, 'config-line');
  refuses('#\n'.repeat(20_000), 'config-long');
  refuses('kernel=vmlinuz', 'config-32-bit'); // a Pi 3 starts in 32-bit mode unless told
  assert.equal(parseConfig('kernel=vmlinuz', pi4).kernel, 'vmlinuz');
  assert.equal(parseConfig('[pi4]\ninclude more.txt\n[all]\narm_64bit=1', pi3).prefix, '');
});

test('planBoot() picks the slot that os_prefix names', () => {
  const names = [...FILES_PI4, ...SLOT, 'a/bcm2711-rpi-4-b.dtb', 'b/vmlinuz'];
  assert.deepEqual(planBoot(parseConfig(OURS, pi4), pi4, names), {
    kernel: 'a/vmlinuz',
    initramfs: 'a/initrd.img',
    commandLine: 'a/cmdline.txt',
    deviceTree: 'a/bcm2711-rpi-4-b.dtb',
  });
});

test('planBoot() finds names whatever their case: FAT has none', () => {
  const names = [...FILES_PI4, ...SLOT, 'a/BCM2711-RPI-4-B.DTB'].map((name) => name.toUpperCase());
  assert.equal(planBoot(parseConfig(OURS, pi4), pi4, names).kernel, 'a/vmlinuz');
});

test("planBoot() wants Raspberry Pi's own name of a Pi 3's tree, unless told otherwise", () => {
  const names = [...FILES_PI3, ...SLOT, 'a/bcm2837-rpi-3-b.dtb'];
  assert.throws(() => planBoot(parseConfig(OURS, pi3), pi3, names), {
    code: 'firmware-stops',
    hint: /upstream_kernel=1/,
  });
  const config = parseConfig(`${OURS}upstream_kernel=1`, pi3);
  assert.equal(planBoot(config, pi3, names).deviceTree, 'a/bcm2837-rpi-3-b.dtb');
  const both = [...names, 'a/bcm2710-rpi-3-b.dtb'];
  assert.equal(planBoot(parseConfig(OURS, pi3), pi3, both).deviceTree, 'a/bcm2710-rpi-3-b.dtb');
  const named = parseConfig(`${OURS}device_tree=bcm2837-rpi-3-b.dtb`, pi3);
  assert.equal(planBoot(named, pi3, names).deviceTree, 'a/bcm2837-rpi-3-b.dtb');
});

test('planBoot() ignores a prefix without kernel or tree, as the firmware does', () => {
  const root = ['vmlinuz', 'initrd.img', 'cmdline.txt', 'bcm2711-rpi-4-b.dtb'];
  const plan = planBoot(parseConfig(OURS, pi4), pi4, [...FILES_PI4, ...root, 'a/vmlinuz']);
  assert.equal(plan.kernel, 'vmlinuz');
});

test('planBoot() names each file whose absence stops a real board', () => {
  const all = [...FILES_PI4, ...SLOT, 'a/bcm2711-rpi-4-b.dtb'];
  for (const missing of all) {
    const names = all.filter((name) => name !== missing);
    assert.throws(
      () => planBoot(parseConfig(OURS, pi4), pi4, names),
      (error: Error) => error.message.includes(`lacks ${missing}`),
    );
  }
});

test('planBoot() wants the cut-down firmware for little GPU memory', () => {
  const names = [...FILES_PI3, ...SLOT, 'a/bcm2710-rpi-3-b.dtb'];
  const config = parseConfig(`${OURS}gpu_mem=16`, pi3);
  assert.throws(() => planBoot(config, pi3, names), { message: /lacks start_cd\.elf/ });
  const files = ['start_cd.elf', 'fixup_cd.dat'];
  assert.equal(planBoot(config, pi3, [...names, ...files]).kernel, 'a/vmlinuz');
});

test('bootPartitionOffset() finds the first FAT partition of an MBR', () => {
  const sector = Buffer.alloc(512);
  const refused = { code: 'no-boot-partition' };
  assert.throws(() => bootPartitionOffset(sector), refused);
  sector.writeUInt16LE(0xaa55, 510);
  assert.throws(() => bootPartitionOffset(sector), refused);
  sector.writeUInt8(0x83, 446 + 4);
  sector.writeUInt32LE(2048, 446 + 8);
  assert.throws(() => bootPartitionOffset(sector), refused);
  sector.writeUInt8(0x0c, 462 + 4);
  sector.writeUInt32LE(8192, 462 + 8);
  assert.equal(bootPartitionOffset(sector), 8192 * 512);
  assert.throws(() => bootPartitionOffset(sector.subarray(0, 100)), refused);
});

test('firstLine() is all the firmware takes of cmdline.txt', () => {
  assert.equal(firstLine(' boot=clock quiet \nroot=/dev/null\n'), 'boot=clock quiet');
  assert.equal(firstLine(''), '');
});
