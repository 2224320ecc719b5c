// The receipt under way as it comes back from the journal (core/fiscal/journal.ts). Pure.
import type { Phase } from './judge.ts';
import type { Job } from './state.ts';

const PHASES: readonly Phase[] = ['open', 'paying', 'closing', 'cancelling'];

/** Undefined: not a job as it was written. */
export function jobOf(value: unknown): Job | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, digest, total, before, phase, payments } = value as Partial<
    Record<keyof Job, unknown>
  >;
  const known = PHASES.find((one) => one === phase);
  if (typeof key !== 'string' || typeof digest !== 'string' || known === undefined)
    return undefined;
  if (typeof total !== 'number' || typeof before !== 'number') return undefined;
  if (!Array.isArray(payments) || !payments.every(isPayment)) return undefined;
  return { key, digest, total, before, phase: known, payments };
}

const isPayment = (row: unknown): row is Job['payments'][number] =>
  Array.isArray(row) &&
  row.length === 2 &&
  typeof row[0] === 'string' &&
  typeof row[1] === 'number';
