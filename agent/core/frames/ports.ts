// A framer: cuts a stream of bytes into frames, whatever pieces it comes in, within bounds, and knows nothing
// of what brings the bytes. Types only.

/**
 * `noise`: bytes that belong to no frame (bounded: how many, and the first few). `bad`: a frame whose check or
 * length is wrong. `control`: a single byte with a meaning (ACK, NAK, ENQ, …).
 */
export type Piece =
  | { readonly is: 'frame'; readonly body: Buffer }
  | { readonly is: 'control'; readonly byte: number }
  | { readonly is: 'bad'; readonly why: 'check' | 'length' | 'too-long'; readonly body: Buffer }
  | { readonly is: 'noise'; readonly count: number; readonly head: Buffer };

export interface Framer {
  /** What the chunk completes, in order. Never throws; keeps at most its limit of bytes. */
  push(chunk: Uint8Array): readonly Piece[];
  /** Bytes of an unfinished frame: 0 between frames. A timer of the caller's may then call reset(). */
  held(): number;
  /** Forgets the unfinished frame; what it held is noise. */
  reset(): readonly Piece[];
}
