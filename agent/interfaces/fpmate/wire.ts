// The documents of FPmate, Epson's web service for Italian fiscal printers: receipts, reports and commands out,
// answers and status digits in. Facts: facts/interfaces.md 9. Pure.
import { centsOf } from '../../core/decimal.ts';
import type { Settings } from './config.ts';
import { element, find, parseXml } from './xml.ts';

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
export const envelope = (document: string): Buffer =>
  Buffer.from(
    '<?xml version="1.0" encoding="utf-8"?>\n' +
      element('s:Envelope', { 'xmlns:s': SOAP }, [element('s:Body', {}, [document])]),
  );

export const addressOf = ({ url, deviceId }: Settings, timeoutMs: number): string =>
  `${url}?devid=${deviceId}&timeout=${timeoutMs}`;

export const statusDocument = ({ operator }: Settings): string =>
  element('printerCommand', {}, [element('queryPrinterStatus', { operator, statusType: 0 })]);

export function reportDocument(
  kind: 'x' | 'z' | 'xz',
  { operator, timeoutMs }: { readonly operator: string; readonly timeoutMs: number },
): string {
  const name = { x: 'printXReport', z: 'printZReport', xz: 'printXZReport' }[kind];
  return element('printerFiscalReport', {}, [element(name, { operator, timeout: timeoutMs })]);
}

/** What the printer says of itself. Undefined fields: it does not say. */
export interface Answer {
  readonly success: boolean;
  /** "EPTR_REC_EMPTY" and the like, for people. */
  readonly code: string;
  readonly status: string | undefined;
  readonly receipt: number | undefined;
  readonly cents: number | undefined;
  readonly zReport: number | undefined;
}

/** Undefined: not an answer of a printer. */
export function answerOf(body: Buffer): Answer | undefined {
  const tree = parseXml(body.toString('utf8'));
  const response = tree === undefined ? undefined : find(tree, 'response');
  if (tree?.name !== 'Envelope' || response === undefined) return undefined;
  const { success, code = '' } = response.attributes;
  if (success !== 'true' && success !== 'false') return undefined;
  const info = find(response, 'addInfo');
  const said = (name: string): string | undefined =>
    info === undefined ? undefined : find(info, name)?.text;
  const status = said('printerStatus') ?? said('fpStatus') ?? said('fsStatus');
  return {
    success: success === 'true',
    code: code.slice(0, 60).replaceAll(/[^\w .:-]/g, ' '),
    status: status !== undefined && /^\d{5}$/.test(status) ? status : undefined,
    receipt: numberOf(said('fiscalReceiptNumber')),
    cents: centsOf((said('fiscalReceiptAmount') ?? '').replace(',', '.')),
    zReport: numberOf(said('zRepNumber')),
  };
}

const numberOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,8}$/.test(text) ? Number(text) : undefined;

const PAPER: Readonly<Record<string, string>> = {
  '2': 'little paper left',
  '3': 'it is offline: look at cover and paper',
};
const JOURNAL: Readonly<Record<string, string>> = {
  '1': 'its journal is nearly full: call its service',
  '2': 'its journal must be formatted: call its service',
  '3': 'its journal is an earlier one: call its service',
  '4': 'its journal belongs to another printer: call its service',
  '5': 'its journal is full: call its service',
};
/** The fourth digit: what it is doing. */
const DOING: Readonly<Record<string, string>> = {
  '0': 'a receipt is open',
  '2': 'a text is open',
  '3': 'a payment is under way',
  '4': 'its last command failed',
  '5': 'a receipt is open, with a sum below zero',
  '6': 'its last command failed',
  '8': 'a fiscal document is open',
};
const OPEN = new Set(['0', '2', '3', '5', '8']);

export interface Condition {
  /** Nothing can be printed now. */
  readonly isUsable: boolean;
  readonly isOpen: boolean;
  /** In words; empty: all is well. */
  readonly words: readonly string[];
}

/** The digits of printerStatus in words. */
export function conditionOf(status: string | undefined): Condition {
  if (status === undefined)
    return { isUsable: false, isOpen: false, words: ['it does not say how it is'] };
  const [paper, journal, , doing] = status.split('') as [string, string, string, string];
  const isUsable = ['00', '01', '20', '21'].includes(paper + journal);
  const words = [PAPER[paper], JOURNAL[journal], DOING[doing]].filter((one) => one !== undefined);
  if (!isUsable && words.length === 0) words.push(`status ${status}`);
  return { isUsable, isOpen: OPEN.has(doing), words };
}
