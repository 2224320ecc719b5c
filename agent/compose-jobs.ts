// The composition root's part for jobs: what each operation does with the capabilities (docs:
// agent/README.md, "Jobs").
import type { CloudSide } from './compose-cloud.ts';
import { codeOf } from './core/errors.ts';
import type { Job, JobHandler, JobOutcome } from './core/jobs.ts';
import type { AgentUpdate, UpdateView } from './core/update.ts';
import { gzipText } from './io/gzip.ts';

interface Needs extends CloudSide {
  /** Runs all checks; what they found, in a few words each. */
  readonly diagnose: () => Promise<{ verdict: string; failed: string[]; warnings: string[] }>;
  /** The page's report and the last lines of the log. */
  readonly collect: () => string;
  /** Asks for a restart of the machine. */
  readonly restart: () => Promise<void>;
  readonly update: AgentUpdate;
}

/** A message holds 128 KiB; base64 makes three bytes four. */
const PART_BYTES_MAX = 48 * 1024;
const PARTS_MAX = 8;
/** A machine that still runs after this did not restart. */
const RESTART_MS_MAX = 300_000;

export function jobHandlers(needs: Needs): readonly JobHandler[] {
  const repeatable = (
    operation: string,
    run: (job: Job, signal: AbortSignal) => Promise<JobOutcome>,
  ): JobHandler => ({ operation, isRepeatable: true, run });
  return [
    repeatable('diagnose', async () => {
      const { verdict, failed, warnings } = await needs.diagnose();
      const details = { verdict, failed: failed.join(' '), warnings: warnings.join(' ') };
      return { state: 'succeeded', details };
    }),
    repeatable('collect-logs', async (job) => collectLogs(needs, job)),
    repeatable('apply-configuration', async () => applyConfiguration(needs)),
    repeatable('restart-unit', async (job, signal) => restartUnit(needs, job, signal)),
    repeatable('renew-certificate', async () => {
      const order = await needs.renew();
      // It goes on by itself from here, and the cloud hears of its end by certificate.renewed.
      return order.taken
        ? { state: 'succeeded', details: { renewal: 'begun' } }
        : { state: 'failed', why: order.why };
    }),
    {
      operation: 'replace-agent',
      isRepeatable: true,
      keepsCount: true,
      run: async (job, signal) => replaceAgent(needs, job, signal),
    },
    repeatable('restart-service', async ({ parameters }) => restartService(needs, parameters)),
    repeatable('test-service', async ({ parameters }) => testService(needs, parameters)),
  ];
}

const namedService = (parameters: unknown): string => {
  const { service } = (parameters ?? {}) as { readonly service?: unknown };
  return typeof service === 'string' ? service : '';
};

async function restartService({ services }: Needs, parameters: unknown): Promise<JobOutcome> {
  return services.restart(namedService(parameters))
    ? { state: 'succeeded' }
    : { state: 'rejected', why: 'no such service, or its settings are wrong' };
}

/** `simulator: true`: against the one that ships; else against the third party itself. */
async function testService({ services }: Needs, parameters: unknown): Promise<JobOutcome> {
  const { simulator } = (parameters ?? {}) as { readonly simulator?: unknown };
  const how = simulator === true ? 'rehearse' : 'test';
  const tried = await services.trials.run(namedService(parameters), how);
  if (!tried.ok) return { state: 'failed', why: tried.why };
  const steps = tried.steps.map(({ step, ok, text }) => [step, `${ok ? 'ok' : 'failed'}: ${text}`]);
  const details = Object.fromEntries(steps) as Record<string, string>;
  return tried.steps.every(({ ok }) => ok)
    ? { state: 'succeeded', details }
    : { state: 'failed', why: 'the test failed', details };
}

/** In parts, as events of kind `unit.logs`, all in one commit. */
async function collectLogs(
  { collect, records, makeMessage }: Needs,
  { id }: Job,
): Promise<JobOutcome> {
  const packed = await gzipText(collect());
  const count = Math.ceil(packed.length / PART_BYTES_MAX);
  if (count > PARTS_MAX) return { state: 'failed', why: 'too large' };
  const messages = Array.from({ length: count }, (_, i) => {
    const part = packed.subarray(i * PART_BYTES_MAX, (i + 1) * PART_BYTES_MAX);
    const body = { job: id, part: i + 1, parts: count, gzip: part.toString('base64') };
    const event = { direction: 'event', lane: 'health', service: 'unit' } as const;
    return makeMessage({ ...event, kind: 'unit.logs', body });
  });
  await records.change({ messages });
  return { state: 'succeeded', details: { parts: String(count), bytes: String(packed.length) } };
}

/** The configuration lies in the shadows; this takes it over now and says what is refused. */
async function applyConfiguration({ shadows }: Needs): Promise<JobOutcome> {
  await Promise.all(shadows.map(async ({ shadow }) => shadow.apply()));
  const refused = shadows.flatMap(({ owner }) => Object.entries(owner.report()['refused'] ?? {}));
  if (refused.length === 0) return { state: 'succeeded' };
  const details = Object.fromEntries(refused.map(([name, why]) => [name, String(why)]));
  return { state: 'failed', why: 'refused', details };
}

/** Ends in the next start of the machine, which sees that it is another one. */
async function restartUnit(
  { restart, boot }: Needs,
  { begun }: Job,
  signal: AbortSignal,
): Promise<JobOutcome> {
  if (begun !== undefined && begun.boot !== boot) return { state: 'succeeded' };
  try {
    await restart();
  } catch (error) {
    return { state: 'failed', why: codeOf(error) };
  }
  await new Promise<void>((done) => {
    const timer = setTimeout(done, RESTART_MS_MAX);
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
  });
  return { state: 'failed', why: 'it did not restart' };
}

/** Ends when the new bundle has proved itself, or the one before runs again: in a later process. */
async function replaceAgent(
  { update }: Needs,
  { parameters, fresh }: Job,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const freshUrl = async (): Promise<string | undefined> => {
    const { url } = ((await fresh()) ?? {}) as { readonly url?: unknown };
    return typeof url === 'string' ? url : undefined;
  };
  const answer = update.offer(parameters, { freshUrl });
  if (!answer.ok) return { state: 'failed', why: answer.why };
  const { promise, resolve: done } = Promise.withResolvers<JobOutcome>();
  const look = (view: UpdateView): void => {
    if (view.at === 'confirmed') {
      const { version, sequence } = view;
      done({ state: 'succeeded', details: { version, sequence: String(sequence) } });
    } else if (view.at === 'failed' || view.at === 'returned') {
      const details = { version: view.version, is: view.at };
      done({ state: 'failed', why: view.why ?? view.at, details });
    }
  };
  const stop = update.onChange(look);
  const giveUp = (): void => {
    update.cancel();
    // A trial goes on: its end is what the card says, and what the page shows.
    done({ state: 'failed', why: 'stopped' });
  };
  signal.addEventListener('abort', giveUp, { once: true });
  look(update.view());
  return promise.finally(stop);
}
