// The boot script's functions, with a folder in place of a card and shell functions in place of the
// programs that need one: what goes wrong here cannot be made to go wrong on an emulated board.
import assert from 'node:assert/strict';
import {
  mkdir,
  mkdtempDisposable,
  readFile,
  readdir,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { run } from '../../image/core/run.ts';
import { unlock } from '../../image/unit/read/keyslot.ts';
import { readLuks } from '../../image/unit/read/luks.ts';
import { openSource } from '../../image/unit/read/source.ts';

const BOOT = join(
  dirname(dirname(import.meta.dirname)),
  'stage-clock/04-boot/files/usr/lib/clock/boot',
);

/** stop() never returns; its code is what the script prints last. */
const STUBS = `
stop() { echo "STOPPED $1"; exit 0; }
mount() { :; }
sync() { :; }
hexdump() { echo 00112233445566778899aabbccddeeff; }
`;

/** Sources these parts, then the stubs over them, and runs `script`; returns what it printed. */
async function sh(parts: readonly string[], script: string, privateDir = '/'): Promise<string> {
  const sources = parts.map((part) => `. "${BOOT}/${part}.sh"`).join('\n');
  const text = `PRIVATE="${privateDir}"\n${sources}\n${STUBS}\n${script}\n`;
  return (await run(['sh', '-u'], { stdin: text })).stdout.trim();
}

const FOR_AGENT = ['claim.crt', 'claim.key', 'registration.token', 'unit.json'];
const RECORD = ['serial', 'endpoints.json', ...FOR_AGENT, 'other'];

/** A card's folders before the state is filled, with a factory's record on the system partition. */
async function cardFolder(path: string): Promise<string> {
  for (const name of ['os/unit', 'state', 'boot']) {
    await mkdir(join(path, name), { recursive: true });
  }
  for (const name of RECORD) {
    await writeFile(join(path, 'os/unit', name), `${name}\n`, { mode: 0o600 });
  }
  await writeFile(join(path, 'boot/clock.key'), 'key');
  return path;
}

for (const [line, isFailing] of [
  ['I/O error, dev mmcblk0, sector 123 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2', true],
  ['Buffer I/O error on dev mmcblk0p2, logical block 0, async page read', true],
  ['mmc0: error -110 whilst initialising SD card', true],
  ['mmc1: error -110 whilst initialising SDIO card', false],
  ['mmc0: new high speed SDHC card at address 4567', false],
] as const) {
  test(`card_is_failing() ${isFailing ? 'hears' : 'passes over'} "${line.slice(0, 44)}"`, async () => {
    const script = `dmesg() { echo "[  1.0] ${line}"; }; card_is_failing && echo yes || echo no`;
    assert.equal(await sh(['report'], script), isFailing ? 'yes' : 'no');
  });
}

test('fill_state() lets the agent read what is its own of a record, and nothing else', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-boot-'));
  const card = await cardFolder(folder.path);
  assert.equal(await sh(['state'], 'STATE_NAME=none; fill_state', card), '');
  const modes: Record<string, string> = {};
  for (const name of (await readdir(join(card, 'state'), { recursive: true })).sort()) {
    modes[name] = ((await stat(join(card, 'state', name))).mode & 0o777).toString(8);
  }
  assert.deepEqual(modes, {
    agent: '700',
    ...Object.fromEntries(FOR_AGENT.map((name) => [`agent/${name}`, '600'])),
    'endpoints.json': '444',
    'machine-id': '444',
    other: '600',
    serial: '444',
    timesync: '755',
  });
});

for (const [what, behind, said] of [
  ['as it is', '', ''],
  ['padded by the flasher', '\0'.repeat(5_000), ''],
  ['cut short', undefined, 'STOPPED record-damaged'],
] as const) {
  test(`what a reflash carries over, ${what}: ${said === '' ? 'is the queue' : said}`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-boot-'));
    const card = await cardFolder(folder.path);
    const queue = Buffer.from('what was not told yet\n'.repeat(100));
    const packed = gzipSync(queue);
    const content =
      behind === undefined ? packed.subarray(0, 40) : Buffer.concat([packed, Buffer.from(behind)]);
    await writeFile(join(card, 'os/unit/carried.db.gz'), content);
    assert.equal(await sh(['state'], 'STATE_NAME=none; fill_state', card), said);
    if (said !== '') return;
    assert.deepEqual(await readFile(join(card, 'state/agent/outbox.db')), queue);
    assert.ok(!(await readdir(join(card, 'state'))).includes('carried.db.gz'));
  });
}

test('fill_state() goes no further when the agent cannot be given what is its own', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-boot-'));
  const script = 'mv() { return 1; }; STATE_NAME=none; fill_state; echo went on';
  const card = await cardFolder(folder.path);
  assert.equal(await sh(['state'], script, card), 'STOPPED card-failing');
});

test('fill_state() goes no further when the record cannot be copied', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-boot-'));
  const script = 'cp() { return 1; }; STATE_NAME=none; fill_state; echo went on';
  const card = await cardFolder(folder.path);
  assert.equal(await sh(['state'], script, card), 'STOPPED card-failing');
});

const SERIAL = '0f'.repeat(16);
const DIGITS = '5a'.repeat(32);
/** Real LUKS2 in files; what would need device-mapper is left out, what would take seconds is small. */
const LUKS = `
cryptsetup() {
  case "$* " in
    *--test-passphrase*) command cryptsetup "$@" ;;
    "open "* | "close "*) : ;;
    *) command cryptsetup "$@" ;;
  esac
}
mke2fs() { :; }
best_source() { SEAL=board; printf board-key >"$1"; }
SLOW_KDF="--pbkdf argon2id --pbkdf-memory 4096 --pbkdf-force-iterations 4"
OS="\${PRIVATE}/p2" STATE="\${PRIVATE}/p3" OS_NAME=clock-os STATE_NAME=clock-state
`;

/** A card with these files in its record, p2 encrypted, p3 empty. */
async function luksCard(path: string, record: Readonly<Record<string, string>>): Promise<void> {
  for (const name of ['os/unit', 'state', 'boot']) {
    await mkdir(join(path, name), { recursive: true });
  }
  for (const [name, text] of Object.entries(record)) {
    await writeFile(join(path, 'os/unit', name), text);
  }
  await writeFile(join(path, 'boot/clock.key'), 'transport-key');
  for (const name of ['p2', 'p3']) {
    await writeFile(join(path, name), '');
    await truncate(join(path, name), 20 * 1024 * 1024);
  }
  const quick = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
  const key = ['--key-file', join(path, 'boot/clock.key')];
  const format = ['cryptsetup', 'luksFormat', '--batch-mode', '--type', 'luks2'];
  await run([...format, ...quick, ...key, '--label', 'clock-os', join(path, 'p2')]);
}

/** Which of these keys open it, by our own reader. */
async function opensWith(file: string, keys: readonly string[]): Promise<string[]> {
  const source = await openSource(file);
  try {
    const { header } = await readLuks(source);
    const fits: string[] = [];
    for (const key of keys) {
      if ((await unlock(source, header!, Buffer.from(key))) !== undefined) fits.push(key);
    }
    return fits;
  } finally {
    await source.close();
  }
}

for (const [what, script] of [
  ['in one go', 'format_state; fill_state; seal_system; complete_state; drop_transport_key'],
  [
    'cut after each of its steps',
    `format_state; format_state; fill_state; format_state; fill_state; seal_system; format_state
     fill_state; seal_system; complete_state; drop_record; drop_transport_key`,
  ],
] as const) {
  test(`a first boot ${what} gives both partitions the recovery key and takes the record away`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-boot-'));
    const { path } = folder;
    const padded = `${DIGITS}\n\n  \n`;
    const record = { 'recovery.key': padded, serial: `${SERIAL}\n`, 'unit.json': '{}' };
    await luksCard(path, record);
    assert.equal(await sh(['keys', 'state'], `${LUKS}\n${script}`, path), '');
    const keys = [DIGITS, 'board-key', 'transport-key'];
    for (const name of ['p2', 'p3']) {
      assert.deepEqual(await opensWith(join(path, name), keys), keys.slice(0, 2), name);
    }
    const source = await openSource(join(path, 'p3'));
    const { header } = await readLuks(source);
    await source.close();
    assert.equal(header?.subsystem, SERIAL);
    assert.equal(Object.keys(header.metadata.keyslots).length, 2);
    assert.deepEqual(await readdir(join(path, 'os')), [], 'no record, used or not');
    const left = await readdir(join(path, 'state'), { recursive: true });
    assert.ok(left.includes('agent/unit.json') && !left.includes('recovery.key'), left.join());
  });
}

for (const [what, content] of [
  ['too short', '5a5a\n'],
  ['of two lines', `${DIGITS}\n00\n`],
  ['in capitals', `${'5A'.repeat(32)}\n`],
  ['empty', ''],
] as const) {
  test(`a recovery key that is ${what} stops the first boot: nobody could recover such a unit`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-boot-'));
    await luksCard(folder.path, { 'recovery.key': content });
    const script = `${LUKS}\nformat_state; echo went on`;
    assert.match(await sh(['keys', 'state'], script, folder.path), /^STOPPED record-damaged/);
  });
}

for (const [what, remove, said] of [
  ['that is gone', 'command rm "$@"', 'went on'],
  ['that stays', ':', 'STOPPED card-failing'],
] as const) {
  test(`drop_transport_key() with a key file ${what}: ${said}`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-boot-'));
    const stubs = `rm() { ${remove}; }; cryptsetup() { return 1; }; OS=none`;
    const card = await cardFolder(folder.path);
    assert.equal(await sh(['keys'], `${stubs}; drop_transport_key; echo went on`, card), said);
  });
}
