// A card whose state partition is as a unit leaves it when its plug is pulled: an ext4 file system with a
// journal that was not replayed, in LUKS2 under a recovery key. Made without mounting anything.
import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../image/core/run.ts';
import { LUKS_RESERVE_MIB, MIB } from '../../../image/unit/layout.ts';

const BLOCK_BYTES = 4096;
const STATE_AT_MIB = 132 + 1024;
/** Where LUKS keeps the data behind its headers; see assemble.ts. */
export const DATA_AT = (STATE_AT_MIB + LUKS_RESERVE_MIB / 2) * MIB;

export interface StateCard {
  readonly card: string;
  /** Blocks of the file system that hold a file. */
  readonly blocksOf: (path: string) => Promise<readonly number[]>;
}

/**
 * `files`: what is in the state's folder `agent`. With `isCut` their names are in the journal only, as when the
 * plug is pulled a second after they were written.
 */
export async function makeStateCard(
  folder: string,
  of: {
    readonly serial: string;
    readonly digits: string;
    readonly files: Readonly<Record<string, Uint8Array>>;
    readonly isCut: boolean;
    /** What its header says in the clear, when somebody has changed it. */
    readonly claimed?: string;
  },
): Promise<StateCard> {
  const { serial, digits, files, isCut, claimed = serial } = of;
  await mkdir(folder, { recursive: true });
  const at = (name: string): string => join(folder, name);
  await mkdir(at('tree/agent'), { recursive: true });
  await writeFile(at('tree/serial'), `${serial}\n`);
  await writeFile(at('tree/complete'), '');
  const [state, after] = [at('state'), at('after')];
  await writeFile(state, '');
  await truncate(state, 64 * MIB);
  const make = ['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '1', '-L', 'clock-state'];
  await run([...make, '-d', at('tree'), state]);
  await run(['cp', '--sparse=always', state, after]);
  for (const [name, content] of Object.entries(files)) {
    await writeFile(at(name), content);
    await run(['debugfs', '-w', '-R', `write ${at(name)} /agent/${name}`, after]);
  }
  const whole = at('whole');
  await run(['cp', '--sparse=always', after, whole]);
  if (isCut) await leaveInJournal(folder, { state, after, names: Object.keys(files) });
  const luks = isCut ? state : after;
  await encrypt(luks, { folder, serial: claimed, digits });
  const card = at('card');
  await writeFile(card, '');
  const sectors = (mib: number): number => mib * 2048;
  const mib = 64 + LUKS_RESERVE_MIB;
  await truncate(card, (STATE_AT_MIB + mib) * MIB);
  const table = [
    'label: dos',
    `start=${sectors(4)}, size=${sectors(128)}, type=c, bootable`,
    `start=${sectors(132)}, size=${sectors(1024)}, type=83`,
    `start=${sectors(STATE_AT_MIB)}, size=${sectors(mib)}, type=83`,
  ];
  await run(['sfdisk', '--quiet', card], { stdin: table.join('\n') });
  const place = ['bs=1M', `seek=${STATE_AT_MIB}`, 'conv=notrunc,sparse', 'status=none'];
  await run(['dd', `if=${luks}`, `of=${card}`, ...place]);
  return { card, blocksOf: async (path) => blocksOf(whole, path) };
}

async function blocksOf(image: string, path: string): Promise<number[]> {
  const { stdout } = await run(['debugfs', '-R', `blocks ${path}`, image]);
  return stdout.trim().split(/\s+/).map(Number);
}

/** The content of the files goes to its place, all that points to it into the journal of `state`. */
async function leaveInJournal(
  folder: string,
  of: { readonly state: string; readonly after: string; readonly names: readonly string[] },
): Promise<void> {
  const [before, after] = [await readFile(of.state), await readFile(of.after)];
  const data = new Set<number>();
  for (const name of of.names) {
    for (const block of await blocksOf(of.after, `/agent/${name}`)) data.add(block);
  }
  const handle = await open(of.state, 'r+');
  const commands = ['jo'];
  for (let block = 1; block * BLOCK_BYTES < after.length; block += 1) {
    const [old, now] = [before, after].map((image) =>
      image.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES),
    );
    if (old!.equals(now!)) continue;
    if (data.has(block)) await handle.write(now!, 0, BLOCK_BYTES, block * BLOCK_BYTES);
    else {
      await writeFile(join(folder, `block-${block}`), now!);
      commands.push(`jw -b ${block} ${join(folder, `block-${block}`)}`);
    }
  }
  await handle.close();
  const script = join(folder, 'journal');
  await writeFile(script, [...commands, 'jc', ''].join('\n'));
  await run(['debugfs', '-w', '-f', script, of.state]);
}

async function encrypt(
  file: string,
  of: { readonly folder: string; readonly serial: string; readonly digits: string },
): Promise<void> {
  const key = join(of.folder, 'digits');
  await writeFile(key, of.digits);
  await truncate(file, (64 + LUKS_RESERVE_MIB) * MIB);
  const how = ['--encrypt', '--force-offline-reencrypt', '--batch-mode', '--disable-locks'];
  const kind = ['--type', 'luks2', '--reduce-device-size', `${LUKS_RESERVE_MIB}M`];
  const names = ['--label', 'clock-state', '--subsystem', of.serial];
  const quick = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000', '--resilience', 'none'];
  const rest = ['--sector-size', '4096', '--key-file', key, file];
  await run(['cryptsetup', 'reencrypt', ...how, ...kind, ...names, ...quick, ...rest]);
}
