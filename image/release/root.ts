// From packages to root.erofs: the embedded engine. Decides what can be reused and calls the
// namespace's worker (inside.ts); knows nothing of cards.
import { existsSync } from 'node:fs';
import { access, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import type { Progress, Step } from '../core/progress.ts';
import { run } from '../core/run.ts';
import { ARCHITECTURE, COMPONENTS, SUITE, hashText, hashTree } from './inputs.ts';
import type { InsideOrder } from './inside.ts';
import { planStages } from './stages.ts';

export interface EngineContext {
  /** The repository. */
  readonly home: string;
  /** Kept between builds and shared by checkouts. */
  readonly cache: string;
  readonly work: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
  readonly force: boolean;
  readonly twins: boolean;
}

/** Bases kept in the cache; each has about 400 MB. */
const BASES_KEPT = 2;

const asRoot = process.getuid?.() === 0;
const mode = asRoot ? '--mode=root' : '--mode=unshare';

/** The stages of the embedded engine, in order. */
function stageFolders(home: string): string[] {
  return [join(home, 'image/stage-debian'), join(home, 'stage-clock')];
}

/** The suite's amd64 packages that a build uses: mkfs.erofs, and the twins of twins.sh. */
const TOOLS = [
  ...['erofs-utils', 'bash', 'coreutils', 'dash', 'findutils', 'grep', 'gzip'],
  ...['mawk', 'sed', 'tar', 'zstd', 'cpio', 'perl-base'],
];

function toolsFolder(cache: string): string {
  return join(cache, `tools-${SUITE}-${hashText(...TOOLS).slice(0, 8)}`);
}

/**
 * The command that runs a program of the suite's own amd64 packages through their own loader: no
 * chroot, no root, and the same version on every workstation (Debian 12's mkfs.erofs has no zstd).
 * They are there once fetchTools() has run.
 */
export function toolOfSuite(cache: string, name: 'mkfs.erofs' | 'fsck.erofs'): string[] {
  const folder = toolsFolder(cache);
  const libraries = join(folder, 'usr/lib/x86_64-linux-gnu');
  return [join(folder, LOADER), '--library-path', libraries, join(folder, 'usr/bin', name)];
}

const LOADER = 'usr/lib64/ld-linux-x86-64.so.2';

/** Brings the suite's tools into the cache, once. */
export async function fetchTools(context: EngineContext): Promise<{ mkfsErofs: string[] }> {
  const folder = toolsFolder(context.cache);
  if (!existsSync(join(folder, LOADER))) {
    await context.progress.step('tools of the suite', async () => {
      const tar = `${folder}.tar`;
      await mkdir(context.cache, { recursive: true });
      await run(
        [
          'mmdebstrap',
          mode,
          '--variant=extract',
          '--arch=amd64',
          `--include=${TOOLS.join(',')}`,
          SUITE,
          tar,
        ],
        { signal: context.signal, hint: mirrorHint },
      );
      const part = `${folder}.part`;
      await rm(part, { recursive: true, force: true });
      await mkdir(part);
      await run(['tar', '--extract', '--exclude=./dev/*', '--file', tar, '--directory', part]);
      await rm(tar);
      await rm(folder, { recursive: true, force: true });
      await rename(part, folder);
    });
  }
  return { mkfsErofs: toolOfSuite(context.cache, 'mkfs.erofs') };
}

const mirrorHint =
  'Check that this machine reaches its Debian mirror ("apt-get update"), run again';

/** Makes or reuses the base root: all packages of all stages, no stage script run yet. */
export async function makeBase(context: EngineContext): Promise<{ tar: string; key: string }> {
  const { home, progress, signal } = context;
  const steps = await planStages(stageFolders(home));
  const packages = steps.flatMap((step) => (step.do === 'packages' ? step.names : []));
  const prepare = join(home, 'image/stage-debian/00-prepare/00-run.sh');
  const argv = [
    ...['mmdebstrap', mode, '--variant=minbase', `--arch=${ARCHITECTURE}`],
    ...[`--components=${COMPONENTS}`, `--include=${packages.join(',')}`],
    ...['--dpkgopt=force-unsafe-io', `--essential-hook=ROOTFS_DIR="$1" bash -e ${prepare}`],
  ];
  const { key, count } = await progress.step('package versions', async () => {
    const plan = await run([...argv, '--simulate', '--verbose', SUITE, '-'], {
      signal,
      hint: mirrorHint,
    });
    const versions = plan.stderr.split('\n').filter((line) => line.startsWith('Inst '));
    if (versions.length === 0) {
      throw new OperatorError('no-packages', 'The mirror offers none of the packages needed', {
        hint: mirrorHint,
      });
    }
    const stage = await hashTree(home, ['image/stage-debian']);
    const key = hashText(stage, ...versions.sort()).slice(0, 16);
    return { key, count: versions.length };
  });
  const tar = join(context.cache, `base-${key}.tar`);
  if (existsSync(tar) && !context.force) {
    progress.reused('base root', 'same packages');
    return { tar, key };
  }
  const part = tar.replace(/\.tar$/, '.part.tar');
  await mkdir(context.cache, { recursive: true });
  await progress.step('base root', async (step) => {
    const seen = { done: 0 };
    const total = count * 2; // unpacked and set up
    await run([...argv, '--verbose', SUITE, part], {
      signal,
      hint: mirrorHint,
      onLine: (line) => packageProgress(line, { step, seen, total }),
    });
    await rename(part, tar);
    await dropOld(context.cache);
  });
  return { tar, key };
}

function packageProgress(
  line: string,
  { step, seen, total }: { step: Step; seen: { done: number }; total: number },
): void {
  const match = /^(Setting up|Unpacking) (\S+)/.exec(line);
  if (match === null) return;
  seen.done += 1;
  step.note(`${match[1]!.toLowerCase()} ${match[2]!}`);
  step.fraction(seen.done / total);
}

async function dropOld(cache: string): Promise<void> {
  const bases = (await readdir(cache)).filter((name) => /^base-.*\.tar$/.test(name));
  const dated = await Promise.all(
    bases.map(async (name) => ({ name, at: (await stat(join(cache, name))).mtimeMs })),
  );
  dated.sort((a, b) => b.at - a.at);
  for (const { name } of dated.slice(BASES_KEPT)) await rm(join(cache, name));
}

/** Runs the stages on the base and packs the root: see InsideOrder for what lies in `outDir` then. */
export async function makeRoot(
  context: EngineContext,
  order: Omit<InsideOrder, 'workDir' | 'contract' | 'stages'>,
): Promise<void> {
  const { home, work, progress, signal } = context;
  await mkdir(work, { recursive: true });
  const full: InsideOrder = {
    ...order,
    workDir: work,
    stages: stageFolders(home),
    env: {
      ...order.env,
      CLOCK_TWINS: context.twins ? toolsFolder(context.cache) : '',
      CLOCK_RELEASE_DIR: join(home, 'image/release'),
    },
    contract: join(home, 'image/release/contract.sh'),
  };
  const file = join(work, 'order.json');
  await writeFile(file, JSON.stringify(full));
  await progress.step('stages and root image', async (step) => {
    await run(
      [
        ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'],
        ...(asRoot ? [] : ['--user', '--map-auto', '--map-root-user']),
        ...[process.execPath, join(home, 'image/release/inside.ts'), file],
      ],
      {
        signal,
        onLine: (line) => {
          if (line.startsWith('@note ')) step.note(line.slice('@note '.length));
        },
      },
    );
  });
  await access(join(order.outDir, 'root.erofs'));
}
