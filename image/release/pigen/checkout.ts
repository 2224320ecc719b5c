// Brings pi-gen here: upstream's at a pinned commit, or a checkout that the caller names. Either way a copy
// of its files is made, so that what is left out (SKIP) is written into no checkout.
import { existsSync } from 'node:fs';
import {
  copyFile,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperatorError } from '../../core/errors.ts';
import { run } from '../../core/run.ts';
import { hashTree } from '../inputs.ts';

const UPSTREAM = 'https://github.com/RPi-Distro/pi-gen';
/** Branch arm64 of June 2026. The second is over its files (hashTree): git's own hash is SHA-1. */
export const PINNED = {
  commit: 'ca8aeed0ae300c2a89f55ce9617d5f96a27e99e5',
  filesSha256: 'ffc2a1a7fef386d6229c9d2b0c1905a142c1430470d9eecafc3f1c3e86079268',
} as const;

export interface Checkout {
  /** The copy of its files. */
  readonly tree: string;
  readonly commit: string;
  /** For the person: which pi-gen this is. */
  readonly said: string;
  /** Over all its files. */
  readonly hash: string;
}

export interface CheckoutOptions {
  /** A checkout that is there; else upstream's pinned commit. */
  readonly folder: string | undefined;
  readonly cache: string;
  /** Where the copy goes. */
  readonly tree: string;
  readonly signal?: AbortSignal | undefined;
}

/** Throws OperatorError when there is no pi-gen to be had. */
export async function checkOut(options: CheckoutOptions): Promise<Checkout> {
  const { folder, tree } = options;
  const from = folder ?? (await clonePinned(options));
  const found = folder === undefined ? pinned() : await look(from);
  await mustBePigen(from);
  await copyFiles(from, { tree, names: await namesIn(from) });
  return { tree, ...found, hash: await hashTree(tree, ['.']) };
}

function pinned(): Pick<Checkout, 'commit' | 'said'> {
  const { commit } = PINNED;
  return { commit, said: `pi-gen ${commit.slice(0, 12)} of ${UPSTREAM}` };
}

/** Git as root in a folder of somebody else's: it would refuse to look ("dubious ownership"). */
function git(folder: string, ...words: readonly string[]): string[] {
  return ['git', '-c', 'safe.directory=*', '-c', 'core.autocrlf=false', '-C', folder, ...words];
}

async function clonePinned({ cache, signal }: CheckoutOptions): Promise<string> {
  const { commit, filesSha256 } = PINNED;
  const folder = join(cache, `pi-gen-${commit.slice(0, 12)}`);
  if (!existsSync(folder)) {
    const part = `${folder}.part`;
    await rm(part, { recursive: true, force: true });
    await mkdir(part, { recursive: true });
    await run(git(part, 'init', '--quiet'));
    const hint =
      'Check that this machine reaches it, or name a checkout of branch arm64 with --pigen DIR';
    const fetch = ['fetch', '--quiet', '--depth', '1', '--no-tags', UPSTREAM, commit];
    await run(git(part, ...fetch), { signal, hint });
    await run(git(part, 'checkout', '--quiet', '--detach', commit), { signal });
    await rename(part, folder);
  }
  // Every time: the cache outlives builds, and what lies in it runs as root.
  const { stdout } = await run(git(folder, 'rev-parse', 'HEAD'));
  const hash = await hashOfFiles(folder);
  if (stdout.trim() === commit && hash === filesSha256) return folder;
  throw new OperatorError(
    'pigen-changed',
    `${folder} is not pi-gen ${commit} as it was published`,
    {
      hint: `Remove it and run again: rm -r ${folder}`,
    },
  );
}

/** Over the files git knows and those it does not: nothing may have been added. */
async function hashOfFiles(folder: string): Promise<string> {
  return hashTree(folder, (await readdir(folder)).filter((name) => name !== '.git').sort());
}

/** What makes a folder a pi-gen that we can use. */
const MUST_HAVE = ['build.sh', 'depends', 'scripts/common', 'stage0/prerun.sh', 'stage2'];

async function mustBePigen(folder: string): Promise<void> {
  const missing = MUST_HAVE.find((name) => !existsSync(join(folder, name)));
  if (missing !== undefined) {
    throw new OperatorError('no-pigen', `${folder} is not a pi-gen: it has no ${missing}`, {
      hint: `Name a checkout of ${UPSTREAM}, branch arm64, with --pigen DIR`,
    });
  }
  const script = await readFile(join(folder, 'build.sh'), 'utf8');
  const architecture = /^export ARCH=(\w+)/m.exec(script)?.[1] ?? 'unknown';
  if (architecture === 'arm64') return;
  throw new OperatorError('pigen-32-bit', `The pi-gen in ${folder} builds for ${architecture}`, {
    hint: `Its branch arm64 is needed: git -C ${folder} switch arm64`,
  });
}

/** Which commit a checkout is, and whether it was changed since. A folder without git is none. */
async function look(folder: string): Promise<Pick<Checkout, 'commit' | 'said'>> {
  if (!existsSync(join(folder, '.git'))) {
    return { commit: 'unknown', said: `pi-gen in ${folder}, which is no git checkout` };
  }
  const head = (await run(git(folder, 'rev-parse', 'HEAD'))).stdout.trim();
  const status = (await run(git(folder, 'status', '--porcelain'))).stdout.trim();
  const dirty = status === '' ? '' : `, with ${status.split('\n').length} local changes`;
  const which = head === PINNED.commit ? '' : ', not the one we have tried';
  const commit = dirty === '' ? head : `${head}-dirty`;
  return { commit, said: `pi-gen ${head.slice(0, 12)} in ${folder}${which}${dirty}` };
}

/** Its files: what git does not ignore; without git everything but what its runs leave. */
async function namesIn(folder: string): Promise<string[]> {
  if (existsSync(join(folder, '.git'))) {
    const words = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
    const { stdout } = await run(git(folder, ...words));
    return [...new Set(stdout.split('\0'))].filter((name) => name !== '').sort();
  }
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => !/^(work|deploy|config)(\/|$)/.test(name)).sort();
}

async function copyFiles(
  from: string,
  { tree, names }: { tree: string; names: readonly string[] },
): Promise<void> {
  await rm(tree, { recursive: true, force: true });
  await mkdir(tree, { recursive: true });
  for (const name of names) {
    const [source, target] = [join(from, name), join(tree, name)];
    // Removed and not committed: git still names it.
    const info = await lstat(source).catch(() => undefined);
    if (info === undefined || info.isDirectory()) continue;
    await mkdir(dirname(target), { recursive: true });
    if (info.isSymbolicLink()) await symlink(await readlink(source), target);
    else await copyFile(source, target);
  }
}
