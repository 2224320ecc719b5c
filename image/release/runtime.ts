// The unit's Node runtime: the same version as the workstation's, pinned by integrity.
// Not a development dependency: beside the workstation's it may win .bin/node, and cannot run here.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { run } from '../core/run.ts';
import pinned from './runtime.json' with { type: 'json' };

/** What the unit's runtime is, for the manifest. */
export const runtime: { readonly name: string; readonly version: string } = pinned;

/**
 * Brings the runtime into the cache (once) and returns the path of its `node` program.
 * Throws OperatorError `download-broken` when what npm delivers is not what is pinned.
 */
export async function fetchRuntime(cache: string, signal?: AbortSignal): Promise<string> {
  const folder = join(cache, `runtime-${pinned.version}`);
  const node = join(folder, 'node');
  const done = await readFile(join(folder, 'integrity'), 'utf8').catch(() => '');
  if (done === pinned.integrity) return node;
  const work = `${folder}.part`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await run(['npm', 'pack', '--loglevel=error', `${pinned.name}@${pinned.version}`], {
    cwd: work,
    signal,
    hint: 'Check that this machine reaches the npm registry, then run again',
  });
  const archive = join(work, `${pinned.name}-${pinned.version}.tgz`);
  const digest = createHash('sha512')
    .update(await readFile(archive))
    .digest('base64');
  if (`sha512-${digest}` !== pinned.integrity) {
    throw new OperatorError('download-broken', `${pinned.name} is not the file that is pinned`, {
      hint: `Run again; if it stays so, compare image/release/runtime.json (got sha512-${digest})`,
    });
  }
  await run(['tar', '--extract', '--file', archive, '--directory', work], { signal });
  await copyFile(join(work, 'package/bin/node'), join(work, 'node'));
  await rm(join(work, 'package'), { recursive: true });
  await rm(archive);
  await run(['sh', '-c', `printf %s "$1" > integrity`, 'sh', pinned.integrity], { cwd: work });
  await rm(folder, { recursive: true, force: true });
  await rename(work, folder);
  return node;
}
