// Runs in its own mount and process namespace (and user namespace for ordinary users): gets the root from
// the engine (engine.ts), takes out what the release needs. All mounts vanish with the
// namespace, whatever happens. Prints "@note text" lines for the progress of its caller (root.ts).
import {
  chmod,
  cp,
  mkdir,
  readFile,
  readdir,
  rm,
  rmdir,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { OperatorError } from '../core/errors.ts';
import { run } from '../core/run.ts';
import type { EmbeddedSource, RootSource } from './engine.ts';
import { kernelsOf } from './kernels.ts';
import { pigenRoot } from './pigen/inside.ts';
import { planStages } from './stages.ts';
import type { StageStep } from './stages.ts';

/** Everything the namespace's work needs; all paths absolute. */
export interface InsideOrder {
  readonly source: RootSource;
  readonly workDir: string;
  /** Where kernel, initramfs, device trees, firmware, package status and root.erofs go. */
  readonly outDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly mkfsErofs: readonly string[];
  readonly epochSeconds: number;
}

const FIRMWARE = /^(bootcode\.bin|(start|fixup)(4|4cd|_cd)?\.(elf|dat))$/;
const note = (text: string): void => console.log(`@note ${text}`);

async function main(): Promise<void> {
  const order = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as InsideOrder;
  const root = await rootOf(order);
  note('taking out kernel and firmware');
  await collect(order, root);
  note('packing the root');
  await packRoot(order, root);
  await rm(root, { recursive: true, force: true });
}

async function rootOf(order: InsideOrder): Promise<string> {
  switch (order.source.engine) {
    case 'embedded':
      return embeddedRoot(order.source, order);
    case 'pi-gen':
      return pigenRoot(order.source, { env: order.env, note });
  }
}

/** Unpacks the base and runs the stages on it. */
async function embeddedRoot(source: EmbeddedSource, order: InsideOrder): Promise<string> {
  const root = join(order.workDir, 'rootfs');
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  note('unpacking the base');
  // Device nodes are the kernel's matter (devtmpfs), and an ordinary user cannot make any.
  const which = ['--numeric-owner', '--exclude=./dev/*'];
  await run(['tar', '--extract', ...which, '--file', source.baseTar, '--directory', root]);
  await runStages(source, { env: order.env, root });
  return root;
}

interface Chroot {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
}

async function runStages(source: EmbeddedSource, { env, root }: Chroot): Promise<void> {
  const steps = await planStages(source.stages);
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
    await runStep(step, { contract: source.contract, env, root, installed });
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
  { contract, env, root, installed }: Chroot & { contract: string; installed: Set<string> },
): Promise<void> {
  const bash = async (script: string, ...args: string[]): Promise<void> => {
    const line = `. "$1"; shift; ${script}`;
    await run(['bash', '-ec', line, 'stage', contract, ...args], {
      cwd: step.folder,
      env: { ...env, ROOTFS_DIR: root },
      onLine: (text) => console.log(text),
    });
  };
  switch (step.do) {
    case 'script':
      return bash('"./$1"', step.file);
    case 'chroot-script':
      return bash('on_chroot <"$1"', step.file);
    case 'debconf':
      return bash(`on_chroot -c 'exec debconf-set-selections' <"$1"`, step.file);
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
        `on_chroot -c 'apt-get update; apt-get install --yes "$@"' apt-get "$@"`,
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
  const kernels = kernelsOf(await readdir(join(root, 'boot')));
  for (const { version, kernel, initramfs, trees } of kernels) {
    const image = await readFile(join(root, `boot/vmlinuz-${version}`));
    await writeFile(
      join(out, 'slot', kernel),
      isGzip(image) ? image : gzipSync(image, { level: 9 }),
    );
    await cp(join(root, `boot/initrd.img-${version}`), join(out, 'slot', initramfs));
    // initramfs-tools keeps it for root alone; whoever flashes reads it.
    await chmod(join(out, 'slot', initramfs), 0o644);
    const folder = join(root, `usr/lib/linux-image-${version}/broadcom`);
    for (const name of await readdir(folder)) {
      if (trees.test(name)) await cp(join(folder, name), join(out, 'slot', name));
    }
  }
  // Raspberry Pi OS leaves them in the first folder until a kernel is installed or removed.
  for (const from of ['usr/lib/raspi-firmware', 'boot/firmware'].map((name) => join(root, name))) {
    for (const name of await readdir(from).catch(() => [])) {
      if (FIRMWARE.test(name)) await cp(join(from, name), join(out, 'firmware', name));
    }
  }
  await cp(join(root, 'var/lib/dpkg/status'), join(out, 'dpkg-status'));
  const versions = kernels.map(({ version }) => version);
  await writeFile(join(out, 'kernel-version'), `${versions.join(' ')}\n`);
}

/** Raspberry Pi's kernels are packed already. */
function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** What differs between two builds of the same inputs, or is of no use on a unit. */
const NOT_ON_THE_UNIT = [
  'boot/*',
  'dev/*',
  'run/*',
  'vmlinuz*',
  'initrd.img*',
  'var/log/*',
  'var/cache/*',
  'var/lib/apt/lists/*',
  'var/lib/apt/extended_states',
  'var/lib/dpkg/*-old',
  'var/lib/dpkg/arch',
  'var/lib/dpkg/available',
  'var/lib/dpkg/cmethopt',
  'etc/dpkg/dpkg.cfg.d/99mmdebstrap',
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
