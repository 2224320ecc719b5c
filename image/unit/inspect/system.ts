// Looks into the system partition with a key: its slots, each with the hash of its root image.
import { SERIAL } from '../../core/serial.ts';
import { createHash } from 'node:crypto';
import type { Progress } from '../../core/progress.ts';
import { LUKS_RESERVE_MIB, MIB } from '../layout.ts';
import { MANIFEST_BYTES_MAX } from '../manifest.ts';
import { openExt4 } from '../read/ext4.ts';
import type { Ext4, Ext4File } from '../read/ext4.ts';
import { decrypted, unlock } from '../read/keyslot.ts';
import type { LuksHeader } from '../read/luks.ts';
import { Damaged } from '../read/source.ts';
import type { Source } from '../read/source.ts';
import type { Findings } from './findings.ts';

/** The lists, the version, the manifest: kept in memory. root.erofs is hashed as it passes. */
const SMALL = ['boot.sha256', 'root.sha256', 'version', 'manifest.json', 'manifest.sig'] as const;

export interface SlotFacts {
  readonly name: 'a' | 'b';
  readonly root: { readonly bytes: number; readonly sha256: string } | undefined;
  /** Contents of the small files that are there and can be read. */
  readonly small: ReadonlyMap<string, Buffer>;
}

export interface SystemFacts {
  readonly openedBy: { readonly key: string; readonly slot: string };
  /** The size of its file system. */
  readonly bytes: number;
  readonly slots: readonly SlotFacts[];
  /** Names in the unit's record; undefined when there is none. */
  readonly record: readonly string[] | undefined;
  /** Whose card it is, as its record says until the first boot has taken it. */
  readonly serial: string | undefined;
}

export interface LookOptions {
  readonly header: LuksHeader;
  /** Keys to try, and what to call them. */
  readonly keys: readonly { readonly name: string; readonly key: Buffer }[];
  /** Where the partition table says that the partition ends. */
  readonly systemBytes: number | undefined;
  /** The first boot makes the partition larger than its file system. */
  readonly unused: boolean;
  readonly findings: Findings;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Undefined when no key opens it or nothing can be read; findings say why. */
export async function lookAtSystem(
  partition: Source,
  options: LookOptions,
): Promise<SystemFacts | undefined> {
  const { findings, systemBytes, unused } = options;
  try {
    const opened = await open(partition, options);
    if (opened === undefined) return undefined;
    const { disk, openedBy } = opened;
    if (disk.unclean) {
      const text = 'The system partition was not closed in order; the next start puts it right';
      findings.warning('system', 'system-unclean', text);
    }
    if (
      unused &&
      systemBytes !== undefined &&
      systemBytes !== disk.bytes + LUKS_RESERVE_MIB * MIB
    ) {
      const text =
        'The partition table is damaged: the system partition does not end where it should';
      findings.damage('table', 'table-damaged', text);
    }
    const slots: SlotFacts[] = [];
    const folders = await disk.list('slots');
    for (const name of ['a', 'b'] as const) {
      if (!folders.includes(name)) continue;
      const slot = await lookAtSlot(disk, name, options);
      if (slot !== undefined) slots.push(slot);
    }
    const record = (await disk.list('')).includes('unit') ? await disk.list('unit') : undefined;
    const serial = record?.includes('serial') === true ? await serialInRecord(disk) : undefined;
    return { openedBy, bytes: disk.bytes, slots, record, serial };
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    findings.damage(
      'system',
      'system-damaged',
      `The system partition is damaged: ${error.message}`,
    );
    return undefined;
  }
}

/** Of the unit whose record still lies in the system partition. Throws Damaged. */
export async function serialInRecord(disk: Ext4): Promise<string | undefined> {
  const text = (await smallFile(disk, 'unit/serial'))?.toString('latin1').trim();
  return text !== undefined && SERIAL.test(text) ? text : undefined;
}

async function open(
  partition: Source,
  { header, keys, findings }: LookOptions,
): Promise<{ disk: Ext4; openedBy: SystemFacts['openedBy'] } | undefined> {
  for (const { name, key } of keys) {
    const found = await unlock(partition, header, key);
    if (found === undefined) continue;
    const disk = await openExt4(decrypted(partition, header, found.volumeKey));
    return { disk, openedBy: { key: name, slot: found.slot } };
  }
  // Of several keys of one name (a unit's cards) any may be this card's.
  for (const name of new Set(keys.map((one) => one.name))) {
    const text = `${name} does not open the system partition: one of them is damaged, or not of this card`;
    findings.damage('system', 'key-refused', text);
  }
  return undefined;
}

/** Undefined for an empty slot. */
async function lookAtSlot(
  disk: Ext4,
  name: 'a' | 'b',
  options: LookOptions,
): Promise<SlotFacts | undefined> {
  const { findings, progress } = options;
  const present = await disk.list(`slots/${name}`);
  if (present.length === 0) return undefined;
  const small = new Map<string, Buffer>();
  for (const file of SMALL) {
    try {
      const content = await smallFile(disk, `slots/${name}/${file}`);
      if (content !== undefined) small.set(file, content);
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      const text = `In slot ${name} ${file} cannot be read: ${error.message}`;
      findings.damage('system', 'slot-file-unreadable', text);
    }
  }
  const root = await disk.find(`slots/${name}/root.erofs`);
  if (root === undefined) {
    findings.damage('system', 'root-missing', `Slot ${name} has no root image`);
    return { name, root: undefined, small };
  }
  const hashed = await progress.step(`root image of slot ${name}`, (step) =>
    hashRoot(root, { name, options, fraction: (done) => step.fraction(done) }),
  );
  return { name, root: hashed, small };
}

async function smallFile(disk: Ext4, path: string): Promise<Buffer | undefined> {
  const file = await disk.find(path);
  if (file === undefined) return undefined;
  if (file.bytes > MANIFEST_BYTES_MAX) throw new Damaged('it is far too large');
  const parts: Buffer[] = [];
  for await (const chunk of file.chunks()) parts.push(chunk);
  return Buffer.concat(parts);
}

async function hashRoot(
  root: Ext4File,
  of: { name: string; options: LookOptions; fraction: (done: number) => void },
): Promise<SlotFacts['root']> {
  const { name, options, fraction } = of;
  const hash = createHash('sha256');
  let done = 0;
  try {
    for await (const chunk of root.chunks()) {
      options.signal?.throwIfAborted();
      hash.update(chunk);
      done += chunk.length;
      fraction(done / root.bytes);
    }
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    const text = `The root image of slot ${name} cannot be read beyond byte ${done}: ${error.message}`;
    options.findings.damage('system', 'root-unreadable', text);
    return undefined;
  }
  return { bytes: root.bytes, sha256: hash.digest('hex') };
}
