// Figures of building: warm with only the agent changed, cold, and cold by the real pi-gen. All in a copy of this checkout, so
// that nothing here changes; cold with an empty cache folder as well.
import { appendFile, mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../../../image/core/progress.ts';
import { terminalProgress } from '../../../image/core/terminal.ts';
import { builderIn, copyCheckout } from '../../image/release/checkout.ts';
import type { Figure } from './figure.ts';

/** For two cores; without twins a cold build takes more than six minutes. */
const MOST = { cold: 4 * 60_000, warm: 60_000 } as const;

/** The yardstick of a cold build: the same packages and stages, installed by pi-gen's own means. Needs root. */
export async function pigenFigures({
  signal,
}: {
  readonly signal: AbortSignal;
}): Promise<Figure[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-bench-'));
  const copy = join(folder.path, 'checkout');
  await copyCheckout(copy);
  process.env['XDG_CACHE_HOME'] = join(folder.path, 'cache');
  const buildImage = await builderIn(copy);
  const progress: Progress = terminalProgress(process.stderr);
  const started = performance.now();
  const engine = { engine: 'pi-gen', base: 'debian', folder: undefined } as const;
  await buildImage({ out: join(folder.path, 'out'), engine }, { progress, signal });
  const measured = performance.now() - started;
  const remark = 'empty cache, the real pi-gen: the same unit, the yardstick of a cold build';
  return [{ what: 'cold build by pi-gen', unit: 'ms', measured, remark }];
}

export interface BuildFiguresOptions {
  readonly cold: boolean;
  readonly signal: AbortSignal;
}

export async function buildFigures(options: BuildFiguresOptions): Promise<Figure[]> {
  const { cold, signal } = options;
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-bench-'));
  const copy = join(folder.path, 'checkout');
  await copyCheckout(copy);
  // A comment: the bundle stays as it is, the inputs do not. The time is that of a commit made now,
  // which also makes the initramfs anew: what a developer meets.
  await appendFile(join(copy, 'agent/main.ts'), '// bench\n');
  process.env['SOURCE_DATE_EPOCH'] = String(Math.floor(Date.now() / 1000));
  if (cold) process.env['XDG_CACHE_HOME'] = join(folder.path, 'cache');
  const buildImage = await builderIn(copy);
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
