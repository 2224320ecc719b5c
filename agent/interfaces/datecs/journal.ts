// What a fiscal printer's service remembers over a power cut: the receipt under way and how the last ones ended.
// Pure; the agent keeps the text on the card.
import { REMEMBER_BYTES_MAX } from '../../core/interface.ts';
import { pastOf, rowOf, withPast, withoutPast } from '../../core/fiscal/past.ts';
import type { Past } from '../../core/fiscal/past.ts';
import type { Ending, Phase } from './judge.ts';
import { PAST_MAX } from './limits.ts';
import type { Job } from './state.ts';

export interface Journal {
  readonly job: Job | undefined;
  /** The latest last. */
  readonly past: readonly Past[];
}
export const EMPTY: Journal = { job: undefined, past: [] };

const PHASES: readonly Phase[] = ['open', 'paying', 'closing', 'cancelling'];

export function textOf({ job, past }: Journal): string {
  const rows = past.slice(-PAST_MAX).map(rowOf);
  const text = (): string => JSON.stringify([job ?? null, rows]);
  while (rows.length > 0 && Buffer.byteLength(text()) > REMEMBER_BYTES_MAX) rows.shift();
  return text();
}

/** Undefined: not what `textOf` writes. Then nothing may be printed: it is not known what was. */
export function journalOf(text: string): Journal | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 2 || !Array.isArray(value[1])) return undefined;
  const past = value[1].map(pastOf);
  if (past.includes(undefined)) return undefined;
  const job = value[0] === null ? undefined : jobOf(value[0]);
  if (value[0] !== null && job === undefined) return undefined;
  return { job, past: past.filter((one) => one !== undefined) };
}

function jobOf(value: unknown): Job | undefined {
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

/** The job has ended. */
export function ended(journal: Journal, job: Pick<Job, 'key' | 'digest'>, ending: Ending): Journal {
  // The job stays: the printer is looked at before anything else is printed.
  if (ending.is === 'unknown' && ending.isPending === true) return journal;
  const { key, digest } = job;
  if (ending.is === 'not-printed') return { job: undefined, past: withoutPast(journal.past, key) };
  const number = ending.is === 'printed' ? ending.document : undefined;
  const document = number === undefined ? undefined : String(number);
  return {
    job: undefined,
    past: withPast(journal.past, { key, digest, is: ending.is, document }, PAST_MAX),
  };
}
