// A card in memory, and cards that fail as real ones do: slow, dying, stalling, pulled out, forgetful,
// smaller than they say. What it gives back is what it was given, unless a fault says otherwise.
import type { CardDevice } from '../../../image/card/ports.ts';

const PAGE_BYTES = 65_536;

export interface Faults {
  /** Answers after this long for each MiB. */
  readonly slowMs?: number;
  /** Every write or read beyond so many written bytes fails with this code: EIO, ENXIO, … */
  readonly after?: { readonly bytes: number; readonly code: string };
  /** Never answers beyond so many written bytes. */
  readonly stallsAfter?: number;
  /** Its real size: beyond, it forgets, or writes over its beginning. */
  readonly really?: { readonly bytes: number; readonly beyond: 'forgets' | 'wraps' };
  /** Returns one wrong bit at this place. */
  readonly flips?: number;
  /** Called before each write; may throw. */
  readonly onWrite?: (at: number, bytes: number) => void;
}

export interface DoubleCard extends CardDevice {
  /** What lies on it, faults aside. */
  peek(at: number, bytes: number): Buffer;
  /** Everything that is not zeros, ascending. */
  pages(): readonly (readonly [at: number, page: Buffer])[];
  readonly isOpen: boolean;
}

/** What a card has in its first block that some board starts from: of another maker, or an earlier one of ours. */
export function startingBlock(): Buffer {
  const block = Buffer.alloc(4096, 0x0c);
  block.writeUInt16LE(0xaa_55, 510);
  return block;
}

/** Some board starts from it, as long as nobody writes it. */
export function doubleCard(bytes: number, faults: Faults = {}): DoubleCard {
  const pages = new Map<number, Buffer>();
  let written = 0;
  let isOpen = true;
  let isStalled = false;

  const each = (
    at: number,
    length: number,
    visit: (page: number, from: number, to: number, done: number) => void,
  ): void => {
    for (let done = 0; done < length;) {
      const place = (at + done) % PAGE_BYTES;
      const step = Math.min(length - done, PAGE_BYTES - place);
      visit(Math.floor((at + done) / PAGE_BYTES), place, place + step, done);
      done += step;
    }
  };
  const put = (at: number, from: Uint8Array): void =>
    each(at, from.length, (page, start, end, done) => {
      const part = from.subarray(done, done + end - start);
      let lies = pages.get(page);
      if (lies === undefined) {
        if (part.every((byte) => byte === 0)) return;
        lies = Buffer.alloc(PAGE_BYTES);
        pages.set(page, lies);
      }
      lies.set(part, start);
    });
  const get = (at: number, into: Uint8Array): void =>
    each(at, into.length, (page, start, end, done) => {
      const lies = pages.get(page);
      if (lies === undefined) into.fill(0, done, done + end - start);
      else into.set(lies.subarray(start, end), done);
    });
  /** Where a byte really lies on a card that is smaller than it says. */
  const real = (at: number): number | undefined => {
    const { really } = faults;
    if (really === undefined || at < really.bytes) return at;
    return really.beyond === 'wraps' ? at % really.bytes : undefined;
  };
  const fail = async (length: number): Promise<void> => {
    if (!isOpen) throw new Error('it was used after it was closed');
    const { after, stallsAfter, slowMs = 0 } = faults;
    if (after !== undefined && written > after.bytes) {
      throw Object.assign(new Error(`${after.code}: injected`), { code: after.code });
    }
    isStalled ||= stallsAfter !== undefined && written > stallsAfter;
    if (isStalled) await new Promise(() => {});
    const ms = (slowMs * length) / 2 ** 20;
    await new Promise((resolve) => (ms < 1 ? setImmediate(resolve) : setTimeout(resolve, ms)));
  };
  const aligned = (at: number, length: number): void => {
    if (at % 4096 !== 0 || length % 4096 !== 0 || at < 0) throw new Error('EINVAL: not aligned');
    if (at + length > bytes) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  };

  put(0, startingBlock());
  return {
    bytes,
    get isOpen() {
      return isOpen;
    },
    async write(at, from) {
      aligned(at, from.length);
      faults.onWrite?.(at, from.length);
      // As a card does that is pulled out in the middle: it may have taken some of it.
      await fail(from.length);
      written += from.length;
      const place = real(at);
      if (place !== undefined) put(place, from);
    },
    async read(at, into) {
      aligned(at, into.length);
      await fail(into.length);
      const place = real(at);
      if (place === undefined) into.fill(0);
      else get(place, into);
      const { flips = -1 } = faults;
      if (flips >= at && flips < at + into.length) into[flips - at]! ^= 0x10;
    },
    sync: () => fail(0),
    close: () => {
      isOpen = false;
      // As the kernel's: not before what is under way has ended.
      return isStalled ? new Promise(() => {}) : Promise.resolve();
    },
    peek(at, length) {
      const into = Buffer.alloc(length);
      get(at, into);
      return into;
    },
    pages: () =>
      [...pages]
        .map(([page, lies]) => [page * PAGE_BYTES, lies] as const)
        .sort((a, b) => a[0] - b[0]),
  };
}
