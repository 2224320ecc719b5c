// What `lsblk --json --bytes` says of this machine's disks. Pure; find.ts asks it.
import * as v from 'valibot';
import { oneLine } from '../core/terminal.ts';

/** The columns that are asked for. */
export const COLUMNS = [
  ...['path', 'type', 'size', 'rm', 'ro', 'model', 'vendor', 'serial', 'tran'],
  ...['mountpoints', 'fstype', 'label'],
] as const;

const text = v.nullish(v.string());
const flag = v.union([
  v.boolean(),
  v.pipe(
    v.picklist(['0', '1']),
    v.transform((digit) => digit === '1'),
  ),
]);

interface Raw {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly rm: boolean;
  readonly ro: boolean;
  readonly model?: string | null | undefined;
  readonly vendor?: string | null | undefined;
  readonly serial?: string | null | undefined;
  readonly tran?: string | null | undefined;
  readonly fstype?: string | null | undefined;
  readonly label?: string | null | undefined;
  readonly mountpoints?: readonly (string | null)[] | undefined;
  readonly children?: readonly Raw[] | undefined;
}

const device: v.GenericSchema<unknown, Raw> = v.object({
  path: v.string(),
  type: v.string(),
  size: v.number(),
  rm: flag,
  ro: flag,
  ...{ model: text, vendor: text, serial: text, tran: text, fstype: text, label: text },
  mountpoints: v.optional(v.array(v.nullable(v.string()))),
  children: v.optional(v.array(v.lazy(() => device))),
}) as v.GenericSchema<unknown, Raw>;

export interface BlockDevice {
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  readonly isRemovable: boolean;
  readonly isReadOnly: boolean;
  readonly model: string;
  readonly serial: string | undefined;
  readonly transport: string | undefined;
  readonly fstype: string | undefined;
  readonly label: string | undefined;
  readonly mountpoints: readonly string[];
  readonly children: readonly BlockDevice[];
}

/** Throws when it is none of lsblk's answers. */
export function parseLsblk(output: string): readonly BlockDevice[] {
  const parsed = v.parse(v.object({ blockdevices: v.array(device) }), JSON.parse(output));
  return parsed.blockdevices.map(deviceOf);
}

function deviceOf(raw: Raw): BlockDevice {
  // A stick says of itself what it likes; it goes onto the screen, into the ledger and the page.
  const words = [raw.vendor, raw.model].map((word) => oneLine(word ?? ''));
  return {
    ...{ path: raw.path, type: raw.type, bytes: raw.size },
    ...{ isRemovable: raw.rm, isReadOnly: raw.ro },
    model: words.filter((word) => word !== '').join(' '),
    serial: raw.serial === null || raw.serial === undefined ? undefined : oneLine(raw.serial),
    transport: raw.tran ?? undefined,
    fstype: raw.fstype ?? undefined,
    label: raw.label ?? undefined,
    mountpoints: (raw.mountpoints ?? []).filter((place) => place !== null),
    children: (raw.children ?? []).map(deviceOf),
  };
}
