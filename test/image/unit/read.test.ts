// Our own reader of LUKS2, FAT32 and ext4 against the programs that made them.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../../image/core/run.ts';
import { MIB } from '../../../image/unit/layout.ts';
import { crc32c } from '../../../image/unit/read/crc32c.ts';
import { openExt4 } from '../../../image/unit/read/ext4.ts';
import { readFat } from '../../../image/unit/read/fat.ts';
import { unlock } from '../../../image/unit/read/keyslot.ts';
import { readLuks } from '../../../image/unit/read/luks.ts';
import { openSource } from '../../../image/unit/read/source.ts';
import { noise, overwrite } from './fake.ts';

const folder = await mkdtemp(join(tmpdir(), 'clock-readers-'));
after(() => rm(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

async function empty(name: string, mib: number): Promise<string> {
  await writeFile(at(name), '');
  await truncate(at(name), mib * MIB);
  return at(name);
}

async function content(chunks: AsyncGenerator<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

const KDFS: Readonly<Record<string, readonly string[]>> = {
  pbkdf2: ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'],
  'pbkdf2 with SHA-512': [
    '--pbkdf',
    'pbkdf2',
    '--hash',
    'sha512',
    '--pbkdf-force-iterations',
    '1000',
  ],
  argon2i: ['--pbkdf', 'argon2i', '--pbkdf-memory', '64', '--pbkdf-force-iterations', '4'],
  argon2id: [
    ...['--pbkdf', 'argon2id', '--pbkdf-memory', '8192', '--pbkdf-force-iterations', '4'],
    ...['--pbkdf-parallel', '4'],
  ],
};
for (const [kdf, options] of Object.entries(KDFS)) {
  test(`unlock() finds the same volume key as cryptsetup, by ${kdf}`, async () => {
    const disk = await empty('luks', 20);
    await writeFile(at('key'), 'a passphrase of some length');
    const quiet = ['cryptsetup', '--batch-mode', '--key-file', at('key')];
    await run([...quiet, 'luksFormat', '--type', 'luks2', ...options, disk]);
    await rm(at('volume'), { force: true });
    await run([...quiet, 'luksDump', '--dump-volume-key', '--volume-key-file', at('volume'), disk]);
    const source = await openSource(disk);
    const { header } = await readLuks(source);
    const found = await unlock(source, header!, await readFile(at('key')));
    assert.deepEqual(found?.volumeKey, await readFile(at('volume')));
    assert.equal(await unlock(source, header!, Buffer.from('another')), undefined);
    await source.close();
  });
}

test('a hostile key slot cannot ask for more than this machine gives', async () => {
  const disk = await empty('greedy', 20);
  await writeFile(at('key'), 'x');
  const slow = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
  const quiet = ['cryptsetup', '--batch-mode', '--key-file', at('key')];
  await run([...quiet, 'luksFormat', '--type', 'luks2', ...slow, disk]);
  const source = await openSource(disk);
  const { header } = await readLuks(source);
  const greedy = structuredClone(header!);
  for (const kdf of [
    { type: 'pbkdf2', hash: 'sha256', iterations: 4e9, salt: Buffer.alloc(32) },
    { type: 'argon2id', time: 4, memory: 4e9, cpus: 4, salt: Buffer.alloc(32) },
  ] as const) {
    greedy.metadata.keyslots['0']!.kdf = kdf;
    await assert.rejects(unlock(source, greedy, Buffer.from('x')), /a key slot asks for/);
  }
  await source.close();
});

test('readFat() reads what mtools wrote: long names, folders, fragments, sizes', async () => {
  const disk = await empty('fat', 128);
  await run(['mkfs.vfat', '-F', '32', '-s', '2', '-n', 'CLOCKBOOT', disk]);
  const env = { MTOOLS_SKIP_CHECK: '1' };
  const files: Record<string, Buffer> = {
    'a/bcm2711-rpi-cm4-io.dtb': noise('tree', 40_001),
    'a/vmlinuz': noise('kernel', 3_000_000),
    'config.txt': noise('config', 192),
    'UPPER.TXT': noise('upper', 1),
    'a name with spaces and ümläuts.txt': noise('long', 1024),
    empty: Buffer.alloc(0),
  };
  await run(['mmd', '-i', disk, '::a'], { env });
  // A hole to be filled in pieces.
  for (const name of ['x', 'y']) {
    await writeFile(at('file'), noise(name, 100_000));
    await run(['mcopy', '-i', disk, at('file'), `::${name}`], { env });
  }
  await run(['mdel', '-i', disk, '::x'], { env });
  for (const [path, bytes] of Object.entries(files)) {
    await writeFile(at('file'), bytes);
    await run(['mcopy', '-i', disk, at('file'), `::${path}`], { env });
  }
  const source = await openSource(disk);
  const fat = await readFat(source);
  assert.equal(fat.label, 'CLOCKBOOT');
  assert.deepEqual(fat.faults, []);
  assert.deepEqual(fat.files.map(({ path }) => path).sort(), [...Object.keys(files), 'y'].sort());
  for (const file of fat.files) {
    const expected = files[file.path] ?? noise('y', 100_000);
    assert.ok((await content(file.chunks())).equals(expected), file.path);
  }
  await source.close();
});

test('readFat() is not led round in circles by folders or by the file table', async () => {
  const disk = await empty('circle', 128);
  await run(['mkfs.vfat', '-F', '32', '-s', '2', disk]);
  const env = { MTOOLS_SKIP_CHECK: '1' };
  await run(['mmd', '-i', disk, '::a'], { env });
  await writeFile(at('file'), noise('x', 5_000));
  await run(['mcopy', '-i', disk, at('file'), '::x'], { env });
  const clean = await readFile(disk);
  const folderEntry = clean.indexOf('A          ');
  assert.ok(folderEntry > 0);
  await overwrite(disk, folderEntry + 26, Buffer.from([2, 0])); // the root itself
  const source = await openSource(disk);
  await assert.rejects(readFat(source), /its folders lie deeper/);
  await overwrite(disk, folderEntry + 26, clean.subarray(folderEntry + 26, folderEntry + 28));
  const cluster = clean.readUInt16LE(clean.indexOf('X          ') + 26);
  // Both copies of the table: the file's first cluster follows itself.
  for (const tableAt of [32 * 512, 32 * 512 + clean.readUInt32LE(36) * 512]) {
    await overwrite(disk, tableAt + cluster * 4, Buffer.from([cluster & 0xff, cluster >> 8, 0, 0]));
  }
  const fat = await readFat(source);
  const file = fat.files.find(({ path }) => path === 'x');
  // It ends where its size says, with wrong bytes that a hash will find.
  assert.equal((await content(file!.chunks())).length, 5_000);
  await overwrite(disk, 32 * 512 + 2 * 4, Buffer.from([2, 0, 0, 0])); // the root folder as well
  await assert.rejects(readFat(source), /runs in a circle|larger than ours/);
  await source.close();
});

test('openExt4() reads what mke2fs wrote: folders, large files, names', async () => {
  const tree = at('tree');
  await mkdir(join(tree, 'slots/a'), { recursive: true });
  await mkdir(join(tree, 'many'));
  await writeFile(join(tree, 'slots/a/root.erofs'), noise('root', 20_000_001));
  await writeFile(join(tree, 'slots/a/version'), '1\n');
  for (let n = 0; n < 300; n += 1) await writeFile(join(tree, `many/file number ${n}`), '');
  for (const options of [
    ['-b', '4096'],
    ['-b', '1024'],
    ['-O', '^metadata_csum,^64bit'],
  ]) {
    const disk = await empty('ext4', 40);
    await run(['mke2fs', '-q', '-F', '-t', 'ext4', ...options, '-L', 'clock-os', '-d', tree, disk]);
    const source = await openSource(disk);
    const ext4 = await openExt4(source);
    assert.equal(ext4.label, 'clock-os');
    assert.equal(ext4.bytes, 40 * MIB);
    assert.deepEqual(await ext4.list('slots/a'), ['root.erofs', 'version']);
    assert.equal((await ext4.list('many')).length, 300);
    const root = await ext4.find('slots/a/root.erofs');
    assert.ok((await content(root!.chunks())).equals(noise('root', 20_000_001)));
    assert.equal(await ext4.find('slots/b/root.erofs'), undefined);
    await assert.rejects(ext4.list('slots/b'), /no folder/);
    await source.close();
  }
});

test('crc32c() of the well-known text is the well-known number', () => {
  assert.equal(~crc32c(0xff_ff_ff_ff, Buffer.from('123456789')) >>> 0, 0xe3_06_92_83);
});
