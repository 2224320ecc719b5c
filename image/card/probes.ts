// Finds cards that are smaller than they say. Such a card either forgets what is written beyond its end,
// or writes it over its beginning: unique patterns, all over the room that the content leaves free, show
// the one at once, and the other when the content was written over them. Pure.
import { createHash } from 'node:crypto';
import { BLOCK_BYTES, PROBES_MAX } from './limits.ts';
import type { CardContent } from './ports.ts';

/** Near its end a card is probed this much closer: what lies beyond a size almost as large is short. */
const CLOSER = 8;

/**
 * Where to put patterns on a card of this size, ascending: a free block in each stretch as long as the
 * content's longest extent. If the card really ends earlier and begins again there, some pattern comes to
 * lie under that extent.
 */
export function probePlaces(cardBytes: number, { extents }: CardContent): readonly number[] {
  const longest = Math.max(...extents.map(({ bytes }) => bytes));
  const end = cardBytes - (cardBytes % BLOCK_BYTES);
  const step = wholeBlocks(Math.max(longest, end / PROBES_MAX));
  const places: number[] = [];
  for (let from = 0; from < end;) {
    const isNearEnd = from + 2 * step >= end;
    const to = Math.min(end, from + (isNearEnd ? wholeBlocks(step / CLOSER) : step));
    const place = lastFree(from, to, extents);
    if (place !== undefined) places.push(place);
    from = to;
  }
  return places;
}

const wholeBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

function lastFree(from: number, to: number, extents: CardContent['extents']): number | undefined {
  let at = to - BLOCK_BYTES;
  for (const extent of extents.toReversed()) {
    if (at < extent.at) continue;
    if (at >= extent.at + extent.bytes) break;
    at = extent.at - BLOCK_BYTES;
  }
  return at < from ? undefined : at;
}

/** The pattern of a place: no other place, and no other run, has the same. */
export function probePattern(nonce: Uint8Array, at: number): Buffer {
  return createHash('shake256', { outputLength: BLOCK_BYTES })
    .update(nonce)
    .update(String(at))
    .digest();
}
