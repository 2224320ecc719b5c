// Runs in its own mount and process namespace (and user namespace for ordinary users): unpacks the
// base root, runs the stages on it, takes out what the release needs. All mounts vanish with the
// namespace, whatever happens. Prints "@note text" lines for the progress of its caller (root.ts).
import { cp, mkdir, readFile, readdir, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { OperatorError } from '../core/errors.ts';
import { run } from '../core/run.ts';
import { planStages } from './stages.ts';
import type { StageStep } from './stages.ts';

/** Everything the namespace's work needs; all paths absolute. */
export interface InsideOrder {
  readonly baseTar: string;
  readonly workDir: string;
  readonly stages: readonly string[];
  /** Where kernel, initramfs, device trees, firmware, package status and root.erofs go. */
  readonly outDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly contract: string;
  readonly mkfsErofs: readonly string[];
  readonly epochSeconds: number;
}

const BOARDS = /^bcm(2837-rpi-(3-|cm3|zero-2)|2711-rpi-(4-|400|cm4)).*\.dtb$/;
const note = (text: string): void => console.log(`@note ${text}`);

async function main(): Promise<void> {
  const order = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as InsideOrder;
  const root = join(order.workDir, 'rootfs');
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  note('unpacking the base');
  // Device nodes are the kernel's matter (devtmpfs), and an ordinary user cannot make any.
  const which = ['--numeric-owner', '--exclude=./dev/*'];
  await run(['tar', '--extract', ...which, '--file', order.baseTar, '--directory', root]);
  await runStages(order, root);
  note('taking out kernel and firmware');
  await collect(order, root);
  note('packing the root');
  await packRoot(order, root);
  await rm(root, { recursive: true, force: true });
}

async function runStages(order: InsideOrder, root: string): Promise<void> {
  const steps = await planStages(order.stages);
  const installed = new Set(
    packageNamesOf(await readFile(join(root, 'var/lib/dpkg/status'), 'utf8')),
  );
  // Nothing may start while packages are configured; removed again below.
  await writeFile(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  await mountForChroot(root);
  // Where twins.sh puts the libraries and the loader of this machine's programs.
  await mkdir(join(root, 'usr/lib/x86_64-linux-gnu'));
  await mkdir(join(root, 'usr/lib64'));
  await symlink('usr/lib64', join(root, 'lib64'));
  for (const step of steps) {
    note(`${step.folder.split('/').slice(-2).join('/')}/${step.file}`);
    await runStep(step, { order, root, installed });
  }
  // Lazily: what came with a bind of /sys or /dev can, in a user's namespace, only go together with it.
  const mounted = ['proc', 'sys', 'dev', 'run', 'tmp'].map((name) => join(root, name));
  await run(['umount', '--lazy', ...mounted]);
  for (const path of ['usr/sbin/policy-rc.d', 'lib64']) await rm(join(root, path));
  for (const path of ['usr/lib64', 'usr/lib/x86_64-linux-gnu']) await rmdir(join(root, path));
}

async function mountForChroot(root: string): Promise<void> {
  await run(['mount', '-t', 'proc', 'proc', join(root, 'proc')]);
  await run(['mount', '--rbind', '/sys', join(root, 'sys')]);
  await run(['mount', '--make-rslave', join(root, 'sys')]);
  await run(['mount', '--rbind', '/dev', join(root, 'dev')]);
  await run(['mount', '--make-rslave', join(root, 'dev')]);
  for (const folder of ['run', 'tmp']) {
    await run(['mount', '-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', join(root, folder)]);
  }
}

async function runStep(
  step: StageStep,
  { order, root, installed }: { order: InsideOrder; root: string; installed: Set<string> },
): Promise<void> {
  const env = { ...order.env, ROOTFS_DIR: root };
  const bash = async (script: string, ...args: string[]): Promise<void> => {
    const line = `. "$1"; shift; ${script}`;
    await run(['bash', '-ec', line, 'stage', order.contract, ...args], {
      cwd: step.folder,
      env,
      onLine: (text) => console.log(text),
    });
  };
  switch (step.do) {
    case 'script':
      return bash('"./$1"', step.file);
    case 'chroot-script':
      return bash('on_chroot <"$1"', step.file);
    case 'debconf':
      return bash('on_chroot debconf-set-selections <"$1"', step.file);
    case 'patches':
      return bash(
        'while read -r name _; do patch --directory "${ROOTFS_DIR}/.." -p1 --fuzz 0 <"$1/${name}"; ' +
          'done <"$1/series"',
        step.file,
      );
    case 'packages': {
      // The engine gave all stages' packages to mmdebstrap: usually nothing is left to install.
      const missing = step.names.filter((name) => !installed.has(name));
      if (missing.length === 0) return;
      const no = step.recommends ? [] : ['--no-install-recommends'];
      await bash(
        'on_chroot apt-get update; on_chroot apt-get install --yes "$@"',
        ...no,
        ...missing,
      );
    }
  }
}

function packageNamesOf(status: string): string[] {
  return [...status.matchAll(/^Package: (\S+)$/gm)].map((match) => match[1]!);
}

/** Kernel (gzipped: the firmware and QEMU unpack it), initramfs, device trees, firmware files. */
async function collect(order: InsideOrder, root: string): Promise<void> {
  const out = order.outDir;
  await mkdir(join(out, 'slot'), { recursive: true });
  await mkdir(join(out, 'firmware'), { recursive: true });
  const boot = await readdir(join(root, 'boot'));
  const kernel = boot.find((name) => name.startsWith('vmlinuz-'));
  const initrd = boot.find((name) => name.startsWith('initrd.img-'));
  if (kernel === undefined || initrd === undefined) {
    throw new OperatorError('no-kernel', 'The root holds no kernel or no initramfs', {
      hint: 'Look for errors of stage-clock/90-initramfs in the build log',
    });
  }
  const image = await readFile(join(root, 'boot', kernel));
  await writeFile(join(out, 'slot/vmlinuz'), gzipSync(image, { level: 9 }));
  await cp(join(root, 'boot', initrd), join(out, 'slot/initrd.img'));
  const version = kernel.slice('vmlinuz-'.length);
  const trees = join(root, `usr/lib/linux-image-${version}/broadcom`);
  for (const name of await readdir(trees)) {
    if (BOARDS.test(name)) await cp(join(trees, name), join(out, 'slot', name));
  }
  for (const name of await readdir(join(root, 'boot/firmware'))) {
    if (/^(bootcode\.bin|(start|fixup)(4|4cd|_cd)?\.(elf|dat))$/.test(name)) {
      await cp(join(root, 'boot/firmware', name), join(out, 'firmware', name));
    }
  }
  await cp(join(root, 'var/lib/dpkg/status'), join(out, 'dpkg-status'));
  await writeFile(join(out, 'kernel-version'), `${version}\n`);
}

/** What differs between two builds of the same inputs, or is of no use on a unit. */
const NOT_ON_THE_UNIT = [
  'boot/*',
  'vmlinuz*',
  'initrd.img*',
  'var/log/*',
  'var/cache/*',
  'var/lib/apt/lists/*',
  'var/lib/dpkg/*-old',
  'var/backups/*',
  'etc/*-',
  'usr/lib/linux-image-*',
  'usr/lib/raspi-firmware',
  'root/.*',
];

async function packRoot(order: InsideOrder, root: string): Promise<void> {
  await run([
    'bash',
    '-ec',
    'cd "$1"; shift; shopt -s nullglob dotglob; rm -rf $*',
    'clean',
    root,
    NOT_ON_THE_UNIT.join(' '),
  ]);
  const image = join(order.outDir, 'root.erofs');
  await rm(image, { force: true });
  // Level 12 takes six times as long and saves 0.3 % (153.1 against 153.6 MB, measured).
  await run([
    ...order.mkfsErofs,
    ...['-zzstd,level=9', '-C65536', '-d1', '--quiet', '-Lclock-root', '-x-1'],
    `-T${order.epochSeconds}`,
    '-U00000000-0000-4000-8000-000000000000',
    image,
    root,
  ]);
}

main().catch((error: unknown) => {
  console.error(error instanceof OperatorError ? error.message : error);
  process.exitCode = 1;
});
