// What a printer makes of ESC/POS: bytes in any pieces to what is on the paper, so that tests compare paper and not
// bytes. Knows the commands that this interface sends and few more. Pure.
import { characterOn } from './pages.ts';
import type { Page } from './pages.ts';
import { PAPER_LINES_MAX } from './limits.ts';

/** Text, or "[…]" for what is none: [cut partial], [drawer 0 50/500], [qr …], [code128 …], [raster 8x64]. */
export interface PaperLine {
  readonly text: string;
  /** "center bold underlined 2x2"; empty: as after ESC @. */
  readonly style: string;
}

interface Set {
  align: number;
  isBold: boolean;
  isUnderlined: boolean;
  size: number;
  page: number;
}
const RESET: Set = { align: 0, isBold: false, isUnderlined: false, size: 0, page: 0 };

export interface Paper {
  readonly lines: readonly PaperLine[];
  /** Executes one byte; true: a line or a thing has been finished. Gives what it answers to `answer`. */
  step(byte: number): boolean;
  /** The connection is gone: half a command is not carried over. */
  forget(): void;
}

export interface PaperOptions {
  readonly columns: number;
  readonly pages: ReadonlyMap<number, Page>;
  readonly answer: (bytes: Buffer) => void;
}

const [ESC, GS, LF, DLE] = [0x1b, 0x1d, 0x0a, 0x10] as const;

/** How many bytes a command has in all, as far as its beginning tells; undefined: not a command it knows. */
function lengthOf(bytes: readonly number[]): number | undefined {
  const [first, name, a = 0, b = 0] = bytes;
  if (name === undefined) return 2;
  if (first === DLE) return name === 0x04 ? 3 : undefined;
  if (first === ESC) {
    switch (name) {
      case 0x40:
        return 2;
      case 0x61:
      case 0x45:
      case 0x2d:
      case 0x64:
      case 0x74:
        return 3;
      case 0x70:
        return 5;
      default:
        return undefined;
    }
  }
  switch (name) {
    case 0x21:
    case 0x42:
    case 0x68:
    case 0x77:
    case 0x48:
    case 0x61:
      return 3;
    case 0x56:
      return bytes.length < 3 ? 3 : a >= 0x41 ? 4 : 3;
    case 0x28:
      return bytes.length < 5 ? 5 : 5 + b + (bytes[4] ?? 0) * 256;
    case 0x6b:
      return bytes.length < 4 ? 4 : 4 + b;
    case 0x76: {
      if (bytes.length < 8) return 8;
      const wide = (bytes[4] ?? 0) + (bytes[5] ?? 0) * 256;
      return 8 + wide * ((bytes[6] ?? 0) + (bytes[7] ?? 0) * 256);
    }
    default:
      return undefined;
  }
}

export function createPaper({ columns, pages, answer }: PaperOptions): Paper {
  const lines: PaperLine[] = [];
  let set = { ...RESET };
  let text = '';
  let command: number[] = [];
  let qr = '';

  const style = (): string => {
    const { align, isBold, isUnderlined, size } = set;
    const times = size === 0 ? '' : `${(size >> 4) + 1}x${(size & 0x0f) + 1}`;
    const words = [
      ['', 'center', 'right'][align] ?? '',
      isBold && 'bold',
      isUnderlined && 'underlined',
    ];
    return [...words, times].filter(Boolean).join(' ');
  };
  const put = (line: string): void => {
    // A roll has an end.
    if (lines.length < PAPER_LINES_MAX) lines.push({ text: line, style: style() });
    text = '';
  };
  const type = (byte: number): boolean => {
    if (byte < 0x20) return false;
    const page = pages.get(set.page);
    text += page === undefined && byte >= 0x80 ? '\ufffd' : characterOn(page ?? 'cp437', byte);
    if (text.length < Math.floor(columns / ((set.size >> 4) + 1))) return false;
    put(text);
    return true;
  };

  const escape = ([, name = 0, n = 0, t1 = 0, t2 = 0]: readonly number[]): boolean => {
    switch (name) {
      case 0x40:
        set = { ...RESET };
        text = '';
        return false;
      case 0x61:
        set.align = n % 0x30;
        return false;
      case 0x45:
        set.isBold = (n & 1) === 1;
        return false;
      case 0x2d:
        set.isUnderlined = n % 0x30 > 0;
        return false;
      case 0x74:
        set.page = n;
        return false;
      case 0x64:
        if (text !== '') put(text);
        for (let line = 0; line < n; line += 1) put('');
        return true;
      default:
        put(`[drawer ${n} ${t1 * 2}/${t2 * 2}]`);
        return true;
    }
  };
  const group = (bytes: readonly number[]): boolean => {
    const [, name = 0, n = 0, m = 0] = bytes;
    const data = (from: number): string => Buffer.from(bytes.slice(from)).toString();
    switch (name) {
      case 0x21:
        set.size = n;
        return false;
      case 0x56:
        put(
          `[cut ${n === 0 || n === 0x41 ? 'full' : 'partial'}${n >= 0x41 && m > 0 ? ` ${m}` : ''}]`,
        );
        return true;
      case 0x6b:
        put(`[code${n === 0x49 ? 128 : `? ${n}`} ${data(4)}]`);
        return true;
      case 0x76:
        put(`[raster ${bytes[4]}x${bytes[6]}]`);
        return true;
      case 0x28:
        if (n === 0x48) answer(Buffer.from([0x37, 0x22, ...bytes.slice(7), 0]));
        if (n !== 0x6b) return false;
        if (bytes[6] === 0x50) qr = data(8);
        if (bytes[6] !== 0x51) return false;
        put(`[qr ${qr}]`);
        return true;
      default:
        return false;
    }
  };
  return {
    lines,
    step: (byte) => {
      if (command.length === 0) {
        if (byte === ESC || byte === GS || byte === DLE) command = [byte];
        else if (byte === LF) {
          put(text);
          return true;
        } else return type(byte);
        return false;
      }
      command.push(byte);
      const length = lengthOf(command);
      if (length !== undefined && command.length < length) return false;
      const whole = command;
      command = [];
      if (length === undefined) {
        put(`[unknown ${Buffer.from(whole).toString('hex')}]`);
        return true;
      }
      return whole[0] === ESC ? escape(whole) : whole[0] === GS && group(whole);
    },
    forget: () => {
      command = [];
    },
  };
}
