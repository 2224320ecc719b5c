// The Jobs service: executions a thing has, their versions, timers, answers and notifications. No I/O.
// Pages jobs-mqtt-api, jobs-mqtt-https-api, jobs-api, jobs-workflow-device-online.
import type { ServiceError } from '../faults.ts';
import type { Limits } from '../limits.ts';
import { readObject, secondsOf, tokenOf } from '../services.ts';
import type { Publication, Request, Service } from '../services.ts';
import { readJobTopic, readUpdate } from './wire.ts';
import type { Job, JobErrorCode, JobExecution, JobStatus } from './wire.ts';

const MINUTE_MS = 60_000;
/** Page jobs-mqtt-api: the list of `notify` and `get` has so many of each kind. */
const LISTED_MAX = 15;
const TERMINAL: readonly JobStatus[] = [
  'SUCCEEDED',
  'FAILED',
  'TIMED_OUT',
  'REJECTED',
  'REMOVED',
  'CANCELED',
];
const isPending = ({ status }: JobExecution): boolean => !TERMINAL.includes(status);

interface Entry {
  execution: JobExecution;
  readonly timeoutMinutes: number | undefined;
  /** When the job's timer and the step's end; undefined: they do not run. */
  jobEndsMs: number | undefined;
  stepEndsMs: number | undefined;
}

interface Told {
  readonly next: string;
  readonly pending: string;
}

interface Saved {
  readonly things: readonly (readonly [string, Entry[]])[];
  readonly told: readonly (readonly [string, Told])[];
}

type Body = Readonly<Record<string, unknown>>;

export class Jobs implements Service {
  readonly #limits: Limits;
  readonly #things = new Map<string, Entry[]>();
  /** What each thing was last told is next, and how many are pending. */
  readonly #told = new Map<string, Told>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  serves(topic: string): boolean {
    return readJobTopic(topic) !== undefined;
  }

  save(): Saved {
    return { things: [...this.#things], told: [...this.#told] };
  }

  load({ things, told }: Saved): void {
    for (const [thing, entries] of things) this.#things.set(thing, entries);
    for (const [thing, one] of told) this.#told.set(thing, one);
  }

  handle(request: Request): readonly Publication[] {
    const { thing, jobId, verb } = readJobTopic(request.topic)!;
    const body = readObject(request.payload);
    if (body === undefined) return this.#no(request, 'InvalidJson', 'The payload is not JSON');
    switch (verb) {
      case 'list':
        return [this.#accepted(request, this.#lists(thing))];
      case 'start-next':
        return this.#startNext(request, thing, body);
      case 'get':
        return this.#describe(request, { thing, jobId, body });
      case 'update':
        return this.#update(request, { thing, jobId, body });
    }
  }

  reject(request: Request, error: ServiceError): readonly Publication[] {
    const body = { ...error, timestamp: secondsOf(request.nowMs), ...tokenOf(request) };
    return [{ topic: `${request.topic}/rejected`, body, to: 'requester-unasked' }];
  }

  list(thing: string): readonly JobExecution[] {
    return this.#entries(thing).map(({ execution }) => execution);
  }

  /** Creates an execution; what is published because of it. Throws when AWS would refuse it. */
  create(thing: string, job: Job, nowMs: number): readonly Publication[] {
    const { jobId, document, inProgressTimeoutInMinutes: timeoutMinutes } = job;
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(jobId)) throw new Error(`AWS allows no job id ${jobId}`);
    if (this.#find(thing, jobId) !== undefined) throw new Error(`There is a job ${jobId} already`);
    const bytes = Buffer.byteLength(JSON.stringify(document));
    if (bytes > this.#limits.jobDocumentBytesMax) throw new Error(`A document of ${bytes} bytes`);
    const queuedAt = secondsOf(nowMs);
    const execution: JobExecution = {
      jobId,
      thingName: thing,
      status: 'QUEUED',
      statusDetails: {},
      queuedAt,
      lastUpdatedAt: queuedAt,
      versionNumber: 1,
      executionNumber: 1,
      jobDocument: document,
    };
    const entry = { execution, timeoutMinutes, jobEndsMs: undefined, stepEndsMs: undefined };
    this.#things.set(thing, [...this.#entries(thing), entry]);
    return this.#notifications(thing, nowMs);
  }

  /** Cancels, also what is in progress, as CancelJob with `force` does. */
  cancel(thing: string, jobId: string, nowMs: number): readonly Publication[] {
    const entry = this.#find(thing, jobId);
    if (entry === undefined || !isPending(entry.execution)) return [];
    advance(entry, { status: 'CANCELED' }, nowMs);
    return this.#notifications(thing, nowMs);
  }

  delete(thing: string, jobId: string, nowMs: number): readonly Publication[] {
    const others = this.#entries(thing).filter(({ execution }) => execution.jobId !== jobId);
    this.#things.set(thing, others);
    return this.#notifications(thing, nowMs);
  }

  /** Timers that have run out: TIMED_OUT, and what is published because of it. */
  tick(nowMs: number): readonly Publication[] {
    const published: Publication[] = [];
    for (const [thing, entries] of this.#things) {
      for (const entry of entries) {
        const { jobEndsMs = Number.POSITIVE_INFINITY, stepEndsMs = jobEndsMs } = entry;
        if (nowMs < Math.min(jobEndsMs, stepEndsMs) || !isPending(entry.execution)) continue;
        advance(entry, { status: 'TIMED_OUT' }, nowMs);
      }
      published.push(...this.#notifications(thing, nowMs));
    }
    return published;
  }

  #startNext(request: Request, thing: string, body: Body): readonly Publication[] {
    const { nowMs } = request;
    const entry = this.#next(thing);
    const timestamp = secondsOf(nowMs);
    if (entry === undefined) return [this.#accepted(request, { timestamp })];
    const asked = readUpdate({ ...body, status: 'IN_PROGRESS' }, this.#limits);
    if (!asked.ok) return this.#no(request, 'InvalidRequest', asked.why);
    if (entry.execution.status === 'QUEUED') {
      // Its own job comes back after a crash; the details of that one stay as they are.
      const { statusDetails } = asked;
      advance(entry, { status: 'IN_PROGRESS', ...(statusDetails && { statusDetails }) }, nowMs);
    }
    setStepTimer(entry, asked.stepTimeoutInMinutes, nowMs);
    const execution = entry.execution;
    return [
      this.#accepted(request, { execution, timestamp }),
      ...this.#notifications(thing, nowMs),
    ];
  }

  #describe(
    request: Request,
    { thing, jobId, body }: { thing: string; jobId: string; body: Body },
  ): readonly Publication[] {
    const timestamp = secondsOf(request.nowMs);
    const isNext = jobId === '$next';
    const entry = isNext ? this.#next(thing) : this.#find(thing, jobId);
    if (entry === undefined) {
      if (isNext) return [this.#accepted(request, { timestamp })];
      return this.#no(request, 'ResourceNotFound', `No job execution ${jobId}`);
    }
    if (!isPending(entry.execution)) {
      return this.#no(request, 'TerminalStateReached', `${jobId} is ${entry.execution.status}`);
    }
    const { jobDocument, ...others } = entry.execution;
    const execution = body['includeJobDocument'] === false ? others : { ...others, jobDocument };
    return [this.#accepted(request, { execution, timestamp })];
  }

  #update(
    request: Request,
    { thing, jobId, body }: { thing: string; jobId: string; body: Body },
  ): readonly Publication[] {
    const { nowMs } = request;
    const entry = this.#find(thing, jobId);
    const asked = readUpdate(body, this.#limits);
    if (!asked.ok) return this.#no(request, 'InvalidRequest', asked.why);
    const { status, statusDetails, expectedVersion, executionNumber } = asked;
    const isOther =
      executionNumber !== undefined && executionNumber !== entry?.execution.executionNumber;
    if (entry === undefined || isOther) {
      return this.#no(request, 'ResourceNotFound', `No job execution ${jobId}`);
    }
    const state = stateOf(entry.execution);
    if (!isPending(entry.execution)) {
      return this.#no(request, 'InvalidStateTransition', `${jobId} is ${state.status}`, state);
    }
    if (expectedVersion !== undefined && expectedVersion !== state.versionNumber) {
      return this.#no(request, 'VersionMismatch', `The version is ${state.versionNumber}`, state);
    }
    advance(entry, { status, ...(statusDetails && { statusDetails }) }, nowMs);
    setStepTimer(entry, asked.stepTimeoutInMinutes, nowMs);
    const answer = {
      ...(body['includeJobExecutionState'] === true && {
        executionState: stateOf(entry.execution),
      }),
      ...(body['includeJobDocument'] === true && { jobDocument: entry.execution.jobDocument }),
      timestamp: secondsOf(nowMs),
    };
    return [this.#accepted(request, answer), ...this.#notifications(thing, nowMs)];
  }

  /** notify when the pending list changed, notify-next when another one is next. */
  #notifications(thing: string, nowMs: number): readonly Publication[] {
    const prefix = `$aws/things/${thing}/jobs`;
    const timestamp = secondsOf(nowMs);
    const execution = this.#next(thing)?.execution;
    const next = execution?.jobId ?? '';
    const pending = this.list(thing)
      .filter(isPending)
      .map(({ jobId, status }) => `${jobId} ${status}`)
      .join('\n');
    const told = this.#told.get(thing) ?? { next: '', pending: '' };
    this.#told.set(thing, { next, pending });
    const published: Publication[] = [];
    if (pending !== told.pending) {
      const { inProgressJobs, queuedJobs } = this.#lists(thing);
      const jobs = {
        ...(inProgressJobs.length > 0 && { IN_PROGRESS: inProgressJobs }),
        ...(queuedJobs.length > 0 && { QUEUED: queuedJobs }),
      };
      published.push({ topic: `${prefix}/notify`, body: { timestamp, jobs }, to: 'subscribers' });
    }
    if (next !== told.next) {
      const body = { timestamp, ...(execution && { execution }) };
      published.push({ topic: `${prefix}/notify-next`, body, to: 'subscribers' });
    }
    return published;
  }

  #lists(thing: string): { readonly inProgressJobs: object[]; readonly queuedJobs: object[] } {
    const of = (wanted: JobStatus): object[] =>
      this.list(thing)
        .filter(({ status }) => status === wanted)
        .slice(0, LISTED_MAX)
        .map(({ jobId, queuedAt, startedAt, lastUpdatedAt, versionNumber, executionNumber }) => ({
          ...{ jobId, queuedAt, lastUpdatedAt, versionNumber, executionNumber },
          ...(startedAt !== undefined && { startedAt }),
        }));
    return { inProgressJobs: of('IN_PROGRESS'), queuedJobs: of('QUEUED') };
  }

  /** What is in progress comes first, then the oldest. */
  #next(thing: string): Entry | undefined {
    const entries = this.#entries(thing);
    return (
      entries.find(({ execution }) => execution.status === 'IN_PROGRESS') ??
      entries.find(({ execution }) => execution.status === 'QUEUED')
    );
  }

  #entries(thing: string): readonly Entry[] {
    return this.#things.get(thing) ?? [];
  }

  #find(thing: string, jobId: string): Entry | undefined {
    return this.#entries(thing).find(({ execution }) => execution.jobId === jobId);
  }

  #accepted(request: Request, body: object): Publication {
    return {
      topic: `${request.topic}/accepted`,
      body: { timestamp: secondsOf(request.nowMs), ...body, ...tokenOf(request) },
      to: 'requester-unasked',
    };
  }

  #no(
    request: Request,
    code: JobErrorCode,
    message: string,
    executionState?: object,
  ): readonly Publication[] {
    const body = { code, message, ...(executionState && { executionState }) };
    const timestamp = secondsOf(request.nowMs);
    return [
      {
        topic: `${request.topic}/rejected`,
        body: { ...body, timestamp, ...tokenOf(request) },
        to: 'requester-unasked',
      },
    ];
  }
}

/** Every change raises the version; the job's own timer runs from IN_PROGRESS on. */
function advance(
  entry: Entry,
  change: Partial<Pick<JobExecution, 'status' | 'statusDetails'>>,
  nowMs: number,
): void {
  const { execution, timeoutMinutes } = entry;
  const isStarting = change.status === 'IN_PROGRESS' && execution.startedAt === undefined;
  entry.execution = {
    ...execution,
    ...change,
    ...(isStarting && { startedAt: secondsOf(nowMs) }),
    lastUpdatedAt: secondsOf(nowMs),
    versionNumber: execution.versionNumber + 1,
  };
  if (isStarting && timeoutMinutes !== undefined) {
    entry.jobEndsMs = nowMs + timeoutMinutes * MINUTE_MS;
  }
}

/** Page jobs-mqtt-api: -1 ends the step timer, nothing leaves it as it is. */
function setStepTimer(entry: Entry, minutes: number | undefined, nowMs: number): void {
  if (minutes === undefined) return;
  entry.stepEndsMs = minutes === -1 ? undefined : nowMs + minutes * MINUTE_MS;
}

const stateOf = ({
  status,
  statusDetails,
  versionNumber,
}: JobExecution): Pick<JobExecution, 'status' | 'statusDetails' | 'versionNumber'> => ({
  status,
  statusDetails,
  versionNumber,
});
