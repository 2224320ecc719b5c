// Frames of a Mitel SX-200: function (3), status (2), room (5), between STX and ETX, without a check. Pure.
import { toAscii } from '../../core/ascii.ts';
import { stxEtx, stxEtxFrame } from '../../core/frames/stx-etx.ts';
import type { Framer } from '../../core/frames/ports.ts';
import type { Guest } from '../../core/vocabulary.ts';
import { BODY_BYTES_MAX, NAME_CHARS_MAX, ROOM_CHARS } from './limits.ts';

export const ENQ = 0x05;
export const ACK = 0x06;
export const NAK = 0x15;

const FUNCTIONS = ['CHK', 'MW', 'NAM', 'RM', 'DND', 'WAK'] as const;
type Function = (typeof FUNCTIONS)[number];

export interface Message {
  readonly function: Function;
  /** One or two characters: '1', '0', a digit. */
  readonly status: string;
  readonly extension: string;
}

export const framer = (): Framer =>
  stxEtx({ controls: [ENQ, ACK, NAK], bodyBytesMax: BODY_BYTES_MAX });

/** An extension that fits into the room field. */
export const isExtension = (text: string): boolean => /^[0-9A-Z]{1,5}$/i.test(text);

export const frame = ({ function: name, status, extension }: Message): Buffer =>
  stxEtxFrame(
    Buffer.from(
      `${name.padEnd(3)}${status.padEnd(2)}${extension.toUpperCase().padStart(ROOM_CHARS)}`,
      'latin1',
    ),
  );

/** The record that follows NAM: the room, left-justified, and the name in capitals. */
export function nameFrame(extension: string, { lastName, firstName }: Guest): Buffer {
  const name = [lastName, firstName ?? ''].filter((part) => part !== '').join(', ');
  const text = toAscii(name).toUpperCase().slice(0, NAME_CHARS_MAX).padEnd(NAME_CHARS_MAX);
  return stxEtxFrame(Buffer.from(extension.toUpperCase().padEnd(ROOM_CHARS) + text, 'latin1'));
}

/** Undefined: none of the known. The room's blanks may stand on either side. */
export function messageOf(body: Buffer): Message | undefined {
  const text = body.toString('latin1');
  if (text.length !== 10) return undefined;
  const name = FUNCTIONS.find((one) => one === text.slice(0, 3).trimEnd());
  const [status, extension] = [text.slice(3, 5).trim(), text.slice(5).trim()];
  if (name === undefined || !isExtension(extension)) return undefined;
  return { function: name, status, extension };
}
