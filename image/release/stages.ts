// Reads a stage by pi-gen's contract and says what is to be done, in order.
// Pure but for listing folders: inside.ts carries the steps out. What pi-gen passes over in silence
// (a script that is not executable, a misspelt name) is an error here.
// Source: pi-gen's README ("How the build process works") and build.sh, branch arm64.
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { OperatorError } from '../core/errors.ts';

export type StageStep =
  | { readonly do: 'script'; readonly folder: string; readonly file: string }
  | { readonly do: 'chroot-script'; readonly folder: string; readonly file: string }
  | { readonly do: 'debconf'; readonly folder: string; readonly file: string }
  | { readonly do: 'patches'; readonly folder: string; readonly file: string }
  | {
      readonly do: 'packages';
      readonly folder: string;
      readonly file: string;
      readonly names: readonly string[];
      readonly recommends: boolean;
    };

interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'executable' | 'folder';
}

/** The contract's file kinds in the order pi-gen runs them for one number. */
const KINDS = ['debconf', 'packages-nr', 'packages', 'patches', 'run.sh', 'run-chroot.sh'] as const;
type Kind = (typeof KINDS)[number];

/** Marks that steer pi-gen and are not steps. */
const STAGE_MARKS = new Set(['SKIP', 'SKIP_IMAGES', 'EXPORT_IMAGE', 'EXPORT_NOOBS', 'README.md']);

/** Steps of one sub-stage from its listing; `names` are read later from package files. */
function planSubStage(
  folder: string,
  entries: readonly Entry[],
): { readonly kind: Kind; readonly file: string }[] {
  const steps: { number: string; kind: Kind; file: string }[] = [];
  for (const { name, kind: type } of entries) {
    const match = /^(\d\d)-(.+)$/.exec(name);
    const kind = KINDS.find((known) => known === match?.[2]);
    if (match === null || kind === undefined) {
      const looksLikeStep = /^\d+[-_]|run.*\.sh$|packages|debconf|patches/.test(name);
      if (looksLikeStep) throw brokenStage(join(folder, name), 'is not a name pi-gen would run');
      continue;
    }
    if (kind === 'run.sh' && type !== 'executable') {
      throw brokenStage(join(folder, name), 'is not executable, pi-gen would pass over it');
    }
    if ((kind === 'patches') !== (type === 'folder')) {
      throw brokenStage(join(folder, name), `must ${kind === 'patches' ? '' : 'not '}be a folder`);
    }
    steps.push({ number: match[1]!, kind, file: name });
  }
  return steps.sort(
    (a, b) => Number(a.number) - Number(b.number) || KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind),
  );
}

/** Package names of a package file: one or more per line, `#` starts a comment. */
export function packageNames(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line) => line.replace(/#.*/, '').trim().split(/\s+/))
    .filter((name) => name !== '');
}

/** All steps of a stage folder, in order. Throws OperatorError `stage-broken`. */
export async function planStage(stage: string): Promise<StageStep[]> {
  const steps: StageStep[] = [];
  const top = await list(stage);
  if (top.some(({ name }) => name === 'SKIP')) return steps;
  for (const { name, kind } of top) {
    if (name === 'prerun.sh') {
      if (kind !== 'executable') throw brokenStage(join(stage, name), 'is not executable');
      steps.push({ do: 'script', folder: stage, file: name });
    } else if (kind !== 'folder' && !STAGE_MARKS.has(name)) {
      throw brokenStage(join(stage, name), 'is nothing pi-gen knows');
    }
  }
  for (const { name, kind } of top) {
    if (kind !== 'folder') continue;
    const folder = join(stage, name);
    const entries = await list(folder);
    if (entries.some((entry) => entry.name === 'SKIP')) continue;
    for (const planned of planSubStage(folder, entries)) steps.push(await toStep(folder, planned));
  }
  return steps;
}

async function toStep(
  folder: string,
  { kind, file }: { readonly kind: Kind; readonly file: string },
): Promise<StageStep> {
  switch (kind) {
    case 'run.sh':
      return { do: 'script', folder, file };
    case 'run-chroot.sh':
      return { do: 'chroot-script', folder, file };
    case 'debconf':
      return { do: 'debconf', folder, file };
    case 'patches':
      return { do: 'patches', folder, file };
    case 'packages':
    case 'packages-nr': {
      const names = packageNames(await readFile(join(folder, file), 'utf8'));
      if (names.length === 0) throw brokenStage(join(folder, file), 'names no package');
      return { do: 'packages', folder, file, names, recommends: kind === 'packages' };
    }
  }
}

/** Stages in the order given; two with one base name would share a work folder in pi-gen. */
export async function planStages(stages: readonly string[]): Promise<StageStep[]> {
  const names = stages.map((stage) => basename(stage));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw brokenStage(twice, 'is the base name of two stages');
  return (await Promise.all(stages.map(planStage))).flat();
}

async function list(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const info = await stat(join(folder, name));
    const kind = info.isDirectory() ? 'folder' : (info.mode & 0o111) === 0 ? 'file' : 'executable';
    entries.push({ name, kind });
  }
  return entries;
}

function brokenStage(path: string, why: string): OperatorError {
  return new OperatorError('stage-broken', `${path} ${why}`, {
    hint: 'See the stage contract in image/README.md; "chmod +x" or rename the file',
  });
}
