// Frames between a start and an end byte, with or without a check byte behind (FIAS, Salto, Mitel, NEC and
// many more), and single control bytes between them. Pure.
import { createHeld, createPieces } from './pieces.ts';
import type { Framer } from './ports.ts';

const STX = 0x02;
const ETX = 0x03;

/** A longitudinal check (LRC, BCC): the XOR of a range of the frame, one byte after the end byte. */
export interface XorCheck {
  /** The first byte that counts: the start byte itself, or the one after it. */
  readonly from: 'start' | 'after-start';
  /** The last one: the end byte itself, or the one before it. */
  readonly to: 'end' | 'before-end';
  /** In place of the check these say that there is none (Salto: 0D). */
  readonly waivers?: readonly number[];
}

/** XOR after STX up to and including ETX: FIAS (serial), Salto, NEC. */
export const FIAS_LRC: XorCheck = { from: 'after-start', to: 'end' };

export interface StxEtxOptions {
  readonly start?: number;
  /** Not the same as `start`. */
  readonly end?: number;
  readonly check?: XorCheck | undefined;
  /** Bytes with a meaning outside of frames (ACK, NAK, ENQ); inside they are bytes of the body. */
  readonly controls?: readonly number[];
  /** Between start and end. */
  readonly bodyBytesMax: number;
}

/**
 * The check byte is known by its place: it may be any byte, the start and end bytes too. A start byte inside a
 * body begins anew: the end of the frame before it was lost, and what there was of it is noise. A body that is
 * too long is `bad` (the first `bodyBytesMax` bytes of it), and the rest is noise up to the next end or start
 * byte. An empty body is a frame.
 */
export function stxEtx(options: StxEtxOptions): Framer {
  const { start = STX, end = ETX, check, controls = [], bodyBytesMax } = options;
  const held = createHeld(bodyBytesMax);
  const pieces = createPieces();
  let at: 'outside' | 'body' | 'check' | 'too-long' | 'too-long-check' = 'outside';

  const outside = (byte: number): void => {
    if (byte === start) at = 'body';
    else if (controls.includes(byte)) pieces.add({ is: 'control', byte });
    else pieces.noise(byte);
  };
  const drop = (): void => {
    if (at === 'body' || at === 'check') {
      pieces.noise(start);
      held.drain(pieces.noise);
      if (at === 'check') pieces.noise(end);
    }
  };
  const body = (byte: number): void => {
    if (byte === start) return drop();
    if (byte === end) {
      if (check !== undefined) at = 'check';
      else {
        at = 'outside';
        pieces.add({ is: 'frame', body: held.take() });
      }
      return;
    }
    if (!held.isFull) return held.add(byte);
    pieces.add({ is: 'bad', why: 'too-long', body: held.take() });
    pieces.noise(byte);
    at = 'too-long';
  };
  const tooLong = (byte: number): void => {
    if (byte === start) at = 'body';
    else pieces.noise(byte);
    if (byte === end) at = check === undefined ? 'outside' : 'too-long-check';
  };
  const step = (byte: number): void => {
    switch (at) {
      case 'outside':
        return outside(byte);
      case 'body':
        return body(byte);
      case 'check': {
        at = 'outside';
        const taken = held.take();
        const isRight = check === undefined || isChecked(byte, { body: taken, start, end, check });
        return pieces.add(
          isRight ? { is: 'frame', body: taken } : { is: 'bad', why: 'check', body: taken },
        );
      }
      case 'too-long':
        return tooLong(byte);
      case 'too-long-check':
        at = 'outside';
        return pieces.noise(byte);
    }
  };
  return {
    push: (chunk) => {
      for (const byte of chunk) step(byte);
      return pieces.take();
    },
    // With the start byte, so that a frame that has only begun is not "nothing".
    held: () => (at === 'outside' ? 0 : held.length + 1),
    reset: () => {
      drop();
      at = 'outside';
      return pieces.take();
    },
  };
}

/** The frame of a body, as `stxEtx` with the same options reads it. The body holds no start or end byte. */
export function stxEtxFrame(
  body: Uint8Array,
  options: Pick<StxEtxOptions, 'start' | 'end' | 'check'> = {},
): Buffer {
  const { start = STX, end = ETX, check } = options;
  const checks = check === undefined ? [] : [xorOf({ body, start, end, check })];
  return Buffer.concat([Buffer.of(start), body, Buffer.of(end, ...checks)]);
}

interface Checked {
  readonly body: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly check: XorCheck;
}

function isChecked(byte: number, checked: Checked): boolean {
  return byte === xorOf(checked) || (checked.check.waivers ?? []).includes(byte);
}

function xorOf({ body, start, end, check }: Checked): number {
  let xor = (check.from === 'start' ? start : 0) ^ (check.to === 'end' ? end : 0);
  for (const byte of body) xor ^= byte;
  return xor;
}
