// Streams for the tests of framers: cut anywhere, and the pieces that come of it, noise joined.
import { NOISE_HEAD_BYTES_MAX } from '../../../../agent/core/frames/pieces.ts';
import type { Framer, Piece } from '../../../../agent/core/frames/ports.ts';

export type Random = () => number;

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
export const pick = <T>(random: Random, of: readonly T[]): T => of[below(random, of.length)]!;

/** Noise is told push by push; one stretch of it is one piece, wherever it was cut. */
export function joined(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (piece.is !== 'noise' || last?.is !== 'noise') all.push(piece);
    else {
      const head = Buffer.concat([last.head, piece.head]).subarray(0, NOISE_HEAD_BYTES_MAX);
      all[all.length - 1] = { is: 'noise', count: last.count + piece.count, head };
    }
  }
  return all;
}

/** Shorter than pieces, and says all of them. */
export const told = (pieces: readonly Piece[]): string[] =>
  joined(pieces).map((piece) => {
    if (piece.is === 'control') return `control ${piece.byte.toString(16)}`;
    if (piece.is === 'noise') return `noise ${piece.count} ${piece.head.toString('hex')}`;
    const what = piece.is === 'frame' ? 'frame' : `bad ${piece.why}`;
    return `${what} ${JSON.stringify(piece.body.toString('latin1'))}`;
  });

/** In chunks of 1 to `chunkMax` bytes. */
export function pushAll(
  framer: Framer,
  stream: Uint8Array,
  { random, chunkMax }: { readonly random: Random; readonly chunkMax: number },
): Piece[] {
  const all: Piece[] = [];
  for (let at = 0; at < stream.length;) {
    const to = at + 1 + below(random, chunkMax);
    all.push(...framer.push(stream.subarray(at, to)));
    at = to;
  }
  return all;
}

/** Every byte of a stream belongs to exactly one piece or is held. */
export function bytesIn(pieces: readonly Piece[]): number {
  let bytes = 0;
  for (const piece of pieces) {
    if (piece.is === 'noise') bytes += piece.count;
    else bytes += piece.is === 'control' ? 1 : piece.body.length;
  }
  return bytes;
}
