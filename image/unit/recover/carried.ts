// What a card carries over from the unit's card before it, as long as its first boot has not taken it: the agent has
// never run on such a card, so that the queue in its record is all there is, whatever a first boot had begun.
import { gunzipSync } from 'node:zlib';
import { MIB } from '../layout.ts';
import { openExt4 } from '../read/ext4.ts';
import type { Ext4File } from '../read/ext4.ts';
import { readFat } from '../read/fat.ts';
import type { FatFile } from '../read/fat.ts';
import { decrypted, unlock } from '../read/keyslot.ts';
import { readLuks } from '../read/luks.ts';
import { Damaged, section } from '../read/source.ts';
import type { Source } from '../read/source.ts';
import type { Table } from '../read/table.ts';
import { recoveryPassphrase } from '../recovery-key.ts';
import { KEY_BYTES, RECORD_BYTES_MAX } from '../template.ts';

/** The queue itself: 96 MiB (agent/outbox/limits.ts). */
const QUEUE_BYTES_MAX = 128 * MIB;

export type Carried =
  | { readonly is: 'nothing' }
  | { readonly is: 'unreadable'; readonly why: string }
  | {
      readonly is: 'queue';
      readonly serial: string;
      /** The passphrase of the card's recovery slots, as its record has it. */
      readonly recoveryKey: Buffer | undefined;
      readonly queue: Buffer;
    };

/**
 * The queue in a card's record. The transport key lies beside it until the first boot has taken the record, and
 * only as long is it of any use: afterwards the state partition knows more.
 */
export async function carriedOn(card: Source, { partitions }: Table): Promise<Carried> {
  const [boot, system] = [1, 2].map((number) => {
    const entry = partitions.find((one) => one.number === number);
    return entry === undefined ? undefined : section(card, entry.start, entry.bytes);
  });
  if (boot === undefined || system === undefined) return { is: 'nothing' };
  try {
    const { files } = await readFat(boot);
    const key = files.find(({ path }) => path === 'clock.key');
    if (key === undefined) return { is: 'nothing' };
    const { header, first } = await readLuks(system);
    if (header === undefined) throw new Damaged(first.ok ? 'no header' : first.why);
    const found = await unlock(system, header, await bytesOf(key, KEY_BYTES));
    if (found === undefined) return { is: 'nothing' };
    const disk = await openExt4(decrypted(system, header, found.volumeKey));
    const carried = await disk.find('unit/carried.db.gz');
    const serial = await disk.find('unit/serial');
    if (carried === undefined || serial === undefined) return { is: 'nothing' };
    const digits = await disk.find('unit/recovery.key');
    const packed = await bytesOf(carried, RECORD_BYTES_MAX);
    return {
      is: 'queue',
      serial: (await bytesOf(serial, KEY_BYTES * 2)).toString('latin1').trim(),
      recoveryKey:
        digits === undefined ? undefined : recoveryPassphrase(await bytesOf(digits, 1024)),
      queue: unpacked(packed),
    };
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    return { is: 'unreadable', why: error.message };
  }
}

/** A first boot that was cut short may have begun to overwrite it: then the state partition has it. */
function unpacked(packed: Buffer): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: QUEUE_BYTES_MAX });
  } catch (cause) {
    throw new Damaged(`what it carries over: ${(cause as Error).message}`);
  }
}

async function bytesOf(file: FatFile | Ext4File, bytesMax: number): Promise<Buffer> {
  if (file.bytes > bytesMax) throw new Damaged('a file of its record is far too large');
  const parts: Buffer[] = [];
  for await (const part of file.chunks()) parts.push(part);
  return Buffer.concat(parts);
}
