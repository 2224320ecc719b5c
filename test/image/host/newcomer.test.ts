// The command line as a newcomer meets it: real processes, real mistakes, Ctrl-C at a bad moment.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdtempDisposable, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commandNames } from '../../../image/host/commands.ts';
import { processesWith, until } from '../core/processes.ts';

const HOME = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = join(HOME, 'image/main.ts');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Asked {
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts the command line with these words; `before` runs it inside another program. */
function ask(
  words: readonly string[],
  { env = {}, before = [] }: { env?: Record<string, string>; before?: readonly string[] } = {},
): Asked {
  const argv = [...before, process.execPath, MAIN, ...words];
  const child = spawn(argv[0]!, argv.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { ended, kill: (signal) => void child.kill(signal) };
}

/** One sentence that names the thing, one next action, no stack. */
function assertPlain({ stderr }: Ended, message: RegExp, hint: RegExp): void {
  assert.match(stderr, message);
  assert.match(stderr, hint);
  assert.match(stderr, /^build\.sh: .+\n {2}→ .+/m);
  assert.doesNotMatch(stderr, /defect|^\s+at /m);
}

test('help names every command and tells more about each', async () => {
  const { code, stdout } = await ask(['help']).ended;
  assert.equal(code, 0);
  for (const name of commandNames) {
    assert.match(stdout, new RegExp(`^ {2}${name} +\\S`, 'm'));
    const more = await ask(['help', name]).ended;
    assert.equal(more.code, 0);
    assert.match(more.stdout, new RegExp(`^Usage: \\./build\\.sh ${name}`));
    assert.match(more.stdout, /^Examples:\n {2}\.\/build\.sh/m);
  }
});

const mistakes: readonly (readonly [string, number, RegExp, RegExp])[] = [
  ['imgae', 2, /There is no command "imgae"/, /Did you mean "\.\/build\.sh image"\?/],
  ['help bot', 2, /There is no command "bot"/, /Did you mean "\.\/build\.sh boot"\?/],
  ['image --fource', 2, /"image" has no option --fource/, /Did you mean --force\?/],
  ['image --engine pigen', 2, /--engine cannot be "pigen"/, /Did you mean pi-gen/],
  ['boot --http 80a', 2, /--http cannot be "80a"/, /from 1 to 65535/],
  ['boot --board raspi4b', 2, /--board cannot be "raspi4b"/, /raspi3b/],
  ['boot --image missing.img', 1, /There is no file missing\.img/, /looked for in/],
  ['boot --image test', 1, /test is a folder/, /\.img file/],
  ['unit list A-17', 2, /"unit list" does not know what to do with "A-17"/, /help unit/],
  ['unit export --order A-17', 2, /"unit export" has no option --order/, /help unit/],
  ['unit retire 3f9a --order A-17 --why x', 2, /A unit and an order/, /SERIAL, or --order/],
  ['recover build.sh --out test', 1, /test is a folder/, /--out FILE/],
  ['recover build.sh --out package.json', 1, /is there already/, /another name/],
  ['unit', 2, /"unit" needs an ACTION/, /help unit/],
  ['label 3f9a --format zpl --out x.pdf', 2, /--format zpl does not go with/, /\.zpl/],
  [
    'recover build.sh --out /proc/x/y.db',
    1,
    /There is no folder \/proc\/x/,
    /Make it, or choose another place/,
  ],
  [
    'recover build.sh --out build.sh/y.db',
    1,
    /Nothing can be written into/,
    /place with --out FILE/,
  ],
  ['label 3f9a --out x.svg', 2, /x\.svg does not say by its ending/, /in \.pdf, \.png, \.zpl, or/],
  ['label 3f9a --first 2', 2, /--first is for sheets/, /--order ID/],
  ['label --order A-17 --format zpl --first 2', 2, /--first is for sheets/, /PDF or PNG/],
  ['unit init --no-escrow --ledger /proc/ledger.db', 1, /There is no \/proc\/ledger\.db/, /name/],
  ['unit init --no-escrow --ledger test', 1, /test is a folder, not a ledger/, /--ledger FILE/],
  ['unit list --ledger test', 1, /test is a folder, not a ledger/, /--ledger FILE/],
  ['unit list --ledger /dev/null', 1, /null is no file/, /--ledger FILE/],
  ['inspect', 2, /"inspect" needs a FILE/, /help inspect/],
  ['inspect missing.img', 2, /There is no file missing\.img/, /looked for in/],
  ['inspect test', 2, /test is a folder/, /\.img file/],
  ['inspect build.sh --signer build.sh', 1, /build\.sh holds no public key/, /PEM file/],
  ['image --size 3G', 2, /--size cannot be "3G"/, /one of: 2G, 4G/],
  ['test --only no-such-thing', 2, /No test file has "no-such-thing"/, /test\/\*\*/],
  ['image --out /proc/nowhere', 1, /Nothing can be written into \/proc\/nowhere/, /--out DIR/],
  ['image --out /etc/passwd', 1, /Nothing can be written into \/etc\/passwd/, /--out DIR/],
];
for (const [words, code, message, hint] of mistakes) {
  test(`"./build.sh ${words}" ends with ${code} and says what to do`, async () => {
    const ended = await ask(words.split(' '), {}).ended;
    assertPlain(ended, message, hint);
    assert.equal(ended.code, code);
  });
}

test('a mistake in what was typed leaves no log', async () => {
  const startedAt = new Date().toISOString().replace(/[-:]/g, '').slice(0, 15);
  const ended = await ask(['flash', '/dev/none', '--station']).ended;
  assert.equal(ended.code, 2);
  assertPlain(ended, /plain which cards are meant/, /or --station/);
  assert.doesNotMatch(ended.stderr, /log of this run/);
  const names = await readdir(join(HOME, 'build/log')).catch(() => []);
  const left = names.filter((name) => name.endsWith('-flash.log') && name >= startedAt);
  assert.deepEqual(left, []);
});

test("support's secret key is never shown, wherever it is typed: the message says where the public one is", async () => {
  const secret = 'AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQQPZRY9X8GF2TVDW0S3JN54KH';
  for (const words of [
    ['unit', 'init', '--recipient', secret],
    ['unit', 'recipient', `--recipient=${secret}`],
    ['unit', 'unseal', '--identity', secret.toLowerCase()],
    ['reflash', '3f9a', '/dev/none', '--identity', secret],
    ['inspect', secret],
    ['label', secret],
    ['image', `--${secret}`],
  ]) {
    const ended = await ask(words).ended;
    assertPlain(ended, /the secret half of a key/, /age1….*"# public key".*age-keygen -y FILE/);
    assert.equal(ended.code, 2);
    assert.doesNotMatch(ended.stderr, /KEY-1Q/i);
  }
  const { stderr } = await ask([secret]).ended;
  assert.match(stderr, /no command "AGE-SECRET-KEY-…"/);
  assert.doesNotMatch(stderr, /KEY-1Q/i);
});

test('"./build.sh inspect" answers machines in one line of JSON, and ends with 1 for what is not ours', async () => {
  const { code, stdout } = await ask(['inspect', 'build.sh', '--json']).ended;
  assert.equal(code, 1);
  const { v, verdict } = JSON.parse(stdout) as { v: number; verdict: string };
  assert.deepEqual([v, verdict], [1, 'not ours']);
});

/** A namespace in which a full disk can be mounted; an ordinary user becomes root in his own. */
const NAMESPACE = [
  ...['unshare', '--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])],
  ...['sh', '-ec', 'mount -t tmpfs -o size=50m tmpfs "$0"; exec "$@"'],
];

test('too little disk is told before anything is built', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-disk-'));
  const env = { XDG_CACHE_HOME: join(folder.path, 'cache') };
  const before = [...NAMESPACE, folder.path];
  const ended = await ask(['image', '--out', folder.path], { env, before }).ended;
  assertPlain(ended, /has 0\.1 GB free; a build needs 4 GB/, /--out DIR/);
  assert.equal(ended.code, 1);
});

test('a ledger for which there is no room, or no folder, is said so', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-disk-'));
  const before = NAMESPACE.map((word) => word.replace('size=50m', 'size=16k'));
  const init = ['unit', 'init', '--no-escrow', '--ledger'];
  const full = await ask([...init, join(folder.path, 'ledger.db')], {
    before: [...before, folder.path],
  }).ended;
  assertPlain(full, /has no room left on its disk/, /df -h/);
  const nowhere = await ask([...init, join(HOME, 'package.json/ledger.db')]).ended;
  assertPlain(nowhere, /There is no folder .*package\.json/, /rights/);
});

/**
 * A build whose first program hangs, with a child of its own. Its command lines hold the folder's
 * name, by which they are found again.
 */
async function hangingBuild(
  folder: string,
  { listens }: { readonly listens: boolean },
): Promise<Asked> {
  const program = join(folder, 'mmdebstrap');
  const deaf = listens ? '' : `trap '' TERM INT\n`;
  await writeFile(program, `#!/bin/sh\n${deaf}sh -c '${deaf}sleep 1000; :' ${folder} &\nwait\n`);
  await chmod(program, 0o755);
  const asked = ask(['image', '--out', join(folder, 'out')], {
    env: { PATH: `${folder}:${process.env['PATH']}`, XDG_CACHE_HOME: join(folder, 'cache') },
  });
  // The builder itself (its --out), the program and its child.
  const hanging = until(async () => (await processesWith(folder)).length >= 3, {
    what: 'the start of the build',
    withinMs: 20_000,
  });
  const early = asked.ended.then(({ stderr }) => Promise.reject(new Error(`ended: ${stderr}`)));
  await Promise.race([hanging, early]);
  return asked;
}

test('Ctrl-C in the middle of a step ends everything it started, and leaves no image', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-ctrl-c-'));
  const asked = await hangingBuild(folder.path, { listens: true });
  asked.kill('SIGINT');
  const { code, stderr } = await asked.ended;
  assert.equal(code, 130);
  assert.match(stderr, /Stopping and cleaning up/);
  assert.deepEqual(await processesWith(folder.path), []);
  const left = await readdir(join(folder.path, 'out'), { recursive: true });
  assert.deepEqual(
    left.filter((name) => /\.(img|bmap|sha256)$/.test(name)),
    [],
  );
});

test('a second Ctrl-C does not wait for programs that will not listen', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-ctrl-c-'));
  const asked = await hangingBuild(folder.path, { listens: false });
  asked.kill('SIGINT');
  await new Promise((resolve) => setTimeout(resolve, 300));
  const started = performance.now();
  asked.kill('SIGINT');
  const { code } = await asked.ended;
  assert.equal(code, 130);
  assert.ok(performance.now() - started < 3_000, 'sooner than the grace of the first Ctrl-C');
  await until(async () => (await processesWith(folder.path)).length === 0, {
    what: 'the end of all programs',
    withinMs: 3_000,
  });
});

test('a builder that is killed takes its programs with it', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-kill-'));
  const asked = await hangingBuild(folder.path, { listens: true });
  asked.kill('SIGKILL');
  await asked.ended;
  await until(async () => (await processesWith(folder.path)).length === 0, {
    what: 'the end of all programs',
    // Beside boots this takes ten times as long as alone (0.7 s).
    withinMs: 30_000,
  });
});

test('SIGTERM, as CI sends it when time is up, ends with 143', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-term-'));
  const asked = await hangingBuild(folder.path, { listens: true });
  asked.kill('SIGTERM');
  assert.equal((await asked.ended).code, 143);
});

test('whoever stops reading does no harm', async () => {
  const piped = spawn('sh', ['-c', `"$0" "$1" help | true`, process.execPath, MAIN], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  piped.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await new Promise((resolve) => piped.once('close', resolve));
  assert.equal(stderr, '');
});
