// Runs pi-gen. Called in the namespace that inside.ts runs in: pi-gen's mounts vanish with it.
import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OperatorError } from '../../core/errors.ts';
import { run } from '../../core/run.ts';
import { dropOld } from '../root.ts';
import { LEFT_OUT, OWN_STAGES, STAGES, baseStage, configText, noteOf } from './plan.ts';
import type { Base } from '../../unit/layout.ts';

/** Plain data: it crosses a process boundary as JSON. */
export interface PigenSource {
  readonly engine: 'pi-gen';
  readonly base: Base;
  /** The repository. */
  readonly home: string;
  /** Where all of this run lies. */
  readonly place: string;
  /** pi-gen's files, our own copy. */
  readonly tree: string;
  readonly commit: string;
  readonly suite: string;
  readonly proxy: string | undefined;
  /** The root of the last stage before ours, kept between builds. */
  readonly keptBase: string;
  /** Run all of it, whatever is kept. */
  readonly force: boolean;
}

interface Around {
  readonly env: Readonly<Record<string, string>>;
  readonly note: (text: string) => void;
}

/** Runs pi-gen to its end; returns the root of its last stage. */
export async function pigenRoot(source: PigenSource, { env, note }: Around): Promise<string> {
  const { place, base, keptBase } = source;
  const work = join(place, 'work');
  const stages = await layOut(source);
  await rm(work, { recursive: true, force: true });
  const last = STAGES[base].at(-1)!;
  const before = join(work, baseStage(base), 'rootfs');
  const reuse = existsSync(keptBase) && !source.force;
  if (reuse) {
    note('unpacking the base that pi-gen made before');
    await mkdir(before, { recursive: true });
    await run(['tar', ...TAR, '--extract', '--file', keptBase, '--directory', before]);
    for (const stage of stages.slice(0, -1)) await writeFile(join(stage, 'SKIP'), '');
  }
  const config = join(place, 'config');
  const given = {
    ...env,
    CLOCK_STAGE: stages.at(-1)!,
    CLOCK_SOURCES: join(place, 'sources.list'),
    HOME: '/root',
  };
  await writeFile(config, configText({ ...source, stages, workDir: work, env: given }));
  await runBuild(source, { config, note });
  if (!reuse) await keep(before, keptBase);
  await rm(before, { recursive: true });
  const root = join(work, last, 'rootfs');
  if (existsSync(join(root, 'usr/lib/clock/agent.js'))) return root;
  throw new OperatorError('pigen-no-root', `pi-gen ended well and left no root in ${root}`, {
    hint: `Read its log: ${join(work, 'build.log')}`,
  });
}

/** Our stages beside pi-gen's, and what is left out of pi-gen's. Returns the stages' folders. */
async function layOut({ base, home, place, tree }: PigenSource): Promise<string[]> {
  const own = join(place, 'stages');
  await rm(own, { recursive: true, force: true });
  await mkdir(own, { recursive: true });
  const stages: string[] = [];
  for (const name of STAGES[base]) {
    const ours = OWN_STAGES[name];
    const folder = ours === undefined ? join(tree, name) : join(own, name);
    if (ours !== undefined) await cp(join(home, ours), folder, { recursive: true });
    // No image of pi-gen's making: the root is all we want.
    else await writeFile(join(folder, 'SKIP_IMAGES'), '');
    await rm(join(folder, 'SKIP'), { force: true });
    stages.push(folder);
  }
  if (base === 'raspios') {
    for (const { folder, why } of LEFT_OUT) {
      const mark = join(tree, folder, 'SKIP');
      await writeFile(mark, `${why}\n`).catch((cause: unknown) => {
        throw new OperatorError('pigen-other', `This pi-gen has no ${folder} to leave out`, {
          hint: 'Use the pinned one (without --pigen), or look where its contents went',
          cause,
        });
      });
    }
  }
  await mkdir(join(place, 'bin'), { recursive: true });
  await symlink('/usr/bin/qemu-aarch64-static', join(place, 'bin/qemu-arm')).catch(() => {});
  return stages;
}

async function runBuild(
  { place, tree }: PigenSource,
  { config, note }: { config: string; note: (text: string) => void },
): Promise<void> {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  await run(['bash', './build.sh', '-c', config], {
    cwd: tree,
    env: { PATH: `${join(place, 'bin')}:${path}`, DEBIAN_FRONTEND: 'noninteractive' },
    hint: `What it did is in the log of this build, and its steps with times in ${join(place, 'work', 'build.log')}`,
    onLine: (line) => {
      console.log(line);
      const said = noteOf(line);
      if (said !== undefined) note(said);
    },
  });
}

/** Numbers, not this machine's names; links, holes, capabilities and other attributes as they are. */
const TAR = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '--sparse'];

async function keep(root: string, tar: string): Promise<void> {
  const part = `${tar}.part`;
  const without = ['--exclude=./var/cache/apt/archives/*', '--exclude=./dev/*'];
  await run(['tar', ...TAR, ...without, '--create', '--file', part, '--directory', root, '.']);
  await rename(part, tar);
  await dropOld(dirname(tar), /^pi-gen-(debian|raspios)-[0-9a-f]+\.tar$/);
}
