// Where a ledger may lie and whose its files are: for one user alone, on a disk of this machine. SQLite's WAL is
// shared memory between the stations of one machine; a network file system does not have that, and loses rows.
import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { saying, syncFolder } from '../core/files.ts';

const NETWORK =
  /^(nfs4?|cifs|smb3|smbfs|afs|ceph|9p|vboxsf|fuse\.(sshfs|glusterfs|rclone|s3fs|davfs2?))$/;

/** `--ledger FILE`, CLOCK_LEDGER, or ~/.local/share/clock-iot/ledger.db of whoever called sudo. */
export function ledgerPlace(given: string | undefined, env: NodeJS.ProcessEnv): string {
  const named = given ?? env['CLOCK_LEDGER'];
  if (named !== undefined && named !== '') return resolve(named);
  const isRoot = process.getuid?.() === 0;
  const caller = isRoot ? homeOf(env['SUDO_UID']) : undefined;
  const data =
    caller === undefined && env['XDG_DATA_HOME'] !== undefined && env['XDG_DATA_HOME'] !== ''
      ? env['XDG_DATA_HOME']
      : join(caller ?? homedir(), '.local/share');
  return join(data, 'clock-iot/ledger.db');
}

function homeOf(uid: string | undefined): string | undefined {
  if (uid === undefined) return undefined;
  const line = fs.readFileSync('/etc/passwd', 'utf8').split('\n');
  return line.map((entry) => entry.split(':')).find((entry) => entry[2] === uid)?.[5];
}

/** Throws OperatorError when the folder is not on this machine's own disk. `mounts`: /proc/self/mountinfo. */
export function refuseNetwork(folder: string, mounts: string): void {
  const mounted = mounts.split('\n').map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    // proc_pid_mountinfo(5): the fifth field, with blanks as \040.
    const at = (before.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_all, octal: string) =>
      String.fromCodePoint(Number.parseInt(octal, 8)),
    );
    return { at, type: after.split(' ')[0] ?? '' };
  });
  const on = mounted
    .filter(({ at }) => at !== '' && `${folder}/`.startsWith(at === '/' ? '/' : `${at}/`))
    .reduce((best, one) => (one.at.length >= best.at.length ? one : best), { at: '', type: '' });
  if (!NETWORK.test(on.type)) return;
  throw new OperatorError('ledger-on-network', `${folder} is on the network (${on.type})`, {
    hint: 'Keep the ledger on a disk of this machine, and a copy elsewhere with ./build.sh unit backup',
  });
}

/** Makes the folder for one user alone; under sudo it is the caller's. */
export function makeFolder(folder: string): void {
  if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolder(dirname(folder));
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (cause) {
    throw new OperatorError('folder-not-made', `There is no folder ${folder}, nor can it be made`, {
      hint: `Look at the name, and at the rights and the room there (${(cause as Error).message})`,
      cause,
    });
  }
  giveLike(folder, dirname(folder));
}

/** root's new files in somebody's folder are theirs: the next one to open them is not root. */
export function giveLike(file: string, other: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = fs.statSync(other);
  if (uid !== 0) fs.chownSync(file, uid, gid);
}

/** The file's bytes; it is made with `make` if it is not there, whole or not at all, whoever else does so too. */
export function placeSecret(file: string, make: () => Buffer): Buffer {
  return saying(file, () => secretAt(file, make));
}

function secretAt(file: string, make: () => Buffer): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const draft = `${file}.${randomUUID()}`;
  writeNew(draft, make());
  giveLike(draft, dirname(file));
  try {
    fs.linkSync(draft, file);
    syncFolder(dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    fs.rmSync(draft);
  }
  return fs.readFileSync(file);
}

/** A new file with these bytes, on the disk when this returns. */
function writeNew(file: string, bytes: Uint8Array): void {
  const handle = fs.openSync(file, 'wx', 0o600);
  try {
    fs.writeSync(handle, bytes);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

/** Gives a draft its name; throws EEXIST when there is such a file. */
export function placeNew(draft: string, file: string): void {
  try {
    fs.linkSync(draft, file);
    fs.rmSync(draft);
  } catch (error) {
    // FAT, as on most sticks, has no hard links: an empty file stands there for a moment.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    claimThenRename(draft, file);
  }
  syncFolder(dirname(file));
}

function claimThenRename(draft: string, file: string): void {
  fs.closeSync(fs.openSync(file, 'wx', 0o600));
  try {
    fs.renameSync(draft, file);
  } catch (error) {
    fs.rmSync(file);
    throw error;
  }
}

/** A draft of a database, with what SQLite may have left beside it. */
export function dropDraft(draft: string): void {
  for (const part of ['', '-wal', '-shm', '-journal']) fs.rmSync(draft + part, { force: true });
}
