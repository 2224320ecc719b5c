// Which disks of this machine may be written as cards, and in words why not the others. Pure.
import { OperatorError } from '../core/errors.ts';
import { oneLine } from '../core/terminal.ts';
import type { CardIdentity } from '../ledger/ports.ts';
import { CARD_MIB_MIN, MIB } from '../unit/layout.ts';
import { CARD_BYTES_MAX } from './limits.ts';
import type { BlockDevice } from './lsblk.ts';

/** What sysfs knows of a device that lsblk does not tell. */
export interface Sysfs {
  /** "SD" for a card, "MMC" for a chip that is soldered in; readers on USB tell neither. */
  readonly mmcType: string | undefined;
  /** 32 hex digits. */
  readonly cid: string | undefined;
}

export interface FoundCard extends CardIdentity {
  /** What a reader on USB says of itself, or the card's own number. */
  readonly number: string | undefined;
}

export type Verdict =
  | { readonly ok: true; readonly card: FoundCard }
  | { readonly ok: false; readonly error: OperatorError };

/** Where a running system has its own files; whoever writes over one of these has no machine left. */
const SYSTEM_PLACES = /^(\/|\/(boot|usr|var|home|etc|opt|srv)(\/.*)?|\[SWAP\])$/;

/** Judges a path that was named. `named` devices may also be loop devices: somebody set them up for this. */
export function judge(
  devices: readonly BlockDevice[],
  path: string,
  { sysfs }: { sysfs: Sysfs },
): Verdict {
  const disk = devices.find((device) => device.path === path);
  if (disk === undefined) return judgePartition(devices, path);
  return whyNot(disk, sysfs) ?? { ok: true, card: cardOf(disk, sysfs) };
}

function judgePartition(devices: readonly BlockDevice[], path: string): Verdict {
  const parent = devices.find((disk) => below(disk).some((device) => device.path === path));
  if (parent === undefined) {
    return refuse('card-missing', `There is no disk ${path}`, {
      hint: '"./build.sh flash" without a device says which cards are there',
    });
  }
  return refuse('card-partition', `${path} is a part of ${parent.path}, not a whole card`, {
    hint: `A card is written as a whole: name ${parent.path}`,
  });
}

function whyNot(disk: BlockDevice, { mmcType }: Sysfs): Verdict | undefined {
  const { path, bytes } = disk;
  const all = [disk, ...below(disk)];
  const places = all.flatMap(({ mountpoints }) => mountpoints);
  const system = places.find((place) => SYSTEM_PLACES.test(place));
  if (system !== undefined) {
    return refuse('card-system', `${path} is this machine's own disk (${system})`, {
      hint: 'It is never written. "./build.sh flash" without a device says which cards are there',
    });
  }
  if (bytes === 0) {
    return refuse('card-none', `There is no card in ${path}`, { hint: 'Put one in' });
  }
  const isCard =
    disk.type === 'loop' ||
    // A DVD is removable too, and no card.
    (disk.type === 'disk' && (mmcType === 'SD' || (mmcType === undefined && disk.isRemovable)));
  // Before the reasons that can be mended: nobody is to unmount a disk for this.
  if (!isCard) {
    return refuse('card-fixed', `${path} is not removable: a disk, not a card`, {
      hint: 'Use a card reader; "./build.sh flash" without a device says which cards are there',
    });
  }
  const [place] = places;
  if (place !== undefined) {
    const mounted = all.filter(({ mountpoints }) => mountpoints.length > 0);
    return refuse('card-mounted', `${path} is in use: mounted at ${oneLine(place)}`, {
      hint: `Is this the right one? Then: umount ${mounted.map((part) => part.path).join(' ')}`,
    });
  }
  const holder = below(disk).find(({ type }) => type !== 'part');
  if (holder !== undefined) {
    return refuse('card-in-use', `${path} is in use by ${holder.path} (${holder.type})`, {
      hint: 'A volume, a RAID or an opened encryption lies on it: close that first, if it is a card',
    });
  }
  if (disk.isReadOnly) {
    return refuse('card-locked', `The card in ${path} is write-protected`, {
      hint: 'Move the slider at its side away from LOCK',
    });
  }
  return whySize(path, bytes);
}

/** Also for a file in a card's place. */
export function whySize(path: string, bytes: number): Verdict | undefined {
  if (bytes < CARD_MIB_MIN * MIB) {
    return refuse(
      'card-small',
      `${path} has ${gb(bytes)}, a unit needs ${gb(CARD_MIB_MIN * MIB)}`,
      {
        hint: 'Use a card of 4 GB or more',
      },
    );
  }
  if (bytes <= CARD_BYTES_MAX) return undefined;
  return refuse('card-large', `${path} has ${gb(bytes)}: that is no SD card`, {
    hint: 'Use a card of 4 GB or more',
  });
}

function refuse(code: string, message: string, { hint }: { hint: string }): Verdict {
  return { ok: false, error: new OperatorError(code, message, { hint }) };
}

function below(disk: BlockDevice): BlockDevice[] {
  return disk.children.flatMap((child) => [child, ...below(child)]);
}

function cardOf(disk: BlockDevice, { cid }: Sysfs): FoundCard {
  return {
    ...{ device: disk.path, bytes: disk.bytes },
    model: disk.model === '' ? (disk.type === 'loop' ? 'loop device' : 'card') : disk.model,
    number: cid ?? disk.serial,
    ...(cid === undefined ? {} : { cid }),
  };
}

const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
