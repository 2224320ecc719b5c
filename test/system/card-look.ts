// What can be read off a card from outside, by whoever has which key: the record that waits on it, bytes that lie
// in the clear, files of its partitions. Changes nothing.
import { openExt4 } from '../../image/unit/read/ext4.ts';
import { decrypted } from '../../image/unit/read/keyslot.ts';
import { readLuks } from '../../image/unit/read/luks.ts';
import { openSource, section } from '../../image/unit/read/source.ts';
import type { Source } from '../../image/unit/read/source.ts';
import { copyState } from '../../image/unit/recover/copy.ts';
import { StateFiles } from '../../image/unit/recover/files.ts';
import { forgiving } from '../../image/unit/recover/forgiving.ts';
import { partition, transportKey, volumeKey } from './units.ts';

const SCAN_BYTES = 4 * 2 ** 20;
const NOTHING = Buffer.alloc(SCAN_BYTES);

/** Files by name; those of a record without what fills their places behind the content. */
type Files = Readonly<Record<string, Buffer>>;

/** The record that waits on a card for its first boot. */
export async function recordOn(card: string): Promise<Files> {
  return within(card, { number: 2, keys: [await transportKey(card)] }, async (system) => {
    const disk = await openExt4(system);
    const record: Record<string, Buffer> = {};
    for (const name of await disk.list('unit')) {
      const parts: Buffer[] = [];
      for await (const part of (await disk.find(`unit/${name}`))!.chunks()) parts.push(part);
      record[name] = Buffer.concat(parts);
    }
    return record;
  });
}

/** Names in the root folder of the system partition, opened with the first key that fits. */
export async function systemNames(
  card: string,
  keys: readonly Buffer[],
): Promise<readonly string[]> {
  return within(card, { number: 2, keys }, async (system) => (await openExt4(system)).list(''));
}

/** Which of these bytes lie anywhere on the card as it is, by name. */
export async function inTheClear(card: string, bytes: Files): Promise<readonly string[]> {
  const source = await openSource(card);
  try {
    return await found(source, bytes);
  } finally {
    await source.close();
  }
}

/** Which of these bytes lie anywhere on the system partition for whoever has one of these keys, by name. */
export async function inTheSystem(
  card: string,
  { keys, bytes }: { readonly keys: readonly Buffer[]; readonly bytes: Files },
): Promise<readonly string[]> {
  return within(card, { number: 2, keys }, async (system) => found(system, bytes));
}

/** The small files of the state partition and of the agent's folder on it; a journal that a cut left is replayed. */
export async function stateFiles(card: string, keys: readonly Buffer[]): Promise<Files> {
  return within(card, { number: 3, keys }, async (state) => {
    const plain = forgiving(state);
    const copy = await copyState(plain, {});
    try {
      const files = new StateFiles(copy, { bad: plain.bad, signal: undefined });
      const read: Record<string, Buffer> = {};
      for (const folder of ['', 'agent/']) {
        for (const name of (await files.list(`/${folder}`)).keys()) {
          const text = await files.text(`/${folder}${name}`).catch(() => undefined);
          if (text !== undefined) read[`${folder}${name}`] = Buffer.from(text);
        }
      }
      return read;
    } finally {
      await copy.close();
    }
  });
}

/** A partition, decrypted. Throws when none of the keys opens it. */
async function within<T>(
  card: string,
  { number, keys }: { readonly number: number; readonly keys: readonly Buffer[] },
  work: (plain: Source) => Promise<T>,
): Promise<T> {
  const place = await partition(card, number);
  const key = await volumeKey(card, number, keys);
  if (place === undefined || key === undefined) throw new Error(`no key opens p${number}`);
  const source = await openSource(card);
  try {
    const encrypted = section(source, place.start, place.bytes);
    const { header } = await readLuks(encrypted);
    return await work(decrypted(encrypted, header!, Buffer.from(key, 'hex')));
  } finally {
    await source.close();
  }
}

async function found(source: Source, bytes: Files): Promise<readonly string[]> {
  const names = new Set<string>();
  const overlap = Math.max(...Object.values(bytes).map(({ length }) => length));
  let tail = Buffer.alloc(0);
  for (let at = 0; at < source.bytes; at += SCAN_BYTES) {
    const piece = await source.read(at, Math.min(SCAN_BYTES, source.bytes - at));
    const isEmpty = piece.length === SCAN_BYTES && piece.equals(NOTHING);
    const text = isEmpty ? tail : Buffer.concat([tail, piece]);
    for (const [name, one] of Object.entries(bytes)) if (text.includes(one)) names.add(name);
    tail = isEmpty ? Buffer.alloc(0) : text.subarray(-overlap);
  }
  return [...names].sort();
}
