// One card's content against others' programs: cryptsetup opens it, e2fsck and mtools find nothing wrong,
// `inspect` calls it whole, and an interrupted card by its name.
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cardAt } from '../../../image/card/find.ts';
import { writeInProcess } from '../../../image/card/writer.ts';
import { run } from '../../../image/core/run.ts';
import { makeTable } from '../../../image/unit/make-table.ts';
import { inspect } from '../../../image/unit/inspect/inspect.ts';
import type { Report } from '../../../image/unit/inspect/report.ts';
import { MIB, NOT_FINISHED } from '../../../image/unit/layout.ts';
import { decrypted, unlock } from '../../../image/unit/read/keyslot.ts';
import { openExt4 } from '../../../image/unit/read/ext4.ts';
import { readLuks } from '../../../image/unit/read/luks.ts';
import { openSource, section } from '../../../image/unit/read/source.ts';
import { signer } from '../../../image/unit/manifest.ts';
import { xtsEncryptor } from '../../../image/unit/xts.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { CARD_BYTES, FLEET, flashDouble, makeWorks } from '../card/factory.ts';
import type { FullOrder } from '../card/factory.ts';
import { ledgerDouble } from '../card/ledger.double.ts';
import { doubleCard } from '../card/device.double.ts';
import { noise, overwrite } from './fake.ts';

const BOOT = 4 * MIB;
const SYSTEM = 132 * MIB;
const STATE = (132 + 1024) * MIB;
const works = await makeWorks();
after(() => rm(works.folder, { recursive: true, force: true }));

/** A used card as a file: what it was must not shine through where a first boot looks. */
const file = join(works.folder, 'card');
const handle = await open(file, 'w');
await handle.truncate(CARD_BYTES);
for (const at of [0, 512, BOOT, SYSTEM, STATE, CARD_BYTES - 512]) {
  await handle.write(noise(String(at), 512), 0, 512, at);
}
await handle.close();
const ledger = ledgerDouble();
let cpuMs = 0;
const write = writeInProcess((cost) => void (cpuMs = cost.cpuMs));
let order: FullOrder | undefined;
const flashed = await flashDouble(doubleCard(CARD_BYTES), {
  ...{ works, ledger, name: file },
  needs: {
    write: (card, asked, hooks) => {
      order = asked;
      return write(card, asked, hooks);
    },
  },
});

const look = (name: string): Promise<Report> =>
  inspect({
    ...{ file: name, strict: true, progress: recordingProgress() },
    signers: [signer(works.key.publicKeyPem, 'given')],
  });
const cut = async (name: string, at: number, bytes: number): Promise<string> => {
  const part = join(works.folder, name);
  await run([
    'dd',
    `if=${file}`,
    `of=${part}`,
    'bs=1M',
    `skip=${at / MIB}`,
    `count=${bytes / MIB}`,
  ]);
  return part;
};

test('a process of its own writes a card, and tells what it has cost', () => {
  assert.equal(flashed.view.phase, 'done', flashed.view.reason?.text);
  assert.ok(cpuMs > 0);
});

test('the card is whole, and holds the record of its unit', async () => {
  const report = await look(file);
  assert.deepEqual(report.findings, []);
  assert.equal(report.verdict, 'whole');
  assert.equal(report.kind, 'image');
  const names = [
    ...Object.keys(FLEET),
    'recovery.key',
    'registration.token',
    'serial',
    'unit.json',
  ];
  assert.deepEqual([...report.system!.record!].sort(), names.sort());
});

test('cryptsetup opens it with the transport key, and e2fsck finds nothing wrong inside', async () => {
  const boot = await cut('boot', BOOT, 128 * MIB);
  const key = join(works.folder, 'clock.key');
  await run(['mcopy', '-n', '-o', '-i', boot, '::clock.key', key]);
  assert.deepEqual(await readFile(key), order!.keys.transportKey);
  const system = await cut('system', SYSTEM, 64 * MIB);
  await run([
    'cryptsetup',
    'open',
    '--test-passphrase',
    '--disable-locks',
    '--key-file',
    key,
    system,
  ]);
  const { stdout } = await run(['cryptsetup', 'luksDump', '--disable-locks', system]);
  assert.match(stdout, /Label:\s+clock-os\n/);
  assert.match(stdout, /sector: 4096 \[bytes\]/);
  const source = await openSource(file);
  const part = section(source, SYSTEM, 40 * MIB);
  const { header } = await readLuks(part);
  const { volumeKey } = (await unlock(part, header!, await readFile(key)))!;
  assert.deepEqual(volumeKey, order!.keys.volumeKey);
  const clear = decrypted(part, header!, volumeKey);
  const disk = join(works.folder, 'clear');
  await writeFile(disk, await clear.read(0, works.template.system.bytes));
  await run(['e2fsck', '-f', '-n', disk]);
  const ext4 = await openExt4(clear);
  const text = async (name: string): Promise<string> => {
    const parts: Buffer[] = [];
    for await (const chunk of (await ext4.find(`unit/${name}`))!.chunks()) parts.push(chunk);
    return Buffer.concat(parts).toString();
  };
  assert.equal(await text('serial'), `${flashed.view.serial}\n`);
  assert.deepEqual(JSON.parse(await text('unit.json')), { v: 1, accounts: [] });
  assert.equal(await text('claim.key'), FLEET['claim.key']);
  assert.match(await text('recovery.key'), /^[0-9a-f]{64}\n$/);
  await source.close();
});

test('what an earlier life left is gone where a first boot would meet it', async () => {
  const source = await openSource(file);
  for (const at of [512, STATE, CARD_BYTES - 512]) {
    assert.deepEqual(await source.read(at, 512), Buffer.alloc(512), String(at));
  }
  await source.close();
});

test('sfdisk reads the table as ours was always', async () => {
  const { stdout } = await run(['sfdisk', '--dump', file]);
  assert.match(stdout, /start=\s+8192, size=\s+262144, type=c, bootable\n/);
  assert.match(stdout, new RegExp(`start=\\s+270336, size=\\s+${(24 + 32) * 2048}, type=83\\n`));
  const sector = makeTable(0x12_34_56_78, []).subarray(0, 512);
  assert.equal(sector.readUInt16LE(510), 0xaa_55);
});

test('a card whose writing was interrupted is called that, and is not bootable', async () => {
  const block = Buffer.alloc(4096);
  block.write(NOT_FINISHED);
  await overwrite(file, 0, block);
  const late = await look(file);
  assert.equal(late.verdict, 'damaged');
  assert.match(late.summary, /^It was not finished: its writing was interrupted/);
  const early = join(works.folder, 'early');
  await writeFile(early, block);
  assert.match((await look(early)).summary, /^It was not finished: its writing was interrupted/);
});

test('a path that is no whole card is refused in words', async () => {
  await assert.rejects(cardAt(join(works.folder, 'boot')), /has 0\.1 GB, a unit needs 1\.5 GB/);
  await assert.rejects(cardAt('/dev/none'), /There is no disk/);
});

test('xtsEncryptor() does what node and dm-crypt do, wherever in the volume', () => {
  const key = randomBytes(64);
  const encrypt = xtsEncryptor(key);
  // Beyond 2^32 units of 512 bytes, too.
  for (const at of [0, 4096, 20_480, 2 ** 32, 2 ** 32 * 512 + 8192]) {
    // More than it takes at once.
    const sectors = 19;
    const clear = randomBytes(sectors * 4096);
    const mine = new Uint8Array(clear);
    encrypt(mine, at);
    for (let sector = 0; sector < sectors; sector += 1) {
      const iv = Buffer.alloc(16);
      iv.writeBigUInt64LE(BigInt(at / 512 + sector * 8));
      const theirs = createCipheriv('aes-256-xts', key, iv).update(
        clear.subarray(sector * 4096, (sector + 1) * 4096),
      );
      assert.deepEqual(Buffer.from(mine.subarray(sector * 4096, (sector + 1) * 4096)), theirs);
    }
  }
});
