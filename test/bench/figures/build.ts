// Figures of building: warm with only the agent changed, and cold. Both in a copy of this checkout, so
// that nothing here changes; cold with an empty cache folder as well.
import { appendFile, cp, mkdtempDisposable, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Progress } from '../../../image/core/progress.ts';
import { terminalProgress } from '../../../image/core/terminal.ts';
import type { Figure } from './figure.ts';

/** The targets, for two cores. */
const MOST = { cold: 10 * 60_000, warm: 60_000 } as const;
const SOURCES = ['agent', 'image', 'stage-clock', 'package.json', 'package-lock.json'];

type Building = typeof import('../../../image/release/build.ts');

export interface BuildFiguresOptions {
  readonly home: string;
  readonly cold: boolean;
  readonly signal: AbortSignal;
}

export async function buildFigures(options: BuildFiguresOptions): Promise<Figure[]> {
  const { home, cold, signal } = options;
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-bench-'));
  const copy = join(folder.path, 'checkout');
  for (const name of SOURCES) await cp(join(home, name), join(copy, name), { recursive: true });
  await symlink(join(home, 'node_modules'), join(copy, 'node_modules'));
  // A comment: the bundle stays as it is, the inputs do not. The time is that of a commit made now,
  // which also makes the initramfs anew: what a developer meets.
  await appendFile(join(copy, 'agent/main.ts'), '// bench\n');
  process.env['SOURCE_DATE_EPOCH'] = String(Math.floor(Date.now() / 1000));
  if (cold) process.env['XDG_CACHE_HOME'] = join(folder.path, 'cache');
  const { buildImage } = (await import(
    pathToFileURL(join(copy, 'image/release/build.ts')).href
  )) as Building;
  const progress: Progress = terminalProgress(process.stderr);
  const started = performance.now();
  await buildImage({ out: join(folder.path, 'out') }, { progress, signal });
  const measured = performance.now() - started;
  const kind = cold ? 'cold build' : 'warm build, only the agent changed';
  return [
    {
      ...{ what: kind, unit: 'ms', measured, most: cold ? MOST.cold : MOST.warm },
      remark: cold ? 'empty cache' : 'base root and runtime from earlier builds',
    },
    ...progress.times.map(({ name, ms }): Figure => {
      return { what: `${cold ? 'cold' : 'warm'}: ${name}`, unit: 'ms', measured: ms };
    }),
  ];
}
