// Lines: what stands between any of a set of bytes (CR, LF, FF, NUL), empty lines left out. Pure.
import { createHeld, createPieces } from './pieces.ts';
import type { Framer, Piece } from './ports.ts';

export const CR = 0x0d;
export const LF = 0x0a;

export interface DelimitedOptions {
  /** Each of them ends a line; CR LF is two, and the empty line between them is left out. */
  readonly delimiters?: readonly number[];
  readonly lineBytesMax: number;
}

export interface DelimitedFramer extends Framer {
  /** Takes the unfinished line for a whole one: where some senders leave out the last line's end. */
  flush(): readonly Piece[];
}

/**
 * A line that is too long is `bad` (the first `lineBytesMax` bytes of it), and the rest of it is noise up to the
 * next delimiter.
 */
export function delimited(options: DelimitedOptions): DelimitedFramer {
  const { delimiters = [CR, LF], lineBytesMax } = options;
  const held = createHeld(lineBytesMax);
  const pieces = createPieces();
  let isTooLong = false;

  const endLine = (): void => {
    if (held.length > 0) pieces.add({ is: 'frame', body: held.take() });
    isTooLong = false;
  };
  const step = (byte: number): void => {
    if (delimiters.includes(byte)) return endLine();
    if (isTooLong) return pieces.noise(byte);
    if (!held.isFull) return held.add(byte);
    pieces.add({ is: 'bad', why: 'too-long', body: held.take() });
    pieces.noise(byte);
    isTooLong = true;
  };
  return {
    push: (chunk) => {
      for (const byte of chunk) step(byte);
      return pieces.take();
    },
    held: () => (isTooLong ? 1 : held.length),
    reset: () => {
      held.drain(pieces.noise);
      isTooLong = false;
      return pieces.take();
    },
    flush: () => {
      endLine();
      return pieces.take();
    },
  };
}
