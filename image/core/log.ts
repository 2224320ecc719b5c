// The log of one run of the builder: what was started, what it said, what came of it.
// Holds no secret: programs get secrets by file or stdin, and neither is ever written here; nor is a key that was typed.
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { masked } from './secret.ts';

/** Logs kept of each command, of which few leave any: enough to compare a failure with the runs before it. */
const LOGS_MAX = 20;
/** A program that prints for ever must not fill the disk; a whole build prints about 1 MB. */
const LOG_CHARS_MAX = 200e6;

/** As openLog names them: by when, and by what. */
const NAMED = /^\d{8}T\d{6}-\d{3}Z-(.+)\.log$/;

export interface RunLog {
  readonly file: string;
  write(line: string): void;
  /** Ends it, and removes the oldest of this command beyond the limit. */
  close(): Promise<void>;
  /** Nothing worth keeping happened: the log goes, and no older one in its place. */
  drop(): Promise<void>;
}

/**
 * Begins `<folder>/<time>-<name>.log`. Throws the file system's error when the folder cannot be written.
 */
export async function openLog(folder: string, name: string): Promise<RunLog> {
  await mkdir(folder, { recursive: true });
  const time = new Date().toISOString().replace(/[-:]/g, '').replace('.', '-');
  const file = join(folder, `${time}-${name}.log`);
  const stream = createWriteStream(file, { flags: 'wx' });
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', reject);
  });
  stream.on('error', () => {}); // A full disk is told by whatever needed the space, not by its log.
  const end = (): Promise<void> => new Promise((resolve) => stream.end(() => resolve()));
  let written = 0;
  return {
    file,
    write(line) {
      if (written > LOG_CHARS_MAX) return;
      const text = `${new Date().toISOString()} ${masked(stripVTControlCharacters(line))}\n`;
      written += text.length;
      stream.write(written > LOG_CHARS_MAX ? 'the log is full; nothing more is noted\n' : text);
    },
    close: async () => {
      await end();
      await dropOldest(folder, name);
    },
    drop: async () => {
      await end();
      await rm(file, { force: true });
    },
  };
}

/** A folder that cannot be cleaned up is no failure of the run. */
async function dropOldest(folder: string, name: string): Promise<void> {
  const entries = await readdir(folder).catch(() => []);
  const own = entries.filter((entry) => NAMED.exec(entry)?.[1] === name).toSorted();
  for (const entry of own.slice(0, -LOGS_MAX)) {
    await rm(join(folder, entry), { force: true }).catch(() => {});
  }
}

// One log per process, like stderr: whatever runs programs notes them without being handed a log.
let sink: (line: string) => void = () => {};

/** From now on `log()` writes here. */
export function logTo(write: (line: string) => void): void {
  sink = write;
}

/** Notes a line in the log of this run, if there is one. */
export function log(line: string): void {
  sink(line);
}
