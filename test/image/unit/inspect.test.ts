// ./build.sh inspect on images made by the real builder: whole ones, ones with a single flipped bit in
// every part that matters, and cards on their way to being sealed.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../../image/core/run.ts';
import { writeBmap } from '../../../image/release/bmap.ts';
import { hashFile } from '../../../image/release/inputs.ts';
import { inspect } from '../../../image/unit/inspect/inspect.ts';
import { signersOf } from '../../../image/unit/inspect/release.ts';
import { inspectFile } from '../../../image/unit/inspect/start.ts';
import type { Report } from '../../../image/unit/inspect/report.ts';
import { renderReport } from '../../../image/unit/inspect/report.ts';
import { MIB } from '../../../image/unit/layout.ts';
import { signer } from '../../../image/unit/manifest.ts';
import type { Signer } from '../../../image/unit/manifest.ts';
import { recoveryKeyText } from '../../../image/unit/recovery-key.ts';
import { decrypted, unlock } from '../../../image/unit/read/keyslot.ts';
import { readLuks } from '../../../image/unit/read/luks.ts';
import { openSource, section } from '../../../image/unit/read/source.ts';
import { recordingProgress } from '../core/progress.fake.ts';
import { copyOf, fakeImage, fakeRelease, flip, newSigningKey, overwrite } from './fake.ts';

const folder = await mkdtemp(join(tmpdir(), 'clock-inspect-'));
after(() => rm(folder, { recursive: true, force: true }));
const key = newSigningKey();
const own = signer(key.publicKeyPem, 'own');
const release = join(folder, 'release');
await fakeRelease(release, key);
const image = await fakeImage(folder, release);
const bytes = await readFile(image);

const BOOT = 4 * MIB;
const SYSTEM = 132 * MIB;
/** Where the first copies of these contents lie in the image. */
const released = async (name: string): Promise<Buffer> => readFile(join(release, name));
const placeOf = async (name: string): Promise<number> => {
  const at = bytes.indexOf((await released(name)).subarray(0, 64), BOOT);
  assert.ok(at > 0, name);
  return at;
};

/** Where these contents lie in the image although they are encrypted there. */
async function sealedPlaceOf(name: string): Promise<number> {
  const source = await openSource(image);
  const system = section(source, SYSTEM, source.bytes);
  const { header } = await readLuks(system);
  const keyAt = bytes.indexOf(await transportKey(), BOOT);
  const opened = await unlock(system, header!, bytes.subarray(keyAt, keyAt + 32));
  const clear = decrypted(system, header!, opened!.volumeKey);
  const at = (await clear.read(0, clear.bytes)).indexOf((await released(name)).subarray(0, 64));
  await source.close();
  assert.ok(at > 0, name);
  return SYSTEM + header!.metadata.segments['0']!.offset + at;
}

async function transportKey(): Promise<Buffer> {
  const out = join(folder, 'clock.key');
  await run(['mcopy', '-n', '-o', '-i', `${image}@@${BOOT}`, '::clock.key', out]);
  return readFile(out);
}

interface Looked {
  readonly signers?: readonly Signer[];
  readonly strict?: boolean;
  readonly key?: Buffer;
  readonly recoveryKeys?: (serial: string) => Promise<readonly Buffer[]>;
}

const look = (file: string, options: Looked = {}): Promise<Report> =>
  inspect({ file, signers: [own], strict: false, progress: recordingProgress(), ...options });
const codes = ({ findings }: Report): string[] => findings.map(({ code }) => code);

test('an image fresh from the builder is whole, and everything in it is named', async () => {
  const report = await look(image);
  assert.deepEqual(report.findings, []);
  assert.deepEqual(report.notChecked, []);
  assert.equal(report.verdict, 'whole');
  assert.equal(report.kind, 'image');
  assert.equal(report.summary, 'an unused image of release 0.0.0-test');
  assert.deepEqual(report.boot?.startsOn, ['Pi 3 B', 'Pi 3 B+', 'Pi 4 B']);
  assert.equal(report.boot?.config, 'as built');
  assert.equal(report.system?.label, 'clock-os');
  assert.equal(report.system?.sectorBytes, 4096);
  const slot0 = { name: '0', kdf: 'pbkdf2-sha256, 1000 iterations', takes: 'random' };
  assert.deepEqual(report.system?.keySlots, [slot0]);
  assert.equal(report.system?.opened?.key, 'The transport key');
  const [slot] = report.slots ?? [];
  assert.equal(slot?.root?.sha256, await hashFile(join(release, 'root.erofs')));
  assert.deepEqual([slot?.kernel, slot?.packages], ['6.12.1-arm64', 2]);
  assert.deepEqual(slot?.signature, {
    ...{ state: 'valid', known: 'own', keyId: key.keyId, development: true },
  });
});

const flips: Readonly<Record<string, readonly [() => number | Promise<number>, string[]]>> = {
  'the boot partition in the table': [() => 446 + 8, ['table-damaged']],
  'the size of the system partition in the table': [() => 446 + 16 + 13, ['table-damaged']],
  'the signature of the table': [() => 510, ['table-damaged']],
  'the first sector of the boot partition': [() => BOOT + 3, ['boot-copies-differ']],
  'one file table of the boot partition': [() => BOOT + 32 * 512 + 90_000, ['boot-copies-differ']],
  'the kernel': [() => placeOf('slot/vmlinuz'), ['boot-file-damaged']],
  'the firmware': [() => placeOf('firmware/bootcode.bin'), ['boot-file-damaged']],
  'config.txt': [() => bytes.indexOf('# Clock IoT unit.'), ['boot-file-damaged']],
  'the manifest on the boot partition': [() => placeOf('manifest.json'), ['manifest-damaged']],
  'the signature on the boot partition': [() => placeOf('manifest.sig'), ['signature-damaged']],
  'the first LUKS header': [() => SYSTEM + 5_000, ['luks-one-copy']],
  'the magic number of the first LUKS header': [() => SYSTEM + 1, ['luks-one-copy']],
  'the second LUKS header': [() => SYSTEM + 16_384 + 5_000, ['luks-one-copy']],
  'the key slot': [() => SYSTEM + 32_768 + 100_000, ['key-refused']],
  'the encrypted root image': [() => sealedPlaceOf('root.erofs'), ['root-damaged']],
  'the encrypted manifest': [() => sealedPlaceOf('manifest.json'), ['manifest-damaged']],
  'the encrypted signature': [() => sealedPlaceOf('manifest.sig'), ['signature-damaged']],
  'the encrypted list of boot files': [() => sealedPlaceOf('boot.sha256'), ['slot-file-damaged']],
  'the encrypted file system': [() => SYSTEM + 16 * MIB + 1024, ['system-damaged']],
};
for (const [what, [place, expected]] of Object.entries(flips)) {
  test(`one flipped bit in ${what} is found and named`, async () => {
    const copy = await copyOf(image, 'flipped');
    await flip(copy, await place());
    const report = await look(copy);
    assert.equal(report.verdict, 'damaged');
    assert.deepEqual(codes(report), expected);
    assert.match(
      renderReport(report),
      /^damaged: [A-Z].+; it is an? .+ of release 0\.0\.0-test\n✗ /,
    );
  });
}

test('both LUKS headers damaged: nothing opens, the rest is told all the same', async () => {
  const copy = await copyOf(image, 'headers');
  await flip(copy, SYSTEM + 5_000);
  await flip(copy, SYSTEM + 16_384 + 5_000);
  const report = await look(copy);
  assert.deepEqual(codes(report), ['luks-damaged']);
  assert.equal(report.slots?.[0]?.signature.state, 'valid');
});

test('a bit in the transport key: key and partition do not fit', async () => {
  const copy = await copyOf(image, 'key');
  await flip(copy, bytes.indexOf(await transportKey(), BOOT));
  assert.deepEqual(codes(await look(copy)), ['key-refused']);
});

test('both manifests changed alike do not fit their signature', async () => {
  const copy = await copyOf(image, 'manifests');
  for (const at of [await placeOf('manifest.json'), await sealedPlaceOf('manifest.json')]) {
    await flip(copy, at + 8);
  }
  const report = await look(copy);
  assert.ok(
    codes(report).some((code) => /^(manifest|signature)/.test(code)),
    String(codes(report)),
  );
});

test('who signed: a key of this machine, the one given, another one, or nobody known', async () => {
  const stranger = signer(newSigningKey().publicKeyPem, 'given');
  const state = ({ slots }: Report): unknown => {
    const { state: found, known } = slots![0]!.signature;
    return [found, known];
  };
  assert.deepEqual(state(await look(image)), ['valid', 'own']);
  assert.deepEqual(state(await look(image, { signers: [] })), ['valid', 'enclosed']);
  const given = signer(key.publicKeyPem, 'given');
  assert.deepEqual(state(await look(image, { signers: [given], strict: true })), [
    'valid',
    'given',
  ]);
  const other = await look(image, { signers: [stranger], strict: true });
  assert.deepEqual(codes(other), ['wrong-signer']);
});

test('an image cut short, and a card whose writing stopped', async () => {
  const short = await copyOf(image, 'short');
  await truncate(short, bytes.length - 1);
  assert.deepEqual(codes(await look(short)), ['cut-short']);
  await truncate(short, SYSTEM + 20 * MIB);
  assert.match((await look(short)).summary, /^It was cut short: 37\.7 MB are missing/);
  const card = await copyOf(image, 'half');
  const middle = SYSTEM + 18 * MIB;
  await truncate(card, middle);
  await truncate(card, 256 * MIB);
  const report = await look(card);
  assert.match(report.summary, /^It is half written: its end is still empty/);
  assert.equal(report.verdict, 'damaged');
});

test('the unit record waits in a card that the flasher made', async () => {
  const report = await look(await fakeImage(folder, release, { 'unit.json': '{}' }));
  assert.equal(report.verdict, 'whole');
  assert.deepEqual(report.system?.record, ['unit.json']);
});

test('.sha256 and .bmap beside an image are checked', async () => {
  const place = join(folder, 'beside');
  await mkdir(place);
  const file = join(place, 'unit.img');
  await run(['cp', '--sparse=always', image, file]);
  await writeBmap(file);
  await writeFile(`${file}.sha256`, `${await hashFile(file)}  ${basename(file)}\n`);
  const good = await look(file);
  assert.deepEqual(good.beside, { sha256: 'fits', bmap: 'fits' });
  assert.equal(good.verdict, 'whole');
  // Where nothing lies that anything inside could miss: the area of a key slot that is not used.
  await flip(file, SYSTEM + MIB - 4096);
  const bad = await look(file);
  assert.deepEqual(codes(bad), ['sha256-differs', 'bmap-differs']);
  await writeFile(`${file}.sha256`, 'no sum\n');
  await writeFile(`${file}.bmap`, (await readFile(`${file}.bmap`, 'utf8')).replace('4096', '8192'));
  assert.deepEqual(codes(await look(file)), ['sha256-unreadable', 'bmap-unreadable']);
});

/** What the first boot does to a card, as far as it can be seen from outside. */
async function startedCard(name: string): Promise<string> {
  const card = await copyOf(image, name);
  const size = 1_500;
  await truncate(card, size * MIB);
  const sectors = (mib: number): number => mib * 2048;
  const table = [
    'label: dos',
    `start=${sectors(4)}, size=${sectors(128)}, type=c, bootable`,
    `start=${sectors(132)}, size=${sectors(1024)}, type=83`,
    `start=${sectors(1156)}, size=${sectors(size - 1156)}, type=83`,
  ];
  await run(['sfdisk', '--quiet', '--wipe', 'never', card], { stdin: table.join('\n') });
  return card;
}

const SERIAL = '0f'.repeat(16);
const RECOVERY_DIGITS = '5a'.repeat(32);
const BOARD_KEY = Buffer.from('clock-board-v1:00000000c10c0001:aa58');

async function sealedCard(): Promise<string> {
  const card = await startedCard('sealed');
  const [system, state] = [join(folder, 'p2'), join(folder, 'p3')];
  const [transport, board] = [join(folder, 'clock.key'), join(folder, 'board.key')];
  await transportKey();
  await writeFile(board, BOARD_KEY);
  await writeFile(system, bytes.subarray(SYSTEM));
  const slow = ['--pbkdf', 'argon2id', '--pbkdf-memory', '4096', '--pbkdf-force-iterations', '4'];
  const quiet = ['cryptsetup', '--batch-mode'];
  await run([...quiet, 'luksAddKey', ...slow, '--key-file', transport, system, board]);
  const digits = join(folder, 'recovery.digits');
  await writeFile(digits, RECOVERY_DIGITS);
  const fast = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
  await run([...quiet, 'luksAddKey', ...fast, '--key-file', transport, system, digits]);
  await run([...quiet, 'luksRemoveKey', system, transport]);
  await writeFile(state, '');
  await truncate(state, 20 * MIB);
  const names = ['--label', 'clock-state', '--subsystem', SERIAL];
  const made = ['--type', 'luks2', ...names, '--key-file', board, state];
  await run([...quiet, 'luksFormat', ...slow, '--sector-size', '4096', ...made]);
  await overwrite(card, SYSTEM, await readFile(system));
  await overwrite(card, 1156 * MIB, await readFile(state));
  await run(['mdel', '-i', `${card}@@${BOOT}`, '::clock.key']);
  return card;
}

test('a card whose first boot was cut is told from an unused and from a sealed one', async () => {
  const report = await look(await startedCard('begun'));
  assert.equal(report.kind, 'first-boot');
  assert.deepEqual(codes(report), []);
});

test('a sealed card: what can be seen is whole; its key opens the rest', async () => {
  const card = await sealedCard();
  const outside = await look(card);
  assert.deepEqual([outside.verdict, outside.kind], ['whole', 'sealed']);
  assert.match(outside.notChecked.join(), /opens on its own board only/);
  assert.match(outside.state?.keySlots[0]?.kdf ?? '', /^argon2id, 4096 KiB, 4 passes/);
  const inside = await look(card, { key: BOARD_KEY });
  assert.deepEqual([inside.verdict, inside.findings.length], ['whole', 0]);
  assert.equal(inside.slots?.[0]?.root?.sha256, await hashFile(join(release, 'root.erofs')));
  assert.deepEqual(codes(await look(card, { key: Buffer.from('other') })), ['key-refused']);
  assert.equal(outside.state?.serial, SERIAL);
  const takes = outside.system?.keySlots.map((slot) => slot.takes);
  assert.deepEqual(takes?.toSorted(), ['board', 'random']);
  const asked: string[] = [];
  const recoveryKeys = async (serial: string): Promise<readonly Buffer[]> => {
    asked.push(serial);
    return [Buffer.from('ab'.repeat(32)), Buffer.from(RECOVERY_DIGITS)];
  };
  const known = await look(card, { recoveryKeys });
  assert.deepEqual(
    [known.system?.opened?.key, asked],
    ['The recovery key in the ledger', [SERIAL]],
  );
  const strange = await look(card, {
    recoveryKeys: async () => [Buffer.from('ab'.repeat(32)), Buffer.from('cd'.repeat(32))],
  });
  assert.deepEqual(codes(strange), ['key-refused'], 'said once for all keys of the ledger');
  const key = join(folder, 'recovery.key');
  await writeFile(key, `${recoveryKeyText(Buffer.from(RECOVERY_DIGITS, 'hex'))} \n\n`);
  const request = { file: card, key, progress: recordingProgress() };
  const { report, text } = await inspectFile(request);
  assert.equal(report.verdict, 'whole', text);
  assert.match(text, /key slot \d: the recovery key/);
  await flip(card, SYSTEM + 5_000);
  const mended = await look(card);
  assert.deepEqual(codes(mended), ['luks-one-copy']);
  assert.equal(mended.verdict, 'whole', 'the next start mends it');
});

test('the private half of a key is not taken for who may have signed', async () => {
  const [whole, half] = [join(folder, 'factory.key'), join(folder, 'factory.pem')];
  await writeFile(whole, key.privateKeyPem);
  await writeFile(half, key.publicKeyPem);
  await assert.rejects(signersOf(whole, []), { code: 'no-key', hint: /openssl pkey .* -pubout/ });
  assert.equal((await signersOf(half, [])).length, 1);
});
