// Whose card a finished card is, as it says itself to whoever holds it: no key of anybody's is needed.
import { serialOf } from './inspect/luks.ts';
import { serialInRecord } from './inspect/system.ts';
import { BOOT_AT, BOOT_MIB, LUKS_HEADER_MIB, MIB, STATE_AT, SYSTEM_AT } from './layout.ts';
import { openExt4 } from './read/ext4.ts';
import { readFat } from './read/fat.ts';
import { decrypted, unlock } from './read/keyslot.ts';
import { readLuks } from './read/luks.ts';
import { Damaged, section } from './read/source.ts';
import type { Source } from './read/source.ts';
import { KEY_BYTES } from './template.ts';

/**
 * The serial of the unit: after its first start the state partition's header tells it, before that the record, under the
 * transport key that lies on the boot partition. Undefined when the card does not tell it or is damaged there.
 */
export async function serialOn(card: Source): Promise<string | undefined> {
  const { header } = await readLuks(section(card, STATE_AT, LUKS_HEADER_MIB * MIB));
  const told = header === undefined ? undefined : serialOf(header);
  return told ?? (await ofRecord(card).catch(unlessDamaged));
}

async function ofRecord(card: Source): Promise<string | undefined> {
  const key = await transportKey(section(card, BOOT_AT, BOOT_MIB * MIB));
  const system = section(card, SYSTEM_AT, card.bytes - SYSTEM_AT);
  const { header } = await readLuks(system);
  const opened =
    header === undefined || key === undefined ? undefined : await unlock(system, header, key);
  if (header === undefined || opened === undefined) return undefined;
  return serialInRecord(await openExt4(decrypted(system, header, opened.volumeKey)));
}

async function transportKey(boot: Source): Promise<Buffer | undefined> {
  const { files } = await readFat(boot);
  const file = files.find(({ path }) => path === 'clock.key');
  // What has another size is none.
  if (file?.bytes !== KEY_BYTES) return undefined;
  const parts: Buffer[] = [];
  for await (const part of file.chunks()) parts.push(part);
  return Buffer.concat(parts);
}

function unlessDamaged(error: unknown): undefined {
  if (!(error instanceof Damaged)) throw error;
}
