// Signed packages of interfaces on the card: `<name>/<version>/{interface.js,manifest.jws}`, one unfinished
// download a name. Never evaluates any of it; that is load-package.ts, in a service's process.
import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../core/errors.ts';
import { PACKAGE_BYTES_MAX } from '../core/packages.ts';
import type { PackageFolder } from '../packages/ports.ts';
import { JWS_CHARS_MAX, isWhole, packageKeys } from '../packages/wire.ts';
import type { PackageKeys, PackageManifest } from '../packages/wire.ts';

/** In the state partition; the folder above it is systemd's (StateDirectory=). */
const PACKAGES = 'var/lib/clock/agent/packages';
/** The release's key in the read-only root; `packages.pub` beside it may hold more, one after the other. */
const KEYS = ['usr/share/clock/release.pub', 'usr/share/clock/packages.pub'];

/** Throws when there is none, or one of them is no Ed25519 key. */
export function readPackageKeys(root: string): PackageKeys {
  const texts = KEYS.flatMap((path) => {
    try {
      return [readFileSync(join(root, path), 'utf8')];
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  });
  return packageKeys(texts.join('\n'));
}

export function realPackages(root: string): PackageFolder {
  const top = join(root, PACKAGES);
  const folderOf = (name: string, version = ''): string => join(top, name, version);
  const file = (name: string, version: string): string =>
    join(folderOf(name, version), 'interface.js');
  const jwsFile = (name: string, version: string): string =>
    join(folderOf(name, version), 'manifest.jws');
  const download = (name: string): string => join(folderOf(name), 'download.part');
  const read = (name: string, version: string): ReturnType<PackageFolder['read']> => {
    try {
      const jws = readFileSync(jwsFile(name, version), 'utf8').slice(0, JWS_CHARS_MAX + 1);
      return { jws, bytes: readFileSync(file(name, version)) };
    } catch {
      return undefined;
    }
  };
  return {
    download,
    file,
    read,
    prepare: async (name) => {
      const made = await mkdir(folderOf(name), { recursive: true, mode: 0o700 });
      if (made !== undefined) await syncFolder(top);
    },
    isDownloaded: async (manifest) => isFile(download(manifest.name), manifest),
    dropDownload: async (name) => rm(download(name), { force: true }),
    // No record names this version yet: a cut in here leaves what was, and sweep() takes the rest away.
    install: async (manifest, jws) => {
      const { name, version } = manifest;
      const staged = `${folderOf(name, version)}.new`;
      await rm(staged, { recursive: true, force: true });
      await mkdir(staged, { mode: 0o700 });
      await writeSynced(join(staged, 'manifest.jws'), jws);
      await rename(download(name), join(staged, 'interface.js'));
      await syncFolder(staged);
      await rm(folderOf(name, version), { recursive: true, force: true });
      await rename(staged, folderOf(name, version));
      await syncFolder(folderOf(name));
    },
    holds: async (manifest) => {
      const { name, version } = manifest;
      const found = read(name, version);
      return found !== undefined && isWhole(manifest, found.bytes);
    },
    sweep: async (name, keep) => {
      const found = await readdir(folderOf(name)).catch(() => []);
      if (keep.length === 0) return rm(folderOf(name), { recursive: true, force: true });
      for (const one of found.filter((one) => !keep.includes(one))) {
        await rm(join(folderOf(name), one), { recursive: true, force: true });
      }
    },
  };
}

async function isFile(path: string, manifest: PackageManifest): Promise<boolean> {
  try {
    const { size } = await stat(path);
    return size === manifest.size && size <= PACKAGE_BYTES_MAX
      ? isWhole(manifest, await readFile(path))
      : false;
  } catch {
    return false;
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
