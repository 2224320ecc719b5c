// Messages of a NEC NEAX and the control codes between them. Pure.
// A message: SA, UA, EI, feature code (2), message counter (2), function code (1), extension (6), data.
import { toAscii } from '../../core/ascii.ts';
import { FIAS_LRC, stxEtx, stxEtxFrame } from '../../core/frames/stx-etx.ts';
import { BODY_BYTES_MAX, EXTENSION_CHARS } from './limits.ts';

const [EOT, ENQ, ACK, NAK, DLE] = [0x04, 0x05, 0x06, 0x15, 0x10];
/** SA and UA. */
const START = '1!';
const HEAD = `${START}L`;
/** The BCC: XOR after STX through ETX. */
const CHECK = FIAS_LRC;

export const SAY = {
  start: Buffer.from([...Buffer.from(START), ENQ]),
  query: Buffer.of(ENQ),
  ack: Buffer.of(ACK),
  nak: Buffer.of(NAK),
  end: Buffer.of(EOT),
} as const;

export interface Message {
  /** Feature code, two hexadecimal digits: "16". */
  readonly feature: string;
  /** Function code: "1", "A". */
  readonly function: string;
  /** Without the blanks behind it. */
  readonly extension: string;
  readonly data: string;
}

/** "16-B", as the specification writes it. */
export const codeOf = (message: Message): string => `${message.feature}-${message.function}`;

export const isExtension = (text: string): boolean => /^[0-9A-Z*#]{1,6}$/i.test(text);

/** Left-justified, filled with blanks, ASCII. */
export const field = (text: string, chars: number): string =>
  toAscii(text).slice(0, chars).padEnd(chars);

export function frame({ feature, function: code, extension, data }: Message): Buffer {
  const rest = `${code}${field(extension, EXTENSION_CHARS)}${data}`;
  // It counts itself and the feature code.
  const count = String(rest.length + 4).padStart(2, '0');
  return stxEtxFrame(Buffer.from(`${HEAD}${feature}${count}${rest}`, 'latin1'), { check: CHECK });
}

export type Parsed =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly why: string };

export function messageOf(body: Buffer): Parsed {
  const text = body.toString('latin1');
  if (!text.startsWith(HEAD)) return { ok: false, why: 'it is not addressed to a PMS' };
  const rest = text.slice(HEAD.length);
  if (!/^[0-9A-F]{2}\d\d[\u0020-\u007e]+$/.test(rest)) {
    return { ok: false, why: 'it holds no feature and function code' };
  }
  if (Number(rest.slice(2, 4)) !== rest.length) return { ok: false, why: 'its counter is wrong' };
  const at = 5 + EXTENSION_CHARS;
  const message: Message = {
    feature: rest.slice(0, 2),
    function: rest.slice(4, 5),
    extension: rest.slice(5, at).trimEnd(),
    data: rest.slice(at),
  };
  return { ok: true, message };
}

/** The feature code of the message that the exchange gives back; undefined: it is none of these. */
export function violated(feature: string): string | undefined {
  if (!/^[89A-F][0-9A-F]$/.test(feature)) return undefined;
  const code = Number.parseInt(feature, 16) - 0x80;
  return code.toString(16).toUpperCase().padStart(2, '0');
}

export type Token =
  | { readonly on: 'start' }
  | { readonly on: 'query' }
  | { readonly on: 'ack' }
  | { readonly on: 'nak' }
  /** It asks for the line, to stop, to wait. */
  | { readonly on: 'interrupt' }
  | { readonly on: 'abort' }
  | { readonly on: 'pause' }
  | { readonly on: 'end' }
  | { readonly on: 'message'; readonly body: Buffer }
  | { readonly on: 'bad' };

const ALONE: ReadonlyMap<number, Token> = new Map<number, Token>([
  [EOT, { on: 'end' }],
  [ACK, { on: 'ack' }],
  [NAK, { on: 'nak' }],
]);
/** After DLE. The specification has two values for the colon. */
const AFTER_DLE: ReadonlyMap<number, Token> = new Map<number, Token>([
  [0x3c, { on: 'interrupt' }],
  [0x3a, { on: 'abort' }],
  [0x7c, { on: 'abort' }],
  [0x3f, { on: 'pause' }],
]);
const CONTROLS = [...ALONE.keys(), ENQ, DLE, ...AFTER_DLE.keys(), ...Buffer.from(START)];

export interface Ear {
  hear(chunk: Uint8Array): readonly Token[];
  isHearing(): boolean;
  hush(): void;
}

/** Puts together what several bytes mean: the start sequence, DLE and its second byte. */
export function createEar(): Ear {
  const framer = stxEtx({ check: CHECK, controls: CONTROLS, bodyBytesMax: BODY_BYTES_MAX });
  /** Of the control bytes before, the last two. */
  let before: readonly number[] = [];
  const control = (byte: number): Token | undefined => {
    const [first, second] = [before.at(-2), before.at(-1)];
    before = [...before.slice(-1), byte];
    if (second === DLE) {
      // Used up: the next byte stands for itself.
      before = [];
      return AFTER_DLE.get(byte) ?? ALONE.get(byte);
    }
    if (byte !== ENQ) return ALONE.get(byte);
    const isStart = first === START.charCodeAt(0) && second === START.charCodeAt(1);
    return { on: isStart ? 'start' : 'query' };
  };
  return {
    hear: (chunk) =>
      framer.push(chunk).flatMap((piece): Token[] => {
        if (piece.is === 'control') {
          const token = control(piece.byte);
          return token === undefined ? [] : [token];
        }
        before = [];
        if (piece.is === 'noise') return [];
        return piece.is === 'frame' ? [{ on: 'message', body: piece.body }] : [{ on: 'bad' }];
      }),
    isHearing: () => framer.held() > 0,
    hush: () => {
      framer.reset();
      before = [];
    },
  };
}
