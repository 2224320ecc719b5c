// Judges a card's partition table against the layout, and says where to look for the partitions: at
// the layout's places when the table is wrong, because what lies there may be whole all the same.
import { ALIGN_MIB, BOOT_MIB, MIB, NOT_FINISHED, SECTOR_BYTES } from '../layout.ts';
import { readTable } from '../read/table.ts';
import type { Partition } from '../read/table.ts';
import { section } from '../read/source.ts';
import type { Source } from '../read/source.ts';
import type { Findings } from './findings.ts';

const BOOT_START = ALIGN_MIB * MIB;
const BOOT_BYTES = BOOT_MIB * MIB;
const SYSTEM_START = BOOT_START + BOOT_BYTES;
/** FAT32 with LBA, and Linux: what sfdisk is told in assemble.ts and card.sh. */
const TYPES = { boot: 0x0c, linux: 0x83 } as const;

export interface Places {
  /** A flasher began it and did not come to its end (image/card/write.ts). */
  readonly isUnfinished: boolean;
  readonly partitions: readonly Partition[];
  readonly boot: Source;
  readonly system: Source;
  /** Where the table says that the system partition ends; undefined when it says nothing sound. */
  readonly systemBytes: number | undefined;
  /** The state partition, once the first boot has begun. */
  readonly state: Source | undefined;
  /** How many bytes the table says there are more than there are: what was never written. */
  readonly missingBytes: number;
}

/** Reads and judges the table. Never throws for what lies there. */
export async function lookAtTable(card: Source, findings: Findings): Promise<Places> {
  const first = await card.read(0, SECTOR_BYTES).catch(() => Buffer.alloc(SECTOR_BYTES));
  const table = readTable(first);
  const entry = (number: number): Partition | undefined =>
    table.partitions.find((partition) => partition.number === number);
  const [boot, system, state] = [entry(1), entry(2), entry(3)];
  const wrong: string[] = [];
  if (!table.signed) wrong.push('its signature is missing');
  wrong.push(...differences('boot partition', boot, { start: BOOT_START, type: TYPES.boot }));
  if (boot !== undefined && boot.bytes !== BOOT_BYTES)
    wrong.push('the boot partition has another size');
  if (boot?.bootable === false) wrong.push('the boot partition is not marked for booting');
  wrong.push(
    ...differences('system partition', system, { start: SYSTEM_START, type: TYPES.linux }),
  );
  if (system?.bytes === 0) wrong.push('the system partition is empty');
  if (state !== undefined) {
    const start = SYSTEM_START + (system?.bytes ?? 0);
    wrong.push(...differences('state partition', state, { start, type: TYPES.linux }));
  }
  if (entry(4) !== undefined) wrong.push('there is a fourth partition, ours has three');
  const text = `The partition table is damaged: ${wrong.join(', ')}`;
  const isUnfinished = first.toString('latin1', 0, NOT_FINISHED.length) === NOT_FINISHED;
  if (isUnfinished) {
    const begun =
      'It was not finished: its writing was interrupted, or it is bad; no board starts it';
    findings.damage('table', 'not-finished', begun);
  } else if (wrong.length > 0) findings.damage('table', 'table-damaged', text);

  const trusted = wrong.length === 0;
  const ends = table.partitions.map(({ start, bytes }) => start + bytes);
  return {
    isUnfinished,
    partitions: table.partitions,
    boot: section(card, BOOT_START, BOOT_BYTES),
    system: section(card, SYSTEM_START, trusted ? system!.bytes : card.bytes),
    systemBytes: trusted ? system!.bytes : undefined,
    state: trusted && state !== undefined ? section(card, state.start, state.bytes) : undefined,
    missingBytes: trusted ? Math.max(0, Math.max(...ends) - card.bytes) : 0,
  };
}

function differences(
  name: string,
  found: Partition | undefined,
  wanted: { readonly start: number; readonly type: number },
): string[] {
  if (found === undefined) return [`the ${name} is missing`];
  return [
    ...(found.start === wanted.start ? [] : [`the ${name} begins elsewhere`]),
    ...(found.type === wanted.type ? [] : [`the ${name} is of another type`]),
  ];
}
