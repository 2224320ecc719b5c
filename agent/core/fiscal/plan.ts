// What the plan of a receipt has on every fiscal printer, and how an order is refused while it is planned. Pure.
import { centsOf, productCents, scaled } from '../decimal.ts';
import type { FiscalLine, FiscalReceipt } from '../vocabulary.ts';
import { digestOf, keyOf } from './past.ts';

export interface Plan {
  /** By it the receipt is known again: sale or reversal, and the folio. */
  readonly key: string;
  /** Of everything that is printed: the same folio with other lines is another receipt. */
  readonly digest: string;
  /** In hundredths. */
  readonly total: number;
  /** A person says that it is not printed. */
  readonly isLookedAt: boolean;
}

export type Planned<P extends Plan> =
  | { readonly ok: true; readonly plan: P }
  | { readonly ok: false; readonly why: 'wrong' | 'unsupported'; readonly text: string };

class Refusal extends Error {
  readonly why: 'wrong' | 'unsupported';
  constructor(why: 'wrong' | 'unsupported', text: string) {
    super(text);
    this.why = why;
  }
}
/** Ends the planning: the order cannot be printed as it is. */
export const wrong = (text: string): never => {
  throw new Refusal('wrong', text);
};
/** Ends the planning: the printer has no such thing. */
export const unsupported = (text: string): never => {
  throw new Refusal('unsupported', text);
};

/** `make` plans what is the printer's own; it may end in `wrong` or `unsupported`. */
export function planned<Own extends Pick<Plan, 'total'>>(
  order: FiscalReceipt,
  make: () => Own,
): Planned<Omit<Plan, 'total'> & Own> {
  const [key, digest, isLookedAt] = [keyOf(order), digestOf(order), order.isLookedAt === true];
  try {
    return { ok: true, plan: { key, digest, isLookedAt, ...make() } };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, why: error.why, text: error.message };
    throw error;
  }
}

/** What the map itself says: a group may be called "constructor". */
export const own = <T>(map: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(map, key) ? map[key] : undefined;

/** What a line is in numbers: price, adjustment and sum in hundredths, quantity in thousandths. */
interface Numbers {
  readonly price: number;
  readonly quantity: number;
  /** Below zero a discount. */
  readonly adjustment: number;
  readonly cents: number;
}

/** `label` says which line it is; it stands in the refusal. */
export function numbersOf(line: FiscalLine, label: string): Numbers {
  const price = centsOf(line.price) ?? wrong(`${label}: ${line.price} is not a price`);
  const quantity =
    scaled(line.quantity, 3) ?? wrong(`${label}: the quantity has more than 3 decimals`);
  if (price < 0) unsupported(`${label}: a line with a negative price`);
  if (quantity <= 0) unsupported(`${label}: a quantity that is not above zero`);
  const adjustment =
    line.adjustment === undefined ? 0 : (centsOf(line.adjustment) ?? wrong(`${label}: discount`));
  const product = productCents(line.price, line.quantity) ?? wrong(`${label}: too large`);
  const cents = product + adjustment;
  if (cents < 0) wrong(`${label}: the discount is larger than the line`);
  return { price, quantity, adjustment, cents };
}
