// A copy of this checkout in another place, to build from: for tests and figures that change sources.
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

type Building = typeof import('../../../image/release/build.ts');

const HOME = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
/** What a build reads. */
const SOURCES = ['agent', 'image', 'stage-clock', 'package.json', 'package-lock.json'];

/** Copies what a build reads into `folder`. */
export async function copyCheckout(folder: string): Promise<void> {
  for (const name of SOURCES) await cp(join(HOME, name), join(folder, name), { recursive: true });
  await symlink(join(HOME, 'node_modules'), join(folder, 'node_modules'));
}

/** The builder that lies in that copy: it builds from its own sources. */
export async function builderIn(folder: string): Promise<Building['buildImage']> {
  const url = pathToFileURL(join(folder, 'image/release/build.ts')).href;
  return ((await import(url)) as Building).buildImage;
}
