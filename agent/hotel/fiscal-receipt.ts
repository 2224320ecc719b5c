// A folio of Clock as a fiscal receipt. Everything here rests on what is not documented, and is together in this file for
// that reason: which channel says that a receipt is wanted, that it is made of the folio's charges and payments, what a
// payment looks like when it is read, and that tax groups are told by their rate. To be settled with Clock before the
// first fiscal printer goes live. Pure.
import { decimalsOf } from './house.ts';
import type { FiscalLine, FiscalReceipt } from '../core/vocabulary.ts';
import type { PmsCredit, PmsFolioCharge } from './ports.ts';

/** The documentation's list of channels has `fiscal_request`; its examples call the same event otherwise. */
export const FISCAL_CHANNEL = 'fiscal_request';

type Made =
  | { readonly ok: true; readonly receipt: FiscalReceipt }
  | { readonly ok: false; readonly text: string };

/** Cents in, decimal text out. */
const money = (cents: number, decimals: number): string =>
  (cents / 10 ** decimals).toFixed(decimals);

/** 0.2 -> "20", 0.055 -> "5.5": the settings of the printer map it to its own groups. */
const taxGroupOf = (rate: number): string => String(Number((rate * 100).toFixed(4)));

/** Undefined where it is no decimal that a receipt can carry. */
const quantityOf = (qty: number): string | undefined => {
  const text = String(Number(qty.toFixed(4)));
  return /^-?\d{1,9}(\.\d{1,4})?$/.test(text) ? text : undefined;
};

/**
 * What was voided is not on it. Negative quantities take back earlier lines of the folio; what remains below nothing in
 * all is money that goes back, which is a reversal of another document, and Clock does not say of which: refused.
 */
export function receiptOf(
  folio: number,
  given: {
    readonly charges: readonly PmsFolioCharge[];
    readonly credits: readonly PmsCredit[];
    readonly currency: string;
    readonly saleNumber: string | null;
  },
): Made {
  const decimals = decimalsOf(given.currency);
  const charges = netted(given.charges.filter(({ voided_at: at }) => at === null));
  const credits = given.credits.filter(({ voided_at: at }) => at === null);
  const refused = (text: string): Made => ({ ok: false, text });
  if (charges.length === 0) return refused('The folio has no charges.');
  const lines: FiscalLine[] = [];
  for (const { text, price_cents: cents, qty, tax_rate: rate } of charges) {
    const quantity = quantityOf(qty);
    if (quantity === undefined || qty <= 0)
      return refused('A charge takes back what is not on it.');
    if (cents < 0) return refused('A charge is negative: the receipt would need a reversal.');
    lines.push({
      ...{ text: (text ?? '').replaceAll(/\p{Cc}+/gu, ' ').trim() || 'Service', quantity },
      ...{ price: money(cents, decimals), taxGroup: taxGroupOf(rate) },
    });
  }
  const total = charges.reduce(
    (sum, { price_cents: cents, qty }) => sum + Math.round(cents * qty),
    0,
  );
  const paid = credits.reduce((sum, { value_cents: cents }) => sum + cents, 0);
  if (credits.length === 0)
    return refused('The folio has no payments: how it was paid is unknown.');
  if (total !== paid) {
    const amounts = `${money(total, decimals)} against ${money(paid, decimals)}`;
    return refused(`Charges and payments of the folio differ: ${amounts}.`);
  }
  const payments = byType(credits).map(([type, cents]) => ({
    ...{ type, amount: money(cents, decimals) },
  }));
  const saleNumber = given.saleNumber ?? undefined;
  return {
    ok: true,
    receipt: { folio, lines, payments, ...(saleNumber !== undefined && { saleNumber }) },
  };
}

/** A line that takes back another of the same text, price and rate leaves with it. */
function netted(charges: readonly PmsFolioCharge[]): readonly PmsFolioCharge[] {
  const sums = new Map<string, PmsFolioCharge>();
  for (const charge of charges) {
    const { text, price_cents: cents, tax_rate: rate } = charge;
    // As they are: what is not taken back keeps its own line.
    const isTakenBack = charges.some(
      (one) =>
        one.text === text && one.price_cents === cents && one.tax_rate === rate && one.qty < 0,
    );
    const name = isTakenBack ? JSON.stringify([text, cents, rate]) : String(charge.id);
    const before = sums.get(name);
    sums.set(name, before === undefined ? charge : { ...before, qty: before.qty + charge.qty });
  }
  return [...sums.values()].filter(({ qty }) => qty !== 0);
}

function byType(credits: readonly PmsCredit[]): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>();
  for (const { payment_type: type, value_cents: cents } of credits) {
    const name = type === null || type === '' ? 'other' : type;
    sums.set(name, (sums.get(name) ?? 0) + cents);
  }
  return [...sums].filter(([, cents]) => cents !== 0);
}

/** What the printer called it; what Clock is told. */
export function responseOf(body: Readonly<Record<string, unknown>> | undefined): string {
  const document = body?.['document'];
  return typeof document === 'string' || typeof document === 'number'
    ? String(document)
    : 'printed';
}
