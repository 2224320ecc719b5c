// From packages to root.erofs: the embedded engine's base, and the way into the namespace. Decides what can be reused and calls the
// namespace's worker (inside.ts); knows nothing of cards.
import { existsSync } from 'node:fs';
import { access, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import type { Progress, Step } from '../core/progress.ts';
import { run } from '../core/run.ts';
import type { Engine } from './engine.ts';
import { ARCHITECTURE, COMPONENTS, SUITE, hashText, hashTree } from './inputs.ts';
import type { InsideOrder } from './inside.ts';
import { planStages } from './stages.ts';
import {
  checkTwins,
  fetchTools,
  hasTools,
  toolIn,
  toolsFolder,
  twinsPath,
  useTools,
} from './tools.ts';

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

interface Plan {
  /** mmdebstrap and its options, but for suite and target. */
  readonly argv: readonly string[];
  /** What apt would install, a line for each package. */
  readonly planned: readonly string[];
  /** Over these versions, and over what else makes the base. */
  readonly key: string;
}

/** Asks the mirror which versions of all stages' packages it has now. */
export async function planVersions({ home, signal }: EngineContext): Promise<Plan> {
  const steps = await planStages(stageFolders(home));
  const packages = steps.flatMap((step) => (step.do === 'packages' ? step.names : []));
  const hook = (name: string): string =>
    `--${name}-hook=bash '${join(home, 'image/release/base.sh')}' ${name} "$1"`;
  const prepare = join(home, 'image/stage-debian/00-prepare/00-run.sh');
  const essential = `ROOTFS_DIR="$1" CLOCK_STAGE='${home}/stage-clock' bash -e '${prepare}'`;
  const argv = [
    ...[...mmdebstrap, '--variant=minbase', `--arch=${ARCHITECTURE}`],
    ...[`--components=${COMPONENTS}`, `--include=${packages.join(',')}`],
    ...['--dpkgopt=force-unsafe-io', `--essential-hook=${essential}`],
    ...[hook('extract'), hook('customize')],
  ];
  const plan = await run([...argv, '--simulate', '--verbose', SUITE, '-'], {
    signal,
    hint: mirrorHint,
  });
  const planned = plan.stderr.split('\n').filter((line) => line.startsWith('Inst '));
  if (planned.length === 0) {
    throw new OperatorError('no-packages', 'The mirror offers none of the packages needed', {
      hint: mirrorHint,
    });
  }
  // The essential hook takes dpkg's rules from 80-slim.
  const made = ['image/stage-debian', 'image/release/base.sh', 'stage-clock/80-slim'];
  const stage = await hashTree(home, made);
  const key = hashText(stage, ...planned.sort()).slice(0, 16);
  return { argv, planned, key };
}

/** Makes or reuses the base root: all packages of all stages, no stage script run yet. */
export async function makeBase(context: EngineContext): Promise<Engine> {
  const { home, cache, progress, signal } = context;
  const { argv, planned, key } = await progress.step('package versions', () =>
    planVersions(context),
  );
  const tools = await ensureTools(context, planned);
  // Who asks for emulation gets it, and not what twins have made before.
  const tar = join(cache, `base-${key}${context.twins ? '' : '-emulated'}.tar`);
  const contract = join(home, 'image/release/contract.sh');
  const stages = stageFolders(home);
  const engine: Engine = {
    ...{ key, tools, source: { engine: 'embedded', baseTar: tar, stages, contract } },
  };
  if (existsSync(tar) && !context.force) {
    progress.reused('base root', 'same packages');
    return engine;
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
    await dropOld(context.cache, /^base-.*\.tar$/);
  });
  return engine;
}

/** The suite's amd64 programs of the versions that apt planned for the root. */
export async function ensureTools(
  { cache, progress, signal, twins }: EngineContext,
  planned: readonly string[],
): Promise<string> {
  const folder = toolsFolder({ cache, planned });
  if (!hasTools(folder)) {
    await progress.step('tools of the suite', () =>
      fetchTools(folder, { cache, mmdebstrap, signal, hint: mirrorHint }),
    );
  }
  if (twins) await checkTwins(folder);
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

/** Removes all but the newest bases of one kind. */
export async function dropOld(cache: string, kind: RegExp): Promise<void> {
  const bases = (await readdir(cache)).filter((name) => kind.test(name));
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
  }: Omit<InsideOrder, 'workDir' | 'mkfsErofs'> & {
    readonly tools: string;
  },
): Promise<void> {
  const { home, work, progress, signal } = context;
  await mkdir(work, { recursive: true });
  const full: InsideOrder = {
    ...order,
    workDir: work,
    mkfsErofs: toolIn(tools, 'usr/bin/mkfs.erofs'),
    env: {
      ...order.env,
      CLOCK_STAGE: join(home, 'stage-clock'),
      CLOCK_TWINS: context.twins ? tools : '',
      CLOCK_RELEASE_DIR: join(home, 'image/release'),
    },
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
