// Jobs as AWS IoT sends them (jobs-mqtt-api, jobs-mqtt-https-api) and as they lie on the card (docs:
// agent/README.md, "Jobs"). Pure.
import * as v from 'valibot';
import type { JobOutcome } from '../core/jobs.ts';
import {
  ANSWER_BYTES_MAX,
  DETAILS_MAX,
  DETAIL_CHARS_MAX,
  DETAIL_NAME_CHARS_MAX,
  DOCUMENT_BYTES_MAX,
  DONE_MAX,
} from './limits.ts';

const JobId = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/));
const Count = v.pipe(v.number(), v.safeInteger());

const Execution = v.object({
  jobId: JobId,
  status: v.string(),
  versionNumber: Count,
  executionNumber: Count,
  /** Tells it from another job of that name, made after the first one was deleted. */
  queuedAt: v.fallback(v.optional(v.number()), undefined),
  jobDocument: v.optional(v.unknown()),
});
export type Execution = v.InferOutput<typeof Execution>;

const Answer = v.object({
  execution: v.optional(Execution),
  code: v.optional(v.string()),
  executionState: v.optional(v.object({ status: v.string(), versionNumber: Count })),
  clientToken: v.optional(v.string()),
});
export type Answer = v.InferOutput<typeof Answer>;

const JobDocument = v.object({
  v: v.optional(v.literal(1)),
  operation: v.pipe(v.string(), v.regex(/^[a-z-]{1,40}$/)),
  parameters: v.optional(v.unknown()),
});

export interface Topics {
  readonly notify: string;
  readonly startNext: string;
  get(jobId: string): string;
  update(jobId: string): string;
  /** Ours, whatever it is. */
  owns(topic: string): boolean;
}

export function topicsOf(thing: string): Topics {
  const prefix = `$aws/things/${thing}/jobs/`;
  return {
    notify: `${prefix}notify-next`,
    startNext: `${prefix}start-next`,
    get: (jobId) => `${prefix}${jobId}/get`,
    update: (jobId) => `${prefix}${jobId}/update`,
    owns: (topic) => topic.startsWith(prefix),
  };
}

/** undefined: not what AWS sends. */
export function parseAnswer(payload: Buffer): Answer | undefined {
  if (payload.length > ANSWER_BYTES_MAX) return undefined;
  const parsed = v.safeParse(Answer, fromJson(payload.toString('utf8')));
  return parsed.success ? parsed.output : undefined;
}

/** What is to be done, or why nobody can tell. */
export function parseJobDocument(
  document: unknown,
):
  | { readonly ok: true; readonly operation: string; readonly parameters: unknown }
  | { readonly ok: false; readonly why: string } {
  if (Buffer.byteLength(JSON.stringify(document ?? null)) > DOCUMENT_BYTES_MAX) {
    return { ok: false, why: 'the document is too large' };
  }
  const parsed = v.safeParse(JobDocument, document);
  if (parsed.success) {
    const { operation, parameters } = parsed.output;
    return { ok: true, operation, parameters };
  }
  const [issue] = parsed.issues;
  return { ok: false, why: `${v.getDotPath(issue) ?? 'document'}: expected ${issue.expected}` };
}

/** AWS: over and done with, by whomever. */
export const isOver = (status: string): boolean => status !== 'QUEUED' && status !== 'IN_PROGRESS';

const STATUS = { succeeded: 'SUCCEEDED', failed: 'FAILED', rejected: 'REJECTED' } as const;

/** Is this how the cloud has it already? Its answer to the update that said so was lost then. */
export const isSaid = (final: Final, status: string): boolean => STATUS[final.state] === status;

export const whyOf = (final: Final): string | undefined =>
  final.state === 'succeeded' ? undefined : final.why;

const boundedName = (name: string): string =>
  name.replaceAll(/[^A-Za-z0-9:_-]/g, '-').slice(0, DETAIL_NAME_CHARS_MAX) || '-';
/** AWS refuses an update with a line break, half an emoji or nothing at all in a detail. */
const boundedText = (text: string): string =>
  text.slice(0, DETAIL_CHARS_MAX).replaceAll(/\p{C}/gu, ' ') || '-';

/** What a handler said, as it may lie on the card and go to the cloud. */
export function bounded(final: Final): Final {
  const why = final.state === 'succeeded' ? {} : { why: boundedText(final.why) };
  if (final.state === 'rejected' || final.details === undefined) return { ...final, ...why };
  const pairs = Object.entries(final.details)
    // The reason is one of them.
    .slice(0, DETAILS_MAX - 1)
    .map(([name, text]) => [boundedName(name), boundedText(text)]);
  return { ...final, ...why, details: Object.fromEntries(pairs) };
}

/** An update's `status` and `statusDetails`. */
export function statusOf(final: Final): {
  readonly status: string;
  readonly statusDetails: Readonly<Record<string, string>>;
} {
  // An earlier version of the agent may have kept it.
  const said = bounded(final);
  const why = whyOf(said);
  const details = said.state === 'rejected' ? {} : said.details;
  return {
    status: STATUS[said.state],
    statusDetails: { ...details, ...(why !== undefined && { why }) },
  };
}

const Texts = v.record(v.string(), v.string());
const Final = v.variant('state', [
  v.object({ state: v.literal('succeeded'), details: v.exactOptional(Texts) }),
  v.object({ state: v.literal('failed'), why: v.string(), details: v.exactOptional(Texts) }),
  v.object({ state: v.literal('rejected'), why: v.string() }),
]);
export type Final = JobOutcome;

const Current = v.object({
  v: v.literal(1),
  jobId: JobId,
  executionNumber: Count,
  queuedAt: v.exactOptional(v.number()),
  operation: v.string(),
  atMs: v.number(),
  tries: Count,
  boot: v.string(),
  /** How it ended; the cloud does not know yet. */
  final: v.exactOptional(Final),
});
/** The job under way. */
export type Current = Readonly<v.InferOutput<typeof Current>>;

const Done = v.object({
  jobId: JobId,
  executionNumber: Count,
  queuedAt: v.exactOptional(v.number()),
  operation: v.string(),
  atMs: v.number(),
  state: v.picklist(['succeeded', 'failed', 'rejected', 'dropped']),
  why: v.exactOptional(v.string()),
});
export type Done = Readonly<v.InferOutput<typeof Done>>;

type Which = Pick<Execution, 'jobId' | 'executionNumber'> & {
  readonly queuedAt?: number | undefined;
};

/** Which job it is, for the card. */
export const whichOf = ({
  jobId,
  executionNumber,
  queuedAt,
}: Which): Pick<Done, 'jobId' | 'executionNumber' | 'queuedAt'> => ({
  jobId,
  executionNumber,
  ...(queuedAt !== undefined && { queuedAt }),
});

export const isSameJob = (a: Which, b: Which): boolean =>
  a.jobId === b.jobId &&
  a.executionNumber === b.executionNumber &&
  (a.queuedAt ?? b.queuedAt) === (b.queuedAt ?? a.queuedAt);

export const CURRENT = 'jobs/current';
export const DONE = 'jobs/done';

export function parseCurrent(text: string | undefined): Current | undefined {
  const parsed = v.safeParse(Current, text === undefined ? undefined : fromJson(text));
  return parsed.success ? parsed.output : undefined;
}

/** The newest first. */
export function parseDone(text: string | undefined): readonly Done[] {
  const parsed = v.safeParse(v.array(Done), text === undefined ? undefined : fromJson(text));
  return parsed.success ? parsed.output.slice(0, DONE_MAX) : [];
}

export const renderCurrent = (current: Current): string => JSON.stringify(current);
export const renderDone = (done: readonly Done[]): string => JSON.stringify(done);

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
