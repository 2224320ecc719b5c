// An Epson RT printer behind FPmate: for rehearsals, and in tests with what a network, a person or the power company
// can do to it. As strict about documents and their order as the real one. Pure.
import { centsOf, moneyOf, productCents } from '../../core/decimal.ts';
import type { Counterpart } from '../../core/interface.ts';
import type { Serve } from '../../core/line/ports.ts';
import type { Settings } from './config.ts';
import { element, find, parseXml } from './xml.ts';
import type { Element } from './xml.ts';

export interface RtReceipt {
  readonly number: number;
  readonly zReport: number;
  readonly kind: 'sale' | 'REFUND' | 'VOID';
  readonly items: readonly {
    readonly name: string;
    readonly department: string;
    readonly cents: number;
  }[];
  readonly payments: readonly { readonly type: string; readonly cents: number }[];
  readonly total: number;
  readonly lottery: string | undefined;
}

/**
 * `lost`: the request does not arrive. `mute`: it is printed, the answer does not arrive. `slow`: the answer says that
 * the printer did not answer in time, and it prints all the same. `paper`: the printer is offline from here on.
 * `late`: it waits in the web service until after the next question. `other`: it is lost, and another till prints.
 */
export type RtMishap = 'lost' | 'mute' | 'slow' | 'paper' | 'garbage' | 'late' | 'other';
export const RT_MISHAPS: readonly RtMishap[] = [
  ...(['lost', 'mute', 'slow', 'paper', 'garbage', 'late', 'other'] as const),
];

export interface RtOptions {
  /** The status tells number and amount of the last receipt. */
  readonly tellsLast?: boolean;
  readonly mishap?: (document: string) => RtMishap | undefined;
}

export interface RtDouble extends Counterpart {
  readonly serve: Serve;
  readonly receipts: RtReceipt[];
  readonly reports: string[];
  hasPaper: boolean;
  /** Left open by another till. */
  isOpen: boolean;
}

const OTHER = {
  kind: 'sale',
  items: [{ name: 'bar', department: '1', cents: 250 }],
  payments: [{ type: '0', cents: 250 }],
  total: 250,
  lottery: undefined,
} as const;

class Refused extends Error {}
const refuse = (code: string): never => {
  throw new Refused(code);
};

export function createRt(settings: Settings, options: RtOptions = {}): RtDouble {
  let zReport = 764;
  /** For ever: the answer of a request that nobody hears. */
  const never = new Promise<never>(() => undefined);
  let waiting: Element | undefined;
  const nextNumber = (): number => rt.receipts.filter((one) => one.zReport === zReport).length + 1;
  const status = (): string => `${rt.hasPaper ? 0 : 3}01${rt.isOpen ? 0 : 1}0`;

  const answer = (
    success: boolean,
    code: string,
    info: Readonly<Record<string, string>>,
  ): string => {
    const fields = { lastCommand: '74', printerStatus: status(), ...info };
    const list = element('elementList', {}, [Object.keys(fields).join(',')]);
    const elements = Object.entries(fields).map(([name, text]) => element(name, {}, [text]));
    const response = element('response', { success: String(success), code, status: 2 }, [
      element('addInfo', {}, [list, ...elements]),
    ]);
    const soap = 'http://schemas.xmlsoap.org/soap/envelope/';
    const body = element('soapenv:Body', {}, [response]);
    return `<?xml version="1.0" encoding="utf-8"?>\n${element('soapenv:Envelope', { 'xmlns:soapenv': soap }, [body])}`;
  };
  const lastInfo = (): Readonly<Record<string, string>> => {
    const last = rt.receipts.findLast((one) => one.zReport === zReport);
    return {
      fiscalReceiptNumber: String(last?.number ?? 0),
      fiscalReceiptAmount: moneyOf(last?.total ?? 0).replace('.', ','),
      fiscalReceiptDate: '01/04/2026',
      zRepNumber: String(zReport),
    };
  };
  const carryOut = (document: Element): Readonly<Record<string, string>> => {
    switch (document.name) {
      case 'printerCommand':
        if (document.children[0]?.name !== 'queryPrinterStatus') refuse('PARSER_ERROR');
        return options.tellsLast === true ? lastInfo() : {};
      case 'printerFiscalReceipt': {
        if (!rt.hasPaper) refuse('EPTR_REC_EMPTY');
        if (rt.isOpen) refuse('EFPTR_WRONG_STATE');
        rt.receipts.push({ number: nextNumber(), zReport, ...receiptOf(document, settings) });
        return lastInfo();
      }
      case 'printerFiscalReport': {
        if (!rt.hasPaper) refuse('EPTR_REC_EMPTY');
        if (rt.isOpen) refuse('EFPTR_WRONG_STATE');
        const name = document.children[0]?.name ?? '';
        if (!/^print(X|Z|XZ)Report$/.test(name)) refuse('PARSER_ERROR');
        rt.reports.push(name);
        if (name !== 'printXReport') zReport += 1;
        return { zRepNumber: String(zReport - 1), dailyAmount: '0,00' };
      }
      default:
        return refuse('PARSER_ERROR');
    }
  };
  const printLate = (): void => {
    const document = waiting;
    waiting = undefined;
    try {
      if (document !== undefined) carryOut(document);
    } catch (error) {
      // Nobody hears of it.
      if (!(error instanceof Refused)) throw error;
    }
  };
  const serve: Serve = async ({ method, path, headers, body }) => {
    const { pathname } = new URL(settings.url);
    if (method !== 'POST' || !path.startsWith(`${pathname}?devid=${settings.deviceId}&timeout=`))
      return { status: 404 };
    if (headers['content-type'] !== 'text/xml; charset=utf-8') return { status: 415 };
    const tree = parseXml(body.toString('utf8'));
    const document = tree?.name === 'Envelope' ? find(tree, 'Body')?.children[0] : undefined;
    if (document === undefined) return { status: 400 };
    const type = 'text/xml';
    const mishap = options.mishap?.(document.name);
    if (mishap === 'lost') return never;
    if (mishap === 'late') {
      waiting = document;
      return never;
    }
    if (mishap === 'other') {
      rt.receipts.push({ ...OTHER, number: nextNumber(), zReport });
      return never;
    }
    if (mishap === 'paper') rt.hasPaper = false;
    let said: string;
    try {
      said = answer(true, '', carryOut(document));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      said = answer(false, error.message, {});
    }
    if (waiting !== document) printLate();
    if (mishap === 'mute') return never;
    if (mishap === 'slow') return { status: 200, type, body: answer(false, 'FP_NO_ANSWER', {}) };
    if (mishap === 'garbage') return { status: 200, type, body: said.slice(0, said.length >> 1) };
    return { status: 200, type, body: said };
  };
  const rt: RtDouble = {
    ...{ serve, receipts: [], reports: [], hasPaper: true, isOpen: false },
    close: () => undefined,
  };
  return rt;
}

/** Reads the document as the printer does, element after element. */
function receiptOf(
  { children }: Element,
  { taxGroups, operator }: Settings,
): Omit<RtReceipt, 'number' | 'zReport'> {
  const items: { name: string; department: string; cents: number }[] = [];
  const payments: { type: string; cents: number }[] = [];
  let kind: RtReceipt['kind'] = 'sale';
  let lottery: string | undefined;
  let stage: 'before' | 'items' | 'paying' | 'done' = 'before';
  const total = (): number => items.reduce((sum, { cents }) => sum + cents, 0);
  const paid = (): number => payments.reduce((sum, { cents }) => sum + cents, 0);
  for (const { name, attributes: a } of children) {
    const cents = (field: string): number => centsOf(a[field] ?? '') ?? refuse('PARSER_ERROR');
    if (stage === 'done') refuse('EFPTR_WRONG_STATE');
    if (name !== 'directIO' && a['operator'] !== operator) refuse('EFPTR_BAD_OPERATOR');
    switch (name) {
      case 'printRecMessage': {
        if (stage !== 'before') refuse('EFPTR_WRONG_STATE');
        if (a['messageType'] !== '4') break;
        const found = /^(REFUND|VOID) \d{4} \d{4} \d{8} \w{8,16}$/.exec(a['message'] ?? '');
        kind = (found?.[1] as 'REFUND' | 'VOID' | undefined) ?? refuse('EFPTR_BAD_MESSAGE');
        break;
      }
      case 'beginFiscalReceipt':
        if (stage !== 'before') refuse('EFPTR_WRONG_STATE');
        stage = 'items';
        break;
      case 'printRecItem':
      case 'printRecRefund': {
        if (stage !== 'items') refuse('EFPTR_WRONG_STATE');
        if ((name === 'printRecRefund') !== (kind !== 'sale')) refuse('EFPTR_WRONG_STATE');
        const department = a['department'] ?? '';
        if (taxGroups[department] === undefined) refuse('EFPTR_BAD_VAT');
        const product = productCents(a['unitPrice'] ?? '', a['quantity'] ?? '');
        items.push({
          name: a['description'] ?? '',
          department,
          cents: product ?? refuse('PARSER_ERROR'),
        });
        break;
      }
      case 'printRecItemAdjustment': {
        const last = items.at(-1) ?? refuse('EFPTR_WRONG_STATE');
        const sign = { '0': -1, '5': 1 }[a['adjustmentType'] ?? ''] ?? refuse('PARSER_ERROR');
        last.cents += sign * cents('amount');
        if (last.cents < 0) refuse('EFPTR_NEGATIVE_TOTAL');
        break;
      }
      case 'printRecSubtotal':
        if (stage !== 'items' || items.length === 0) refuse('EFPTR_WRONG_STATE');
        break;
      case 'printRecLotteryID':
        lottery = a['code'];
        break;
      case 'directIO':
        if (a['command'] !== '1135' || !/^01.{16}0000$/.test(a['data'] ?? ''))
          refuse('PARSER_ERROR');
        lottery = a['data']!.slice(2, 18).trim();
        break;
      case 'printRecTotal':
        if (items.length === 0 || paid() >= total()) refuse('EFPTR_WRONG_STATE');
        stage = 'paying';
        if (!/^[0-3]$/.test(a['paymentType'] ?? '')) refuse('PARSER_ERROR');
        payments.push({ type: a['paymentType']!, cents: cents('payment') });
        break;
      case 'endFiscalReceipt':
        if (stage !== 'paying' || paid() < total()) refuse('EFPTR_WRONG_STATE');
        stage = 'done';
        break;
      default:
        refuse('PARSER_ERROR');
    }
  }
  if (stage !== 'done') refuse('EFPTR_WRONG_STATE');
  return { kind, items, payments, total: total(), lottery };
}

/** For a rehearsal: a printer that is set up as the settings say and behaves. */
export const counterpart = (settings: Settings): Counterpart =>
  createRt(settings, { tellsLast: true });
