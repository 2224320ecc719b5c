// What every fiscal printer's service remembers: which folios it printed, so that a repeat is known again and answered,
// and never printed. Pure.
import { createHash } from 'node:crypto';
import type { FiscalReceipt, OrderOutcome } from '../vocabulary.ts';

/** A receipt that is printed or may be. One that was not printed is forgotten: it may be tried again. */
export interface Past {
  readonly key: string;
  readonly digest: string;
  readonly is: 'printed' | 'unknown';
  /** What the printer calls it. */
  readonly document: string | undefined;
}

/** Sale or reversal, and the folio: by it a receipt is known again. */
export const keyOf = (order: FiscalReceipt): string =>
  `${order.reversal === undefined ? 's' : 'r'}${order.folio}`;

/** Of everything that is printed: the same folio with other lines is another receipt. */
export const digestOf = (order: FiscalReceipt): string =>
  createHash('sha256')
    .update(JSON.stringify([order.lines, order.payments, order.texts, order.reversal]))
    .digest('hex')
    .slice(0, 12);

export type PastRow = readonly [key: string, digest: string, printed: 0 | 1, document: string];

export const rowOf = ({ key, digest, is, document }: Past): PastRow => [
  key,
  digest,
  is === 'printed' ? 1 : 0,
  document ?? '',
];

/** Undefined: not what `rowOf` writes. */
export function pastOf(row: unknown): Past | undefined {
  if (!Array.isArray(row) || row.length !== 4) return undefined;
  const [key, digest, printed, document] = row as unknown[];
  if (typeof key !== 'string' || typeof digest !== 'string' || typeof document !== 'string')
    return undefined;
  const is = printed === 1 ? 'printed' : 'unknown';
  return { key, digest, is, document: document === '' ? undefined : document };
}

/** With the latest last, one of each receipt, and at most `max`. */
export const withPast = (past: readonly Past[], one: Past, max: number): readonly Past[] =>
  [...past.filter(({ key }) => key !== one.key), one].slice(-max);

export const withoutPast = (past: readonly Past[], key: string): readonly Past[] =>
  past.filter((one) => one.key !== key);

/** A receipt that comes again is answered from memory. Undefined: it is new. */
export function repeatOf(
  past: readonly Past[],
  { key, digest, isLookedAt }: Pick<Past, 'key' | 'digest'> & { readonly isLookedAt: boolean },
): OrderOutcome | undefined {
  const found = past.find((one) => one.key === key);
  if (found === undefined) return undefined;
  const { document } = found;
  if (found.is === 'unknown') {
    if (isLookedAt) return undefined;
    const text = 'this receipt was begun before and its end is not known: look at the printer';
    return { ok: false, why: 'unknown', text };
  }
  if (found.digest === digest) return { ok: true, body: { document, isRepeat: true } };
  const text = `this folio is printed already (document ${document ?? 'unknown'}), with other lines`;
  return { ok: false, why: 'refused', text };
}
