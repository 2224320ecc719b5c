// Figures of a finished image: sizes, and the time to make one unit's card content of its release.
import { mkdtempDisposable, readFile, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatorError } from '../../../image/core/errors.ts';
import type { Progress } from '../../../image/core/progress.ts';
import { parseBmap } from '../../../image/release/bmap.ts';
import { bundleAgent } from '../../../image/release/bundle.ts';
import { assemble } from '../../../image/unit/assemble.ts';
import { median } from './figure.ts';
import type { Figure } from './figure.ts';

const TRIES = 3;
/** Targets: what a factory's day and a Pi 3's memory allow. */
const MOST = { toWrite: 450e6, initramfs: 15e6, assembleMs: 5_000 } as const;

export interface Built {
  readonly image: string;
  readonly release: string;
}

/** The image in an output folder, and its release. Throws OperatorError `no-image`. */
export async function builtImage(build: string): Promise<Built> {
  const names = await readdir(build).catch(() => []);
  for (const name of names.filter((entry) => entry.endsWith('.img'))) {
    const version = /^clock-iot-unit-(.+)\.img$/.exec(name)?.[1];
    const release = join(build, 'release', version ?? '');
    const whole = await stat(join(release, 'manifest.json')).catch(() => undefined);
    if (version !== undefined && whole !== undefined) return { image: join(build, name), release };
  }
  throw new OperatorError('no-image', `There is no image in ${build}`, {
    hint: 'Build one with ./build.sh',
  });
}

export async function imageFigures(out: string, progress: Progress): Promise<Figure[]> {
  const { image, release } = await builtImage(out);
  const size = async (name: string): Promise<number> => (await stat(join(release, name))).size;
  const bmap = parseBmap(await readFile(`${image}.bmap`, 'utf8'));
  const blocks = bmap?.ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  await using folder = await mkdtempDisposable(join(tmpdir(), 'clock-bench-'));
  const bundle = await bundleAgent({ outDir: folder.path, minify: true });
  const seconds: number[] = [];
  await progress.step('card content of one unit', async (step) => {
    for (let n = 0; n < TRIES; n += 1) {
      step.fraction(n / TRIES);
      const started = performance.now();
      await assemble({
        release,
        image: join(folder.path, 'unit.img'),
        work: join(folder.path, 'work'),
        epochSeconds: 1,
        record: { 'unit.json': '{}' },
      });
      seconds.push(performance.now() - started);
    }
  });
  return [
    { what: 'image', unit: 'bytes', measured: (await stat(image)).size },
    {
      ...{ what: 'bytes a factory writes per card', unit: 'bytes', most: MOST.toWrite },
      measured: (blocks ?? Number.NaN) * (bmap?.blockBytes ?? Number.NaN),
      remark: 'mapped blocks of the .bmap',
    },
    { what: 'root.erofs', unit: 'bytes', measured: await size('root.erofs') },
    {
      ...{ what: 'initramfs', unit: 'bytes', most: MOST.initramfs },
      measured: await size('slot/initrd.img'),
    },
    { what: 'kernel', unit: 'bytes', measured: await size('slot/vmlinuz') },
    { what: 'agent bundle', unit: 'bytes', measured: bundle.bytes },
    {
      ...{ what: "one unit's encrypted card content", unit: 'ms', most: MOST.assembleMs },
      measured: median(seconds),
      remark: `median of ${TRIES}, own key and UUIDs each`,
    },
  ];
}
