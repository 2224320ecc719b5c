// What all cards of a release have in common, in plain text: the boot partition and the system
// partition's file system, with places kept for what is one unit's. content.ts makes cards of it.
// Everything in userspace: no mount, no loop device, no device-mapper.
import { createHash } from 'node:crypto';
import {
  copyFile,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { run } from '../core/run.ts';
import { hashFile } from '../release/inputs.ts';
import { BOOT_MIB, DATA_SECTOR_BYTES, MIB, SYSTEM_LABEL } from './layout.ts';
import { openExt4 } from './read/ext4.ts';
import type { Place } from './read/ext4.ts';
import { readFat } from './read/fat.ts';
import { openSource } from './read/source.ts';
import type { Source } from './read/source.ts';

/** A transport key has as many bits as the cipher's key. */
export const KEY_BYTES = 32;
/** mke2fs leaves blocks of zeros out: a kept place holds newlines, which every text may end in. */
const KEPT = 0x0a;
/** Room beside root.erofs: ext4's own tables, the journal of 4 MiB, the lists, a unit's record. */
const EXT4_EXTRA_MIB = 16;
/** A file of a record: a few kilobytes; the queue of a reflash is larger. EXT4_EXTRA_MIB leaves some 11 MiB. */
export const RECORD_BYTES_MAX = 8 * MIB;

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const layout = v.object({
  v: v.literal(1),
  /** Of the release's manifest: a template is of one release. */
  manifest: v.string(),
  /** `bytes` from the start hold all that is used. */
  boot: v.object({ bytes: whole, sha256: v.string(), keyAt: whole }),
  system: v.object({ bytes: whole, sha256: v.string() }),
  /** By name, where each file of a unit's record lies in the file system. */
  record: v.record(v.string(), v.array(v.object({ at: whole, bytes: whole }))),
});

type Layout = v.InferOutput<typeof layout>;

export interface Template extends Omit<Layout, 'v'> {
  readonly files: { readonly boot: string; readonly system: string };
}

export interface TemplateOrder {
  /** A release folder: slot/, firmware/, root.erofs, manifest.json, manifest.sig, version. */
  readonly release: string;
  /** The sizes of a record's files by name: they belong to the file system, the contents do not. */
  readonly record: Readonly<Record<string, number>>;
  /** Made anew; whole only when this returns. */
  readonly folder: string;
  readonly epochSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

const LAYOUT = 'template.json';

/** Makes a template. */
export async function makeTemplate(order: TemplateOrder): Promise<Template> {
  const { folder, release } = order;
  await rm(folder, { recursive: true, force: true });
  const part = `${folder}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  const files = { boot: join(part, 'boot.fat'), system: join(part, 'system.ext4') };
  await makeBoot(order, files.boot);
  await makeSystem(order, { file: files.system, tree: join(part, 'tree') });
  const made: Layout = {
    v: 1,
    manifest: await hashFile(join(release, 'manifest.json')),
    boot: { ...(await bootPlaces(files.boot)), sha256: await hashFile(files.boot) },
    system: { bytes: (await stat(files.system)).size, sha256: await hashFile(files.system) },
    record: await recordPlaces(files.system, Object.keys(order.record)),
  };
  await writeFile(join(part, LAYOUT), `${JSON.stringify(made)}\n`);
  await rename(part, folder);
  return (await readTemplate(folder))!;
}

/** The template in a folder, undefined when there is none. Its files are not looked at. */
export async function readTemplate(folder: string): Promise<Template | undefined> {
  const text = await readFile(join(folder, LAYOUT), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), layout), text);
  if (!parsed.success) return undefined;
  const files = { boot: join(folder, 'boot.fat'), system: join(folder, 'system.ext4') };
  return { ...parsed.output, files };
}

/** Whether it is of this release, by the bytes of its manifest, and its files are still what they were. */
export async function isSound(template: Template, manifestBytes: Uint8Array): Promise<boolean> {
  const { files, boot, system, manifest } = template;
  const is = async (file: string, sha256: string): Promise<boolean> =>
    (await hashFile(file).catch(() => '')) === sha256;
  return (
    createHash('sha256').update(manifestBytes).digest('hex') === manifest &&
    (await is(files.boot, boot.sha256)) &&
    (await is(files.system, system.sha256))
  );
}

async function makeBoot(
  { release, epochSeconds, signal }: TemplateOrder,
  boot: string,
): Promise<void> {
  const env = { SOURCE_DATE_EPOCH: String(epochSeconds), MTOOLS_SKIP_CHECK: '1' };
  await writeFile(boot, '');
  await truncate(boot, BOOT_MIB * MIB);
  // Clusters of 1 KiB: FAT32 needs 65,525 of them, and the firmware wants FAT32.
  await run(['mkfs.vfat', '-F', '32', '-s', '2', '-n', 'CLOCKBOOT', '--invariant', boot], {
    env,
    signal,
  });
  const key = `${boot}.key`;
  await writeFile(key, Buffer.alloc(KEY_BYTES, KEPT));
  const copy = async (from: readonly string[], to: string): Promise<void> => {
    await run(['mcopy', '-i', boot, '-m', ...from, to], { env, signal });
  };
  await run(['mmd', '-i', boot, '::a', '::b'], { env, signal });
  await copy([join(release, 'config.txt')], '::config.txt');
  await copy(await below(join(release, 'firmware')), '::');
  await copy(await below(join(release, 'slot')), '::a/');
  await copy([join(release, 'manifest.json'), join(release, 'manifest.sig')], '::a/');
  await copy([key], '::clock.key');
  await rm(key);
}

async function below(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort().map((name) => join(folder, name));
}

async function makeSystem(
  { release, record, signal }: TemplateOrder,
  { file, tree }: { file: string; tree: string },
): Promise<void> {
  const slot = join(tree, 'slots/a');
  await mkdir(slot, { recursive: true });
  await mkdir(join(tree, 'slots/b'));
  const lists = ['root.sha256', 'boot.sha256', 'manifest.json', 'manifest.sig', 'version'];
  for (const name of ['root.erofs', ...lists]) {
    await copyFile(join(release, name), join(slot, name));
  }
  if (Object.keys(record).length > 0) await mkdir(join(tree, 'unit'));
  for (const [name, bytes] of Object.entries(record)) {
    if (bytes > RECORD_BYTES_MAX) throw new Error(`${name} is too large for a record`);
    await writeFile(join(tree, 'unit', name), Buffer.alloc(bytes, KEPT), { mode: 0o600 });
  }
  const rootMib = Math.ceil((await stat(join(release, 'root.erofs'))).size / MIB);
  await writeFile(file, '');
  await truncate(file, (rootMib + EXT4_EXTRA_MIB) * MIB);
  const ext4 = ['-t', 'ext4', '-b', String(DATA_SECTOR_BYTES), '-m', '0', '-N', '256'];
  await run(
    [
      ...['mke2fs', '-q', ...ext4, '-J', 'size=4', '-L', SYSTEM_LABEL],
      ...['-E', 'root_owner=0:0,no_copy_xattrs', '-d', tree, file],
    ],
    { signal },
  );
  await rm(tree, { recursive: true });
}

/** Where the transport key lies, and where the used part ends: behind it nothing is written to a card. */
async function bootPlaces(file: string): Promise<{ bytes: number; keyAt: number }> {
  const boot = await openSource(file);
  try {
    const key = (await readFat(boot)).files.find(({ path }) => path === 'clock.key');
    if (key === undefined) throw new Error('the boot partition has no place for the key');
    return { keyAt: key.firstAt(), bytes: await usedBytes(boot) };
  } finally {
    await boot.close();
  }
}

/** mcopy fills clusters from the first on, so that what is not zero ends where the last file does. */
async function usedBytes(source: Source): Promise<number> {
  for (let end = source.bytes; end > 0; end -= MIB) {
    const piece = await source.read(end - MIB, MIB);
    if (piece.some((byte) => byte !== 0)) return end;
  }
  return 0;
}

async function recordPlaces(file: string, names: readonly string[]): Promise<Layout['record']> {
  const source = await openSource(file);
  try {
    const disk = await openExt4(source);
    const record: Layout['record'] = {};
    for (const name of names) {
      const kept = await disk.find(`unit/${name}`);
      if (kept === undefined) throw new Error(`the system partition has no place for ${name}`);
      const places: Place[] = [];
      for await (const place of kept.places()) places.push(place);
      record[name] = places;
    }
    return record;
  } finally {
    await source.close();
  }
}

/** Opened for reading by descriptor, as content.ts reads while it encrypts. */
export async function openTemplate({ files }: Template): Promise<{
  readonly boot: number;
  readonly system: number;
  close(): Promise<void>;
}> {
  const boot = await open(files.boot, 'r');
  const system = await open(files.system, 'r');
  return {
    boot: boot.fd,
    system: system.fd,
    close: async () => {
      await system.close();
      await boot.close();
    },
  };
}
