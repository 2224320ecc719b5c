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
  bounded,
  isOver,
  isSaid,
  isSameJob,
  parseCurrent,
  parseDone,
  parseJobDocument,
  renderCurrent,
  renderDone,
  statusOf,
  topicsOf,
  whichOf,
  whyOf,
} from './wire.ts';
import type { Current, Done, Execution } from './wire.ts';

/** Answers that mean: this job is no more. */
const GONE = new Set(['ResourceNotFound', 'TerminalStateReached']);

const TAKEN_BACK = 'taken back';

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
  let running: { readonly job: Current; readonly stopper: AbortController } | undefined;
  /** One pass at a time; another one follows when something came meanwhile. */
  let pass: Promise<void> | undefined;
  let isAgain = false;

  /** As on the card, or on its way there. */
  let { current, done } = load(needs);
  const save = async (one: Current): Promise<void> => {
    await records.change({ put: [{ key: CURRENT, value: renderCurrent(one) }] });
    current = one;
  };
  const finish = async (one: Current, state: Done['state'], why?: string): Promise<void> => {
    const { jobId, operation, atMs } = one;
    const end = {
      ...{ ...whichOf(one), operation, atMs, state },
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
        await finish(one, final.state, whyOf(final));
        return true;
      }
      if (executionState !== undefined && isSaid(final, executionState.status)) {
        await finish(one, final.state, whyOf(final));
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

  /** Without an end: it was taken back, or the agent ends. */
  const begin = async (execution: Execution, before: Current | undefined): Promise<Current> => {
    const { jobId } = execution;
    const parsed = parseJobDocument(execution.jobDocument);
    const operation = parsed.ok ? parsed.operation : '';
    const one: Current = {
      ...{ v: 1, ...whichOf(execution), operation, boot },
      atMs: before?.atMs ?? clock.wallMs(),
      tries: (before?.tries ?? 0) + 1,
    };
    const ended = (final: JobOutcome): Current => ({ ...one, final: bounded(final) });
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
    running = { job: one, stopper };
    const fresh = async (): Promise<unknown> => {
      const answer = await questions.ask(topics.get(jobId), { includeJobDocument: true });
      const again = parseJobDocument(answer.execution?.jobDocument);
      return again.ok ? again.parameters : undefined;
    };
    const begun = before === undefined ? undefined : { boot: before.boot };
    const job = { id: jobId, parameters: parsed.parameters, begun, fresh };
    try {
      const outcome = await withinTime(handler.run(job, stopper.signal), stopper);
      // Its outcome is nobody's: there may be another job of its name by now.
      return stopper.signal.reason === TAKEN_BACK ? one : ended(outcome);
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
    if (code !== undefined) {
      // That says nothing of the job under way.
      log.error(`jobs: refused: ${code}`);
      wakeLater();
      return false;
    }
    const before = current;
    const isSame = (one: Current | Done): boolean =>
      execution !== undefined && isSameJob(one, execution);
    if (before !== undefined && !isSame(before)) {
      const { final } = before;
      if (final === undefined) await finish(before, 'dropped', TAKEN_BACK);
      else await finish(before, final.state, whyOf(final));
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
      const { operation, atMs } = old;
      const one: Current = { ...{ v: 1, boot, tries: 1, operation, atMs }, ...whichOf(old), final };
      return report(one, execution.versionNumber);
    }
    const own = before !== undefined && isSame(before) ? before : undefined;
    const ended = own?.final === undefined ? await begin(execution, own) : own;
    if (isClosed) return false;
    if (ended.final === undefined) {
      await finish(ended, 'dropped', TAKEN_BACK);
      return true;
    }
    // A card that does not take it now is asked again; the job is not done again.
    current = ended;
    await save(ended);
    return report(ended, execution.versionNumber);
  };
  const works = async (): Promise<void> => {
    do isAgain = false;
    while ((await work()) || isAgain);
  };
  const wakeLater = (): void => void setTimeout(wake, BACK_OFF_MS_MAX).unref();
  const wake = (): void => {
    isAgain = true;
    if (isClosed || pass !== undefined) return;
    pass = works()
      .catch((error: unknown) => {
        isAgain = false;
        if (isClosed) return;
        log.error(`jobs: ${codeOf(error)}`);
        // A card that takes nothing, most likely.
        wakeLater();
      })
      .finally(() => {
        pass = undefined;
        if (isAgain) wake();
      });
  };
  /** Was the job taken back that is under way? */
  const lookAtRunning = async (): Promise<void> => {
    if (running === undefined) return;
    const { job, stopper } = running;
    const { execution, code } = await questions.ask(topics.get(job.jobId), {});
    const isOther = execution !== undefined && !isSameJob(job, execution);
    const isEnded = execution !== undefined && isOver(execution.status);
    if (isOther || isEnded || GONE.has(code ?? '')) stopper.abort(TAKEN_BACK);
  };

  return {
    remote: {
      filters: [topics.notify],
      owns: (topic) => topics.owns(topic),
      receive: async ({ topic, payload }) => {
        if (topic !== topics.notify) return questions.hear(topic, payload);
        if (running === undefined) return wake();
        isAgain = true;
        lookAtRunning().catch(() => {});
      },
      up: () => {
        questions.up();
        wake();
        // What was said of it meanwhile may be lost.
        lookAtRunning().catch(() => {});
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
