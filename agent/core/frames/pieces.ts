// What the framers share: bytes held up to a limit, and the list of pieces one push gives. Pure.
import type { Piece } from './ports.ts';

/** Of noise the first few bytes are told: enough to see a wrong baud rate or another protocol. */
export const NOISE_HEAD_BYTES_MAX = 16;
/** Most records fit; it grows by doubling, so that a byte costs the same however many there are. */
const FIRST_BYTES = 256;

/** Keeps copies: a chunk of 64 KiB does not stay in memory for the one byte of it that is held. */
export interface Held {
  readonly length: number;
  readonly isFull: boolean;
  /** Not when full. */
  add(byte: number): void;
  /** All of it, a buffer of its own; nothing is held after it. */
  take(): Buffer;
  /** As take(), byte by byte. */
  drain(each: (byte: number) => void): void;
}

export function createHeld(bytesMax: number): Held {
  let buffer = Buffer.alloc(Math.min(FIRST_BYTES, bytesMax));
  let length = 0;
  return {
    get length() {
      return length;
    },
    get isFull() {
      return length >= bytesMax;
    },
    add: (byte) => {
      if (length === buffer.length) {
        const larger = Buffer.alloc(Math.min(bytesMax, buffer.length * 2));
        buffer.copy(larger);
        buffer = larger;
      }
      buffer[length] = byte;
      length += 1;
    },
    take: () => {
      const taken = Buffer.from(buffer.subarray(0, length));
      length = 0;
      return taken;
    },
    drain: (each) => {
      for (let at = 0; at < length; at += 1) each(buffer[at]!);
      length = 0;
    },
  };
}

/** Noise that follows noise is one piece. */
export interface Pieces {
  add(piece: Piece): void;
  readonly noise: (byte: number) => void;
  /** What was found since the last time, in order. */
  take(): readonly Piece[];
}

export function createPieces(): Pieces {
  let found: Piece[] = [];
  const head = Buffer.alloc(NOISE_HEAD_BYTES_MAX);
  let count = 0;
  const endNoise = (): void => {
    if (count === 0) return;
    const told = Buffer.from(head.subarray(0, Math.min(count, NOISE_HEAD_BYTES_MAX)));
    found.push({ is: 'noise', count, head: told });
    count = 0;
  };
  return {
    add: (piece) => {
      endNoise();
      found.push(piece);
    },
    noise: (byte) => {
      if (count < NOISE_HEAD_BYTES_MAX) head[count] = byte;
      count += 1;
    },
    take: () => {
      endNoise();
      const taken = found;
      found = [];
      return taken;
    },
  };
}
