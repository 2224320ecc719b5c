// The frames of Datecs and Daisy fiscal printers, classic and newer ("X"): a length, a sum of sixteen bits, and
// single control bytes between them. Pure; what the bytes inside mean is not known here.
import { createHeld, createPieces } from './pieces.ts';
import type { Framer } from './ports.ts';

const START = 0x01;
const POSTAMBLE = 0x05;
const END = 0x03;
/** Not taken: send the same frame again. */
export const NAK = 0x15;
/** Still busy with it: wait anew. May come between the bytes of a frame too, and is never one of them. */
export const SYN = 0x16;
/** Some answers come as lines `1A … 0A`, each to be confirmed with one byte. */
export const LINE = 0x1a;
export const LINE_TAKEN = 0x11;
const LINE_END = 0x0a;

/** "X": length and command are four digits instead of one byte. */
export type IslVariant = 'classic' | 'x';

const SHAPES = {
  // LEN counts LEN, SEQ, CMD, data and 05, and begins at 20.
  classic: { lengthBytes: 1, innerMin: 4, innerMax: 0xff - 0x20 },
  // Much longer than any answer: 4-digit lengths allow 64 KiB, no printer sends them.
  x: { lengthBytes: 4, innerMin: 10, innerMax: 1_024 },
} as const;
const LENGTH_BASE = 0x20;
/** Four digits of the sum and 03. */
const TAIL_BYTES = 5;

/** Sixteen bits as four digits `30`..`3F`, the highest first. */
export function nibbles(value: number): Buffer {
  return Buffer.from([12, 8, 4, 0].map((shift) => 0x30 + ((value >> shift) & 0x0f)));
}

/** Undefined: not four such digits. */
export function fromNibbles(bytes: Uint8Array): number | undefined {
  let value = 0;
  for (const byte of bytes) {
    if (byte < 0x30 || byte > 0x3f) return undefined;
    value = value * 16 + (byte - 0x30);
  }
  return bytes.length === 4 ? value : undefined;
}

const sumOf = (bytes: Uint8Array): number => {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) & 0xffff;
  return sum;
};

/**
 * The frame around `body`: sequence, command and data to the printer, and `04` and the status behind them from
 * it. Throws a RangeError over what LEN can say: who builds data keeps to the printer's limit, which is lower.
 */
export function islFrame(body: Uint8Array, variant: IslVariant): Buffer {
  const { lengthBytes, innerMax } = SHAPES[variant];
  const inner = lengthBytes + body.length + 1;
  if (inner > innerMax) throw new RangeError(`${body.length} bytes do not fit into a frame`);
  const length = LENGTH_BASE + inner;
  const summed = Buffer.concat([
    variant === 'classic' ? Buffer.of(length) : nibbles(length),
    body,
    Buffer.of(POSTAMBLE),
  ]);
  return Buffer.concat([Buffer.of(START), summed, nibbles(sumOf(summed)), Buffer.of(END)]);
}

/**
 * A frame's body is what `islFrame` was given; the body of a line is its `1A` and the text. `01` never stands
 * inside: where one comes, the frame before it was cut off, which is `bad`. So is a length out of bounds, and a
 * frame whose `05`, sum or `03` is not where the length says. What comes outside of frames is noise: the GSM
 * modem of some printers writes its commands there.
 */
export function isl(variant: IslVariant): Framer {
  const { lengthBytes, innerMin, innerMax } = SHAPES[variant];
  const held = createHeld(innerMax + TAIL_BYTES);
  const pieces = createPieces();
  const lengthDigits: number[] = [];
  let at: 'outside' | 'frame' | 'line' = 'outside';
  /** Bytes after 01; undefined until LEN is there. */
  let total: number | undefined;

  const begin = (now: 'frame' | 'line'): void => {
    at = now;
    total = undefined;
    lengthDigits.length = 0;
  };
  const bad = (why: 'check' | 'length' | 'too-long'): void => {
    pieces.add({ is: 'bad', why, body: held.take() });
    at = 'outside';
  };
  const drop = (): void => {
    if (at === 'frame') pieces.noise(START);
    for (const byte of held.take()) pieces.noise(byte);
    at = 'outside';
  };
  const outside = (byte: number): void => {
    if (byte === START) return begin('frame');
    if (byte === NAK || byte === SYN) return pieces.add({ is: 'control', byte });
    if (byte !== LINE) return pieces.noise(byte);
    begin('line');
    held.add(byte);
  };
  const finish = (): void => {
    const bytes = held.take();
    at = 'outside';
    const inner = bytes.subarray(0, -TAIL_BYTES);
    if (inner.at(-1) !== POSTAMBLE || bytes.at(-1) !== END)
      return pieces.add({ is: 'bad', why: 'length', body: bytes });
    if (fromNibbles(bytes.subarray(-TAIL_BYTES, -1)) !== sumOf(inner))
      return pieces.add({ is: 'bad', why: 'check', body: bytes });
    pieces.add({ is: 'frame', body: inner.subarray(lengthBytes, -1) });
  };
  const frame = (byte: number): void => {
    if (byte === START) {
      bad('length');
      return begin('frame');
    }
    if (byte === SYN) return pieces.add({ is: 'control', byte });
    held.add(byte);
    if (total !== undefined) {
      if (held.length === total) finish();
      return;
    }
    lengthDigits.push(byte);
    if (lengthDigits.length < lengthBytes) return;
    const length = variant === 'classic' ? byte : fromNibbles(Uint8Array.from(lengthDigits));
    const inner = (length ?? 0) - LENGTH_BASE;
    if (inner < innerMin || inner > innerMax) return bad('length');
    total = inner + TAIL_BYTES;
  };
  const line = (byte: number): void => {
    if (byte === START) {
      drop();
      return begin('frame');
    }
    if (byte === LINE_END) {
      at = 'outside';
      return pieces.add({ is: 'frame', body: held.take() });
    }
    if (held.isFull) bad('too-long');
    else held.add(byte);
  };
  return {
    push: (chunk) => {
      for (const byte of chunk) {
        if (at === 'outside') outside(byte);
        else if (at === 'frame') frame(byte);
        else line(byte);
      }
      return pieces.take();
    },
    held: () => (at === 'outside' ? 0 : held.length + 1),
    reset: () => {
      drop();
      return pieces.take();
    },
  };
}
