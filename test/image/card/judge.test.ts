// Which disks are cards: never the system's own, a mounted one, a part of one, one that something lies on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../../image/card/judge.ts';
import type { Sysfs } from '../../../image/card/judge.ts';
import { parseLsblk } from '../../../image/card/lsblk.ts';
import type { BlockDevice } from '../../../image/card/lsblk.ts';
import { OperatorError } from '../../../image/core/errors.ts';

const GB = 1e9;
type Raw = Record<string, unknown>;

const part = (path: string, more: Raw = {}): Raw => ({
  ...{ path, type: 'part', size: GB, rm: true, ro: false, mountpoints: [null] },
  ...more,
});
const disk = (path: string, more: Raw = {}): Raw => ({
  ...{ path, type: 'disk', size: 32 * GB, rm: true, ro: false, tran: 'usb', mountpoints: [null] },
  ...{ vendor: 'Generic ', model: 'Reader  ', serial: '0123' },
  ...more,
});
const parsed = (...blockdevices: readonly Raw[]): readonly BlockDevice[] =>
  parseLsblk(JSON.stringify({ blockdevices }));
const USB: Sysfs = { cid: undefined, mmcType: undefined };

function refusal(raw: Raw, { path = '/dev/sdb', sysfs = USB } = {}): string {
  const verdict = judge(parsed(raw), path, { sysfs });
  assert.ok(!verdict.ok, 'it is refused');
  assert.ok(verdict.error instanceof OperatorError);
  assert.ok((verdict.error.hint ?? '').length > 5, 'it says what to do');
  return verdict.error.code;
}

test('a card in a reader is one, with what is known of it', () => {
  const verdict = judge(parsed(disk('/dev/sdb', { children: [part('/dev/sdb1')] })), '/dev/sdb', {
    sysfs: USB,
  });
  assert.deepEqual(verdict, {
    ok: true,
    card: { device: '/dev/sdb', bytes: 32 * GB, model: 'Generic Reader', number: '0123' },
  });
});

test('a card in a slot of its own tells its number; a chip that is soldered in is none', () => {
  const cid = 'ab'.repeat(16);
  const slot = disk('/dev/mmcblk0', { rm: false, tran: 'mmc', model: null, vendor: null });
  const path = '/dev/mmcblk0';
  const verdict = judge(parsed(slot), path, { sysfs: { cid, mmcType: 'SD' } });
  assert.ok(verdict.ok);
  assert.equal(verdict.card.cid, cid);
  assert.equal(refusal(slot, { path, sysfs: { cid, mmcType: 'MMC' } }), 'card-fixed');
});

const REFUSED: Readonly<Record<string, readonly [string, Raw]>> = {
  'the disk with the root': ['card-system', disk('/dev/sdb', { mountpoints: ['/'] })],
  'a disk with the root on a partition': [
    'card-system',
    disk('/dev/sdb', { children: [part('/dev/sdb2', { mountpoints: [null, '/'] })] }),
  ],
  'a disk with the root in a volume in an encryption': [
    'card-system',
    disk('/dev/sdb', {
      children: [
        part('/dev/sdb3', {
          children: [
            part('/dev/mapper/luks', {
              type: 'crypt',
              children: [part('/dev/mapper/vg-root', { type: 'lvm', mountpoints: ['/'] })],
            }),
          ],
        }),
      ],
    }),
  ],
  'a disk with /boot/efi': [
    'card-system',
    disk('/dev/sdb', { children: [part('/dev/sdb1', { mountpoints: ['/boot/efi'] })] }),
  ],
  'a disk with swap': [
    'card-system',
    disk('/dev/sdb', { children: [part('/dev/sdb2', { mountpoints: ['[SWAP]'] })] }),
  ],
  'a mounted card': [
    'card-mounted',
    disk('/dev/sdb', { children: [part('/dev/sdb1', { mountpoints: ['/media/ada/PHOTOS'] })] }),
  ],
  'a card that is mounted whole': ['card-mounted', disk('/dev/sdb', { mountpoints: ['/mnt'] })],
  'a card with an opened encryption': [
    'card-in-use',
    disk('/dev/sdb', {
      children: [part('/dev/sdb1', { children: [part('/dev/mapper/x', { type: 'crypt' })] })],
    }),
  ],
  'a member of a RAID': [
    'card-in-use',
    disk('/dev/sdb', { children: [part('/dev/md0', { type: 'raid1' })] }),
  ],
  'an empty reader': ['card-none', disk('/dev/sdb', { size: 0 })],
  'a disk that is not removable': ['card-fixed', disk('/dev/sdb', { rm: false, tran: 'sata' })],
  'a DVD': ['card-fixed', disk('/dev/sdb', { type: 'rom', size: 4.7 * GB })],
  'a disk that is not removable and mounted': [
    'card-fixed',
    disk('/dev/sdb', { rm: false, children: [part('/dev/sdb1', { mountpoints: ['/data'] })] }),
  ],
  'a card with its slider at LOCK': ['card-locked', disk('/dev/sdb', { ro: true })],
  'a card too small': ['card-small', disk('/dev/sdb', { size: 1_000_000_000 })],
  'something far too large': ['card-large', disk('/dev/sdb', { size: 4e12 })],
  'another disk': ['card-missing', disk('/dev/sdc')],
};
for (const [what, [code, raw]] of Object.entries(REFUSED)) {
  test(`${what} is refused: ${code}`, () => assert.equal(refusal(raw), code));
}

test('what a stick says of itself stays on its line, and gives the screen no orders', () => {
  const said = 'Evil\u001B[2J\u202E\u0007\nReader';
  const raw = disk('/dev/sdb', { vendor: said, model: said, serial: said });
  const verdict = judge(parsed(raw), '/dev/sdb', { sysfs: USB });
  assert.ok(verdict.ok);
  const { model, number } = verdict.card;
  assert.deepEqual([model, number], ['Evil Reader Evil Reader', 'Evil Reader']);
  const mounted = judge(parsed(disk('/dev/sdb', { mountpoints: [said] })), '/dev/sdb', {
    sysfs: USB,
  });
  assert.ok(!mounted.ok);
  assert.doesNotMatch(mounted.error.message, /[\p{Cc}\p{Bidi_Control}]/u);
});

test('a partition is refused, and its disk named', () => {
  const raw = disk('/dev/sdb', { children: [part('/dev/sdb1')] });
  assert.equal(refusal(raw, { path: '/dev/sdb1' }), 'card-partition');
});

test('lsblk of older and newer util-linux: "0" and false mean the same', () => {
  const [old] = parsed(disk('/dev/sdb', { rm: '1', ro: '0' }));
  assert.equal(old?.isRemovable, true);
  assert.equal(old.isReadOnly, false);
  assert.throws(() => parseLsblk('{"blockdevices":[{"path":5}]}'));
});
