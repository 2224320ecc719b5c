// `./build.sh check`: what this machine is and lacks. Looks only; build.sh is what installs.
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem, userInfo } from 'node:os';
import { join } from 'node:path';
import { run } from '../core/run.ts';

/** One line of `image/host/packages`. */
interface PackageLine {
  readonly groups: readonly string[];
  readonly name: string;
  readonly why: string;
}

/** What judge() needs to know of a machine. */
export interface Machine {
  readonly architecture: string;
  /** ID and VERSION_ID of /etc/os-release, e.g. "debian 12". */
  readonly system: string;
  readonly asRoot: boolean;
  /** The user has a range in /etc/subuid: mmdebstrap needs it to build without root. */
  readonly hasSubordinateIds: boolean;
  /** /proc/sys/fs/binfmt_misc/qemu-aarch64, if it is there. */
  readonly handler: string | undefined;
  /** Whether an arm64 program really ran; undefined when there was nothing to try it with. */
  readonly runsArm64: boolean | undefined;
  readonly wanted: readonly PackageLine[];
  readonly installed: ReadonlySet<string>;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly freeBytes: number;
}

export interface Finding {
  readonly name: string;
  readonly state: 'passed' | 'warning' | 'failed' | 'not checked';
  readonly found: string;
  readonly remedy?: string;
}

/** Base, unpacked root, release and image at the same time; the emulated card comes on top. */
const FREE_BYTES_MIN = 4e9;
/** QEMU gets 1 GiB, Chromium and the build the rest. */
const MEMORY_BYTES_MIN = 2e9;
const TRIED = ['debian 12', 'debian 13'];

/** Reads the package list: `groups package why` on each line, `#` starts a comment. */
export function parsePackages(text: string): PackageLine[] {
  return text
    .split('\n')
    .filter((line) => /^[a-z]/.test(line))
    .map((line) => {
      const [groups = '', name = '', ...why] = line.split(' ');
      return { groups: groups.split(','), name, why: why.join(' ') };
    });
}

/** Looks at this machine. Changes nothing. */
export async function readMachine(home: string): Promise<Machine> {
  const wanted = parsePackages(await readFile(join(home, 'image/host/packages'), 'utf8'));
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const field = (name: string): string =>
    new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(release)?.[1] ?? 'unknown';
  const { username, uid } = userInfo();
  const ranges = await readFile('/etc/subuid', 'utf8').catch(() => '');
  const { bavail, bsize } = await statfs(home);
  return {
    architecture: process.arch,
    system: `${field('ID')} ${field('VERSION_ID')}`,
    asRoot: uid === 0,
    hasSubordinateIds: ranges.split('\n').some((line) => line.startsWith(`${username}:`)),
    handler: await readFile('/proc/sys/fs/binfmt_misc/qemu-aarch64', 'utf8').catch(() => undefined),
    runsArm64: await triedArm64(),
    wanted,
    installed: await installedOf(wanted.map(({ name }) => name)),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeBytes: bavail * bsize,
  };
}

async function triedArm64(): Promise<boolean | undefined> {
  const tried = await run(['arch-test', 'arm64'], { accept: [1] }).catch(() => undefined);
  return tried && tried.code === 0;
}

async function installedOf(names: readonly string[]): Promise<ReadonlySet<string>> {
  const format = '--showformat=${db:Status-Status} ${Package}\n';
  const { stdout } = await run(['dpkg-query', '--show', format, ...names], { accept: [1] });
  return new Set([...stdout.matchAll(/^installed (\S+)$/gm)].map((match) => match[1]!));
}

/** Judges a machine: what passes, what fails, and the line that mends it. */
export function judge(machine: Machine): Finding[] {
  return [
    system(machine),
    packages(machine, ['build', 'an image is built']),
    packages(machine, ['boot', 'it is booted']),
    optional(packages(machine, ['pigen', 'pi-gen builds it, and installed then'])),
    packages(machine, ['test', 'the tests run']),
    arm64(machine),
    rights(machine),
    space(machine),
    memory(machine),
    {
      name: 'mirror and registry',
      state: 'not checked',
      found: 'a build asks them first and says what it could not reach',
    },
  ];
}

function system({ architecture, system: name, cores }: Machine): Finding {
  const found = `${name}, ${architecture}, ${cores} ${cores === 1 ? 'core' : 'cores'}`;
  if (architecture !== 'x64') {
    const remedy = 'use a 64-bit Intel or AMD machine';
    return { name: 'system', state: 'failed', found, remedy };
  }
  if (TRIED.includes(name)) return { name: 'system', state: 'passed', found };
  return { name: 'system', state: 'warning', found, remedy: 'tried on Debian 12 and 13 only' };
}

function packages({ wanted, installed }: Machine, [group, when]: [string, string]): Finding {
  const all = wanted.filter(({ groups }) => groups.includes(group));
  const missing = all.filter(({ name: wants }) => !installed.has(wants));
  const name = `packages: ${group}`;
  if (missing.length === 0) return { name, state: 'passed', found: `all ${all.length} installed` };
  const names = missing.map(({ name: wants }) => wants).join(' ');
  return {
    name,
    state: 'failed',
    found: `missing when ${when}: ${names}`,
    remedy: `sudo apt-get install --no-install-recommends ${names}`,
  };
}

/** Of what only some builds need, a lack is no failure. */
function optional(finding: Finding): Finding {
  return finding.state === 'failed' ? { ...finding, state: 'warning' } : finding;
}

function arm64({ handler, runsArm64 }: Machine): Finding {
  const name = 'arm64 programs';
  const remedy = 'run ./build.sh once as root (or: sudo systemctl restart systemd-binfmt)';
  if (handler === undefined) return { name, state: 'failed', found: 'no handler', remedy };
  if (!handler.startsWith('enabled')) {
    const how = 'echo 1 | sudo tee /proc/sys/fs/binfmt_misc/qemu-aarch64';
    return { name, state: 'failed', found: 'the handler is switched off', remedy: how };
  }
  if (!/^flags: \w*F/m.test(handler)) {
    const found = 'the handler lacks flag F: it is not found inside a root being built';
    const how = 'echo -1 | sudo tee /proc/sys/fs/binfmt_misc/qemu-aarch64, then ./build.sh as root';
    return { name, state: 'failed', found, remedy: how };
  }
  if (runsArm64 === undefined) {
    return { name, state: 'not checked', found: 'handler registered; arch-test is missing' };
  }
  if (runsArm64) return { name, state: 'passed', found: 'one was run' };
  return { name, state: 'failed', found: 'the handler is there, but none runs', remedy };
}

function rights({ asRoot, hasSubordinateIds }: Machine): Finding {
  const name = 'rights';
  if (asRoot) return { name, state: 'passed', found: 'root' };
  if (hasSubordinateIds) return { name, state: 'passed', found: 'ordinary user, /etc/subuid' };
  return {
    name,
    state: 'failed',
    found: 'ordinary user without a range in /etc/subuid',
    remedy: 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER',
  };
}

function space({ freeBytes }: Machine): Finding {
  const found = `${(freeBytes / 1e9).toFixed(1)} GB free`;
  if (freeBytes >= FREE_BYTES_MIN) return { name: 'space', state: 'passed', found };
  const remedy = `a build needs ${FREE_BYTES_MIN / 1e9} GB: free some, or build with --out DIR`;
  return { name: 'space', state: 'failed', found, remedy };
}

function memory({ memoryBytes }: Machine): Finding {
  const found = `${(memoryBytes / 1e9).toFixed(1)} GB`;
  if (memoryBytes >= MEMORY_BYTES_MIN) return { name: 'memory', state: 'passed', found };
  return { name: 'memory', state: 'warning', found, remedy: 'an emulated board takes 1 GB alone' };
}

const MARKS = { passed: '✓', warning: '!', failed: '✗', 'not checked': '-' } as const;

/** A line per finding, its remedy below it. */
export function renderFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .flatMap(({ name, state, found, remedy }) => [
      `${MARKS[state]} ${name.padEnd(width)}  ${state === 'not checked' ? 'not checked: ' : ''}${found}`,
      ...(remedy === undefined ? [] : [`  ${' '.repeat(width)}  → ${remedy}`]),
    ])
    .join('\n');
}
