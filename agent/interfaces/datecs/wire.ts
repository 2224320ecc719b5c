// Commands and answers of Datecs and Daisy fiscal printers as bytes, in four dialects. Pure. The frames around
// them are core/frames/isl.ts. The layouts: facts/interfaces.md 8; where it gives none, the fields that
// Unicontsoft/UcsFiscalPrinters (MIT) sends (cIslProtocol.cls, cDatecsProtocol.cls).
import { fromNibbles, nibbles } from '../../core/frames/isl.ts';
import type { IslVariant } from '../../core/frames/isl.ts';
import { decode, encode } from './cp1251.ts';
import type { Dialect } from './config.ts';

export const CMD = {
  reversalX: 0x2b,
  reversal: 0x2e,
  open: 0x30,
  sale: 0x31,
  subtotal: 0x33,
  pay: 0x35,
  text: 0x36,
  close: 0x38,
  cancel: 0x3c,
  report: 0x45,
  status: 0x4a,
  state: 0x4c,
  lastDocument: 0x71,
  cancelDaisy: 0x82,
} as const;

/** For the trace: what was asked, and nothing of what stands on a receipt. */
export const nameOf = (cmd: number): string =>
  Object.entries(CMD).find(([, number]) => number === cmd)?.[0] ?? cmd.toString(16);

export interface Command {
  readonly cmd: number;
  readonly data: string;
}

export const variantOf = (dialect: Dialect): IslVariant =>
  dialect === 'datecs-x' ? 'x' : 'classic';

/** Sequence, command and data: what goes into a frame to the printer. */
export function bodyOf({ cmd, data }: Command, seq: number, dialect: Dialect): Buffer {
  const number = variantOf(dialect) === 'x' ? nibbles(cmd) : Buffer.of(cmd);
  return Buffer.concat([Buffer.of(seq), number, encode(data)]);
}

export interface Reply {
  readonly seq: number;
  readonly cmd: number;
  readonly data: string;
  readonly status: Buffer;
}

const STATUS_MARK = 0x04;
const STATUS_BYTES = { classic: 6, x: 8 } as const;

/** Undefined: a frame that is no answer. */
export function replyOf(body: Buffer, dialect: Dialect): Reply | undefined {
  const variant = variantOf(dialect);
  const from = variant === 'x' ? 5 : 2;
  const mark = body.length - STATUS_BYTES[variant] - 1;
  if (mark < from || body[mark] !== STATUS_MARK) return undefined;
  const cmd = variant === 'x' ? fromNibbles(body.subarray(1, 5)) : body[1];
  if (cmd === undefined) return undefined;
  return {
    seq: body[0]!,
    cmd,
    data: decode(body.subarray(from, mark)),
    status: body.subarray(mark + 1),
  };
}

export type Condition =
  | 'clock-not-set'
  | 'printer-fault'
  | 'general-error'
  | 'no-paper'
  | 'low-paper'
  | 'memory-write'
  | 'memory-nearly-full'
  | 'memory-full'
  | 'memory-fault'
  | 'memory-read-only';

/** What an answer's status says. */
export interface Condensed {
  /** The command was not carried out, in words; undefined: it was. */
  readonly refused: string | undefined;
  readonly isFiscalOpen: boolean;
  readonly isTextOpen: boolean;
  readonly conditions: readonly Condition[];
}

export const CONDITION_WORDS: Readonly<Record<Condition, string>> = {
  'clock-not-set': 'its clock is not set: set it on the printer',
  'printer-fault': 'its printing mechanism reports a fault: look at cover and paper',
  'general-error': 'it reports an error: look at its display',
  'no-paper': 'no paper: put in a roll',
  'low-paper': 'little paper left',
  'memory-write': 'writing to the fiscal memory failed: call its service',
  'memory-nearly-full': 'fewer than 50 reports fit into the fiscal memory: call its service',
  'memory-full': 'the fiscal memory is full: call its service',
  'memory-fault': 'the fiscal memory reports a fault: call its service',
  'memory-read-only': 'the fiscal memory takes no more: call its service',
};
/** With these nothing new is begun. The others are told, and printing goes on. */
const BLOCKING: ReadonlySet<Condition> = new Set([
  'clock-not-set',
  'printer-fault',
  'no-paper',
  'memory-write',
  'memory-full',
  'memory-fault',
  'memory-read-only',
]);
export const blocking = (seen: Condensed): Condition | undefined =>
  seen.conditions.find((condition) => BLOCKING.has(condition));

/** Byte, bit, what it says. Bits that only tell of a command are REFUSALS. */
const CONDITIONS: readonly (readonly [number, number, Condition])[] = [
  [0, 0x04, 'clock-not-set'],
  [0, 0x10, 'printer-fault'],
  [0, 0x20, 'general-error'],
  [2, 0x01, 'no-paper'],
  [2, 0x02, 'low-paper'],
  [4, 0x01, 'memory-write'],
  [4, 0x08, 'memory-nearly-full'],
  [4, 0x10, 'memory-full'],
  [4, 0x20, 'memory-fault'],
  [5, 0x01, 'memory-read-only'],
];
const REFUSALS: readonly (readonly [number, number, string, Dialect?])[] = [
  [0, 0x01, 'does not understand the data of the command'],
  [0, 0x02, 'does not know the command'],
  [1, 0x01, 'a sum is too large'],
  [1, 0x02, 'does not allow that now'],
  [1, 0x40, 'wrong operator or password', 'daisy'],
];

export function condensed({ data, status }: Reply, dialect: Dialect): Condensed {
  const isSet = (byte: number, bit: number): boolean => ((status[byte] ?? 0) & bit) !== 0;
  const conditions = CONDITIONS.filter(([byte, bit]) => isSet(byte, bit)).map(([, , name]) => name);
  const words = REFUSALS.filter(
    ([byte, bit, , only]) => isSet(byte, bit) && (only ?? dialect) === dialect,
  ).map(([, , what]) => what);
  if (dialect === 'datecs-x') {
    const code = data.split('\t')[0] ?? '';
    if (code !== '0') words.push(`error ${/^-?\d{1,7}$/.test(code) ? code : 'without a number'}`);
  }
  if (dialect === 'daisy') {
    const code = (status[3] ?? 0) & 0x7f;
    if (words.length > 0 && code !== 0) words.push(`error ${code}`);
  }
  // The general error alone: it comes with a reason of its own in other bits, or with none at all.
  const isGeneral = conditions.includes('general-error');
  const why = blocking({ refused: undefined, isFiscalOpen: false, isTextOpen: false, conditions });
  if (words.length === 0 && isGeneral) words.push(CONDITION_WORDS[why ?? 'general-error']);
  return {
    refused: words.length === 0 ? undefined : words.join(', '),
    isFiscalOpen: isSet(2, 0x08),
    isTextOpen: isSet(2, 0x20),
    conditions,
  };
}

/** Where the printer is with a receipt (4C). */
export interface Transaction {
  readonly isOpen: boolean;
  readonly amount: number;
  readonly paid: number;
  /** "X" says it here; the others are asked with 71. */
  readonly document: number | undefined;
}

export const stateCommand = (dialect: Dialect): Command => ({
  cmd: CMD.state,
  data: dialect === 'datecs-x' ? '' : 'T',
});

/** Classic printers write hundredths where there is no decimal point, "X" writes whole units. */
function sumOf(text: string | undefined, dialect: Dialect): number | undefined {
  const found = /^\+?(\d{1,10})(?:\.(\d{2}))?$/.exec((text ?? '').trim());
  if (found === null) return undefined;
  const [, whole, fraction] = found;
  const without = dialect === 'datecs-x' ? '00' : '';
  return Number(`${whole}${fraction ?? without}`);
}

const numberOf = (text: string | undefined): number | undefined =>
  /^\d{1,10}$/.test((text ?? '').trim()) ? Number(text) : undefined;

/** Undefined: it cannot be read, and then nothing is concluded from it. */
export function transactionOf(data: string, dialect: Dialect): Transaction | undefined {
  const isX = dialect === 'datecs-x';
  const fields = data.split(isX ? '\t' : ',');
  const open = numberOf(fields[isX ? 1 : 0]);
  if (open === undefined) return undefined;
  const document = isX ? numberOf(fields[2]) : undefined;
  if (isX && document === undefined) return undefined;
  if (open === 0) return { isOpen: false, amount: 0, paid: 0, document };
  const amount = sumOf(fields[isX ? 4 : 2], dialect);
  const paid = sumOf(fields[isX ? 5 : 3] ?? '0', dialect);
  if (amount === undefined || paid === undefined) return undefined;
  return { isOpen: true, amount, paid, document };
}

/** The answer of 71. */
export const documentOf = (data: string): number | undefined => numberOf(data.split(',')[0]);

export const cancelCommand = (dialect: Dialect): Command => ({
  cmd: dialect === 'daisy' ? CMD.cancelDaisy : CMD.cancel,
  data: '',
});

export const reportCommand = (report: 'x' | 'z', dialect: Dialect): Command => {
  if (dialect === 'datecs-x') return { cmd: CMD.report, data: `${report.toUpperCase()}\t` };
  return { cmd: CMD.report, data: report === 'z' ? '0' : '2' };
};
