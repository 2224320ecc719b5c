// Reading what a dying card still gives: a block that cannot be read becomes zeros and is remembered, all
// others come as they are. As ddrescue does, but each block once: a reader tries long enough by itself.
import { Damaged } from '../read/source.ts';
import type { Source } from '../read/source.ts';

const BLOCK_BYTES = 4096;
/**
 * A reader takes seconds over each block that it cannot read. So many are an hour or more, and 64 MiB that
 * are lost: the card is then for a laboratory.
 */
const BAD_MAX = 16_384;

/** A run of bytes. */
export interface Extent {
  readonly at: number;
  readonly bytes: number;
}

export interface Forgiving extends Source {
  /** Blocks that could not be read, in the order they were met. */
  readonly bad: ReadonlySet<number>;
}

/** Throws Damaged only when far too many blocks cannot be read. */
export function forgiving(source: Source, signal?: AbortSignal): Forgiving {
  const bad = new Set<number>();
  const readBlock = async (at: number, bytes: number): Promise<Buffer> => {
    signal?.throwIfAborted();
    const block = Math.floor(at / BLOCK_BYTES);
    if (bad.has(block)) return Buffer.alloc(bytes);
    try {
      return await source.read(at, bytes);
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      if (bad.size >= BAD_MAX) throw new Damaged(`more than ${BAD_MAX} blocks cannot be read`);
      bad.add(block);
      return Buffer.alloc(bytes);
    }
  };
  return {
    bytes: source.bytes,
    bad,
    async read(at, length) {
      try {
        return await source.read(at, length);
      } catch (error) {
        if (!(error instanceof Damaged)) throw error;
      }
      const parts: Buffer[] = [];
      for (let done = 0; done < length;) {
        const here = at + done;
        const bytes = Math.min(length - done, BLOCK_BYTES - (here % BLOCK_BYTES));
        parts.push(await readBlock(here, bytes));
        done += bytes;
      }
      return Buffer.concat(parts);
    },
  };
}
