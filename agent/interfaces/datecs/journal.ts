// What a fiscal printer's service remembers over a power cut: the receipt under way and how the last ones ended.
// Pure; the agent keeps the text on the card.
import { REMEMBER_BYTES_MAX } from '../../core/interface.ts';
import type { Ending, Phase } from './judge.ts';
import { PAST_MAX } from './limits.ts';
import type { Job } from './state.ts';

/** A receipt that is printed or may be. One that was not printed is forgotten: it may be tried again. */
export interface Past {
  readonly key: string;
  readonly digest: string;
  readonly is: 'printed' | 'unknown';
  readonly document: number | undefined;
}

export interface Journal {
  readonly job: Job | undefined;
  /** The latest last. */
  readonly past: readonly Past[];
}
export const EMPTY: Journal = { job: undefined, past: [] };

const PHASES: readonly Phase[] = ['open', 'paying', 'closing', 'cancelling'];

/** `-1`: no document number. */
export function textOf({ job, past }: Journal): string {
  const rows = past
    .slice(-PAST_MAX)
    .map((one) => [one.key, one.digest, one.is === 'printed' ? 1 : 0, one.document ?? -1]);
  while (rows.length > 0 && JSON.stringify([job ?? null, rows]).length > REMEMBER_BYTES_MAX)
    rows.shift();
  return JSON.stringify([job ?? null, rows]);
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

function pastOf(row: unknown): Past | undefined {
  if (!Array.isArray(row)) return undefined;
  const [key, digest, is, document] = row as unknown[];
  if (typeof key !== 'string' || typeof digest !== 'string' || typeof document !== 'number')
    return undefined;
  return {
    key,
    digest,
    is: is === 1 ? 'printed' : 'unknown',
    document: document < 0 ? undefined : document,
  };
}

function jobOf(value: unknown): Job | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, digest, total, before, phase } = value as Partial<Record<keyof Job, unknown>>;
  const known = PHASES.find((one) => one === phase);
  if (typeof key !== 'string' || typeof digest !== 'string' || known === undefined)
    return undefined;
  if (typeof total !== 'number' || typeof before !== 'number') return undefined;
  return { key, digest, total, before, phase: known };
}

/** The job has ended. */
export function ended(journal: Journal, job: Pick<Job, 'key' | 'digest'>, ending: Ending): Journal {
  // The job stays: the printer is looked at before anything else is printed.
  if (ending.is === 'unknown' && ending.isPending === true) return journal;
  const { key, digest } = job;
  const others = journal.past.filter((one) => one.key !== key);
  if (ending.is === 'not-printed') return { job: undefined, past: others };
  const document = ending.is === 'printed' ? ending.document : undefined;
  return { job: undefined, past: [...others, { key, digest, is: ending.is, document }] };
}
