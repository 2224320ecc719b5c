// The forms of jobs (pages jobs-mqtt-api, jobs-mqtt-https-api). Pure.
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
