// A fiscal device as a program: its receipt, its fiscal memory, its status bits. Strict about order and data. Knows
// nothing of frames: counterpart.ts puts it behind them. Pure.
import { moneyOf, productCents } from '../../core/decimal.ts';
import type { Dialect, Settings } from './config.ts';
import { CMD } from './wire.ts';

export interface FiscalDocument {
  readonly document: number;
  readonly kind: 'sale' | 'reversal' | 'cancelled';
  readonly lines: readonly {
    readonly name: string;
    readonly tax: number;
    readonly cents: number;
  }[];
  readonly total: number;
  readonly payments: readonly { readonly code: string; readonly cents: number }[];
  readonly texts: readonly string[];
}
interface OpenReceipt {
  readonly kind: 'sale' | 'reversal';
  readonly lines: { name: string; tax: number; cents: number }[];
  readonly payments: { code: string; cents: number }[];
  readonly texts: string[];
}

export interface Habits {
  /** The number grows when a receipt is opened, not when it ends. */
  readonly countsAtOpen?: boolean;
  /** After a power cut a receipt that nobody paid for is cancelled; else it stays open. */
  readonly dropsUnpaid?: boolean;
  /** The tax groups that are set up on it; else those of the settings. */
  readonly rates?: readonly number[];
}

/** What a command's status says: bits as in facts/interfaces.md 8.1. */
type Fault = 'syntax' | 'unknown' | 'overflow' | 'not-allowed' | 'password' | 'no-paper';
class Refused extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault);
    this.fault = fault;
  }
}
const refuse = (fault: Fault): never => {
  throw new Refused(fault);
};
const BITS: Readonly<Record<Fault, readonly [number, number]>> = {
  syntax: [0, 0x01],
  unknown: [0, 0x02],
  overflow: [1, 0x01],
  'not-allowed': [1, 0x02],
  password: [1, 0x40],
  'no-paper': [2, 0x01],
};
const GENERAL_ERROR = 0x20;
/** Sums of one receipt, in hundredths: ten digits. */
const CENTS_MAX = 9_999_999_999;

const sum = (of: readonly { readonly cents: number }[]): number =>
  of.reduce((total, { cents }) => total + cents, 0);

export class Device {
  /** The fiscal memory: what is in it stays. */
  readonly memory: FiscalDocument[] = [];
  readonly reports: { kind: 'x' | 'z'; total: number }[] = [];
  hasPaper = true;
  isClockSet = true;
  #receipt: OpenReceipt | undefined;
  #document = 41;
  readonly #settings: Settings;
  readonly #habits: Habits;

  constructor(settings: Settings, habits: Habits = {}) {
    this.#settings = settings;
    this.#habits = habits;
  }

  get isOpen(): boolean {
    return this.#receipt !== undefined;
  }
  get #dialect(): Dialect {
    return this.#settings.dialect;
  }

  /** Carries a command out: the answer's data and status. */
  execute(cmd: number, data: string): { readonly data: string; readonly status: Buffer } {
    try {
      return this.#answer(this.#run(cmd, data), undefined);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return this.#answer([], error.fault);
    }
  }

  /** What survives of a receipt when the power goes. */
  powerCut(): void {
    const receipt = this.#receipt;
    if (receipt !== undefined && receipt.payments.length === 0 && this.#habits.dropsUnpaid === true)
      this.#end('cancelled');
  }

  #answer(fields: readonly string[], fault: Fault | undefined): { data: string; status: Buffer } {
    const isX = this.#dialect === 'datecs-x';
    const status = Buffer.alloc(isX ? 8 : 6, 0x80);
    const set = (byte: number, bit: number): void => void (status[byte]! |= bit);
    if (fault !== undefined) {
      set(...BITS[fault]);
      set(0, GENERAL_ERROR);
    }
    if (!this.hasPaper) set(2, 0x01);
    if (!this.isClockSet) set(0, 0x04);
    if (this.isOpen) set(2, 0x08);
    if (!isX) return { data: fields.join(','), status };
    const code = fault === undefined ? '0' : '-111018';
    return { data: `${[code, ...fields].join('\t')}\t`, status };
  }

  #run(cmd: number, data: string): readonly string[] {
    const isX = this.#dialect === 'datecs-x';
    switch (cmd) {
      case CMD.status:
        return [];
      case CMD.state:
        return this.#state(data);
      case CMD.lastDocument:
        return isX ? refuse('unknown') : [String(this.#document).padStart(7, '0')];
      case CMD.open:
      case CMD.reversal:
      case CMD.reversalX:
        return this.#open(cmd, data);
      case CMD.sale:
        return this.#sale(data);
      case CMD.subtotal:
        return this.#subtotal(data);
      case CMD.text:
        return this.#text(data);
      case CMD.pay:
        return this.#pay(data);
      case CMD.close:
        return this.#close();
      case CMD.cancel:
      case CMD.cancelDaisy:
        return this.#cancel(cmd);
      case CMD.report:
        return this.#report(data);
      default:
        return refuse('unknown');
    }
  }

  #state(data: string): readonly string[] {
    const isX = this.#dialect === 'datecs-x';
    if (data !== (isX ? '' : 'T')) refuse('syntax');
    const { lines = [], payments = [] } = this.#receipt ?? {};
    const [open, count] = [this.isOpen ? '1' : '0', String(lines.length)];
    const [amount, paid] = [sum(lines), sum(payments)];
    if (isX) return [open, String(this.#document), count, moneyOf(amount), moneyOf(paid)];
    return [
      open,
      count.padStart(4, '0'),
      String(amount).padStart(9, '0'),
      String(paid).padStart(9, '0'),
    ];
  }

  #open(cmd: number, data: string): readonly string[] {
    if (this.isOpen) refuse('not-allowed');
    this.#ready();
    const form = OPEN_FORMS[this.#dialect].find((one) => one.cmd === cmd && one.form.test(data));
    if (form === undefined) return refuse(cmd === CMD.open ? 'syntax' : 'unknown');
    const { number, password } = this.#settings.operator;
    const who = data.split(this.#dialect === 'datecs-x' ? '\t' : ',');
    if (who[0] !== number || who[1] !== password)
      refuse(this.#dialect === 'daisy' ? 'password' : 'syntax');
    this.#receipt = { kind: form.kind, lines: [], payments: [], texts: [] };
    if (this.#habits.countsAtOpen === true) this.#document += 1;
    return [String(this.#document).padStart(6, '0'), String(this.memory.length).padStart(6, '0')];
  }

  #ready(): void {
    if (!this.hasPaper) refuse('no-paper');
    if (!this.isClockSet) refuse('not-allowed');
  }
  #current(): OpenReceipt {
    this.#ready();
    return this.#receipt ?? refuse('not-allowed');
  }

  #sale(data: string): readonly string[] {
    const receipt = this.#current();
    if (receipt.payments.length > 0) refuse('not-allowed');
    const line = saleOf(data, this.#dialect) ?? refuse('syntax');
    // Only the groups that are set up have a rate.
    const rates = this.#habits.rates ?? Object.values(this.#settings.taxGroups);
    if (!rates.includes(line.tax)) refuse('not-allowed');
    if (line.cents < 0) refuse('not-allowed');
    if (sum(receipt.lines) + line.cents > CENTS_MAX) refuse('overflow');
    receipt.lines.push(line);
    return [];
  }

  #subtotal(data: string): readonly string[] {
    const receipt = this.#current();
    if (data !== (this.#dialect === 'datecs-x' ? '1\t\t\t\t' : '10')) refuse('syntax');
    return [String(sum(receipt.lines))];
  }

  #text(data: string): readonly string[] {
    const receipt = this.#current();
    receipt.texts.push(data.split('\t')[0]!);
    return [];
  }

  #pay(data: string): readonly string[] {
    const receipt = this.#current();
    const form =
      this.#dialect === 'datecs-x' ? /^([0-5])\t(\d+\.\d\d)\t1\t$/ : /^\t([PNCDB])(\d+\.\d\d)$/;
    const found = form.exec(data) ?? refuse('syntax');
    const [amount, paid] = [sum(receipt.lines), sum(receipt.payments)];
    const cents = Math.round(Number(found[2]) * 100);
    if (amount === 0 || paid >= amount || paid + cents > amount) refuse('not-allowed');
    receipt.payments.push({ code: found[1]!, cents });
    return [`${paid + cents === amount ? 'R' : 'D'}${amount - paid - cents}`];
  }

  #close(): readonly string[] {
    const receipt = this.#current();
    if (receipt.lines.length === 0 || sum(receipt.payments) !== sum(receipt.lines))
      refuse('not-allowed');
    this.#end(receipt.kind);
    return [String(this.#document).padStart(6, '0'), String(this.memory.length).padStart(6, '0')];
  }

  #cancel(cmd: number): readonly string[] {
    if ((cmd === CMD.cancelDaisy) !== (this.#dialect === 'daisy')) refuse('unknown');
    const receipt = this.#current();
    if (receipt.payments.length > 0) refuse('not-allowed');
    this.#end('cancelled');
    return [];
  }

  #report(data: string): readonly string[] {
    if (this.isOpen) refuse('not-allowed');
    this.#ready();
    const kinds =
      this.#dialect === 'datecs-x' ? { 'Z\t': 'z', 'X\t': 'x' } : { '0': 'z', '2': 'x' };
    const kind = (kinds as Readonly<Record<string, 'x' | 'z'>>)[data] ?? refuse('syntax');
    this.reports.push({ kind, total: sum(this.memory.map(({ total: cents }) => ({ cents }))) });
    return [String(this.reports.length).padStart(4, '0')];
  }

  #end(kind: FiscalDocument['kind']): void {
    const { lines, payments, texts } = this.#receipt!;
    if (this.#habits.countsAtOpen !== true) this.#document += 1;
    const total = kind === 'cancelled' ? 0 : sum(lines);
    this.memory.push({ document: this.#document, kind, lines, payments, texts, total });
    this.#receipt = undefined;
  }
}

const UNP = '[A-Z0-9]{8}-[A-Z0-9]{4}-\\d{7}';
interface Form {
  readonly cmd: number;
  readonly kind: 'sale' | 'reversal';
  readonly form: RegExp;
}
const form = (cmd: number, kind: Form['kind'], source: string): Form => ({
  cmd,
  kind,
  form: new RegExp(`^${source}$`),
});
const OPEN_FORMS: Readonly<Record<Dialect, readonly Form[]>> = {
  'datecs-fp': [
    form(CMD.open, 'sale', `\\d+,\\d+,\\d+(,${UNP})?`),
    form(CMD.reversal, 'reversal', `\\d+,\\d+,\\d+,${UNP},[RET]\\d+,${UNP},\\d{12},\\w{8}`),
  ],
  'datecs-ecr': [
    form(CMD.open, 'sale', `\\d+,\\d+(,${UNP})?,\\d+`),
    form(CMD.reversal, 'reversal', `\\d+,\\d+,${UNP},\\d+,[012],\\d+,\\d{12},\\w{8}`),
  ],
  'datecs-x': [
    form(CMD.open, 'sale', `\\d+\\t\\d+(\\t${UNP})?\\t\\d+\\tI?\\t`),
    form(
      CMD.reversalX,
      'reversal',
      `\\d+\\t\\d+\\t\\d+\\t[012]\\t\\d+\\t\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\t\\w{8}\\t\\t\\t\\t${UNP}\\t`,
    ),
  ],
  daisy: [
    form(CMD.open, 'sale', `\\d+,\\d+,(${UNP}|\\d+)`),
    form(
      CMD.open,
      'reversal',
      `\\d+,\\d+,${UNP}\\tR[012],\\d+,\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\t\\w{8}`,
    ),
  ],
};

function saleOf(
  data: string,
  dialect: Dialect,
): { name: string; tax: number; cents: number } | undefined {
  if (dialect === 'datecs-x') {
    const found =
      /^([^\t]{1,72})\t([1-8])\t(\d+\.\d\d)\t(\d+\.\d{3})?\t([34]?)\t(\d+\.\d\d)?\t\d*\t$/.exec(
        data,
      );
    if (found === null) return undefined;
    const [, name, tax, price, quantity = '1', kind, value] = found;
    const change = Math.round(Number(value ?? '0') * 100) * (kind === '4' ? -1 : 1);
    return { name: name!, tax: Number(tax), cents: productCents(price!, quantity)! + change };
  }
  const sign = dialect === 'daisy' ? '\\$' : ';';
  const found = new RegExp(
    `^([^\\t]{1,80})\\t([А-З])(\\d+\\.\\d\\d)(?:\\*(\\d+\\.\\d{3}))?(?:${sign}(-?\\d+\\.\\d\\d))?$`,
    'su',
  ).exec(data);
  if (found === null) return undefined;
  const [, name, letter, price, quantity = '1', change = '0'] = found;
  const tax = letter!.codePointAt(0)! - 'А'.codePointAt(0)! + 1;
  const cents = productCents(price!, quantity)! + Math.round(Number(change) * 100);
  return { name: name!, tax, cents };
}
