// Which kernel goes onto the boot partition under which name, and that config.txt asks for these names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../image/emulator/config.ts';
import { FACTS } from '../../../image/emulator/boards.ts';
import { kernelsOf } from '../../../image/release/kernels.ts';
import { CONFIG_TXTS, commandLine } from '../../../image/unit/layout.ts';

const boot = (...versions: readonly string[]): string[] =>
  versions.flatMap((version) => [
    `vmlinuz-${version}`,
    `initrd.img-${version}`,
    `config-${version}`,
  ]);
const V8 = '6.12.47+rpt-rpi-v8';
const PI5 = '6.12.47+rpt-rpi-2712';

test('Debian has one kernel; its trees have the names of Linux', () => {
  const [only, ...more] = kernelsOf(boot('6.12.118+deb13-arm64'));
  assert.deepEqual(more, []);
  assert.equal(`${only?.kernel} ${only?.initramfs}`, 'vmlinuz initrd.img');
  assert.match('bcm2837-rpi-3-b.dtb', only!.trees);
  assert.doesNotMatch('bcm2712-rpi-5-b.dtb', only!.trees);
});

test('Raspberry Pi OS has two, each with the trees of its boards', () => {
  const [v8, pi5] = kernelsOf(boot(PI5, V8));
  assert.deepEqual([v8?.version, v8?.kernel, v8?.initramfs], [V8, 'vmlinuz', 'initrd.img']);
  assert.deepEqual([pi5?.version, pi5?.kernel], [PI5, 'vmlinuz-2712']);
  assert.equal(pi5?.initramfs, 'initrd-2712.img');
  for (const tree of [
    'bcm2710-rpi-3-b-plus.dtb',
    'bcm2711-rpi-4-b.dtb',
    'bcm2710-rpi-zero-2-w.dtb',
  ])
    assert.match(tree, v8!.trees);
  for (const tree of ['bcm2712-rpi-5-b.dtb', 'bcm2712d0-rpi-5-b.dtb', 'bcm2712-rpi-cm5-cm5io.dtb'])
    assert.match(tree, pi5.trees);
  assert.doesNotMatch('bcm2710-rpi-2-b.dtb', v8!.trees);
});

for (const [what, names, code] of [
  ['no kernel', [], 'no-kernel'],
  ['a kernel without its initramfs', ['vmlinuz-1-arm64'], 'no-kernel'],
  ['a flavour nobody knows', boot('6.12.1-rpi-v9'), 'kernel-unknown'],
  ['two versions of one flavour', boot('6.12.1+rpt-rpi-v8', '6.12.2+rpt-rpi-v8'), 'two-kernels'],
] as const) {
  test(`${what} makes no release`, () => {
    assert.throws(() => kernelsOf(names), { code });
  });
}

test('on a Pi 5 config.txt asks for its own kernel, on a Pi 3 for the other', () => {
  const pi3 = FACTS.raspi3b.firmware;
  const pi5 = { ...FACTS.virt.firmware, filters: ['pi5'] };
  const [common, special] = [pi3, pi5].map((board) => parseConfig(CONFIG_TXTS.raspios, board));
  assert.deepEqual([common!.kernel, common!.initramfs], ['vmlinuz', 'initrd.img']);
  assert.deepEqual([special!.kernel, special!.initramfs], ['vmlinuz-2712', 'initrd-2712.img']);
  assert.equal(special!.prefix, 'a/');
});

test('each base names its serial console as its kernel does', () => {
  assert.match(commandLine('a'), / console=ttyS1,115200 /);
  assert.match(commandLine('a', 'raspios'), / console=serial0,115200 /);
});
