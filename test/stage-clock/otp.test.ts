// The key source "otp", with stand-ins for Raspberry Pi OS's rpi-fw-crypto that are as strict as its manual
// and source (raspberrypi/utils, rpifwcrypto/): no board here has a firmware to ask.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { chmod, mkdtempDisposable, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../image/core/run.ts';

const SOURCE = join(
  dirname(dirname(import.meta.dirname)),
  'stage-clock/04-boot/files/usr/lib/clock/boot/key-sources/otp',
);
const CID = '03534453433136478012345678014a00';
const OTP = '11'.repeat(32);

/** Answers like the real one: its options, its exit codes (256 less the firmware's error), its words. */
const FIRMWARE = `#!${process.execPath}
const { createHmac } = require('node:crypto');
const { readFileSync } = require('node:fs');
const [command, ...words] = process.argv.slice(2);
const say = (text, code) => { console.error(text); process.exit(code); };
const options = {};
for (let at = 0; at + 1 < words.length; at += 2) options[words[at]] = words[at + 1];
const key = process.env.OTP_KEY;
const id = options['--key-id'];
if (!['hmac', 'pubkey'].includes(command) || id === undefined) say('Usage: rpi-fw-crypto', 1);
if (id !== '1') say('Last crypto error: 2 (Invalid key id)', 254);
if (command === 'pubkey') {
  if (/^0*$/.test(key)) say('Last crypto error: 6 (Key not set)', 250);
  process.stdout.write('3059'.padEnd(182, '0'));
  process.exit(0);
}
const message = readFileSync(options['--in']);
if (message.length > 2048) say('Input file too large (max 2048 bytes)', 255);
const made = createHmac('sha256', Buffer.from(key, 'hex')).update(message).digest();
process.stdout.write(options['--outform'] === 'hex' ? made.toString('hex') : made);
`;

interface Board {
  readonly cid?: string;
  readonly key?: string;
  /** In place of the firmware's tool; null for none. */
  readonly tool?: string | null;
}

/** Runs the source with a PATH of its own: what a board has, and nothing else. */
async function otp({ cid = CID, key = OTP, tool = FIRMWARE }: Board = {}): Promise<{
  code: number;
  stdout: string;
  stderr: string;
}> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-otp-'));
  const program = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder.path, name), text);
    await chmod(join(folder.path, name), 0o755);
  };
  const cat =
    '#!/bin/sh\n[ "$1" = /sys/block/mmcblk0/device/cid ] || exit 1\n' +
    (cid === 'none' ? 'exit 1\n' : `echo '${cid}'\n`);
  await program('cat', cat);
  if (tool !== null) await program('rpi-fw-crypto', tool);
  for (const name of ['env']) await symlink(`/usr/bin/${name}`, join(folder.path, name));
  const env = {
    PATH: folder.path,
    CLOCK_DISK: 'mmcblk0',
    CLOCK_BOOT_DIR: '/nowhere',
    OTP_KEY: key,
  };
  const words = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const argv = ['env', '--ignore-environment', ...words, '/bin/sh', SOURCE];
  // Awaited here: the folder must stay until it has ended.
  return await run(argv, { accept: [...Array(256).keys()] });
}

test('otp prints the HMAC of the card under the key of the board, and nothing else', async () => {
  const { code, stdout, stderr } = await otp();
  const key = Buffer.from(OTP, 'hex');
  const wanted = createHmac('sha256', key).update(`clock-otp-v1:${CID}`).digest('hex');
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: wanted, stderr: '' });
});

test('otp gives another key for another card, and for another board', async () => {
  const keys = [await otp(), await otp({ cid: CID.replace('4a', '4b') }), await otp({ key: 'ff' })];
  assert.equal(new Set(keys.map(({ stdout }) => stdout)).size, 3);
});

const refusals: Readonly<Record<string, readonly [Board, RegExp]>> = {
  'without the Raspberry Pi kernel': [{ tool: null }, /not a Raspberry Pi kernel/],
  'when the board was never given a key': [{ key: '00'.repeat(32) }, /no key of its own/],
  'when the card tells no identity': [{ cid: 'none' }, /no identity/],
  'when the identity is empty': [{ cid: '' }, /no identity/],
  'when an old firmware knows no pubkey': [
    { tool: FIRMWARE.replace("'pubkey'].includes", "'none'].includes") },
    /no key of its own/,
  ],
  'when the HMAC fails': [
    { tool: '#!/bin/sh\n[ "$1" = pubkey ] || { echo "Last crypto error: 4" >&2; exit 252; }\n' },
    /computes no HMAC/,
  ],
  'when something else comes than an HMAC': [
    { tool: '#!/bin/sh\necho Usage: rpi-fw-crypto\n' },
    /something else/,
  ],
  'when the HMAC is cut short': [{ tool: '#!/bin/sh\nprintf %s 00ff\n' }, /something else/],
};
for (const [when, [board, why]] of Object.entries(refusals)) {
  test(`otp says why and prints no key ${when}`, async () => {
    const { code, stdout, stderr } = await otp(board);
    assert.equal(stdout, '');
    assert.equal(code, 1);
    assert.match(stderr, why);
  });
}

test('otp is asked first, and nothing in the image ever writes the memory of a board', async () => {
  const keys = await readFile(join(dirname(dirname(SOURCE)), 'keys.sh'), 'utf8');
  assert.match(keys, /^KEY_SOURCES="otp /m);
  const source = await readFile(SOURCE, 'utf8');
  const code = source.split('\n').filter((line) => !line.startsWith('#'));
  assert.doesNotMatch(code.join('\n'), /genkey|privkey|set-key/);
});
