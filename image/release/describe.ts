// Says what a finished release is: manifest, lists of hashes, SBOM, signature.
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { CONFIG_TXTS, commandLine } from '../unit/layout.ts';
import type { Base } from '../unit/layout.ts';
import type { Manifest } from '../unit/manifest.ts';
import { SUITE, hashFile } from './inputs.ts';
import { runtime } from './runtime.ts';
import { parseDpkgStatus, spdxDocument } from './sbom.ts';
import { signDetached } from './sign.ts';
import type { SigningKey } from './sign.ts';

export interface Description {
  readonly version: string;
  readonly builtAt: string;
  /** Hash of everything the release is made from. */
  readonly inputs: string;
  readonly key: SigningKey;
  /** Default: Debian, by the embedded engine. */
  readonly base?: Base;
  /** What ran the stages, if it was not the embedded engine. */
  readonly engine?: string;
}

/** Completes a release folder that holds slot/, firmware/, root.erofs, dpkg-status, kernel-version. */
export async function describeRelease(release: string, of: Description): Promise<void> {
  const { version, builtAt, key, base = 'debian' } = of;
  const slot = join(release, 'slot');
  await writeFile(join(slot, 'cmdline.txt'), commandLine('a', base));
  await writeFile(join(release, 'config.txt'), CONFIG_TXTS[base]);
  const bootNames = (await readdir(slot)).sort();
  await writeFile(join(release, 'boot.sha256'), await checksumList(slot, bootNames, 'a/'));
  await writeFile(join(release, 'root.sha256'), await checksumList(release, ['root.erofs']));
  await writeFile(join(release, 'version'), `${version}\n`);
  const status = await readFile(join(release, 'dpkg-status'), 'utf8');
  const { name, version: runtimeVersion } = runtime;
  const node = { name, version: runtimeVersion, architecture: 'arm64', source: 'node' };
  const packages = [...parseDpkgStatus(status), node];
  const manifest: Manifest = {
    v: 1,
    name: 'clock-iot-unit',
    version,
    builtAt,
    inputs: {
      hash: of.inputs,
      suite: SUITE,
      kernel: (await readFile(join(release, 'kernel-version'), 'utf8')).trim(),
      ...(base !== 'debian' && { base }),
      ...(of.engine !== undefined && { engine: of.engine }),
    },
    signedBy: { keyId: key.keyId, development: key.development, publicKey: key.publicKey },
    files: await sizedFiles(release, bootNames),
    packages: packages.map(({ name, version, architecture }) => ({ name, version, architecture })),
  };
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
  await writeFile(join(release, 'manifest.json'), bytes);
  await writeFile(join(release, 'manifest.sig'), signDetached(bytes, key));
  const sbom = spdxDocument(packages, { name: `clock-iot-unit-${version}`, createdIso: builtAt });
  await writeFile(join(release, 'sbom.spdx.json'), `${JSON.stringify(sbom, null, 1)}\n`);
}

async function sizedFiles(
  release: string,
  bootNames: readonly string[],
): Promise<Manifest['files']> {
  const files: Manifest['files'] = {};
  for (const name of bootNames) files[`a/${name}`] = await sized(join(release, 'slot', name));
  for (const name of (await readdir(join(release, 'firmware'))).sort()) {
    files[name] = await sized(join(release, 'firmware', name));
  }
  // The only file of the boot partition that no slot owns.
  files['config.txt'] = await sized(join(release, 'config.txt'));
  files['root.erofs'] = await sized(join(release, 'root.erofs'));
  return files;
}

async function sized(file: string): Promise<{ bytes: number; sha256: string }> {
  return { bytes: (await stat(file)).size, sha256: await hashFile(file) };
}

/** Lists `SHA-256  name` lines as sha256sum reads them. */
async function checksumList(
  folder: string,
  names: readonly string[],
  prefix = '',
): Promise<string> {
  const lines: string[] = [];
  for (const name of names) lines.push(`${await hashFile(join(folder, name))}  ${prefix}${name}\n`);
  if (lines.length === 0) {
    throw new OperatorError('nothing-to-check', `No files in ${folder}`, {
      hint: 'Build again with --force',
    });
  }
  return lines.join('');
}
