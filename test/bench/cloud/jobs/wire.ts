// The forms of jobs (pages jobs-mqtt-api, jobs-mqtt-https-api). Pure.
import type { Limits } from '../limits.ts';
import type { JsonObject } from '../shadow/wire.ts';

export type JobStatus =
  | 'QUEUED'
  | 'IN_PROGRESS'
  | 'SUCCEEDED'
  | 'FAILED'
  | 'TIMED_OUT'
  | 'REJECTED'
  | 'REMOVED'
  | 'CANCELED';

/** What the cloud's side creates. */
export interface Job {
  readonly jobId: string;
  readonly document: JsonObject;
  /** From IN_PROGRESS on; then TIMED_OUT. */
  readonly inProgressTimeoutInMinutes?: number;
}

/** Times in seconds since 1970, as AWS sends them. */
export interface JobExecution {
  readonly jobId: string;
  readonly thingName: string;
  readonly status: JobStatus;
  readonly statusDetails: Readonly<Record<string, string>>;
  readonly queuedAt: number;
  readonly startedAt?: number;
  readonly lastUpdatedAt: number;
  readonly versionNumber: number;
  readonly executionNumber: number;
  readonly jobDocument: JsonObject;
}

/** Page jobs-mqtt-https-api, "ErrorResponse". */
export type JobErrorCode =
  | 'InvalidTopic'
  | 'InvalidJson'
  | 'InvalidRequest'
  | 'InvalidStateTransition'
  | 'ResourceNotFound'
  | 'VersionMismatch'
  | 'InternalError'
  | 'RequestThrottled'
  | 'TerminalStateReached';

export interface JobTopic {
  readonly thing: string;
  /** '' where there is none, `$next` for the next one. */
  readonly jobId: string;
  readonly verb: 'list' | 'start-next' | 'get' | 'update';
}

export function readJobTopic(topic: string): JobTopic | undefined {
  const form =
    /^\$aws\/things\/(?<thing>[^/]+)\/jobs\/(?:(?<plain>get|start-next)|(?<jobId>[^/]+)\/(?<verb>get|update))$/;
  const { thing, plain, jobId = '', verb } = form.exec(topic)?.groups ?? {};
  if (thing === undefined) return undefined;
  if (plain === undefined) return { thing, jobId, verb: verb as 'get' | 'update' };
  return { thing, jobId, verb: plain === 'get' ? 'list' : 'start-next' };
}

export type UpdateReading =
  | {
      readonly ok: true;
      readonly status: JobStatus;
      readonly statusDetails?: Readonly<Record<string, string>>;
      readonly expectedVersion?: number;
      readonly executionNumber?: number;
      readonly stepTimeoutInMinutes?: number;
    }
  | { readonly ok: false; readonly why: string };

/** What a device may set (page jobs-mqtt-api, UpdateJobExecution). */
const BY_DEVICE = /^(IN_PROGRESS|SUCCEEDED|FAILED|REJECTED)$/;
const DETAIL_NAME = /^[A-Za-z0-9:_-]{1,128}$/;
/** Page JobExecutionState. */
const DETAIL_TEXT = /^\P{C}+$/u;

export function readUpdate(body: Readonly<Record<string, unknown>>, limits: Limits): UpdateReading {
  const no = (why: string): UpdateReading => ({ ok: false, why });
  const { status, statusDetails } = body;
  if (typeof status !== 'string' || !BY_DEVICE.test(status)) {
    return no(`status ${JSON.stringify(status)} is not for devices`);
  }
  const numbers: Record<string, number> = {};
  for (const name of ['expectedVersion', 'executionNumber', 'stepTimeoutInMinutes']) {
    const value = body[name];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value)) return no(`${name} is not a number`);
    numbers[name] = value as number;
  }
  const step = numbers['stepTimeoutInMinutes'];
  const isStep =
    step === undefined || step === -1 || (step >= 1 && step <= limits.stepTimeoutMinutesMax);
  if (!isStep) return no('stepTimeoutInMinutes is -1 or from 1 to 10080');
  if (statusDetails === undefined) return { ok: true, status: status as JobStatus, ...numbers };
  const problem = detailsProblem(statusDetails, limits);
  if (problem !== undefined) return no(problem);
  const details = statusDetails as Readonly<Record<string, string>>;
  return { ok: true, status: status as JobStatus, statusDetails: details, ...numbers };
}

function detailsProblem(details: unknown, limits: Limits): string | undefined {
  if (typeof details !== 'object' || details === null || Array.isArray(details)) {
    return 'statusDetails is a map of texts';
  }
  const pairs = Object.entries(details);
  if (pairs.length > limits.statusDetailsMax) return 'statusDetails has too many pairs';
  for (const [name, value] of pairs as readonly (readonly [string, unknown])[]) {
    if (!DETAIL_NAME.test(name)) return `statusDetails has a name ${name.slice(0, 40)}`;
    if (typeof value !== 'string') return `statusDetails.${name} is not a text`;
    if (!DETAIL_TEXT.test(value))
      return `statusDetails.${name} is empty or has a control character`;
    if (value.length > limits.statusDetailCharsMax) return `statusDetails.${name} is too long`;
  }
  return undefined;
}
