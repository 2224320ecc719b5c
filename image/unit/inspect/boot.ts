// Looks at the boot partition: its files and their hashes, and what config.txt makes boards load.
import { createHash } from 'node:crypto';
import { OperatorError } from '../../core/errors.ts';
import { parseConfig, planBoot } from '../../emulator/config.ts';
import type { FirmwareBoard } from '../../emulator/config.ts';
import { CONFIG_TXTS } from '../layout.ts';
import { readFat } from '../read/fat.ts';
import type { FatFile } from '../read/fat.ts';
import { Damaged } from '../read/source.ts';
import type { Source } from '../read/source.ts';
import type { Findings } from './findings.ts';

export const BOOT_LABEL = 'CLOCKBOOT';
/** manifest.json has 16 KB; kept in memory to be parsed. */
const KEPT_BYTES_MAX = 4 * 1024 * 1024;
const KEPT = /^(config\.txt|clock\.key|[ab]\/(manifest\.(json|sig)|cmdline\.txt))$/;

const MODELS = [
  ['Pi 3 B', 'pi3', 'bcm2837', 'rpi-3-b'],
  ['Pi 3 B+', 'pi3+', 'bcm2837', 'rpi-3-b-plus'],
  ['Pi 4 B', 'pi4', 'bcm2711', 'rpi-4-b'],
] as const;
const BOARDS = MODELS.map(([name, filter, family, treeName]) => {
  const board: FirmwareBoard = {
    ...{ family, treeName, filters: [filter] },
    wideByDefault: family === 'bcm2711',
  };
  return { name, board };
});

interface BootFile {
  readonly bytes: number;
  readonly sha256: string;
}

export interface BootFacts {
  readonly label: string;
  readonly files: ReadonlyMap<string, BootFile>;
  /** Contents of the small files that are read here. */
  readonly kept: ReadonlyMap<string, Buffer>;
  /** The slot config.txt selects; undefined when it selects none. */
  readonly slot: 'a' | 'b' | undefined;
  readonly config: 'as built' | 'changed' | 'missing';
  readonly startsOn: readonly string[];
  /** Structures that exist twice and differ. */
  readonly faults: readonly string[];
}

/** Undefined when there is no boot partition of ours to be read, with a finding that says why. */
export async function lookAtBoot(
  partition: Source,
  findings: Findings,
): Promise<BootFacts | undefined> {
  try {
    const fat = await readFat(partition);
    const { files, kept } = await hashAll(fat.files, { partition, findings });
    if (fat.label !== BOOT_LABEL) {
      const text = `The boot partition is called "${fat.label}", ours "${BOOT_LABEL}"`;
      findings.damage('boot', 'boot-label', text);
    }
    const config = judgeConfig(files, { text: kept.get('config.txt'), findings });
    return { label: fat.label, files, kept, faults: fat.faults, ...config };
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    findings.damage('boot', 'boot-unreadable', `The boot partition is damaged: ${error.message}`);
    return undefined;
  }
}

async function hashAll(
  list: readonly FatFile[],
  { partition, findings }: { readonly partition: Source; readonly findings: Findings },
): Promise<{ files: Map<string, BootFile>; kept: Map<string, Buffer> }> {
  const files = new Map<string, BootFile>();
  const kept = new Map<string, Buffer>();
  // Files that share their clusters would let a small card keep us busy for ever.
  const total = list.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > partition.bytes) throw new Damaged('its files are larger than it is');
  for (const file of list) {
    try {
      const hash = createHash('sha256');
      const parts: Buffer[] = [];
      const keep = KEPT.test(file.path) && file.bytes <= KEPT_BYTES_MAX;
      for await (const chunk of file.chunks()) {
        hash.update(chunk);
        if (keep) parts.push(chunk);
      }
      files.set(file.path, { bytes: file.bytes, sha256: hash.digest('hex') });
      if (keep) kept.set(file.path, Buffer.concat(parts));
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      const text = `The boot file ${file.path} cannot be read: ${error.message}`;
      findings.damage('boot', 'boot-file-unreadable', text);
    }
  }
  return { files, kept };
}

/** Does what the firmware would do on each board, as far as files are concerned. */
function judgeConfig(
  files: ReadonlyMap<string, BootFile>,
  { text, findings }: { readonly text: Buffer | undefined; readonly findings: Findings },
): Pick<BootFacts, 'slot' | 'config' | 'startsOn'> {
  if (text === undefined) {
    findings.damage('boot', 'config-missing', 'The boot file config.txt is missing');
    return { slot: undefined, config: 'missing', startsOn: [] };
  }
  const config = text.toString('latin1');
  const startsOn: string[] = [];
  const not: string[] = [];
  let prefix = '';
  for (const { name, board } of BOARDS) {
    try {
      const parsed = parseConfig(config, board);
      prefix = parsed.prefix;
      planBoot(parsed, board, [...files.keys()]);
      startsOn.push(name);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      not.push(`${name}: ${error.message}`);
    }
  }
  const why = not.join('; ');
  if (startsOn.length === 0) {
    findings.damage('boot', 'no-board-starts', `No board starts from it (${why})`);
  } else if (not.length > 0) {
    findings.warning('boot', 'board-does-not-start', `Not every board starts from it (${why})`);
  }
  const isAsBuilt = Object.values(CONFIG_TXTS).includes(config);
  const slot = prefix === 'a/' ? 'a' : prefix === 'b/' ? 'b' : undefined;
  return { slot, config: isAsBuilt ? 'as built' : 'changed', startsOn };
}
