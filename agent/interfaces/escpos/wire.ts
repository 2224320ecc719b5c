// ESC/POS: a receipt's parts as bytes, status bytes as words. General knowledge of the trade, as Epson began it; what
// makers do differently is a setting. Pure.
import type { ReceiptLine, ReceiptPart } from '../../core/vocabulary.ts';
import type { Printer } from './config.ts';
import {
  BARCODE_CHARS_MAX,
  JOB_BYTES_MAX,
  QR_BYTES_MAX,
  RASTER_BAND_ROWS,
  RASTER_BYTES_WIDE_MAX,
  RASTER_ROWS_MAX,
} from './limits.ts';
import { plain, typed, wrapped } from './text.ts';

const [ESC, GS, LF, DLE] = [0x1b, 0x1d, 0x0a, 0x10] as const;
const ALIGN = { left: 0, center: 1, right: 2 } as const;
type Align = keyof typeof ALIGN;

export type Composed =
  | {
      readonly ok: true;
      readonly bytes: Buffer;
      readonly transliterated: number;
      readonly lost: number;
    }
  /** `part` counts from 1. */
  | { readonly ok: false; readonly part: number; readonly problem: string };

/** What the printer is set to. */
interface Style {
  align: Align;
  isBold: boolean;
  isUnderlined: boolean;
  size: number;
  pageNumber: number;
}
interface Job {
  readonly printer: Printer;
  readonly bytes: Buffer[];
  readonly style: Style;
  transliterated: number;
  lost: number;
}

/** Every job begins with ESC @: what the one before it left set does not count. */
export function compose(parts: readonly ReceiptPart[], printer: Printer): Composed {
  const [first] = printer.codePages;
  const pageNumber = first?.number ?? 0;
  const job: Job = {
    ...{ printer, transliterated: 0, lost: 0 },
    bytes: [Buffer.of(ESC, 0x40, ESC, 0x74, pageNumber)],
    style: { align: 'left', isBold: false, isUnderlined: false, size: 0, pageNumber },
  };
  let length = 0;
  for (const [i, part] of parts.entries()) {
    const from = job.bytes.length;
    const problem = add(job, part);
    if (problem !== undefined) return { ok: false, part: i + 1, problem };
    for (const bytes of job.bytes.slice(from)) length += bytes.length;
    if (length > JOB_BYTES_MAX)
      return { ok: false, part: i + 1, problem: 'the receipt is too long' };
  }
  const { transliterated, lost } = job;
  return { ok: true, bytes: Buffer.concat(job.bytes), transliterated, lost };
}

/** What is wrong with the part, or undefined. */
function add(job: Job, part: ReceiptPart): string | undefined {
  const { printer } = job;
  switch (part.is) {
    case 'line':
      return addLine(job, part);
    case 'feed':
      for (let left = Math.min(part.lines, 255); left > 0; left -= 255) put(job, ESC, 0x64, left);
      return undefined;
    case 'qr':
      return addQr(job, plain(part.data));
    case 'barcode':
      return addBarcode(job, part.data);
    case 'raster':
      return addRaster(job, part);
    case 'cut': {
      if (printer.cut === 'none') put(job, ESC, 0x64, 4);
      else put(job, GS, 0x56, printer.cut === 'full' ? 0x41 : 0x42, printer.cutFeedDots);
      return undefined;
    }
    case 'drawer': {
      const { pin, onMs, offMs } = printer.drawer;
      put(job, ESC, 0x70, pin, Math.round(onMs / 2), Math.round(offMs / 2));
      return undefined;
    }
  }
}

const put = (job: Job, ...bytes: readonly number[]): void =>
  void job.bytes.push(Buffer.from(bytes));

function align(job: Job, to: Align): void {
  if (job.style.align === to) return;
  job.style.align = to;
  put(job, ESC, 0x61, ALIGN[to]);
}

function addLine(job: Job, line: ReceiptLine): string | undefined {
  const { style, printer } = job;
  const { isBold = false, isUnderlined = false, width = 1, height = 1 } = line;
  const isSize = (times: number): boolean => Number.isInteger(times) && times >= 1 && times <= 8;
  if (!isSize(width) || !isSize(height)) return 'width and height are 1 to 8';
  align(job, line.align ?? 'left');
  if (style.isBold !== isBold) put(job, ESC, 0x45, Number(isBold));
  if (style.isUnderlined !== isUnderlined) put(job, ESC, 0x2d, Number(isUnderlined));
  const size = ((width - 1) << 4) | (height - 1);
  if (style.size !== size) put(job, GS, 0x21, size);
  Object.assign(style, { isBold, isUnderlined, size });

  for (const text of line.text.split(/\r\n|[\r\n]/)) {
    for (const piece of wrapped(plain(text), Math.max(1, Math.floor(printer.columns / width)))) {
      const typing = typed(piece, printer, style.pageNumber);
      if (!typing.ok) return `no code page of the printer has ${typing.characters}`;
      job.bytes.push(typing.bytes, Buffer.of(LF));
      style.pageNumber = typing.pageNumber;
      job.transliterated += typing.transliterated;
      job.lost += typing.lost;
    }
  }
  return undefined;
}

function addQr(job: Job, data: string): string | undefined {
  const bytes = Buffer.from(data);
  if (bytes.length === 0 || bytes.length > QR_BYTES_MAX) {
    return `a QR code holds 1 to ${QR_BYTES_MAX} bytes`;
  }
  align(job, 'center');
  const length = bytes.length + 3;
  // Model 2, dots of 6, correction M.
  put(job, GS, 0x28, 0x6b, 4, 0, 0x31, 0x41, 0x32, 0);
  put(job, GS, 0x28, 0x6b, 3, 0, 0x31, 0x43, 6);
  put(job, GS, 0x28, 0x6b, 3, 0, 0x31, 0x45, 0x31);
  put(job, GS, 0x28, 0x6b, length & 0xff, length >> 8, 0x31, 0x50, 0x30, ...bytes);
  put(job, GS, 0x28, 0x6b, 3, 0, 0x31, 0x51, 0x30);
  return undefined;
}

function addBarcode(job: Job, data: string): string | undefined {
  if (data.length === 0 || data.length > BARCODE_CHARS_MAX || !/^[\u0020-\u007e]*$/.test(data)) {
    return `a barcode holds 1 to ${BARCODE_CHARS_MAX} ASCII characters`;
  }
  align(job, 'center');
  // Set B; a brace would choose another one, two are one.
  const coded = Buffer.from(`{B${data.replaceAll('{', '{{')}`, 'latin1');
  put(job, GS, 0x68, 80, GS, 0x77, 2, GS, 0x48, 2, GS, 0x6b, 0x49, coded.length, ...coded);
  return undefined;
}

function addRaster(
  job: Job,
  { widthBytes, rows, data }: Extract<ReceiptPart, { is: 'raster' }>,
): string | undefined {
  const bytes = harmless(Buffer.from(data, 'base64'));
  const isSize = widthBytes >= 1 && widthBytes <= RASTER_BYTES_WIDE_MAX;
  if (!isSize || rows < 1 || rows > RASTER_ROWS_MAX) return 'the picture is too large';
  if (bytes.length !== widthBytes * rows) return 'the picture has not as many bytes as it says';
  align(job, 'center');
  for (let row = 0; row < rows; row += RASTER_BAND_ROWS) {
    const band = Math.min(RASTER_BAND_ROWS, rows - row);
    put(job, GS, 0x76, 0x30, 0, widthBytes & 0xff, widthBytes >> 8, band & 0xff, band >> 8);
    job.bytes.push(bytes.subarray(row * widthBytes, (row + band) * widthBytes));
  }
  return undefined;
}

/**
 * Printers look for real-time commands in everything they hear, pictures too: 10 04 asks for the status, 10 14 opens
 * the drawer. One dot of the picture is set so that there is none.
 */
function harmless(bytes: Buffer): Buffer {
  for (let i = 1; i < bytes.length; i += 1) {
    const isCommand = bytes[i] === 0x04 || bytes[i] === 0x05 || bytes[i] === 0x14;
    if (bytes[i - 1] === DLE && isCommand) bytes[i] = bytes[i]! | 0x40;
  }
  return bytes;
}

/** Does the receipt say itself that it is a copy: a line of nothing but the word, with what adorns it? */
export function isCopy(parts: readonly ReceiptPart[], words: readonly string[]): boolean {
  const bare = (text: string): string => text.toUpperCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
  const copies = new Set(words.map(bare));
  return parts.some((part) => part.is === 'line' && copies.has(bare(part.text)));
}

/** DLE EOT n: 1 printer, 2 why offline, 3 error, 4 paper. */
export type StatusKind = 1 | 2 | 3 | 4;
export const STATUS_KINDS = [1, 2, 3, 4] as const;
export const askStatus = (kind: StatusKind): Buffer => Buffer.of(DLE, 0x04, kind);
/** Automatic status and other bytes have other bits there. */
export const isStatus = (byte: number): boolean => (byte & 0x93) === 0x12;

export const PROBLEMS = {
  'paper-out': 'the paper is out',
  'paper-low': 'the paper will soon be out',
  'cover-open': 'the cover is open',
  cutter: 'the cutter is jammed',
  error: 'it has a fault that it cannot mend: switch it off and on',
  stopped: 'it has stopped for a fault that passes',
  offline: 'it is offline: is somebody feeding paper?',
} as const;
export type Problem = keyof typeof PROBLEMS;

/** The problems, the gravest first; those that stop it and one that does not. */
export function problemsOf(status: Readonly<Record<StatusKind, number>>): readonly Problem[] {
  const has = (kind: StatusKind, bits: number): boolean => (status[kind] & bits) !== 0;
  const found: Problem[] = [];
  if (has(4, 0x60) || has(2, 0x20)) found.push('paper-out');
  if (has(2, 0x04)) found.push('cover-open');
  if (has(3, 0x08)) found.push('cutter');
  if (has(3, 0x20)) found.push('error');
  if (has(3, 0x40) || (has(2, 0x40) && found.length === 0)) found.push('stopped');
  if (has(1, 0x08) && found.length === 0) found.push('offline');
  if (has(4, 0x0c) && !found.includes('paper-out')) found.push('paper-low');
  return found;
}
export const stops = (problem: Problem): boolean => problem !== 'paper-low';

/** GS ( H: answered when everything before it is processed. `mark` is four digits or letters. */
export const askProof = (mark: string): Buffer =>
  Buffer.concat([Buffer.of(GS, 0x28, 0x48, 6, 0, 0x30, 0x30), Buffer.from(mark, 'latin1')]);
export const proofOf = (mark: string): Buffer =>
  Buffer.concat([Buffer.of(0x37, 0x22), Buffer.from(mark, 'latin1'), Buffer.of(0)]);
