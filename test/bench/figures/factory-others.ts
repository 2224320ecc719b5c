// Other people's flashers, fetched for one run into a folder that goes with it: none is a dependency.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../image/core/run.ts';

/** A registry that is slow or lacks a native part must not hold up the figures. */
const FETCH_MS_MAX = 180_000;
const ETCHER = 'etcher-sdk@10.2.15';

/** The words that start bmaptool; undefined when Debian's package cannot be fetched. */
export async function fetchBmaptool(folder: string): Promise<readonly string[] | undefined> {
  const place = join(folder, 'bmaptool');
  try {
    await mkdir(place);
    await run(['apt-get', 'download', 'bmap-tools'], { cwd: place });
    const [archive] = await readdir(place);
    await run(['dpkg', '--extract', join(place, archive!), place]);
    const python = `PYTHONPATH=${join(place, 'usr/lib/python3/dist-packages')}`;
    const words = ['env', python, 'python3', join(place, 'usr/bin/bmaptool')];
    await run([...words, '--version']);
    return words;
  } catch {
    return undefined;
  }
}

/** The folder it is installed in; undefined when it cannot be installed or does not load. */
export async function fetchEtcher(folder: string): Promise<string | undefined> {
  const place = join(folder, 'etcher');
  try {
    await mkdir(place);
    await writeFile(join(place, 'package.json'), '{"private":true}');
    const signal = AbortSignal.timeout(FETCH_MS_MAX);
    await run(['npm', 'install', '--no-audit', '--no-fund', '--fetch-retries=0', ETCHER], {
      cwd: place,
      signal,
    });
    await writeFile(join(place, 'write.cjs'), WRITE);
    await run([process.execPath, '-e', 'require("etcher-sdk")'], { cwd: place });
    return place;
  } catch {
    return undefined;
  }
}

/** As its own examples write a file to a file, without reading it back; prints bytes a second. */
const WRITE = `
const { sourceDestination, multiWrite } = require('etcher-sdk');
const [, , from, to] = process.argv;
(async () => {
  const source = new sourceDestination.File({ path: from });
  const inner = await source.getInnerSource();
  const target = new sourceDestination.File({ path: to, write: true });
  const started = performance.now();
  const result = await multiWrite.pipeSourceToDestinations({
    source: inner, destinations: [target], onProgress() {}, onFail(_d, error) { throw error; },
    verify: false, trim: false,
  });
  console.log(Number(result.bytesWritten) * 1000 / (performance.now() - started));
})();
`;

export async function etcherWrite(place: string, image: string, target: string): Promise<number> {
  const { stdout } = await run([process.execPath, join(place, 'write.cjs'), image, target], {
    cwd: place,
  });
  return Number(stdout.trim().split('\n').at(-1));
}
