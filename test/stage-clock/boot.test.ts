// The boot script's functions, with a folder in place of a card and shell functions in place of the
// programs that need one: what goes wrong here cannot be made to go wrong on an emulated board.
import assert from 'node:assert/strict';
import { mkdir, mkdtempDisposable, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../image/core/run.ts';

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

/** A card's folders before the state is filled, with a factory's record on the system partition. */
async function cardFolder(path: string): Promise<string> {
  for (const name of ['os/unit', 'state', 'boot']) {
    await mkdir(join(path, name), { recursive: true });
  }
  for (const name of ['serial', 'endpoints.json', 'claim.crt', 'claim.key', 'unit.json', 'other']) {
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
    'agent/claim.crt': '600',
    'agent/claim.key': '600',
    'agent/unit.json': '600',
    'endpoints.json': '444',
    'machine-id': '444',
    other: '600',
    serial: '444',
    timesync: '755',
  });
});

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
