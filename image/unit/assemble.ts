// From a release to an image: boot partition, encrypted system partition, partition table, checksums.
// Everything in userspace: no mount, no loop device, no device-mapper.
import { randomBytes, randomUUID } from 'node:crypto';
import {
  copyFile,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../core/run.ts';
import { ALIGN_MIB, BOOT_MIB, CONFIG_TXT, LUKS_RESERVE_MIB, MIB, SECTOR_BYTES } from './layout.ts';

export interface AssembleOptions {
  /** A release folder: slot/, firmware/, root.erofs, manifest.json, manifest.sig, version. */
  readonly release: string;
  readonly image: string;
  readonly work: string;
  readonly epochSeconds: number;
  /** Files of one unit's record (name → content), put into the encrypted partition. */
  readonly record?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes an image under its final name only when it is whole.
 * Every call makes a new transport key, a new volume key and new UUIDs for the system partition.
 */
export async function assemble(options: AssembleOptions): Promise<void> {
  const { work, image, signal } = options;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const key = join(work, 'clock.key');
  await writeFile(key, randomBytes(32), { mode: 0o600 });
  const boot = join(work, 'boot.fat');
  const system = join(work, 'system.luks');
  await makeBoot(options, { boot, key });
  await makeSystem(options, { system, key });

  const part = `${image}.part`;
  const bootStart = ALIGN_MIB;
  const systemStart = bootStart + BOOT_MIB;
  const systemMib = Math.ceil((await stat(system)).size / MIB);
  await rm(part, { force: true });
  await writeFile(part, '');
  await truncate(part, (systemStart + systemMib) * MIB);
  await place(boot, { into: part, atMib: bootStart, signal });
  await place(system, { into: part, atMib: systemStart, signal });
  const sectors = (mib: number): number => (mib * MIB) / SECTOR_BYTES;
  const table = [
    'label: dos',
    `start=${sectors(bootStart)}, size=${sectors(BOOT_MIB)}, type=c, bootable`,
    `start=${sectors(systemStart)}, size=${sectors(systemMib)}, type=83`,
  ].join('\n');
  await run(['sfdisk', '--quiet', part], { stdin: `${table}\n`, signal });
  const file = await open(part, 'r');
  await file.sync();
  await file.close();
  await rename(part, image);
  await rm(work, { recursive: true, force: true });
}

async function makeBoot(
  { release, epochSeconds, signal }: AssembleOptions,
  { boot, key }: { boot: string; key: string },
): Promise<void> {
  const env = { SOURCE_DATE_EPOCH: String(epochSeconds), MTOOLS_SKIP_CHECK: '1' };
  await writeFile(boot, '');
  await truncate(boot, BOOT_MIB * MIB);
  // Clusters of 1 KiB: FAT32 needs 65,525 of them, and the firmware wants FAT32.
  await run(['mkfs.vfat', '-F', '32', '-s', '2', '-n', 'CLOCKBOOT', '--invariant', boot], {
    env,
    signal,
  });
  const config = `${boot}.config`;
  await writeFile(config, CONFIG_TXT);
  const copy = async (from: readonly string[], to: string): Promise<void> => {
    await run(['mcopy', '-i', boot, '-m', ...from, to], { env, signal });
  };
  await run(['mmd', '-i', boot, '::a', '::b'], { env, signal });
  await copy([config], '::config.txt');
  await copy(await below(join(release, 'firmware')), '::');
  await copy(await below(join(release, 'slot')), '::a/');
  await copy([join(release, 'manifest.json'), join(release, 'manifest.sig')], '::a/');
  await copy([key], '::clock.key');
}

async function below(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort().map((name) => join(folder, name));
}

async function makeSystem(
  { release, work, record, signal }: AssembleOptions,
  { system, key }: { system: string; key: string },
): Promise<void> {
  const tree = join(work, 'tree');
  const slot = join(tree, 'slots/a');
  await mkdir(slot, { recursive: true });
  await mkdir(join(tree, 'slots/b'));
  const files = [
    'root.erofs',
    'root.sha256',
    'boot.sha256',
    'manifest.json',
    'manifest.sig',
    'version',
  ];
  for (const name of files) await copyFile(join(release, name), join(slot, name));
  if (record !== undefined) {
    await mkdir(join(tree, 'unit'));
    for (const [name, text] of Object.entries(record)) {
      await writeFile(join(tree, 'unit', name), text, { mode: 0o600 });
    }
  }
  const rootMib = Math.ceil((await stat(join(release, 'root.erofs'))).size / MIB);
  // ext4 metadata and a 4 MiB journal; a filesystem just big enough, as encryption fills holes.
  const mib = rootMib + 16;
  await writeFile(system, '');
  await truncate(system, mib * MIB);
  await run(
    [
      ...['mke2fs', '-q', '-t', 'ext4', '-b', '4096', '-m', '0', '-N', '256', '-J', 'size=4'],
      ...['-L', 'clock-os', '-E', 'root_owner=0:0,no_copy_xattrs', '-d', tree, system],
    ],
    { signal },
  );
  await truncate(system, (mib + LUKS_RESERVE_MIB) * MIB);
  await run(
    [
      ...['cryptsetup', 'reencrypt', '--encrypt', '--force-offline-reencrypt', '--batch-mode'],
      // Locks lie in /run, where only root may write; nobody else knows this file.
      '--disable-locks',
      ...[
        '--type',
        'luks2',
        '--reduce-device-size',
        `${LUKS_RESERVE_MIB}M`,
        '--sector-size',
        '4096',
      ],
      ...['--resilience', 'none', '--uuid', randomUUID(), '--label', 'clock-os'],
      // The key has 256 random bits: stretching it would protect nothing and cost the boot seconds.
      ...['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000', '--key-file', key, system],
    ],
    { signal },
  );
}

async function place(
  from: string,
  { into, atMib, signal }: { into: string; atMib: number; signal?: AbortSignal | undefined },
): Promise<void> {
  await run(
    [
      'dd',
      `if=${from}`,
      `of=${into}`,
      'bs=1M',
      `seek=${atMib}`,
      'conv=notrunc,sparse',
      'status=none',
    ],
    { signal },
  );
}
