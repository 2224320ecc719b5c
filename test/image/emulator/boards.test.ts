// QEMU's command lines.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BOARDS,
  checkSerialNumber,
  dumpTreeCommand,
  macAddress,
  parseBoard,
  qemuCommand,
} from '../../../image/emulator/boards.ts';
import type { Board, Cable } from '../../../image/emulator/boards.ts';

const command = (board: Board, cable: Cable = { httpPort: 8080 }): string[] =>
  qemuCommand(board, {
    card: '/tmp/a,b.card',
    kernel: '/k',
    initramfs: '/i',
    deviceTree: '/t',
    commandLine: 'boot=clock console=tty0',
    serialNumber: '00000000c10c0001',
    cable,
  });

/** The values of an option. */
const values = (argv: readonly string[], option: string): string[] =>
  argv.filter((_, index) => argv[index - 1] === option);

test("the emulator's console comes last: it becomes /dev/console", () => {
  assert.deepEqual(values(command('virt'), '-append'), ['boot=clock console=tty0 console=ttyAMA0']);
  assert.deepEqual(values(command('raspi3b'), '-append'), [
    'boot=clock console=tty0 systemd.watchdog_sec=0 console=ttyS1,115200',
  ]);
});

test('on loopback the guest reaches nothing, and only its port 80 is reached', () => {
  for (const board of BOARDS) {
    assert.deepEqual(values(command(board), '-netdev'), [
      'user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:8080-:80',
    ]);
  }
});

test('with a tap QEMU runs inside its network namespace', () => {
  const argv = command('virt', { plug: { netns: 'hotel', tap: 'tap0' } });
  assert.deepEqual(argv.slice(0, 5), ['ip', 'netns', 'exec', 'hotel', 'qemu-system-aarch64']);
  assert.deepEqual(values(argv, '-netdev'), ['tap,id=lan,ifname=tap0,script=no,downscript=no']);
});

test('the card is an SD card on both boards, commas in its path doubled', () => {
  for (const board of BOARDS) {
    assert.ok(values(command(board), '-drive')[0]!.includes('file=/tmp/a,,b.card'));
  }
  assert.ok(command('virt').includes('sd-card,drive=card'));
  assert.ok(values(command('raspi3b'), '-drive')[0]!.startsWith('if=sd,'));
});

test('a reboot ends QEMU, so that the boot partition is read anew', () => {
  for (const board of BOARDS) assert.ok(command(board).includes('-no-reboot'));
});

test('the device tree is dumped for the same machine that is started', () => {
  const argv = dumpTreeCommand('virt', '/tmp/t');
  const machine = values(command('virt'), '-M')[0]!;
  assert.deepEqual(values(argv, '-M'), [`${machine},dumpdtb=/tmp/t`]);
  for (const option of ['-cpu', '-smp', '-m']) {
    assert.deepEqual(values(argv, option), values(command('virt'), option));
  }
});

test('two serial numbers give two MAC addresses', () => {
  assert.equal(macAddress('00000000c10c0001'), 'b8:27:eb:0c:00:01');
  assert.equal(macAddress('00000000c10cabcd'), 'b8:27:eb:0c:ab:cd');
});

test('checkSerialNumber() wants what a firmware writes', () => {
  assert.equal(checkSerialNumber('10000000c10c0001'), '10000000c10c0001');
  for (const wrong of [
    '',
    'c10c0001',
    '0000000000000000',
    '00000000C10C0001',
    '0x000000c10c0001',
  ]) {
    assert.throws(() => checkSerialNumber(wrong), { code: 'bad-serial-number' });
  }
});

test('parseBoard() names the boards there are', () => {
  assert.equal(parseBoard('raspi3b'), 'raspi3b');
  assert.throws(() => parseBoard('pi9'), { code: 'no-board', hint: /virt, raspi3b/ });
});

test('a serial adapter is out until somebody connects to its socket, and only "virt" takes one', () => {
  const start = { card: '/c', kernel: '/k', initramfs: '/i', deviceTree: '/t', commandLine: '' };
  const adapters = [{ number: 'desk', socket: '/tmp/a,b' }];
  const rest = { serialNumber: '00000000c10c0001', cable: { httpPort: 8080 }, adapters };
  const argv = qemuCommand('virt', { ...start, ...rest });
  assert.ok(values(argv, '-device').includes('usb-serial,chardev=rs232-desk,serial=desk'));
  assert.ok(
    values(argv, '-chardev').includes('socket,id=rs232-desk,path=/tmp/a,,b,server=on,wait=off'),
  );
  assert.throws(() => qemuCommand('raspi3b', { ...start, ...rest }), /takes no serial adapters/);
});
