// What a receipt is on the printer: the commands in their order, each with the sums the printer must show after it.
// All arithmetic is done and checked here, before anything is sent. Pure.
import { centsOf, fixed, moneyOf } from '../../core/decimal.ts';
import { numbersOf, own, planned, unsupported, wrong } from '../../core/fiscal/plan.ts';
import type { Plan as Common, Planned } from '../../core/fiscal/plan.ts';
import type { FiscalLine, OrderOf } from '../../core/vocabulary.ts';
import type { Dialect, Settings } from './config.ts';
import { plain } from './cp1251.ts';
import { DATA_BYTES_MAX, LINES_MAX, PAYMENTS_MAX, TEXTS_MAX, TOTAL_CENTS_MAX } from './limits.ts';
import { CMD, stateCommand } from './wire.ts';
import type { Command } from './wire.ts';

type StepName = 'open' | 'sale' | 'subtotal' | 'sum' | 'text' | 'pay' | 'close';
export interface Step {
  readonly name: StepName;
  readonly command: Command;
  /** What the open receipt shows once this is done, in hundredths. */
  readonly amount: number;
  readonly paid: number;
}

export interface Plan extends Common {
  readonly steps: readonly Step[];
}

type Order = OrderOf<'fiscal.receipt'>;

/** `OO000000-0000-0000000`. */
const SALE_NUMBER = /^[A-Z0-9]{8}-[A-Z0-9]{4}-\d{7}$/;

export const planOf = (order: Order, settings: Settings): Planned<Plan> =>
  planned(order, () => stepsOf(order, settings));

function stepsOf(order: Order, settings: Settings): Pick<Plan, 'total' | 'steps'> {
  const { dialect } = settings;
  const steps: Step[] = [];
  let [amount, paid] = [0, 0];
  const add = (name: StepName, command: Command): void => {
    steps.push({ name, command, amount, paid });
  };
  if (order.lines.length === 0 || order.lines.length > LINES_MAX)
    wrong(`a receipt has 1 to ${LINES_MAX} lines, this one ${order.lines.length}`);
  if ((order.texts ?? []).length > TEXTS_MAX) wrong(`more than ${TEXTS_MAX} texts`);
  add('open', order.reversal === undefined ? open(order, settings) : reversal(order, settings));
  for (const [index, line] of order.lines.entries()) {
    const { command, cents } = sale(line, { settings, label: `line ${index + 1}` });
    amount += cents;
    add('sale', command);
  }
  if (amount <= 0 || amount > TOTAL_CENTS_MAX)
    wrong(`the sum ${moneyOf(amount)} cannot be printed`);
  const payments = paymentsOf(order, { settings, total: amount });
  for (const text of order.texts ?? []) add('text', freeText(text, settings));
  add('subtotal', { cmd: CMD.subtotal, data: dialect === 'datecs-x' ? '1\t\t\t\t' : '10' });
  add('sum', stateCommand(dialect));
  for (const { command, cents } of payments) {
    paid += cents;
    add('pay', command);
  }
  add('sum', stateCommand(dialect));
  add('close', { cmd: CMD.close, data: '' });
  for (const { command } of steps) fits(command, dialect);
  return { total: amount, steps };
}

function fits({ data }: Command, dialect: Dialect): void {
  // One byte a character: code page 1251.
  const max = dialect === 'daisy' ? DATA_BYTES_MAX.daisy : DATA_BYTES_MAX.datecs;
  if (data.length > max) wrong('a field is too long for the printer');
}

function saleNumberOf({ saleNumber }: Order): string | undefined {
  if (saleNumber !== undefined && !SALE_NUMBER.test(saleNumber))
    wrong('the unique sale number is not of the form OO000000-0000-0000000');
  return saleNumber;
}

function open(order: Order, { dialect, operator, till }: Settings): Command {
  const number = saleNumberOf(order);
  const who = [operator.number, operator.password];
  const fields = {
    'datecs-fp': [...who, till, ...(number === undefined ? [] : [number])].join(','),
    'datecs-ecr': [...who, ...(number === undefined ? [] : [number]), till].join(','),
    'datecs-x': `${[...who, ...(number === undefined ? [] : [number]), till, ''].join('\t')}\t`,
    daisy: [...who, number ?? till].join(','),
  } satisfies Record<Dialect, string>;
  return { cmd: CMD.open, data: fields[dialect] };
}

/** How the dialects write why money goes back, and when the receipt was. */
const WHY = {
  'datecs-fp': { return: 'R', mistake: 'E', 'tax-base': 'T' },
  'datecs-ecr': { return: '1', mistake: '0', 'tax-base': '2' },
  'datecs-x': { return: '1', mistake: '0', 'tax-base': '2' },
  daisy: { return: '0', mistake: '1', 'tax-base': '2' },
} as const;

function reversal(order: Order, { dialect, operator, till }: Settings): Command {
  const number = saleNumberOf(order) ?? wrong('a reversal needs the unique sale number');
  const { document, at, device, why } = order.reversal!;
  if (!/^\d{1,10}$/.test(document)) wrong('the number of the receipt to reverse is not a number');
  const memory = device ?? wrong('a reversal needs the number of the fiscal memory');
  if (!/^[A-Z0-9]{8}$/.test(memory))
    wrong('the number of the fiscal memory has 8 letters or digits');
  const time = /^\d\d(\d\d)-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)$/.exec(at);
  if (time === null) return wrong('the time of the receipt to reverse is not a time');
  const [, year, month, day, ...clock] = time;
  const short = `${day}${month}${year}${clock.join('')}`;
  const long = `${day}-${month}-${year} ${clock.join(':')}`;
  const reason = WHY[dialect][why];
  const who = `${operator.number},${operator.password}`;
  switch (dialect) {
    case 'datecs-fp':
      return {
        cmd: CMD.reversal,
        data: `${who},${till},${number},${reason}${document},${number},${short},${memory}`,
      };
    case 'datecs-ecr':
      return {
        cmd: CMD.reversal,
        data: `${who},${number},${till},${reason},${document},${short},${memory}`,
      };
    case 'datecs-x':
      return {
        cmd: CMD.reversalX,
        data: [
          operator.number,
          operator.password,
          till,
          reason,
          document,
          long,
          memory,
          '',
          '',
          '',
          number,
          '',
        ].join('\t'),
      };
    case 'daisy':
      return {
        cmd: CMD.open,
        data: `${who},${number}\tR${reason},${document},${long}\t${memory}`,
      };
  }
}

/** Upper-case А of the code page; the groups А to З follow each other. */
const TAX_BASE = 'А'.codePointAt(0)! - 1;

function sale(
  line: FiscalLine,
  { settings, label }: { readonly settings: Settings; readonly label: string },
): { command: Command; cents: number } {
  const { dialect, taxGroups, textWidth } = settings;
  const { price, quantity, adjustment, cents } = numbersOf(line, label);
  const tax =
    own(taxGroups, line.taxGroup) ??
    wrong(`${label}: tax group ${plain(line.taxGroup)} is not in the map`);
  const text = plain(line.text) || '-';
  const one = quantity === 1_000;
  const amount = fixed(quantity, 3);
  if (dialect === 'datecs-x') {
    const kind = adjustment === 0 ? '' : adjustment > 0 ? '3' : '4';
    const value = adjustment === 0 ? '' : moneyOf(Math.abs(adjustment));
    const fields = [
      text.slice(0, textWidth),
      String(tax),
      moneyOf(price),
      one ? '' : amount,
      kind,
      value,
      '0',
    ];
    return { command: { cmd: CMD.sale, data: `${fields.join('\t')}\t` }, cents };
  }
  const [first, second] = [text.slice(0, textWidth), text.slice(textWidth, 2 * textWidth).trim()];
  const name = second === '' ? first : `${first}\n${second}`;
  const sign = dialect === 'daisy' ? '$' : ';';
  const change = adjustment === 0 ? '' : `${sign}${moneyOf(adjustment)}`;
  const group = String.fromCodePoint(TAX_BASE + tax);
  const data = `${name}\t${group}${moneyOf(price)}${one ? '' : `*${amount}`}${change}`;
  return { command: { cmd: CMD.sale, data }, cents };
}

function freeText(text: string, { dialect, textWidth }: Settings): Command {
  const line = plain(text).slice(0, textWidth) || ' ';
  return { cmd: CMD.text, data: dialect === 'datecs-x' ? `${line}\t\t\t\t\t\t\t` : line };
}

interface Payment {
  readonly command: Command;
  readonly cents: number;
}

function paymentsOf(
  order: Order,
  { settings, total }: { readonly settings: Settings; readonly total: number },
): readonly Payment[] {
  const { dialect, paymentTypes } = settings;
  if (order.payments.length === 0 || order.payments.length > PAYMENTS_MAX)
    wrong(`a receipt has 1 to ${PAYMENTS_MAX} payments, this one ${order.payments.length}`);
  if (order.reversal !== undefined && order.payments.length > 1)
    unsupported('a reversal with more than one payment');
  const sums = new Map<string, number>();
  for (const { type, amount } of order.payments) {
    const code =
      own(paymentTypes, type) ??
      own(paymentTypes, 'default') ??
      wrong(`payment type ${plain(type)} is not in the map`);
    const cents = centsOf(amount) ?? wrong(`${plain(amount)} is not an amount`);
    if (cents <= 0) unsupported('a payment that is not above zero');
    // Once each: two payments of one kind with the same amount could not be told apart after a break.
    sums.set(code, (sums.get(code) ?? 0) + cents);
  }
  const paid = [...sums.values()].reduce((sum, cents) => sum + cents, 0);
  if (paid !== total)
    wrong(`the payments make ${moneyOf(paid)}, the lines ${moneyOf(total)}: nothing was printed`);
  return [...sums].map(([code, cents]) => {
    const amount = moneyOf(cents);
    const data = dialect === 'datecs-x' ? `${code}\t${amount}\t1\t` : `\t${code}${amount}`;
    return { command: { cmd: CMD.pay, data }, cents };
  });
}
