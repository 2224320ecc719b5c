// Comma-separated values as spreadsheets write them (RFC 4180, and semicolons, tabs, a byte order mark, UTF-16):
// bytes to rows with the line each begins on. Pure; knows nothing of what the columns mean.
import { CELL_CHARS_MAX, CSV_BYTES_MAX, LINES_MAX } from './limits.ts';

export interface CsvRow {
  /** From 1, as an editor counts. */
  readonly line: number;
  readonly cells: readonly string[];
}

export type Csv =
  | { readonly ok: true; readonly rows: readonly CsvRow[] }
  | { readonly ok: false; readonly line: number; readonly why: string };

const DELIMITERS = [',', ';', '\t'] as const;

/** Rows that are not empty; cells without blanks around them, unless in quotes. */
export function readCsv(bytes: Uint8Array): Csv {
  if (bytes.length > CSV_BYTES_MAX) {
    return { ok: false, line: 1, why: `larger than ${CSV_BYTES_MAX / 1024 / 1024} MB` };
  }
  const decoded = decode(bytes);
  return decoded.ok ? split(decoded.text) : decoded;
}

type Decoded = { readonly ok: true; readonly text: string } | Exclude<Csv, { ok: true }>;

function decode(bytes: Uint8Array): Decoded {
  const [a, b] = bytes;
  const utf16 = a === 0xff && b === 0xfe ? 'utf-16le' : a === 0xfe && b === 0xff ? 'utf-16be' : '';
  try {
    const text = new TextDecoder(utf16 || 'utf-8', { fatal: true }).decode(bytes);
    return { ok: true, text };
  } catch {
    const why = 'has letters that are not UTF-8: save it as "CSV UTF-8"';
    return { ok: false, line: utf16 === '' ? lineOfBadUtf8(bytes) : 1, why };
  }
}

function lineOfBadUtf8(bytes: Uint8Array): number {
  let [line, from] = [1, 0];
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (;;) {
    const end = bytes.indexOf(0x0a, from);
    try {
      decoder.decode(bytes.subarray(from, end < 0 ? bytes.length : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    [line, from] = [line + 1, end + 1];
  }
}

/** The delimiter that the first line has most of, outside of quotes. */
function delimiterOf(text: string): string {
  const head = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replaceAll(/"[^"]*"/g, '');
  const count = (delimiter: string): number => head.split(delimiter).length;
  return DELIMITERS.reduce((best, one) => (count(one) > count(best) ? one : best));
}

function split(text: string): Csv {
  const delimiter = delimiterOf(text);
  const rows: CsvRow[] = [];
  let [at, line] = [0, 1];
  while (at < text.length) {
    const row = readRow(text, { at, line, delimiter });
    if (!row.ok) return row;
    if (row.cells.some((cell) => cell !== '')) rows.push({ line, cells: row.cells });
    if (rows.length > LINES_MAX) return { ok: false, line, why: `more than ${LINES_MAX} lines` };
    [at, line] = [row.at, row.line];
  }
  return { ok: true, rows };
}

interface Place {
  readonly at: number;
  readonly line: number;
  readonly delimiter: string;
}
type RowRead =
  | { readonly ok: true; readonly cells: string[]; readonly at: number; readonly line: number }
  | Exclude<Csv, { ok: true }>;

/** One row from `at` on, up to behind its line end. */
function readRow(text: string, { at: from, line, delimiter }: Place): RowRead {
  const cells: string[] = [];
  let at = from;
  for (;;) {
    const cell = readCell(text, { at, line, delimiter });
    if (!cell.ok) return cell;
    cells.push(cell.text);
    ({ at, line } = cell);
    if (text[at] === delimiter) {
      at += 1;
      continue;
    }
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    return { ok: true, cells, at, line: line + 1 };
  }
}

type CellRead =
  | { readonly ok: true; readonly text: string; readonly at: number; readonly line: number }
  | Exclude<Csv, { ok: true }>;

/** One cell; stops at the delimiter or line end behind it. */
function readCell(text: string, { at: from, line, delimiter }: Place): CellRead {
  const stop = delimiter === ',' ? /[,\r\n]/g : delimiter === ';' ? /[;\r\n]/g : /[\t\r\n]/g;
  const start = /[^ ]|$/g;
  start.lastIndex = from;
  const quote = start.exec(text)?.index ?? from;
  if (text[quote] !== '"') {
    stop.lastIndex = from;
    const end = stop.exec(text)?.index ?? text.length;
    if (end - from > CELL_CHARS_MAX) return tooLong(line);
    return { ok: true, text: text.slice(from, end).trim(), at: end, line };
  }
  let content = '';
  let at = quote + 1;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return { ok: false, line, why: 'a quote is opened here and never closed' };
    content += text.slice(at, end);
    if (content.length > CELL_CHARS_MAX) return tooLong(line);
    at = end + 1;
    if (text[at] !== '"') break;
    content += '"';
    at += 1;
  }
  const lines = content.split(/\r\n|\n|\r/).length - 1;
  stop.lastIndex = at;
  const end = stop.exec(text)?.index ?? text.length;
  if (text.slice(at, end).trim() !== '') {
    return { ok: false, line: line + lines, why: 'there is text behind a closing quote' };
  }
  return { ok: true, text: content, at: end, line: line + lines };
}

const tooLong = (line: number): CellRead => ({
  ...{ ok: false, line },
  why: `a cell is longer than ${CELL_CHARS_MAX} characters; is a quote not closed?`,
});

/** Cells as one line of CSV, safe to open in a spreadsheet. */
export const csvLine = (cells: readonly (string | number)[]): string =>
  cells.map((cell) => (typeof cell === 'number' ? String(cell) : quoted(cell))).join(',');

function quoted(text: string): string {
  // A spreadsheet takes = + - @ at the start for a formula.
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
