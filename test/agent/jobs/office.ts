// A unit's jobs over its real store, and the double's Jobs service as the other side, without a network:
// every message between them is seen here, and the power can go before or after any of them.
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, JobHandler, JobOutcome } from '../../../agent/core/jobs.ts';
import { createLog } from '../../../agent/core/log.ts';
import { openSqlite } from '../../../agent/io/sqlite.ts';
import { createJobs } from '../../../agent/jobs/run.ts';
import type { JobsRunner } from '../../../agent/jobs/run.ts';
import { STORE_LIMITS } from '../../../agent/outbox/limits.ts';
import { createOutbox } from '../../../agent/outbox/run.ts';
import type { Outbox } from '../../../agent/outbox/shapes.ts';
import { Jobs } from '../../bench/cloud/jobs/run.ts';
import type { JobExecution } from '../../bench/cloud/jobs/wire.ts';
import { AWS_LIMITS } from '../../bench/cloud/limits.ts';
import type { Publication, Requester } from '../../bench/cloud/services.ts';

const THING = 't';
const BY = { clientId: THING } as unknown as Requester;

export class Office {
  readonly #folder = mkdtempSync(join(tmpdir(), 'jobs-'));
  readonly cloud = new Jobs(AWS_LIMITS);
  /** Every run of a handler: what it was given. */
  readonly runs: { readonly job: Job; readonly signal: AbortSignal }[] = [];
  /** What a handler does. */
  act: (job: Job, signal: AbortSignal) => Promise<JobOutcome> = async () => ({
    state: 'succeeded',
  });
  /** Called for every message either way; true: it is lost. */
  watch: (topic: string, body: object) => boolean = () => false;
  readonly log: string[] = [];
  isRepeatable = true;
  /** The card takes nothing. */
  isCardBad = false;
  boot = 'first';
  #outbox: Outbox | undefined;
  #jobs: JobsRunner | undefined;
  #life = 0;
  #isOver = false;

  constructor() {
    this.start();
  }

  start(): void {
    if (this.#isOver) return;
    this.#life += 1;
    const life = this.#life;
    const clock = { nowMs: () => performance.now(), wallMs: () => Date.now() };
    const log = createLog((line) => this.log.push(line));
    const outbox = createOutbox(() => openSqlite(this.#folder, STORE_LIMITS), {
      ...{ clock, log },
      onReady: () => {},
    });
    const handler = (operation: string): JobHandler => ({
      operation,
      isRepeatable: this.isRepeatable,
      run: async (job, signal) => {
        this.runs.push({ job, signal });
        return this.act(job, signal);
      },
    });
    const jobs = createJobs({
      ...{ thing: THING, clock, log, boot: this.boot },
      records: {
        ...outbox.records,
        change: async (change) => {
          if (this.isCardBad) throw Object.assign(new Error('no'), { code: 'disk' });
          return outbox.records.change(change);
        },
      },
      // Tries again at once.
      random: () => 0,
      handlers: [handler('work')],
      send: (topic, body) => {
        if (this.#life !== life) return false;
        if (!this.watch(topic, body)) this.#ask(topic, body);
        return true;
      },
    });
    this.#outbox = outbox;
    this.#jobs = jobs;
    jobs.remote.up();
  }

  /** The connection goes and comes; the process stays. */
  reconnect(): void {
    this.jobs.remote.down();
    this.jobs.remote.up();
  }

  get jobs(): JobsRunner {
    return this.#jobs!;
  }

  /** As a power cut. */
  cut(): void {
    this.#life += 1;
    this.#jobs?.close();
    this.#outbox?.close();
  }

  #ask(topic: string, body: object): void {
    const payload = Buffer.from(JSON.stringify(body));
    const request = { topic, payload, by: BY, nowMs: Date.now(), waiting: 0 };
    setImmediate(() => this.tell(this.cloud.handle(request)));
  }

  tell(publications: readonly Publication[]): void {
    const life = this.#life;
    for (const { topic, body } of publications) {
      if (this.watch(topic, body)) continue;
      const payload = Buffer.from(JSON.stringify(body));
      setImmediate(() => {
        if (life === this.#life) void this.jobs.remote.receive({ topic, payload });
      });
    }
  }

  create(jobId: string, document: object = { operation: 'work' }): void {
    this.tell(this.cloud.create(THING, { jobId, document: document as never }, Date.now()));
  }

  of(jobId: string): JobExecution | undefined {
    return this.cloud.list(THING).find((one) => one.jobId === jobId);
  }

  async until(is: () => boolean, what = ''): Promise<void> {
    const endMs = performance.now() + 30_000;
    while (!is()) {
      if (performance.now() > endMs) {
        throw new Error(`${what}: still ${JSON.stringify(this.cloud.list(THING))}`);
      }
      await sleep(2);
    }
  }

  async untilStatus(jobId: string, status: string): Promise<void> {
    await this.until(() => this.of(jobId)?.status === status, `${jobId} ${status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.cut();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
