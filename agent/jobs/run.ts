// Takes one job after the other: what is begun is on the card before it begins, how it ended before the
// cloud is told. So a job that a power cut interrupts is never run twice by mistake, and never forgotten.
import type { RecentWork } from '../core/cloud.ts';
import { codeOf } from '../core/errors.ts';
import type { JobOutcome } from '../core/jobs.ts';
import type { Remote } from '../core/remote.ts';
import { createQuestions } from './ask.ts';
import { BACK_OFF_MS_MAX, DONE_MAX, RUN_MS_MAX, STOP_MS_MAX, TRIES_MAX } from './limits.ts';
import type { Needs } from './ports.ts';
import {
  CURRENT,
  DONE,
  isOver,
  parseCurrent,
  parseDone,
  parseJobDocument,
  renderCurrent,
  renderDone,
  statusOf,
  topicsOf,
} from './wire.ts';
import type { Current, Done, Execution } from './wire.ts';

export interface JobsRunner {
  readonly remote: Remote;
  /** The newest first. */
  recent(): RecentWork['jobs'];
  close(): void;
}

/** Goes on with what an earlier process left. */
export function createJobs(needs: Needs): JobsRunner {
  const { thing, handlers, records, clock, log, boot } = needs;
  const topics = topicsOf(thing);
  const questions = createQuestions(needs);
  let isClosed = false;
  let running: { readonly jobId: string; readonly stopper: AbortController } | undefined;
  /** One pass at a time; another one follows when something came meanwhile. */
  let pass: Promise<void> | undefined;
  let isAgain = false;

  /** As on the card. */
  let { current, done } = load(needs);
  const save = async (one: Current): Promise<void> => {
    await records.change({ put: [{ key: CURRENT, value: renderCurrent(one) }] });
    current = one;
  };
  const finish = async (one: Current, state: Done['state'], why?: string): Promise<void> => {
    const { jobId, executionNumber, operation, atMs } = one;
    const end = {
      jobId,
      executionNumber,
      operation,
      atMs,
      state,
      ...(why !== undefined && { why }),
    };
    const all = [end, ...done.filter((each) => each.jobId !== jobId)].slice(0, DONE_MAX);
    await records.change({ put: [{ key: DONE, value: renderDone(all) }], remove: [CURRENT] });
    [current, done] = [undefined, all];
    log.info(`job ${jobId} ${operation}: ${state}${why === undefined ? '' : ` (${why})`}`);
  };

  /** The cloud is told until it says yes, or that it wants to hear no more of it: false. */
  const report = async (one: Current, version: number): Promise<boolean> => {
    const final = one.final!;
    let expectedVersion = version;
    for (;;) {
      const { jobId, executionNumber } = one;
      const body = { ...statusOf(final), expectedVersion, executionNumber };
      const { code, executionState } = await questions.ask(topics.update(jobId), body);
      if (code === undefined) {
        await finish(one, final.state, final.state === 'succeeded' ? undefined : final.why);
        return true;
      }
      const isNewer =
        executionState !== undefined && executionState.versionNumber !== expectedVersion;
      if (!isNewer || isOver(executionState.status)) {
        await finish(one, 'dropped', code);
        return isNewer;
      }
      expectedVersion = executionState.versionNumber;
    }
  };

  const begin = async (execution: Execution, before: Current | undefined): Promise<Current> => {
    const { jobId, executionNumber } = execution;
    const parsed = parseJobDocument(execution.jobDocument);
    const operation = parsed.ok ? parsed.operation : '';
    const one: Current = {
      ...{ v: 1, jobId, executionNumber, operation, boot },
      atMs: before?.atMs ?? clock.wallMs(),
      tries: (before?.tries ?? 0) + 1,
    };
    const ended = (final: JobOutcome): Current => ({ ...one, final });
    if (!parsed.ok) return ended({ state: 'rejected', why: parsed.why });
    const handler = handlers.find((each) => each.operation === operation);
    if (handler === undefined) return ended({ state: 'rejected', why: 'no such operation' });
    const isTooOften = before !== undefined && before.tries >= TRIES_MAX && !handler.keepsCount;
    const isBarred = isTooOften || (before !== undefined && !handler.isRepeatable);
    if (isBarred) return ended({ state: 'failed', why: 'interrupted' });
    await save(one);
    if (isClosed) return one;
    log.info(`job ${jobId} ${operation}: begins${before === undefined ? '' : ' again'}`);
    const stopper = new AbortController();
    running = { jobId, stopper };
    const fresh = async (): Promise<unknown> => {
      const answer = await questions.ask(topics.get(jobId), { includeJobDocument: true });
      const again = parseJobDocument(answer.execution?.jobDocument);
      return again.ok ? again.parameters : undefined;
    };
    const begun = before === undefined ? undefined : { boot: before.boot };
    const job = { id: jobId, parameters: parsed.parameters, begun, fresh };
    try {
      return ended(await withinTime(handler.run(job, stopper.signal), stopper));
    } catch (error) {
      log.error(`job ${jobId} ${operation}: ${codeOf(error)}`);
      return ended({ state: 'failed', why: codeOf(error) });
    } finally {
      running = undefined;
    }
  };

  /** false: there is nothing to do. */
  const work = async (): Promise<boolean> => {
    const { execution, code } = await questions.ask(topics.startNext, {});
    if (code !== undefined) log.error(`jobs: refused: ${code}`);
    const before = current;
    const isSame = (one: Current | Done): boolean =>
      one.jobId === execution?.jobId && one.executionNumber === execution.executionNumber;
    if (before !== undefined && !isSame(before)) {
      await finish(before, before.final?.state ?? 'dropped', 'taken back');
    }
    if (execution === undefined) return false;
    const old = done.find(isSame);
    if (old !== undefined && before === undefined) {
      // The other side has forgotten that it was told: never begun again.
      const isGood = old.state === 'succeeded';
      const why = old.why ?? `ended before: ${old.state}`;
      const final = isGood
        ? ({ state: 'succeeded' } as const)
        : ({ state: 'failed', why } as const);
      const one: Current = { ...{ v: 1, boot, tries: 1 }, ...executionOf(old), final };
      return report(one, execution.versionNumber);
    }
    const own = before !== undefined && isSame(before) ? before : undefined;
    const ended = own?.final === undefined ? await begin(execution, own) : own;
    if (isClosed) return false;
    await save(ended);
    return report(ended, execution.versionNumber);
  };
  const works = async (): Promise<void> => {
    do isAgain = false;
    while ((await work()) || isAgain);
  };
  const wake = (): void => {
    isAgain = true;
    if (isClosed || pass !== undefined) return;
    pass = works()
      .catch((error: unknown) => {
        isAgain = false;
        if (isClosed) return;
        log.error(`jobs: ${codeOf(error)}`);
        // A card that takes nothing, most likely.
        setTimeout(wake, BACK_OFF_MS_MAX).unref();
      })
      .finally(() => {
        pass = undefined;
        if (isAgain) wake();
      });
  };
  /** The next job is another one: is it because ours was taken back? */
  const lookAt = async (jobId: string): Promise<void> => {
    const { execution, code } = await questions.ask(topics.get(jobId), {});
    const isGone = code !== undefined || (execution !== undefined && isOver(execution.status));
    if (isGone && running?.jobId === jobId) running.stopper.abort();
  };

  return {
    remote: {
      filters: [topics.notify],
      owns: (topic) => topics.owns(topic),
      receive: async ({ topic, payload }) => {
        if (topic !== topics.notify) return questions.hear(topic, payload);
        if (running === undefined) return wake();
        isAgain = true;
        lookAt(running.jobId).catch(() => {});
      },
      up: () => {
        questions.up();
        wake();
      },
      down: () => questions.down(),
    },
    recent: () => recentOf(current, done),
    close: () => {
      isClosed = true;
      running?.stopper.abort();
      questions.close();
    },
  };
}

function load({ records, log }: Needs): {
  current: Current | undefined;
  done: readonly Done[];
} {
  try {
    const current = parseCurrent(records.get(CURRENT));
    return { current, done: parseDone(records.get(DONE)) };
  } catch (error) {
    log.error(`jobs: cannot be read: ${codeOf(error)}`);
    return { current: undefined, done: [] };
  }
}

const executionOf = ({ jobId, executionNumber, operation, atMs }: Done) => ({
  ...{ jobId, executionNumber, operation, atMs },
});

/** A handler that takes too long is told to stop; one that does not, is left alone. */
async function withinTime(
  outcome: Promise<JobOutcome>,
  stopper: AbortController,
): Promise<JobOutcome> {
  let timer: NodeJS.Timeout | undefined;
  let last: NodeJS.Timeout | undefined;
  const stuck = new Promise<JobOutcome>((done) => {
    const giveUp = (): void => {
      last = setTimeout(() => done({ state: 'failed', why: 'did not stop' }), STOP_MS_MAX);
      last.unref();
    };
    stopper.signal.addEventListener('abort', giveUp, { once: true });
    timer = setTimeout(() => stopper.abort(), RUN_MS_MAX);
    timer.unref();
  });
  try {
    return await Promise.race([outcome, stuck]);
  } finally {
    clearTimeout(timer);
    clearTimeout(last);
  }
}

function recentOf(current: Current | undefined, done: readonly Done[]): RecentWork['jobs'] {
  const ended = done.map(({ jobId, operation, state, why, atMs }) => ({
    ...{ id: jobId, operation, state, why, atMs },
  }));
  if (current === undefined) return ended;
  const { jobId, operation, atMs } = current;
  return [{ id: jobId, operation, state: 'under-way', why: undefined, atMs }, ...ended];
}
