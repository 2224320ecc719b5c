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
import { fetchTools, hasTools, toolIn, toolsFolder, twinsPath, useTools } from './tools.ts';

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
/**
 * Ordinary users get a namespace in which they are root. mmdebstrap's unshare mode would make one, but there
 * the user is nobody, and a home that only its owner may enter is closed; in this one it makes no other.
 */
const asUser = asRoot ? [] : ['--user', '--map-auto', '--map-root-user'];
/** In a mount namespace of its own: as root, mmdebstrap makes none, and what is killed unmounts nothing. */
const mmdebstrap = [
  ...['unshare', '--mount', '--propagation', 'private', ...asUser],
  ...['mmdebstrap', asRoot ? '--mode=root' : '--mode=unshare'],
];

/** The stages of the embedded engine, in order. */
function stageFolders(home: string): string[] {
  return [join(home, 'image/stage-debian'), join(home, 'stage-clock')];
}

const mirrorHint =
  'Check that this machine reaches its Debian mirror ("apt-get update"), run again';

/** Makes or reuses the base root: all packages of all stages, no stage script run yet. */
export async function makeBase(
  context: EngineContext,
): Promise<{ tar: string; key: string; tools: string }> {
  const { home, cache, progress, signal } = context;
  const steps = await planStages(stageFolders(home));
  const packages = steps.flatMap((step) => (step.do === 'packages' ? step.names : []));
  const hook = (name: string): string =>
    `--${name}-hook=bash '${join(home, 'image/release/base.sh')}' ${name} "$1"`;
  const prepare = join(home, 'image/stage-debian/00-prepare/00-run.sh');
  const argv = [
    ...[...mmdebstrap, '--variant=minbase', `--arch=${ARCHITECTURE}`],
    ...[`--components=${COMPONENTS}`, `--include=${packages.join(',')}`],
    ...['--dpkgopt=force-unsafe-io', `--essential-hook=ROOTFS_DIR="$1" bash -e '${prepare}'`],
    ...[hook('extract'), hook('customize')],
  ];
  const { key, planned } = await progress.step('package versions', async () => {
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
    const stage = await hashTree(home, ['image/stage-debian', 'image/release/base.sh']);
    const key = hashText(stage, ...versions.sort()).slice(0, 16);
    return { key, planned: versions };
  });
  const tools = await ensureTools(context, planned);
  // Who asks for emulation gets it, and not what twins have made before.
  const tar = join(cache, `base-${key}${context.twins ? '' : '-emulated'}.tar`);
  if (existsSync(tar) && !context.force) {
    progress.reused('base root', 'same packages');
    return { tar, key, tools };
  }
  const part = tar.replace(/\.tar$/, '.part.tar');
  await progress.step('base root', async (step) => {
    const seen = { done: 0 };
    const total = planned.length * 2; // unpacked and set up
    await run([...argv, '--verbose', SUITE, part], {
      env: context.twins
        ? { CLOCK_TWINS: tools, PATH: `${twinsPath}:${process.env['PATH'] ?? ''}` }
        : {},
      signal,
      hint: mirrorHint,
      onLine: (line) => packageProgress(line, { step, seen, total }),
    });
    await rename(part, tar);
    await dropOld(context.cache);
  });
  return { tar, key, tools };
}

/** The suite's amd64 programs of the versions that apt planned for the root. */
async function ensureTools(
  { cache, progress, signal }: EngineContext,
  planned: readonly string[],
): Promise<string> {
  const folder = toolsFolder({ cache, planned });
  if (!hasTools(folder)) {
    await progress.step('tools of the suite', () =>
      fetchTools(folder, { cache, mmdebstrap, signal, hint: mirrorHint }),
    );
  }
  await useTools(cache, folder);
  return folder;
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
  {
    tools,
    ...order
  }: Omit<InsideOrder, 'workDir' | 'contract' | 'stages' | 'mkfsErofs'> & {
    readonly tools: string;
  },
): Promise<void> {
  const { home, work, progress, signal } = context;
  await mkdir(work, { recursive: true });
  const full: InsideOrder = {
    ...order,
    workDir: work,
    mkfsErofs: toolIn(tools, 'usr/bin/mkfs.erofs'),
    stages: stageFolders(home),
    env: {
      ...order.env,
      CLOCK_TWINS: context.twins ? tools : '',
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
        ...asUser,
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
