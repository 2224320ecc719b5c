// Before pi-gen runs: whether this machine can, which pi-gen it is, and what the root will be made from.
import { access, constants, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../../core/errors.ts';
import { run, toolEnvironment } from '../../core/run.ts';
import type { Engine } from '../engine.ts';
import { ARCHITECTURE, COMPONENTS, SUITE, hashText, hashTree } from '../inputs.ts';
import { ensureTools, planVersions } from '../root.ts';
import type { EngineContext } from '../root.ts';
import { checkOut } from './checkout.ts';
import { OWN_STAGES, STAGES, archivesOf, parseDepends } from './plan.ts';
import type { Base } from '../../unit/layout.ts';

export interface PigenChoice {
  readonly base: Base;
  /** A checkout of pi-gen; else upstream's pinned commit. */
  readonly folder: string | undefined;
}

/**
 * pi-gen as an engine. Its key holds the versions that apt would install; for Raspberry Pi OS, whose
 * archive mmdebstrap does not know, what the archives say of themselves.
 */
export async function preparePigen(context: EngineContext, choice: PigenChoice): Promise<Engine> {
  const { home, cache, work, progress, signal } = context;
  mustBeRoot();
  mustHaveNoSpace(work);
  const place = join(work, 'pi-gen');
  const { base, folder } = choice;
  const checkout = await progress.step('pi-gen', () =>
    checkOut({ folder, cache, tree: join(place, 'tree'), signal }),
  );
  progress.say(`  ${checkout.said}`);
  await mustHaveTools(join(checkout.tree, 'depends'));
  // Debian's, whatever the base: the tools that pack the root are of these versions.
  const { planned, key: planKey } = await progress.step('package versions', () =>
    planVersions(context),
  );
  const tools = await ensureTools(context, planned);
  const versions = await progress.step('package sources', () =>
    base === 'debian' ? debianSources(context, place) : raspiosVersions(checkout.tree, signal),
  );
  const own = STAGES[base].slice(0, -1).flatMap((stage) => OWN_STAGES[stage] ?? []);
  const ours = await hashTree(home, [...own, 'stage-clock/80-slim', 'image/release/pigen']);
  const key = hashText(base, checkout.hash, ours, planKey, versions).slice(0, 16);
  const { tree, commit } = checkout;
  return {
    ...{ key, tools },
    source: {
      ...{ engine: 'pi-gen', base, home, place, tree, commit, suite: SUITE },
      ...{ proxy: process.env['http_proxy'], force: context.force },
      keptBase: join(cache, `pi-gen-${base}-${key}.tar`),
    },
  };
}

/** mmdebstrap's sources for apt: pi-gen then takes the packages from the same mirror. */
async function debianSources(context: EngineContext, place: string): Promise<string> {
  const root = join(place, 'sources');
  await rm(root, { recursive: true, force: true });
  const options = ['--mode=root', '--variant=custom', `--components=${COMPONENTS}`, '--simulate'];
  await run(['mmdebstrap', ...options, `--arch=${ARCHITECTURE}`, SUITE, root], {
    signal: context.signal,
  });
  const sources = await readFile(join(root, 'etc/apt/sources.list'), 'utf8');
  await rm(root, { recursive: true });
  await writeFile(join(place, 'sources.list'), sources);
  return sources;
}

/** Both archives' own lists of what they hold, by which pi-gen's apt goes too. */
async function raspiosVersions(tree: string, signal?: AbortSignal): Promise<string> {
  const texts: string[] = [];
  for (const name of ['debian.sources', 'raspi.sources']) {
    const file = join(tree, 'stage0/00-configure-apt/files', name);
    for (const archive of archivesOf(await readFile(file, 'utf8'), SUITE)) {
      const hint = `pi-gen needs this archive: check that this machine reaches ${archive}`;
      const words = ['--fail', '--silent', '--show-error', '--location', '--max-time', '60'];
      const { stdout } = await run(['curl', ...words, `${archive}/InRelease`], { signal, hint });
      texts.push(stdout);
    }
  }
  return hashText(...texts);
}

function mustBeRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new OperatorError('needs-root', 'pi-gen runs as root only', {
    hint: 'Run it with sudo, or use the embedded engine, which needs no root: ./build.sh image',
  });
}

/** pi-gen splits its stage list at spaces, and debootstrap takes none either. */
function mustHaveNoSpace(work: string): void {
  if (!/\s/.test(work)) return;
  throw new OperatorError('pigen-space', `pi-gen cannot work in a path with spaces: ${work}`, {
    hint: 'Choose another folder with --out DIR',
  });
}

/** inside.ts gives it this one: for an arm64 image pi-gen asks for it by name and never runs it. */
const GIVEN = new Set(['qemu-arm']);

async function mustHaveTools(depends: string): Promise<void> {
  const wanted = parseDepends(await readFile(depends, 'utf8'));
  const missing: string[] = [];
  for (const { tool, name } of wanted) {
    if (!GIVEN.has(tool) && !(await isInPath(tool))) missing.push(name);
  }
  if (missing.length === 0) return;
  throw new OperatorError('pigen-packages', `pi-gen needs what is not here: ${missing.join(' ')}`, {
    hint: `sudo apt-get install --no-install-recommends ${missing.join(' ')}`,
  });
}

async function isInPath(tool: string): Promise<boolean> {
  for (const folder of (toolEnvironment()['PATH'] ?? '').split(':').filter(Boolean)) {
    const found = await access(join(folder, tool), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
