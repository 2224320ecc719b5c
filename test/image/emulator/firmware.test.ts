// config.txt as the firmware reads it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../image/emulator/firmware.ts';
import { CONFIG_TXT } from '../../../image/unit/layout.ts';

test('parseConfig() finds the slot of our own config.txt', () => {
  assert.deepEqual(parseConfig(CONFIG_TXT, 'pi3'), {
    prefix: 'a/',
    kernel: 'a/vmlinuz',
    initramfs: 'a/initrd.img',
    commandLine: 'a/cmdline.txt',
  });
});

test('parseConfig() obeys section filters', () => {
  const text = '[pi4]\nkernel=four\n[pi3]\nkernel=three\n[all]\nos_prefix=b/\n';
  assert.equal(parseConfig(text, 'pi3').kernel, 'b/three');
  assert.equal(parseConfig(text, 'pi4').kernel, 'b/four');
});

test('parseConfig() refuses what it cannot follow', () => {
  assert.throws(() => parseConfig('include more.txt', 'pi3'), { code: 'config-include' });
});
