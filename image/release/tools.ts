// The suite's own amd64 programs, from the mirror into the cache: mkfs.erofs, and the twins of twins.sh.
// Knows nothing of how they are used.
import { existsSync } from 'node:fs';
import {
  chmod,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { run } from '../core/run.ts';
import { SUITE, hashText } from './inputs.ts';

/** Whose programs stand in for emulated ones: the same list as in twins.sh. */
const TWINS = [
  ...['bash', 'coreutils', 'cpio', 'dash', 'debianutils', 'diffutils', 'dpkg', 'findutils', 'grep'],
  ...['gzip', 'mawk', 'perl-base', 'sed', 'tar', 'zstd'],
];
/** Besides: mkfs.erofs, and systemd-hwdb of udev, which emulated takes 10 s of a core. */
const TOOLS = ['erofs-utils', 'udev', ...TWINS];

/** Other checkouts with other needs share the cache; each folder has 85 MB. */
const FOLDERS_KEPT = 3;
/** Below usr/lib/x86_64-linux-gnu, so that it comes into the root with the libraries. */
const IN_PATH = 'clock-twins';
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
const LOADER = 'usr/lib64/ld-linux-x86-64.so.2';

/** Comes first in PATH while dpkg works in a root with twins; no such folder exists anywhere else. */
export const twinsPath = `/${LIBRARIES}/${IN_PATH}`;

/** Leads to the newest tools in the cache. */
function newest(cache: string): string {
  return join(cache, `tools-${SUITE}-newest`);
}

/**
 * The command that runs a program of the suite's own amd64 packages through their own loader: no
 * chroot, no root, and the same version on every workstation (Debian 12's mkfs.erofs has no zstd).
 * They are there once fetchTools() has run.
 */
export function toolOfSuite(cache: string, name: 'mkfs.erofs' | 'fsck.erofs'): string[] {
  return toolIn(newest(cache), join('usr/bin', name));
}

/** The command that runs one of a folder's programs. */
export function toolIn(folder: string, path: string): string[] {
  return [join(folder, LOADER), '--library-path', join(folder, LIBRARIES), join(folder, path)];
}

interface Planned {
  readonly cache: string;
  readonly planned: readonly string[];
}

interface ToolsOrder {
  readonly cache: string;
  /** mmdebstrap as this person runs it. */
  readonly mmdebstrap: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly hint: string;
}

/**
 * Where the tools lie, or shall lie. `planned` are lines of apt's plan for the root
 * ("Inst dash (0.5.12-12 …"): the twins are of the same versions.
 */
export function toolsFolder({ cache, planned }: Planned): string {
  const versions = planned.filter((line) => TOOLS.includes(line.split(' ')[1]!)).sort();
  const key = hashText(...TOOLS, ...versions);
  return join(cache, `tools-${SUITE}-${key.slice(0, 8)}`);
}

export function hasTools(folder: string): boolean {
  return existsSync(join(folder, LIBRARIES, IN_PATH, 'dpkg'));
}

/** Brings the tools into the cache. */
export async function fetchTools(folder: string, order: ToolsOrder): Promise<void> {
  const { signal, hint } = order;
  const tar = `${folder}.tar`;
  const part = `${folder}.part`;
  await mkdir(order.cache, { recursive: true });
  const what = ['--variant=extract', '--arch=amd64', `--include=${TOOLS.join(',')}`, SUITE, tar];
  await run([...order.mmdebstrap, ...what], { signal, hint });
  await rm(part, { recursive: true, force: true });
  await mkdir(part);
  await run(['tar', '--extract', '--exclude=./dev/*', '--file', tar, '--directory', part]);
  await rm(tar);
  await addInPath(part);
  // Came with udev. mkinitramfs copies libkmod of every architecture it finds.
  for (const name of await readdir(join(part, LIBRARIES))) {
    if (name.startsWith('libkmod.')) await rm(join(part, LIBRARIES, name));
  }
  const now = new Date();
  await utimes(part, now, now);
  await rm(folder, { recursive: true, force: true });
  await rename(part, folder);
  await dropOld(order.cache, folder);
}

/** Makes these the ones that toolOfSuite() finds. */
export async function useTools(cache: string, folder: string): Promise<void> {
  const link = newest(cache);
  await rm(`${link}.part`, { force: true });
  await symlink(basename(folder), `${link}.part`);
  await rename(`${link}.part`, link);
}

/**
 * dpkg, what it starts by name, and systemd-hwdb (of packages that come later, and could not replace a
 * bound file), for the front of PATH. An amd64 dpkg takes its root for amd64; the architecture is one
 * word in the program, and "arm64" is as long. Everything else about it is the same program of the same
 * version: with and without it the roots are the same, bit for bit.
 */
async function addInPath(folder: string): Promise<void> {
  const into = join(folder, LIBRARIES, IN_PATH);
  await mkdir(into);
  const programs = (await readdir(join(folder, 'usr/bin'))).filter((name) =>
    /^(dpkg|dpkg-(deb|divert|query|split|statoverride|trigger)|update-alternatives|systemd-hwdb|rm|tar)$/.test(
      name,
    ),
  );
  for (const name of programs) {
    const program = forArm64(await readFile(join(folder, 'usr/bin', name)));
    await writeFile(join(into, name), program);
    await chmod(join(into, name), 0o755);
  }
}

/**
 * Fails if the changed dpkg does not say that it is for arm64; only who builds with twins has to ask.
 * @throws OperatorError `dpkg-changed`
 */
export async function checkTwins(folder: string): Promise<void> {
  const dpkg = toolIn(folder, join(LIBRARIES, IN_PATH, 'dpkg'));
  const { stdout } = await run([...dpkg, '--print-architecture']);
  if (stdout.trim() === 'arm64') return;
  throw new OperatorError(
    'dpkg-changed',
    `The suite's dpkg says it is for ${stdout.trim()}, not arm64`,
    {
      hint: 'Build with --no-twins, and look at addInPath() in image/release/tools.ts',
    },
  );
}

/** The program with the one word that says which architecture it is for. */
export function forArm64(program: Buffer): Buffer {
  const [from, to] = ['\0amd64\0', '\0arm64\0'];
  return Buffer.from(program.toString('latin1').replaceAll(from, to), 'latin1');
}

async function dropOld(cache: string, keep: string): Promise<void> {
  const pattern = new RegExp(`^tools-${SUITE}(-[0-9a-f]{8})?$`);
  const names = (await readdir(cache)).filter((name) => pattern.test(name));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(cache, name))).mtimeMs })),
  );
  const old = dated.sort((a, b) => b.at - a.at).slice(FOLDERS_KEPT);
  for (const { name } of old) {
    if (name !== basename(keep)) await rm(join(cache, name), { recursive: true, force: true });
  }
}
