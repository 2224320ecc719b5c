// Finds cards: asks lsblk and sysfs, and judges what they say. What lies on them already: looks.ts.
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { access, readFile, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { run } from '../core/run.ts';
import { OperatorError } from '../core/errors.ts';
import { mediumOf, nodeOf } from './device.ts';
import { faultOf } from './faults.ts';
import { judge, whySize } from './judge.ts';
import type { FoundCard, Sysfs, Verdict } from './judge.ts';
import { COLUMNS, parseLsblk } from './lsblk.ts';
import type { BlockDevice } from './lsblk.ts';

/** A disk that is a card, or might be taken for one. */
export interface Look {
  readonly device: BlockDevice;
  /** Which device that is, with which card in it (device.ts). */
  readonly node?: string | undefined;
  readonly verdict: Verdict;
}

/** What nobody takes for a card, or is none. */
const NOT_SHOWN = new Set(['card-system', 'card-fixed', 'card-none']);

/** All cards in this machine's readers, also those that may not be written, with the reason. */
export async function lookAtReaders(signal?: AbortSignal): Promise<readonly Look[]> {
  const devices = await listDevices(signal);
  const looks: Look[] = [];
  for (const device of devices) {
    // A loop device is somebody's own business until he names it.
    if (device.type !== 'disk') continue;
    const node = await nodeAt(device.path);
    const sysfs = await readSysfs(device.path);
    const verdict = await permitted(withNode(judge(devices, device.path, { sysfs }), node));
    if (verdict.ok || !NOT_SHOWN.has(verdict.error.code)) looks.push({ device, node, verdict });
  }
  return looks;
}

/** The card in a device, or the file in a card's place. Throws OperatorError when it may not be written. */
export async function cardAt(name: string, signal?: AbortSignal): Promise<FoundCard> {
  const path = await realpath(name).catch(() => name);
  const found = await stat(path).catch(() => undefined);
  const judged =
    found?.isFile() === true
      ? judgeFile(path, found.size, await loopOf(found))
      : judge(await listDevices(signal), path, { sysfs: await readSysfs(path) });
  const verdict = await permitted(withNode(judged, await nodeAt(path)));
  if (verdict.ok) return verdict.card;
  throw verdict.error;
}

/** What is written later must be what was looked at, also if somebody gives its name to something else. */
function withNode(verdict: Verdict, node: string | undefined): Verdict {
  if (!verdict.ok || node === undefined) return verdict;
  return { ok: true, card: { ...verdict.card, node } };
}

/** Of what access(2) tells, what a person can mend. */
const REFUSALS = new Set(['card-refused', 'card-locked']);

/** Without rights nobody can tell what lies there: better said than taken for a dying card. */
async function permitted(verdict: Verdict): Promise<Verdict> {
  if (!verdict.ok) return verdict;
  try {
    await access(verdict.card.device, constants.R_OK | constants.W_OK);
    return verdict;
  } catch (cause) {
    const error = faultOf(cause, 'looking at it');
    if (error instanceof OperatorError && REFUSALS.has(error.code)) return { ok: false, error };
    // It says why when it is opened.
    return verdict;
  }
}

const nodeAt = (path: string): Promise<string | undefined> =>
  stat(path).then(mediumOf, () => undefined);

/** The loop device that a file lies under: what is mounted from it would be written over. `sysfs` is for tests. */
export async function loopOf(file: Stats, sysfs = '/sys/block'): Promise<string | undefined> {
  for (const name of await readdir(sysfs).catch(() => [])) {
    if (!name.startsWith('loop')) continue;
    const below = await readFile(join(sysfs, name, 'loop/backing_file'), 'utf8').catch(
      () => undefined,
    );
    const found =
      below === undefined ? undefined : await stat(below.trimEnd()).catch(() => undefined);
    if (found !== undefined && nodeOf(found) === nodeOf(file)) return `/dev/${name}`;
  }
  return undefined;
}

function judgeFile(path: string, bytes: number, loop: string | undefined): Verdict {
  if (loop !== undefined) {
    const error = new OperatorError('card-in-use', `${path} is in use by ${loop}`, {
      hint: `Give it back first ("losetup --detach ${loop}"), or name ${loop}`,
    });
    return { ok: false, error };
  }
  const card = { device: path, bytes, model: 'a file', number: undefined };
  return whySize(path, bytes) ?? { ok: true, card };
}

async function listDevices(signal: AbortSignal | undefined): Promise<readonly BlockDevice[]> {
  // Without --tree it tells partitions as disks beside their disk: nobody would see what is mounted of it.
  const argv = ['lsblk', '--json', '--tree', '--bytes', '--output', COLUMNS.join(',')];
  const { stdout } = await run(argv, {
    signal,
    // An empty machine: lsblk says nothing, and ends with 32.
    accept: [0, 32, 64],
  });
  return stdout.trim() === '' ? [] : parseLsblk(stdout);
}

async function readSysfs(path: string): Promise<Sysfs> {
  const folder = join('/sys/block', basename(path), 'device');
  const read = (name: string): Promise<string | undefined> =>
    readFile(join(folder, name), 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    );
  const cid = await read('cid');
  const isMmc = basename(path).startsWith('mmcblk');
  return {
    cid: cid !== undefined && /^[0-9a-f]{32}$/.test(cid) ? cid : undefined,
    // SCSI disks have a file "type" too, with a number in it.
    mmcType: isMmc ? ((await read('type')) ?? 'unknown') : undefined,
  };
}
