// The keys of one card, and the LUKS2 header that joins them. Made by the real cryptsetup, on a small
// file instead of the card.
import { randomBytes, randomUUID } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { memoryFolder } from '../core/memory.ts';
import { run } from '../core/run.ts';
import { DATA_SECTOR_BYTES, LUKS_HEADER_MIB, MIB, SECTOR_BYTES, SYSTEM_LABEL } from './layout.ts';
import { KEY_BYTES } from './template.ts';
import { VOLUME_KEY_BYTES } from './xts.ts';

/** Both header copies and the first four key slots; behind it lies nothing yet. */
const HEADER_BYTES = MIB;

export interface CardKeys {
  readonly volumeKey: Buffer;
  /** Opens the system partition until the first boot has sealed it. */
  readonly transportKey: Buffer;
  /** The beginning of the system partition. */
  readonly header: Buffer;
  /** Of the partition table. */
  readonly diskId: number;
}

/** New keys, with a header that knows them. Takes about 0.1 s. */
export async function makeKeys(signal?: AbortSignal): Promise<CardKeys> {
  // A key has no business on a disk.
  await using folder = await memoryFolder('clock-card', { bytes: 2 * HEADER_BYTES });
  if (folder === undefined) throw noRoom();
  const file = (name: string): string => join(folder.path, name);
  const volumeKey = randomBytes(VOLUME_KEY_BYTES);
  const transportKey = randomBytes(KEY_BYTES);
  await writeFile(file('volume.key'), volumeKey, { mode: 0o600 });
  await writeFile(file('clock.key'), transportKey, { mode: 0o600 });
  await using header = await open(file('header'), 'w+', 0o600);
  await header.truncate((LUKS_HEADER_MIB + 1) * MIB);
  const sectors = String((LUKS_HEADER_MIB * MIB) / SECTOR_BYTES);
  await run(
    [
      // Locks lie in /run, where only root may write; nobody else knows this file.
      ...['cryptsetup', 'luksFormat', '--batch-mode', '--disable-locks', '--type', 'luks2'],
      ...['--cipher', 'aes-xts-plain64', '--key-size', String(VOLUME_KEY_BYTES * 8)],
      ...['--volume-key-file', file('volume.key'), '--sector-size', String(DATA_SECTOR_BYTES)],
      ...['--offset', sectors, '--uuid', randomUUID(), '--label', SYSTEM_LABEL, '--hash', 'sha256'],
      // The key has 256 random bits: stretching it would protect nothing and cost the boot seconds.
      ...['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'],
      ...['--key-file', file('clock.key'), file('header')],
    ],
    { signal },
  );
  const made = Buffer.alloc(HEADER_BYTES);
  await header.read(made, 0, HEADER_BYTES, 0);
  return { volumeKey, transportKey, header: made, diskId: randomBytes(4).readUInt32LE() };
}

const noRoom = (): OperatorError =>
  new OperatorError('no-room', 'There is no room in memory for the keys of a card', {
    hint: 'Free space in /dev/shm ("df -h /dev/shm"), or set TMPDIR to a folder with room',
  });
