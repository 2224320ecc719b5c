// The release that cards are made of: signed by a key that is known here, every file as its manifest says,
// and its template, made once and kept beside it.
import { mkdir, readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { hashFile, hashText } from '../release/inputs.ts';
import { whenFree } from '../release/lock.ts';
import { fits, parseManifest } from '../unit/manifest.ts';
import type { Manifest, Signer } from '../unit/manifest.ts';
import { isSound, makeTemplate, readTemplate } from '../unit/template.ts';
import type { Template } from '../unit/template.ts';

export interface FlashRelease {
  readonly folder: string;
  readonly manifest: Manifest;
  readonly signer: Signer;
}

/** Templates kept of one release: one for each shape of record. */
const TEMPLATES_KEPT = 3;

/** The release built last. Throws OperatorError `no-release`. */
export async function newestRelease(releases: string): Promise<string> {
  const names = (await readdir(releases).catch(() => [])).filter((name) => !name.endsWith('.part'));
  const dated = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(releases, name, 'manifest.json')).catch(() => undefined);
      return { name, at: found?.mtimeMs ?? 0 };
    }),
  );
  const [newest] = dated.filter(({ at }) => at > 0).sort((a, b) => b.at - a.at);
  if (newest !== undefined) return join(releases, newest.name);
  throw new OperatorError('no-release', `There is no release in ${releases}`, {
    hint: 'Build one with ./build.sh, or name the folder of one with --release DIR',
  });
}

/** Reads a release and checks all of it. Throws OperatorError `release-…`. */
export async function openRelease(
  folder: string,
  signers: readonly Signer[],
): Promise<FlashRelease> {
  const read = (name: string): Promise<Buffer | undefined> =>
    readFile(join(folder, name)).catch(() => undefined);
  const bytes = await read('manifest.json');
  const signature = await read('manifest.sig');
  const manifest = bytes === undefined ? undefined : parseManifest(bytes);
  if (bytes === undefined || signature === undefined || manifest === undefined) {
    throw refused('release-missing', `${folder} holds no release`, {
      hint: 'Build one with ./build.sh, or name the folder of one with --release DIR',
    });
  }
  const signer = signers.find((known) => fits(bytes, signature, known));
  if (signer === undefined) throw wrongSigner(manifest, signers);
  for (const [name, said] of Object.entries(manifest.files)) {
    // config.txt is no file of a release: template.ts writes it.
    if (name === 'config.txt') continue;
    const real = await hashFile(fileOf(folder, name)).catch(() => 'missing');
    if (real === said.sha256) continue;
    throw refused(
      'release-damaged',
      `The release is damaged: ${name} is not what it was signed as`,
      {
        hint: 'Build it again: ./build.sh image --force',
      },
    );
  }
  return { folder, manifest, signer };
}

function fileOf(folder: string, name: string): string {
  if (name === 'root.erofs') return join(folder, name);
  if (name.startsWith('a/')) return join(folder, 'slot', name.slice(2));
  return join(folder, 'firmware', name);
}

function wrongSigner({ signedBy }: Manifest, signers: readonly Signer[]): OperatorError {
  const by = `${signedBy.keyId.slice(0, 16)}…`;
  const known = signers.some(({ keyId }) => keyId === signedBy.keyId);
  if (known) {
    return refused('release-damaged', "The release's signature does not fit its manifest", {
      hint: 'Build it again: ./build.sh image --force',
    });
  }
  return refused('release-signer', `The release is signed by key ${by}, which is not known here`, {
    hint: 'Name the public key that signs releases with --signer FILE; is it the right release?',
  });
}

function refused(code: string, message: string, { hint }: { hint: string }): OperatorError {
  return new OperatorError(code, message, { hint });
}

/** Its template for records of these sizes; made when there is none that is sound. */
export async function templateOf(
  { folder, manifest }: FlashRelease,
  record: Readonly<Record<string, number>>,
  { progress, signal }: { progress: Progress; signal?: AbortSignal | undefined },
): Promise<Template> {
  const kept = join(folder, 'templates');
  await mkdir(kept, { recursive: true });
  const place = join(kept, hashText(JSON.stringify(record)).slice(0, 16));
  const work = async (): Promise<Template> => {
    const before = await readTemplate(place);
    if (before !== undefined && (await isSound(before, folder))) {
      progress.reused('template', 'made before');
      return before;
    }
    const epochSeconds = Math.floor(Date.parse(manifest.builtAt) / 1000);
    const made = await progress.step('template', () =>
      makeTemplate({ ...{ release: folder, folder: place, epochSeconds, record, signal } }),
    );
    await dropOlder(kept, place);
    return made;
  };
  const onWait = (): void => progress.say('Another flasher makes the template; waiting for it');
  return whenFree(kept, work, { signal, onWait });
}

async function dropOlder(folder: string, keep: string): Promise<void> {
  const names = await readdir(folder);
  const dated = await Promise.all(
    names.map(async (name) => ({
      place: join(folder, name),
      at: (await stat(join(folder, name, 'template.json')).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  const old = dated.filter(({ place, at }) => at > 0 && place !== keep).sort((a, b) => b.at - a.at);
  for (const { place } of old.slice(TEMPLATES_KEPT - 1)) await rm(place, { recursive: true });
}
