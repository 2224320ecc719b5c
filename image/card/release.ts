// The release that cards are made of: signed by a key that is known here, every file as its manifest says,
// and its template, made once of what was checked and kept where nobody else writes.
import { constants, openSync } from 'node:fs';
import { copyFile, mkdir, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { refusedByDisk } from '../core/files.ts';
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
  /** The manifest and its signature, byte for byte as they were checked. */
  readonly signed: { readonly bytes: Buffer; readonly signature: Buffer };
}

/** Templates kept: one for each release and shape of record, 0.4 GB each. */
const TEMPLATES_KEPT = 3;
/** Names on the boot partition: of one folder, and no options of a program. */
const FILE = /^(a\/)?[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}$/;

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
    readFile(join(folder, name)).catch(orMissing(join(folder, name)));
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
  await checkFiles(folder, manifest);
  return { folder, manifest, signer, signed: { bytes, signature } };
}

/** Whether what cards get of this folder is what was signed. Throws OperatorError. */
async function checkFiles(folder: string, manifest: Manifest): Promise<void> {
  for (const [name, said] of Object.entries(manifest.files)) {
    if (!FILE.test(name)) throw damaged(JSON.stringify(name));
    const file = fileOf(folder, name);
    const found = await stat(file).catch(orMissing(file));
    // Its size first: one without an end would be read for ever.
    const isRight =
      found?.isFile() === true &&
      found.size === said.bytes &&
      (await hashFile(file).catch(orMissing(file))) === said.sha256;
    if (!isRight) throw damaged(name);
  }
  for (const [name, text] of Object.entries(listsOf(manifest))) {
    const file = join(folder, name);
    const found = await readFile(file, 'utf8').catch(orMissing(file));
    if (found !== text) throw damaged(name);
  }
}

/** What `catch` makes of an error: nothing is there; or, thrown, it is and cannot be read. */
const orMissing =
  (file: string) =>
  (cause: unknown): undefined => {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const refusal = refusedByDisk(cause, file);
    if (refusal === undefined || ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code)) return undefined;
    const { message, hint = '' } = refusal;
    throw refused('release-unreadable', `The release cannot be read. ${message}`, { hint });
  };

const damaged = (name: string): OperatorError =>
  refused('release-damaged', `The release is damaged: ${name} is not what it was signed as`, {
    hint: 'Build it again: ./build.sh image --force',
  });

/** Small files that a unit reads at each start; they say again what the manifest says (release/describe.ts). */
function listsOf({ version, files }: Manifest): Readonly<Record<string, string>> {
  const list = (isIn: (name: string) => boolean): string =>
    Object.keys(files)
      .filter(isIn)
      .map((name) => `${files[name]!.sha256}  ${name}\n`)
      .join('');
  return {
    'boot.sha256': list((name) => name.startsWith('a/')),
    'root.sha256': list((name) => name === 'root.erofs'),
    version: `${version}\n`,
  };
}

function fileOf(folder: string, name: string): string {
  if (name === 'root.erofs' || name === 'config.txt') return join(folder, name);
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
  const given = signers.find(({ known }) => known === 'given');
  if (given !== undefined) {
    const other = `${given.keyId.slice(0, 16)}…`;
    return refused(
      'release-signer',
      `The release is signed by key ${by}, not by the one given with --signer (${other})`,
      { hint: 'Is it the right release, and the right file? Only that key was to count' },
    );
  }
  return refused('release-signer', `The release is signed by key ${by}, which is not known here`, {
    hint: 'Is it the right release? Then name the public key that signs releases: --signer FILE',
  });
}

function refused(code: string, message: string, { hint }: { hint: string }): OperatorError {
  return new OperatorError(code, message, { hint });
}

/**
 * Its template for records of these sizes, kept in the folder `templates`; made when there is none that is sound.
 * Never taken from the release's own folder: who made that could put a template there that nobody signed. Its files stay
 * open until this process ends, and are named so that its writers find them, whoever drops the template meanwhile.
 */
export async function templateOf(
  release: FlashRelease,
  record: Readonly<Record<string, number>>,
  around: {
    readonly templates: string;
    readonly progress: Progress;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Template> {
  const { templates, progress, signal } = around;
  const { manifest, signed } = release;
  await mkdir(templates, { recursive: true, mode: 0o700 });
  const key = hashText(signed.bytes.toString('utf8'), JSON.stringify(record));
  const place = join(templates, key.slice(0, 32));
  const work = async (): Promise<Template> => {
    const before = await readTemplate(place);
    if (before !== undefined && (await isSound(before, signed.bytes))) {
      progress.reused('template', 'made before');
      return held(before);
    }
    const epochSeconds = Math.floor(Date.parse(manifest.builtAt) / 1000);
    const made = await progress.step('template', async () => {
      const copy = `${place}.release`;
      try {
        await copyRelease(release, copy);
        const order = { release: copy, folder: place, epochSeconds, record, signal };
        return await makeTemplate(order);
      } finally {
        await rm(copy, { recursive: true, force: true });
      }
    });
    await dropOlder(templates, place);
    return held(made);
  };
  const onWait = (): void => progress.say('Another flasher makes the template; waiting for it');
  return whenFree(templates, work, { signal, onWait });
}

/** Other flashers keep a few templates, and a station runs for days. The kernel keeps what somebody has open (proc(5)). */
function held(template: Template): Template {
  const open = (file: string): string => `/proc/${process.pid}/fd/${openSync(file, 'r')}`;
  const { boot, system } = template.files;
  return { ...template, files: { boot: open(boot), system: open(system) } };
}

/** What was signed and nothing else, checked again where nobody else writes. */
async function copyRelease(
  { folder, manifest, signed }: FlashRelease,
  copy: string,
): Promise<void> {
  await rm(copy, { recursive: true, force: true });
  const builtAt = new Date(manifest.builtAt);
  for (const name of Object.keys(manifest.files)) {
    const to = fileOf(copy, name);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(fileOf(folder, name), to, constants.COPYFILE_FICLONE);
    await utimes(to, builtAt, builtAt);
  }
  const small = { ...listsOf(manifest), 'manifest.json': signed.bytes };
  for (const [name, content] of Object.entries({ ...small, 'manifest.sig': signed.signature }))
    await writeFile(join(copy, name), content);
  await checkFiles(copy, manifest);
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
