// What a fiscal printer's service remembers over a power cut: the receipt under way and how the last ones ended.
// Pure; the agent keeps the text on the card.
import { REMEMBER_BYTES_MAX } from '../interface.ts';
import { PAST_MAX } from './limits.ts';
import { pastOf, rowOf, withPast, withoutPast } from './past.ts';
import type { Past } from './past.ts';

/** The receipt under way; what else a printer's own job says of it, its interface knows. */
export type JobBase = Pick<Past, 'key' | 'digest'>;

/** `D`: what the printer numbers its documents with. */
export type Ending<D extends string | number> =
  | { readonly is: 'printed'; readonly document: D | undefined }
  | { readonly is: 'not-printed'; readonly why: 'refused' | 'offline'; readonly text: string }
  /** A person must look at the printer; `isPending`: so does the unit, as soon as the printer is back. */
  | { readonly is: 'unknown'; readonly text: string; readonly isPending?: boolean };

export interface Journal<J extends JobBase> {
  readonly job: J | undefined;
  /** The latest last. */
  readonly past: readonly Past[];
}

/** The oldest are left out where it would be longer than what the agent remembers. */
export function textOf({ job, past }: Journal<JobBase>): string {
  const rows = past.slice(-PAST_MAX).map(rowOf);
  const text = (): string => JSON.stringify([job ?? null, rows]);
  while (rows.length > 0 && Buffer.byteLength(text()) > REMEMBER_BYTES_MAX) rows.shift();
  return text();
}

/** Undefined: not what `textOf` writes. Then nothing may be printed: it is not known what was. */
export function journalOf<J extends JobBase>(
  text: string,
  jobOf: (value: unknown) => J | undefined,
): Journal<J> | undefined {
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

/** The job has ended. */
export function ended<J extends JobBase>(
  journal: Journal<J>,
  { key, digest }: JobBase,
  ending: Ending<string | number>,
): Journal<J> {
  // The job stays: the printer is looked at before anything else is printed.
  if (ending.is === 'unknown' && ending.isPending === true) return journal;
  if (ending.is === 'not-printed') return { job: undefined, past: withoutPast(journal.past, key) };
  const number = ending.is === 'printed' ? ending.document : undefined;
  const document = number === undefined ? undefined : String(number);
  const past = withPast(journal.past, { key, digest, is: ending.is, document }, PAST_MAX);
  return { job: undefined, past };
}
