// The log of one run of the builder: what was started, what it said, what came of it.
// Holds no secret: programs get secrets by file or stdin, and neither is ever written here.
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** Logs kept in the folder: enough to compare a failure with the runs before it. */
const LOGS_MAX = 20;
/** A program that prints for ever must not fill the disk; a whole build prints about 1 MB. */
const LOG_CHARS_MAX = 200e6;

export interface RunLog {
  readonly file: string;
  write(line: string): void;
  close(): Promise<void>;
}

/**
 * Begins `<folder>/<time>-<name>.log` and removes the oldest logs beyond the limit.
 * Throws the file system's error when the folder cannot be written.
 */
export async function openLog(folder: string, name: string): Promise<RunLog> {
  await mkdir(folder, { recursive: true });
  const older = (await readdir(folder)).filter((entry) => entry.endsWith('.log')).sort();
  for (const entry of older.slice(0, Math.max(0, older.length + 1 - LOGS_MAX))) {
    await rm(join(folder, entry), { force: true });
  }
  const time = new Date().toISOString().replace(/[-:]/g, '').replace('.', '-');
  const file = join(folder, `${time}-${name}.log`);
  const stream = createWriteStream(file, { flags: 'wx' });
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', reject);
  });
  stream.on('error', () => {}); // A full disk is told by whatever needed the space, not by its log.
  let written = 0;
  return {
    file,
    write(line) {
      if (written > LOG_CHARS_MAX) return;
      const text = `${new Date().toISOString()} ${stripVTControlCharacters(line)}\n`;
      written += text.length;
      stream.write(written > LOG_CHARS_MAX ? 'the log is full; nothing more is noted\n' : text);
    },
    close: () => new Promise((resolve) => stream.end(() => resolve())),
  };
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
