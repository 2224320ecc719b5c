// Files out of the copy of a state's file system, by debugfs (e2fsprogs): it knows holes and everything else
// that a file of a running unit may have.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../core/run.ts';
import type { Copy } from './copy.ts';

/** The largest is the queue: 96 MiB (agent/outbox/limits.ts), and its log of one. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;
const SMALL_BYTES_MAX = 64 * 1024;

export interface Taken {
  readonly file: string;
  readonly bytes: number;
  /** Of its blocks, those that could not be read: zeros. */
  readonly badBlocks: number;
}

export class StateFiles {
  readonly #copy: Copy;
  readonly #bad: ReadonlySet<number>;
  readonly #signal: AbortSignal | undefined;

  constructor(
    copy: Copy,
    of: { readonly bad: ReadonlySet<number>; readonly signal: AbortSignal | undefined },
  ) {
    this.#copy = copy;
    this.#bad = of.bad;
    this.#signal = of.signal;
  }

  /** Names and sizes in a folder; empty when there is none. */
  async list(folder: string): Promise<ReadonlyMap<string, number>> {
    const names = new Map<string, number>();
    // "/inode/mode/uid/gid/name/size/"
    for (const line of (await this.#debugfs(`ls -p ${folder}`)).split('\n')) {
      const [, , , , , name, size] = line.split('/');
      if (name === undefined || name === '' || name === '.' || name === '..') continue;
      names.set(name, Number(size));
    }
    return names;
  }

  /** Takes a file out into `to`; undefined when it is not there, or larger than ours ever are. */
  async take(path: string, to: string): Promise<Taken | undefined> {
    // Of the very file that is dumped: a folder may hold a name twice, and of each another size.
    const told = await this.#debugfs(`stat ${path}`);
    const isFile = /^Inode: .*\bType: regular\b/m.test(told);
    const size = Number(/\bSize: (\d+)$/m.exec(told)?.[1] ?? Number.NaN);
    if (!isFile || !(size <= FILE_BYTES_MAX)) return undefined;
    await this.#debugfs(`dump ${path} ${to}`);
    const taken = await stat(to).catch(() => undefined);
    if (taken === undefined) return undefined;
    const blocks = (await this.#debugfs(`blocks ${path}`)).trim().split(/\s+/).map(Number);
    const badBlocks = blocks.filter((block) => this.#bad.has(block)).length;
    return { file: to, bytes: taken.size, badBlocks };
  }

  /** A small text; undefined when it is not there. */
  async text(path: string): Promise<string | undefined> {
    const taken = await this.take(path, join(this.#copy.folder, 'text'));
    if (taken === undefined || taken.bytes > SMALL_BYTES_MAX || taken.badBlocks > 0)
      return undefined;
    return readFile(taken.file, 'utf8');
  }

  async #debugfs(request: string): Promise<string> {
    const { stdout } = await run(['debugfs', '-R', request, this.#copy.file], {
      signal: this.#signal,
    });
    return stdout;
  }
}
