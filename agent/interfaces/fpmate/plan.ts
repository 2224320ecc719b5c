// What a receipt is on an Epson RT printer: one document that prints all of it. All arithmetic is done and checked
// here, before anything is sent. Pure.
import { centsOf, fixed, moneyOf, scaled } from '../../core/decimal.ts';
import { numbersOf, own, planned, unsupported, wrong } from '../../core/fiscal/plan.ts';
import type { Plan as Common, Planned } from '../../core/fiscal/plan.ts';
import type { FiscalLine, OrderOf } from '../../core/vocabulary.ts';
import type { Settings } from './config.ts';
import { LINES_MAX, PAYMENTS_MAX, TEXTS_MAX, TEXT_CHARS_MAX, TOTAL_CENTS_MAX } from './limits.ts';
import { element } from './xml.ts';

type Order = OrderOf<'fiscal.receipt'>;

export interface Plan extends Common {
  readonly document: string;
}

const short = (text: string): string => {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return Array.from(plain).slice(0, TEXT_CHARS_MAX).join('');
};

export const planOf = (order: Order, settings: Settings): Planned<Plan> =>
  planned(order, () => documentOf(order, settings));

function documentOf(order: Order, settings: Settings): Pick<Plan, 'total' | 'document'> {
  const { operator } = settings;
  const { lines, texts = [], reversal } = order;
  if (lines.length === 0 || lines.length > LINES_MAX)
    wrong(`a receipt has 1 to ${LINES_MAX} lines, this one ${lines.length}`);
  if (texts.length > TEXTS_MAX) wrong(`more than ${TEXTS_MAX} texts`);
  const made = lines.map((line, index) =>
    lineOf(line, { settings, label: `line ${index + 1}`, isReversal: reversal !== undefined }),
  );
  const total = made.reduce((sum, { cents }) => sum + cents, 0);
  if (total <= 0 || total > TOTAL_CENTS_MAX) wrong(`the sum ${moneyOf(total)} cannot be printed`);
  const payments = paymentsOf(order, { settings, total });
  const header = texts.map((text, index) =>
    element('printRecMessage', {
      operator,
      messageType: 1,
      index: index + 1,
      message: short(text),
    }),
  );
  const document = element('printerFiscalReceipt', {}, [
    ...(reversal === undefined ? header : [reversalMessage(reversal, operator)]),
    element('beginFiscalReceipt', { operator }),
    ...made.flatMap(({ elements }) => elements),
    element('printRecSubtotal', { operator, option: 1 }),
    ...lotteryOf(order, settings),
    ...payments,
    element('endFiscalReceipt', { operator }),
  ]);
  return { total, document };
}

/** `REFUND 0764 0001 01042026 99MEY012345`: which receipt it was, and on which printer. */
function reversalMessage(reversal: NonNullable<Order['reversal']>, operator: string): string {
  const { document, report, at, device, why } = reversal;
  const number = /^\d{1,4}$/;
  if (!number.test(document)) wrong('the number of the receipt to reverse has up to 4 digits');
  if (report === undefined || !number.test(report))
    wrong('a reversal needs the number of the Z report the receipt belongs to');
  if (device === undefined || !/^[0-9A-Z]{8,16}$/.test(device))
    wrong('a reversal needs the serial number of the printer');
  const day = /^(\d{4})-(\d\d)-(\d\d)T/.exec(at) ?? wrong('the day of the receipt is not a day');
  const word = why === 'mistake' ? 'VOID' : 'REFUND';
  const date = `${day[3]}${day[2]}${day[1]}`;
  const numbers = `${report!.padStart(4, '0')} ${document.padStart(4, '0')}`;
  const message = `${word} ${numbers} ${date} ${device}`;
  return element('printRecMessage', { operator, messageType: 4, message });
}

interface LineContext {
  readonly settings: Settings;
  readonly label: string;
  readonly isReversal: boolean;
}

function lineOf(
  line: FiscalLine,
  { settings, label, isReversal }: LineContext,
): { readonly elements: readonly string[]; readonly cents: number } {
  const { operator } = settings;
  const { price, quantity, adjustment, cents } = numbersOf(line, label);
  const common = {
    operator,
    description: short(line.text) || '-',
    quantity: fixed(quantity, 3),
    unitPrice: moneyOf(price),
    department: departmentOf(line.taxGroup, settings),
    justification: 1,
  };
  if (isReversal) {
    if (adjustment !== 0) unsupported(`${label}: a discount on a reversal`);
    return { elements: [element('printRecRefund', common)], cents };
  }
  const item = element('printRecItem', common);
  if (adjustment === 0) return { elements: [item], cents };
  const change = element('printRecItemAdjustment', {
    operator,
    description: adjustment < 0 ? 'SCONTO' : 'MAGGIORAZIONE',
    // Of the item before: 0 takes an amount off, 5 puts one on.
    adjustmentType: adjustment < 0 ? 0 : 5,
    amount: moneyOf(Math.abs(adjustment)),
    department: common.department,
    justification: 1,
  });
  return { elements: [item, change], cents };
}

/** The department that has the rate; else the default. */
function departmentOf(percent: string, { taxGroups }: Settings): string {
  // In millionths, exactly: 5.5 percent are 0.055.
  const rate = scaled(percent, 4) ?? wrong(`${short(percent)} is not a tax rate in percent`);
  const found = Object.entries(taxGroups).find(
    ([key, value]) => key !== 'default' && scaled(value, 6) === rate,
  );
  return found?.[0] ?? own(taxGroups, 'default') ?? wrong(`tax rate ${percent} is not in the map`);
}

function lotteryOf({ lottery }: Order, settings: Settings): readonly string[] {
  if (lottery === undefined || settings.lottery === 'none') return [];
  if (!/^[A-Z0-9]{8,16}$/.test(lottery)) wrong('the lottery code has 8 to 16 letters and digits');
  const { operator } = settings;
  if (settings.lottery === 'element')
    return [element('printRecLotteryID', { operator, code: lottery })];
  return [element('directIO', { command: '1135', data: `01${lottery.padEnd(16)}0000` })];
}

function paymentsOf(
  { payments, reversal }: Order,
  { settings, total }: { readonly settings: Settings; readonly total: number },
): readonly string[] {
  const { operator, paymentTypes } = settings;
  if (payments.length === 0 || payments.length > PAYMENTS_MAX)
    wrong(`a receipt has 1 to ${PAYMENTS_MAX} payments, this one ${payments.length}`);
  if (reversal !== undefined && payments.length > 1)
    unsupported('a reversal with more than one payment');
  let paid = 0;
  const made = payments.map(({ type, amount }) => {
    const cents = centsOf(amount) ?? wrong(`${short(amount)} is not an amount`);
    if (cents <= 0) unsupported('a payment that is not above zero');
    paid += cents;
    return element('printRecTotal', {
      operator,
      description: short(type),
      payment: moneyOf(cents),
      paymentType:
        own<number>(paymentTypes, type) ??
        own<number>(paymentTypes, 'default') ??
        wrong(`payment type ${short(type)} is not in the map`),
      index: 1,
      justification: 1,
    });
  });
  if (paid !== total)
    wrong(`the payments make ${moneyOf(paid)}, the lines ${moneyOf(total)}: nothing was printed`);
  return made;
}
